//! Every state that there was, one after the other, and what was wrong with it.

use super::history::History;
use super::send::Log;
use super::state::State;
use super::sums::Amounts;
use std::collections::BTreeSet;

/// What all states together showed.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) revisions: usize,
    pub(super) most: Amounts,
    pub(super) differences: Vec<String>,
}

/// Looks at every state that there was.
pub(super) fn replay(history: &History, log: &Log) -> Replay {
    let mut state = State::default();
    let mut replay = Replay::default();
    let mut said = BTreeSet::new();
    for change in history.sorted() {
        replay.revisions += 1;
        for wrong in state.take(&change) {
            // What goes on is said once.
            if said.insert(wrong.what.clone()) {
                let at = log.seconds(change.heard);
                let requests = log.about(&wrong.names, change.heard);
                replay.differences.push(format!(
                    "at {at:.3} s, revision {}: {}\n{}{requests}",
                    change.revision, wrong.says, wrong.details
                ));
            }
        }
        replay.most = replay.most.most(state.bound());
    }
    replay
}
