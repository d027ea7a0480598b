//! Two replicas behind one address; one is killed.

use crate::Drill;
use crate::journal::Group;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::webhooks::calls;
use anyhow::Result;
use ground::{Replica, until};
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "replicas", about: "of two replicas behind one address one is killed (SIGKILL)", run };

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let first = stage.ground.webhook_port()?;
    let second = stage.ground.start_replica(&Replica::default())?;
    until("the second replica to be ready", 30, || Ok::<_, anyhow::Error>(second.ready().then_some(())))?;
    let service = Relay::start(&[first, second.webhook])?;
    stage.phase("moving");
    stage.point(service.port(), service.port())?;
    stage.watch(&Group::ALL)?;
    stage.phase("two");
    stage.watch(&Group::ALL)?;
    stage.phase("killed");
    let begin = Instant::now();
    stage.ground.kill("sluice")?;
    // What a kubelet's probe and the endpoints do.
    until("the probe to fail", 30, || {
        Ok::<_, anyhow::Error>(stage.ground.sluice_says("/readyz").is_none().then_some(()))
    })?;
    service.set_backends(&[second.webhook]);
    stage.recover(begin)?;
    stage.phase("one left");
    stage.watch(&Group::ALL)?;
    let calls = second.says("/metrics").map_or(0, |(_, page)| calls(&page, &["mutate"]));
    stage.phase("back");
    stage.ground.run_sluice()?;
    stage.point(first, first)?;
    stage.phase("moved back");
    stage.watch(&Group::ALL)?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    for phase in ["two", "one left"] {
        stage.expect_accepted(phase, &work);
        stage.expect_refused(phase, &[Group::Forbidden], &["denied: image"]);
    }
    stage.expect("one left: the second replica was asked", calls > 0, calls);
    Ok(())
}
