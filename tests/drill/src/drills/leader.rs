//! Two replicas share a PostgreSQL; the one that leads is killed in the middle of a preemption.

use crate::contest::Standing;
use crate::journal::Group;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::{Drill, contest};
use anyhow::Result;
use ground::{Replica, until};
use std::time::Instant;

pub(super) const DRILL: Drill = Drill {
    name: "leader",
    about: "of two replicas on one PostgreSQL the leading one is killed (SIGKILL) in the middle of a preemption",
    run,
};

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let standing = stage.on_postgres(|stage, _postgres, url| {
        let outcome = kill(stage, url);
        contest::clear(stage.ground)?;
        outcome
    })?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    stage.expect_accepted("one left", &work);
    stage.expect_refused("one left", &[Group::Forbidden], &["denied: image"]);
    stage.expect("one Pod was evicted, and none too many", standing.ended == 1, standing.ended);
    Ok(())
}

fn kill(stage: &mut Stage<'_>, database: String) -> Result<Standing> {
    let first = stage.ground.webhook_port()?;
    let replica = Replica { command: Some("run"), database: Some(database), ..Replica::default() };
    let second = stage.ground.start_replica(&replica)?;
    until("the second replica to be ready", 30, || Ok::<_, anyhow::Error>(second.ready().then_some(())))?;
    let service = Relay::start(&[first, second.webhook])?;
    stage.point(service.port(), service.port())?;
    contest::fill(stage.ground)?;
    contest::ask(stage.ground)?;
    until("a device to be held", 60, || {
        Ok::<_, anyhow::Error>((contest::standing(stage.ground)?.holds > 0).then_some(()))
    })?;
    stage.phase("killed");
    let begin = Instant::now();
    stage.ground.kill("sluice")?;
    service.set_backends(&[second.webhook]);
    stage.recover(begin)?;
    let standing = contest::won(stage.ground)?;
    stage.measure("until the Pod of the higher queue ran, and nothing was held", begin.elapsed().as_secs_f64(), "s");
    stage.phase("one left");
    stage.watch(&Group::ALL)?;
    // Before the relay goes.
    stage.phase("without the relay");
    stage.point(second.webhook, second.webhook)?;
    Ok(standing)
}
