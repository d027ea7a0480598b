//! The only Sluice is killed, and started again.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "killed", about: "the only sluice is killed (SIGKILL) and started again", run };

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("killed");
    stage.ground.kill("sluice")?;
    stage.phase("down");
    stage.watch(&Group::ALL)?;
    stage.phase("starting");
    let begin = Instant::now();
    stage.ground.run_sluice()?;
    stage.recover(begin)?;

    let unreachable = ["webhook not reached: connection refused", "webhook not reached: EOF"];
    stage.expect_refused("down", &[Group::Create, Group::Update, Group::Forbidden], &unreachable);
    stage.expect_accepted("down", &[Group::Delete, Group::Elsewhere, Group::KubeSystem]);
    Ok(())
}
