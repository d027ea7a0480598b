//! The network between Sluice and the API server falls silent in one direction only: the API server can still ask, and
//! Sluice hears of no change any more.

use super::versions::second;
use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use ground::until;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "stale", about: "sluice hears nothing from the API server any more, and is still asked", run };

/// `cluster::world::OLDEST`, and time to notice.
const LIMIT_SECONDS: u64 = 150 + 30;

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let (network, doors) = second(stage)?;
    stage.phase("moving");
    stage.point(doors.webhook, doors.webhook)?;
    stage.watch(&Group::ALL)?;
    stage.phase("silent");
    let begin = Instant::now();
    network.set_silent(true);
    stage.watch(&Group::ALL)?;
    stage.phase("growing old");
    until("sluice to notice that it is deaf", LIMIT_SECONDS, || {
        Ok::<_, anyhow::Error>((!doors.ready()).then_some(()))
    })?;
    stage.measure("until sluice decided nothing any more", begin.elapsed().as_secs_f64(), "s");
    stage.phase("deaf");
    stage.watch(&Group::ALL)?;
    let said = doors.says("/readyz").map_or_else(String::new, |(_, text)| text);
    stage.phase("hearing");
    let begin = Instant::now();
    network.set_silent(false);
    stage.recover(begin)?;

    let retry = "retry: nothing was heard from the API server for";
    stage.expect_accepted("silent", &[Group::Create, Group::Update, Group::Delete]);
    stage.expect_refused("silent", &[Group::Forbidden], &["denied: image"]);
    stage.expect_refused("deaf", &[Group::Create, Group::Update, Group::Delete, Group::Forbidden], &[retry]);
    stage.expect_accepted("deaf", &[Group::Elsewhere, Group::KubeSystem]);
    stage.expect("deaf: it is not ready and says why", said.starts_with("nothing was heard"), said);
    Ok(())
}
