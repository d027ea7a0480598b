//! Sluice stops answering and keeps its port: what a deadlock, or a machine out of memory, looks like.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use std::time::{Duration, Instant};

pub(super) const DRILL: Drill =
    Drill { name: "hung", about: "sluice stops answering (SIGSTOP) and goes on (SIGCONT)", run };

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("stopping");
    stage.ground.pause("sluice")?;
    stage.phase("hung");
    stage.watch(&Group::ALL)?;
    stage.phase("going on");
    let begin = Instant::now();
    stage.ground.resume("sluice")?;
    stage.recover(begin)?;

    let waited =
        ["webhook not reached: context deadline exceeded", "webhook not reached: net/http: TLS handshake timeout"];
    stage.expect_refused("hung", &[Group::Create, Group::Update, Group::Forbidden], &waited);
    stage.expect_accepted("hung", &[Group::Delete, Group::Elsewhere, Group::KubeSystem]);
    // A person waits for one entry only, because the first one refuses. For a deletion the API server asks twice.
    let patience = [(Group::Create, 8), (Group::Update, 8), (Group::Forbidden, 8), (Group::Delete, 14)];
    for (group, seconds) in patience {
        stage.expect_quick("hung", &[group], Duration::from_secs(seconds));
    }
    stage.expect_quick("hung", &[Group::Elsewhere, Group::KubeSystem], Duration::from_secs(5));
    Ok(())
}
