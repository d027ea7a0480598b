//! The wall clock of Sluice's machine jumps: ahead, back, and past the end of its certificate.

use crate::Drill;
use crate::clock::{Clock, days_ahead};
use crate::journal::Group;
use crate::relay::Relay;
use crate::stage::Stage;
use anyhow::Result;
use ground::{Doors, Output, Replica, until};
use std::path::Path;
use std::process::Command;

pub(super) const DRILL: Drill = Drill {
    name: "clock",
    about: "sluice's clock jumps 200 days ahead, 200 back, and past its certificate's end",
    run,
};

/// A certificate lives a year and is renewed after two thirds of it.
const BEFORE_RENEWAL: i64 = 200;
const PAST_THE_END: i64 = 400;
/// How often Sluice looks at its certificate, and time to act.
const NOTICED_SECONDS: u64 = 40;
/// How long a new certificate is only announced.
const SETTLE_SECONDS: u64 = 30;
const WORK: [Group; 5] = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let clock = Clock::build(stage.ground.layout())?;
    let certs = stage.ground.layout().dir().join("certs-2");
    copy(&stage.ground.layout().certs(), &certs)?;
    let outcome = jump(stage, &clock, &certs);
    std::fs::remove_dir_all(&certs)?;
    outcome
}

fn jump(stage: &mut Stage<'_>, clock: &Clock, certs: &Path) -> Result<()> {
    let env = clock.env();
    let replica = Replica { command: Some("run"), certs: Some(certs.to_owned()), env, ..Replica::default() };
    let sluice = stage.ground.start_replica(&replica)?;
    until("the sluice of the other clock to be ready", 30, || Ok::<_, anyhow::Error>(sluice.ready().then_some(())))?;
    let service = Relay::start(&[sluice.webhook])?;
    stage.phase("moving");
    stage.point(service.port(), service.port())?;
    // The daemons move too: leadership is by another clock.
    stage.ground.stop_sluice()?;
    until("the sluice of the other clock to lead", 60, || Ok::<_, anyhow::Error>(leads(&sluice).then_some(())))?;
    for (phase, days) in [("ahead", BEFORE_RENEWAL), ("back", -BEFORE_RENEWAL)] {
        stage.phase("stepping");
        clock.step(days)?;
        service.cut();
        stage.watch(&Group::ALL)?;
        stage.phase(phase);
        stage.watch(&Group::ALL)?;
        let (believed, leading) = (days_ahead(stage.ground, "sluice-2"), leads(&sluice));
        stage.expect(
            format!("{phase}: sluice believes it"),
            believed == Some(days),
            format!("{believed:?} days ahead"),
        );
        stage.expect(format!("{phase}: its daemons go on"), leading, leading);
    }
    past_the_end(stage, clock, &sluice, &service)?;
    stage.phase("moving back");
    stage.ground.run_sluice()?;
    let port = stage.ground.webhook_port()?;
    stage.point(port, port)?;

    for phase in ["ahead", "back", "past the end", "right again"] {
        stage.expect_accepted(phase, &WORK);
        stage.expect_refused(phase, &[Group::Forbidden], &["denied: image"]);
    }
    Ok(())
}

/// Sluice renews what has not ended for anybody else. What it makes is valid by the right clock too, and stays.
fn past_the_end(stage: &mut Stage<'_>, clock: &Clock, sluice: &Doors, service: &Relay) -> Result<()> {
    let before = ends(sluice);
    stage.phase("stepping past the end");
    clock.step(PAST_THE_END)?;
    // The API servers hear of it first.
    until("sluice to serve a new certificate", NOTICED_SECONDS + SETTLE_SECONDS, || {
        Ok::<_, anyhow::Error>(ends(sluice).filter(|now| Some(now) != before.as_ref()))
    })?;
    service.cut();
    stage.watch(&Group::ALL)?;
    stage.phase("past the end");
    stage.watch(&Group::ALL)?;
    stage.phase("stepping right");
    clock.step(0)?;
    service.cut();
    stage.watch(&Group::ALL)?;
    stage.phase("right again");
    stage.watch(&Group::ALL)
}

/// When the certificate that is served ends.
fn ends(sluice: &Doors) -> Option<String> {
    let (_, page) = sluice.says("/metrics")?;
    page.lines().find(|line| line.contains("certificate_expiration") && line.contains("serving")).map(str::to_owned)
}

fn leads(sluice: &Doors) -> bool {
    let page = sluice.says("/metrics").map_or_else(String::new, |(_, page)| page);
    page.lines().any(|line| line == "sluice_reapers_leads 1")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    cp.arg("-aT").arg(from).arg(to);
    Output::of(cp, "")?.ok("cp -aT")?;
    Ok(())
}
