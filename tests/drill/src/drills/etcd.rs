//! etcd stops for a while, as on a disk that is slow: the API server holds every write, and nobody loses one.

use crate::Drill;
use crate::stage::Stage;
use anyhow::Result;
use std::time::{Duration, Instant};

pub(super) const DRILL: Drill = Drill { name: "etcd", about: "etcd stops (SIGSTOP) for a while and goes on", run };

/// Longer than a webhook may take, shorter than clients wait.
const PAUSE: Duration = Duration::from_secs(8);

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("paused");
    stage.ground.pause("etcd")?;
    std::thread::sleep(PAUSE);
    let ready = stage.ground.sluice_says("/readyz").map(|(status, _)| status);
    let begin = Instant::now();
    stage.phase("going on");
    stage.ground.resume("etcd")?;
    stage.recover(begin)?;
    stage.expect("paused: sluice stays ready", ready == Some(200), format!("{ready:?}"));
    Ok(())
}
