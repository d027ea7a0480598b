//! Ledger: keeps what is charged what is there.
//!
//! **Your Pod** is charged what it takes from its admission on. From when it has a node it counts as *used*, until then
//! as *reserved*; within a second of its end, or of its being gone, it is charged no more, and workloads whose Pods had
//! no room are made to try again. A Pod that was admitted and never came is charged until the API server cannot be
//! working on it any more, a minute, and has been asked for it. What runs and is not charged, because it is older than
//! the platform or the ledger was away, is charged as it is seen, whatever the limits say.
//!
//! What a project uses and what is reserved in it stands in the status of its record (`kubectl get sp`).
//!
//! Unlike the other daemons this one compares in every process once, when it starts, before admissions are charged: what
//! is there counts also against a ledger that is new.

mod nudge;
mod standing;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::governed::Unfit;
use cluster::leases::Leadership;
use cluster::watch::Snapshot;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use policy_engine::ledger::{Account, Charge, Drift, Entry, Missing, Reconciliation, Sight, reconcile};
use store::Unavailable;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::cycle::Stage;
use crate::metrics::{LedgerStep, Metrics};

/// Without a change, it compares so long after the last time.
const TICK: Duration = Duration::from_secs(5);
/// It waits so long after a change for what comes with it.
const GATHER: Duration = Duration::from_millis(200);
/// After what could not be done, it waits so long.
const RETRY: Duration = Duration::from_secs(1);
/// All sums are added up anew so often.
const RECOUNT: Duration = Duration::from_secs(60);
/// At most so many are asked for by name in a turn, so many at a time; the next turn asks for others.
const MOST_LOOKED_FOR: usize = 256;
const LOOKED_FOR_AT_A_TIME: usize = 8;

/// What the daemon works with.
pub(crate) struct Reconciler {
    pub(crate) stage: Stage,
    pub(crate) own_namespace: Arc<str>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Why a turn did not come to its end. The next turn is the retry.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("refuses to act on this view")]
    Unfit(#[from] Unfit),
    #[error("the ledger could not be asked")]
    Ledger(#[from] Unavailable),
    #[error("the API server could not be asked")]
    LookUp(#[from] cluster::client::LookupFailed),
}

/// What the daemon remembers between turns.
struct Memory {
    recounted: Instant,
    /// Of the policy at the last turn: other limits may be room.
    policy: String,
    /// Accounts that have more room than when owners were last nudged.
    lowered: BTreeSet<Account>,
    before: Before,
}

/// What is known of the views before.
#[derive(Default)]
struct Before {
    /// UIDs of what the last one had.
    had: BTreeSet<String>,
    /// UIDs of what the watch has heard of since the last one that was taken over.
    passed: BTreeSet<String>,
}

impl Reconciler {
    /// Compares until the process is told to stop.
    pub(crate) async fn live(mut self, mut leadership: Leadership, shutdown: CancellationToken) {
        let mut memory = Memory {
            recounted: Instant::now(),
            policy: String::new(),
            lowered: BTreeSet::new(),
            before: Before::default(),
        };
        let mut failing = false;
        if shutdown.run_until_cancelled(self.begin()).await.is_none() {
            return;
        }
        while let Some(()) = shutdown.run_until_cancelled(leadership.gained()).await {
            self.stage.charged.notice();
            let rest = match self.turn(&mut memory).await {
                Ok(()) => {
                    failing = false;
                    TICK
                }
                Err(failed) => {
                    let error: &dyn std::error::Error = &failed;
                    if !failing {
                        tracing::warn!(daemon = "ledger", error, "could not compare; tried again");
                    }
                    failing = true;
                    RETRY
                }
            };
            let rest = async {
                tokio::select! {
                    () = sleep(rest) => {}
                    () = self.stage.charged.changed(), if !failing => {}
                }
                sleep(GATHER).await;
            };
            if shutdown.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }

    /// The first comparison of a new ledger, which needs no leadership: what it does is the same whoever does it.
    async fn begin(&self) {
        loop {
            let snapshot = self.stage.governed.caches().snapshot();
            let compared = async {
                if !self.stage.ledger.was_compared().await? {
                    self.compare(&snapshot, None).await?;
                    self.stage.ledger.compared().await?;
                    tracing::info!(daemon = "ledger", "the ledger holds what is there");
                }
                Ok::<_, Failed>(())
            };
            match compared.await {
                Ok(()) => return,
                Err(failed) => {
                    let error: &dyn std::error::Error = &failed;
                    tracing::debug!(daemon = "ledger", error, "cannot compare yet");
                    sleep(GATHER).await;
                }
            }
        }
    }

    async fn turn(&self, memory: &mut Memory) -> Result<(), Failed> {
        let snapshot = self.stage.governed.caches().snapshot();
        let policy = &snapshot.policy;
        let lowered = self.compare(&snapshot, Some(&mut memory.before)).await?;
        memory.lowered.extend(lowered);
        if memory.recounted.elapsed() >= RECOUNT {
            memory.recounted = Instant::now();
            for drift in self.stage.ledger.recount().await? {
                self.drifted(&drift, &snapshot).await;
            }
        }
        standing::write(self, &snapshot).await?;
        let other_limits = memory.policy != policy.version();
        if other_limits || !memory.lowered.is_empty() {
            let lowered = (!other_limits).then_some(&memory.lowered);
            nudge::owners(self, policy, lowered).await;
            memory.lowered.clear();
            policy.version().clone_into(&mut memory.policy);
        }
        Ok(())
    }

    /// Takes what is there over into the ledger; `before` is what the last view had, which a new ledger does not ask for.
    /// Answers which accounts have more room than before.
    async fn compare(&self, snapshot: &Snapshot, before: Option<&mut Before>) -> Result<BTreeSet<Account>, Failed> {
        let is_new = before.is_none();
        let mut nothing = Before::default();
        let before = before.unwrap_or(&mut nothing);
        let mut view = self.stage.charged.view(&snapshot.policy, &self.own_namespace)?;
        before.passed.append(&mut view.passed);
        view.passed.clone_from(&before.passed);
        let charges = self.stage.ledger.charges().await?;
        let Reconciliation { mut steps, mut uncharged, look_for } = reconcile(&charges, &view, &before.had);
        let gone = self.look(look_for.into_iter().map(|missing| (missing, ())).collect(), false).await?;
        steps.extend(gone.into_iter().map(|(missing, ())| Entry::Observe(not_there(missing, view.at))));
        if !is_new {
            uncharged = self.look(uncharged, true).await?;
        }
        steps.extend(uncharged.into_iter().map(|(_, request)| Entry::Adopt(request)));
        let said = steps.clone();
        let lowered = self.stage.ledger.reconcile(steps).await?;
        // Only what was taken over is known to have been seen.
        *before = Before { had: view.uids(), passed: BTreeSet::new() };
        for step in &said {
            self.took(step, &charges).await;
        }
        Ok(lowered)
    }

    /// Those of these that the API server has, or has not.
    async fn look<T>(&self, all: Vec<(Missing, T)>, there: bool) -> Result<Vec<(Missing, T)>, Failed> {
        let look = |(missing, with): (Missing, T)| async move {
            let found = self.stage.charged.exists(&missing).await?;
            Ok::<_, Failed>((found == there).then_some((missing, with)))
        };
        let some = stream::iter(all.into_iter().take(MOST_LOOKED_FOR));
        let found: Vec<_> = some.map(look).buffer_unordered(LOOKED_FOR_AT_A_TIME).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn took(&self, step: &Entry, charges: &[Charge]) {
        let Some((kind, news)) = words::of(step, charges) else { return };
        tracing::info!(target: "journal", daemon = "ledger", about = %news.about, "{}", news.note);
        self.metrics.ledger(kind);
        // Nobody can describe what is gone.
        if matches!(kind, LedgerStep::Adopted)
            && let Err(failed) = self.stage.writer.tell(&news).await
        {
            let error: &dyn std::error::Error = &failed;
            tracing::warn!(daemon = "ledger", error, "could not report");
        }
    }

    async fn drifted(&self, drift: &Drift, snapshot: &Snapshot) {
        let news = words::of_drift(drift, &snapshot.policy);
        tracing::error!(target: "journal", daemon = "ledger", about = %news.about, "{}", news.note);
        self.metrics.ledger(LedgerStep::Corrected);
        if let Err(failed) = self.stage.writer.tell(&news).await {
            let error: &dyn std::error::Error = &failed;
            tracing::warn!(daemon = "ledger", error, "could not report");
        }
    }
}

fn not_there(missing: Missing, at: Timestamp) -> Sight {
    let Missing { uid, claim, .. } = missing;
    if claim { Sight::ClaimGone { uid, at } } else { Sight::PodGone { uid, at } }
}
