//! Evictions in the journal.

use futures::FutureExt;
use jiff::Timestamp;
use policy_engine::daemons::window_close::{Eviction, NAME, Noted, View, over};
use store::{Beginning, Concerned};

use cluster::write::Outcome;

use crate::cycle::{Refusal, Step};
use crate::stage::Stage;

/// What is noted before a Pod is evicted. It is its own subject: of each Pod one eviction is open at a time.
pub(super) fn noted(eviction: &Eviction, now: Timestamp) -> Result<Beginning, Refusal> {
    let Eviction { pod, uid, .. } = eviction;
    let concerned = Concerned { uid: uid.clone(), namespace: pod.namespace.clone(), name: pod.name.clone() };
    Ok(Beginning {
        daemon: NAME,
        subjects: vec![concerned.clone()],
        objects: vec![concerned],
        plan: serde_json::to_value(Noted::from(eviction)).map_err(Refusal::stopped)?,
        at: now,
    })
}

/// Whether the journal may have evictions that were begun and not ended: it is not asked in vain in every turn.
pub(super) struct Open(bool);

impl Default for Open {
    /// Another process may have left some.
    fn default() -> Self {
        Self(true)
    }
}

impl Open {
    /// Steps that end in the journal what is over.
    pub(super) async fn left_over(&mut self, stage: &Stage, view: &View, evicts: bool, now: Timestamp) -> Vec<Step> {
        let asks = std::mem::replace(&mut self.0, true);
        if !asks {
            self.0 = evicts;
            return Vec::new();
        }
        // While it is away nothing is begun either, and a step says so. It is asked again in the next turn.
        let Ok(open) = stage.ledger.journal().open(NAME).await else { return Vec::new() };
        self.0 = evicts || !open.is_empty();
        let ended = open.into_iter().filter_map(|entry| {
            let ended = over(&entry.subjects.first()?.uid, view, now)?;
            let journal = stage.ledger.journal();
            let act = async move {
                journal.end(&entry.id, ended.word(), Timestamp::now()).await?;
                Ok(Outcome::Written)
            };
            Some(Step::silent(act.boxed()))
        });
        ended.collect()
    }
}
