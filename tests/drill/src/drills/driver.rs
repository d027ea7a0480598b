//! A driver restarts: for half a minute nobody publishes a node's devices, while somebody waits for one.

use crate::journal::Group;
use crate::stage::Stage;
use crate::{Drill, contest};
use anyhow::Result;
use ground::until;
use serde_json::Value;
use std::time::{Duration, Instant};

pub(super) const DRILL: Drill =
    Drill { name: "driver", about: "the driver of a full node is away for 30 s, and publishes no devices", run };

const SLICE: &str = "resourceslice/gpu-c-gpu.nvidia.com-0";
const AWAY: Duration = Duration::from_secs(30);

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("filling");
    contest::fill(stage.ground)?;
    let mut slice: Value = serde_json::from_str(&stage.ground.admin(&["get", SLICE, "-o=json"])?)?;
    let metadata = slice["metadata"].as_object_mut();
    metadata.into_iter().for_each(|it| it.retain(|key, _| ["name", "ownerReferences"].contains(&key.as_str())));
    stage.phase("away");
    let begin = Instant::now();
    stage.ground.admin(&["delete", SLICE])?;
    contest::ask(stage.ground)?;
    stage.watch(&Group::ALL)?;
    let mut most_ended = 0;
    until("the driver's time to be over", 60, || {
        most_ended = most_ended.max(contest::standing(stage.ground)?.ended);
        Ok::<_, anyhow::Error>((begin.elapsed() >= AWAY).then_some(()))
    })?;
    let without = contest::standing(stage.ground)?;
    stage.phase("back");
    let begin = Instant::now();
    stage.ground.admin_apply(&slice.to_string())?;
    let standing = contest::won(stage.ground)?;
    stage.measure("until the Pod of the higher queue ran, and nothing was held", begin.elapsed().as_secs_f64(), "s");
    stage.recover(begin)?;
    contest::clear(stage.ground)?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    stage.expect_accepted("away", &work);
    stage.expect_refused("away", &[Group::Forbidden], &["denied: image"]);
    stage.expect("away: nobody is evicted and nothing held", most_ended == 0 && without.holds == 0, most_ended);
    stage.expect("back: one Pod was evicted, and none too many", standing.ended == 1, standing.ended);
    Ok(())
}
