//! Ledger: keeps what is charged what is there.
//!
//! **Your Pod** is charged what it takes from its admission on. From when it has a node it counts as *used*, until then
//! as *reserved*; within about a second of its end, or of its being gone, it is charged no more. A Pod that was admitted and never came is charged until the API server cannot be
//! working on it any more, a minute, and has been asked for it. What runs and is not charged, because it is older than
//! the platform or the ledger was away, is charged as it is seen, whatever the limits say.
//!
//! What a project uses and what is reserved in it stands in the status of its record (`kubectl get sp`).
//!
//! Unlike the other daemons this one compares in every process once, when it starts, before admissions are charged: what
//! is there counts also against a ledger that is new.

mod balances;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::client::LookupFailed;
use cluster::lookup::names;
use cluster::view;
use cluster::world::{Snapshot, Topic};
use cluster::write::{News, Outcome};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use policy_engine::ledger::{Charge, Drift, Entry, Missing, Reconciliation, View, reconcile};
use tokio::time::Instant;

use crate::cycle::{Daemon, Proposal, Refusal, Step, StepFailed, Turn};
use crate::metrics::LedgerStep;
use crate::stage::Stage;

/// A comparison reads every charge, so it comes at most so often: what is gone is charged about so long.
const INTERVAL: Duration = Duration::from_secs(1);
/// Without a change, it compares so long after the last time: admissions charge, and no watch says that.
const TICK: Duration = Duration::from_secs(5);
/// All sums are added up anew so often.
const RECOUNT: Duration = Duration::from_secs(60);
/// At most so many are asked for by name in a turn, so many at a time; the next turn asks for others.
const MOST_LOOKED_FOR: usize = 256;
const LOOKED_FOR_AT_A_TIME: usize = 8;
/// So many steps are handed to the ledger at a time: it takes them together, and admissions find room between them.
const STEPS_TOGETHER: usize = 64;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("ledger", HEARS, propose).at_most_every(INTERVAL).beginning_with(begin);

const HEARS: &[Topic] = &[
    Topic::Records,
    Topic::Namespaces,
    Topic::Pods,
    Topic::ResourceClaims,
    Topic::ResourceClaimTemplates,
    Topic::DeviceClasses,
];

/// What the daemon remembers between turns.
struct Memory {
    recounted: Instant,
    /// UIDs of what the last view had that was taken over.
    had: BTreeSet<String>,
    /// UIDs of what the watches have heard of since then.
    passed: BTreeSet<String>,
    /// The view of the last turn, and how many of its steps were not taken.
    last: Option<(BTreeSet<String>, Arc<AtomicUsize>)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { recounted: Instant::now(), had: BTreeSet::new(), passed: BTreeSet::new(), last: None }
    }
}

impl Memory {
    /// Only what was taken over is known to have been seen.
    fn take_over(&mut self) {
        if let Some((had, left)) = self.last.take()
            && left.load(Ordering::Acquire) == 0
        {
            (self.had, self.passed) = (had, BTreeSet::new());
        }
    }
}

/// The first comparison of a new ledger, which needs no leadership: what it does is the same whoever does it. Nothing is
/// asked for by name: what is there counts.
fn begin(stage: &Stage) -> BoxFuture<'_, Result<Vec<News>, Refusal>> {
    async move {
        if stage.ledger.was_compared().await? {
            return Ok(Vec::new());
        }
        stage.world.fit(HEARS)?;
        let view = observe(stage, &stage.world.snapshot());
        let charges = stage.ledger.charges().await?;
        let Reconciliation { mut steps, uncharged, look_for } = reconcile(&charges, &view, &BTreeSet::new());
        steps.extend(gone(stage, look_for, view.at).await?);
        steps.extend(uncharged.into_iter().map(|(_, request)| Entry::Adopt(request)));
        let charged = words::by_uid(&charges);
        let words: Vec<_> = steps.iter().filter_map(|step| words::of(step, &charged)).collect();
        stage.room.grew(stage.ledger.reconcile(steps).await?);
        stage.ledger.compared().await?;
        tracing::info!(daemon = DAEMON.name, "the ledger holds what is there");
        words.iter().for_each(|(kind, _)| stage.metrics.ledger(*kind));
        // Nobody can describe what is gone.
        Ok(words.into_iter().filter(|(kind, _)| *kind == LedgerStep::Adopted).map(|(_, news)| news).collect())
    }
    .boxed()
}

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let memory = memory.of::<Memory>();
        memory.take_over();
        let snapshot = stage.world.snapshot();
        let mut view = observe(stage, &snapshot);
        memory.passed.append(&mut view.passed);
        view.passed.clone_from(&memory.passed);
        let charges = stage.ledger.charges().await?;
        let Reconciliation { steps: mut entries, uncharged, look_for } = reconcile(&charges, &view, &memory.had);
        entries.extend(gone(stage, look_for, view.at).await?);
        let there = look(stage, uncharged, true).await?;
        entries.extend(there.into_iter().map(|(_, request)| Entry::Adopt(request)));
        let balances = stage.ledger.balances().await?;
        let left = Arc::new(AtomicUsize::new(entries.len()));
        let mut steps = steps(stage, entries, &charges, &left);
        memory.last = Some((view.uids(), left));
        // What is taken now shows in the sums of the next turn.
        let again = if steps.is_empty() { TICK } else { INTERVAL };
        if memory.recounted.elapsed() >= RECOUNT {
            memory.recounted = Instant::now();
            steps.push(Step::silent(recount(stage.clone(), snapshot.clone()).boxed()));
        }
        Ok(Proposal {
            steps,
            together: STEPS_TOGETHER,
            amendments: balances::amendments(&snapshot, &balances),
            again_at: Timestamp::now().checked_add(again).ok(),
            ..Proposal::default()
        })
    }
    .boxed()
}

fn observe(stage: &Stage, snapshot: &Snapshot) -> View {
    view::ledger::view(&stage.world, &stage.prices, &snapshot.policy, &stage.own_namespace)
}

/// What becomes of the ledger, a step for each entry. `left` counts those that were not taken.
fn steps(stage: &Stage, entries: Vec<Entry>, charges: &[Charge], left: &Arc<AtomicUsize>) -> Vec<Step> {
    let charges = words::by_uid(charges);
    let step = |entry: Entry| {
        let words = words::of(&entry, &charges);
        let (stage, left, kind) = (stage.clone(), left.clone(), words.as_ref().map(|(kind, _)| *kind));
        let act = async move {
            stage.room.grew(stage.ledger.reconcile(vec![entry]).await?);
            left.fetch_sub(1, Ordering::AcqRel);
            if let Some(kind) = kind {
                stage.metrics.ledger(kind);
            }
            Ok(Outcome::Written)
        };
        match words {
            Some((LedgerStep::Adopted, news)) => Step::told(news, act.boxed()),
            // Nobody can describe what is gone.
            Some((_, news)) => Step::noted(news, act.boxed()),
            None => Step::silent(act.boxed()),
        }
    };
    entries.into_iter().map(step).collect()
}

/// Of what is not in the view, that the API server does not have it either.
async fn gone(stage: &Stage, look_for: Vec<Missing>, at: Timestamp) -> Result<Vec<Entry>, LookupFailed> {
    let gone = look(stage, look_for.into_iter().map(|missing| (missing, ())).collect(), false).await?;
    Ok(gone.into_iter().map(|(missing, ())| Entry::Observe(missing.gone(at))).collect())
}

/// Those of these that the API server has, or has not.
async fn look<T>(stage: &Stage, all: Vec<(Missing, T)>, there: bool) -> Result<Vec<(Missing, T)>, LookupFailed> {
    let look = |(missing, with): (Missing, T)| async move {
        let found = names::exists(&stage.world, &missing).await?;
        Ok::<_, LookupFailed>((found == there).then_some((missing, with)))
    };
    let some = stream::iter(all.into_iter().take(MOST_LOOKED_FOR));
    let found: Vec<_> = some.map(look).buffer_unordered(LOOKED_FOR_AT_A_TIME).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Adds all sums up anew. One that is wrong is corrected, and that is news.
async fn recount(stage: Stage, snapshot: Arc<Snapshot>) -> Result<Outcome, StepFailed> {
    for drift in stage.ledger.recount().await? {
        drifted(&stage, &drift, &snapshot).await;
    }
    Ok(Outcome::Written)
}

async fn drifted(stage: &Stage, drift: &Drift, snapshot: &Snapshot) {
    let news = words::of_drift(drift, &snapshot.policy);
    tracing::error!(target: "journal", daemon = DAEMON.name, about = %news.about, "{}", news.note);
    stage.metrics.ledger(LedgerStep::Corrected);
    if let Err(failed) = stage.writer.tell(&news).await {
        let error: &dyn std::error::Error = &failed;
        tracing::warn!(daemon = DAEMON.name, error, "could not report");
    }
}

#[cfg(test)]
mod tests;
