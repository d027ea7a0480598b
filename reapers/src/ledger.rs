//! Ledger: keeps what is charged what is there.
//!
//! **Your Pod** is charged what it takes from its admission on. From when it has a node it counts as *used*, until then
//! as *reserved*; within about a second of its end, or of its being gone, it is charged no more. A Pod that was admitted and never came is charged until the API server cannot be
//! working on it any more, a minute, and has been asked for it. What runs and is not charged, because it is older than
//! the platform or the ledger was away, is charged as it is seen, whatever the limits say.
//!
//! What takes an account over its limit, or further, and was not admitted (made while Sluice was away, or grown since) is
//! an alarm: an error in the log, an Event *QuotaExceeded* on it, and `sluice_reapers_ledger_alarms_total`. So is a device
//! claim that is gone while a Pod that runs holds its devices: Kubernetes keeps claims in use from going, and the Pod is
//! charged for them until it has ended (Event *HeldClaimGone* on the Pod). So is a device that two claims hold, each for
//! itself (Event *DeviceHeldTwice* on both). Each is told once while it lasts.
//!
//! Who is over a limit because an Admin gave them a smaller plan, or has limits charged instead of requests, is no alarm. An Event *QuotaPassed* on the Project says it
//! once while it lasts. Where the rule *quota* is not enforced, neither is told.
//!
//! What a project uses and what is reserved in it stands in the status of its record (`kubectl get sp`).
//!
//! Unlike the other daemons this one compares in every process once, when it starts, before admissions are charged: what
//! is there counts also against a ledger that is new.

mod alarms;
mod balances;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::client::LookupFailed;
use cluster::lookup::names;
use cluster::view;
use cluster::world::{Snapshot, Topic};
use cluster::write::{About, News, Outcome};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use policy_engine::ledger::{
    Account, Amounts, Balance, Charge, Drift, Entry, Missing, Reconciliation, Sight, Verdict, View, reconcile,
};
use policy_engine::policy::platform::ChargeBy;
use tokio::time::Instant;

use alarms::Told;

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
/// Of those that nobody has seen yet, at most so many: more only who tries it makes.
const MOST_DOUBTED: usize = 32;
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
    /// What Pods were charged by then; `None` before the first turn.
    charged: Option<ChargeBy>,
    /// The view of the last turn, by what it charged Pods, and how many of its steps were not taken.
    last: Option<(BTreeSet<String>, ChargeBy, Arc<AtomicUsize>)>,
    /// The alarms of which people were told.
    told: Told,
    /// What each account had in the last turn.
    had_in_all: BTreeMap<Account, Amounts>,
}

impl Default for Memory {
    fn default() -> Self {
        let (had, passed) = (BTreeSet::new(), BTreeSet::new());
        let (told, had_in_all) = (Told::default(), BTreeMap::new());
        Self { recounted: Instant::now(), had, passed, charged: None, last: None, told, had_in_all }
    }
}

impl Memory {
    /// The accounts that have less of something than in the last turn, whoever gave it back: this process, another, or an
    /// admission that found out before it refused.
    fn lowered(&mut self, balances: &[(Account, Balance)]) -> BTreeSet<Account> {
        let now = balances.iter().map(|(account, balance)| (account.clone(), balance.total())).collect();
        let before = std::mem::replace(&mut self.had_in_all, now);
        let is_lower = |account: &Account, had: Amounts| {
            !had.minus(self.had_in_all.get(account).copied().unwrap_or_default()).is_nothing()
        };
        before.into_iter().filter(|(account, had)| is_lower(account, *had)).map(|(account, _)| account).collect()
    }

    /// Only what was taken over is known to have been seen.
    fn take_over(&mut self) {
        if let Some((had, charged, left)) = self.last.take()
            && left.load(Ordering::Acquire) == 0
        {
            (self.had, self.passed, self.charged) = (had, BTreeSet::new(), Some(charged));
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
        let snapshot = stage.world.snapshot();
        let view = observe(stage, &snapshot);
        let charges = stage.ledger.charges().await?;
        let found = reconcile(&charges, &view, &BTreeSet::new());
        let Reconciliation { mut steps, uncharged, look_for, doubtful: _, held: _ } = found;
        steps.extend(gone(stage, look_for, view.at).await?);
        steps.extend(uncharged.into_iter().map(|(_, request)| Entry::Adopt(request)));
        let charged = words::by_uid(&charges);
        let words: Vec<_> = steps.iter().map(|step| words::of(step, &charged)).collect();
        let verdicts = stage.ledger.reconcile(steps).await?;
        let taken = words.into_iter().zip(verdicts).filter_map(|(words, verdict)| Some((words?, verdict)));
        let mut adopted = Vec::new();
        for ((kind, news), verdict) in taken {
            taken_over(stage, &snapshot, kind, &news.about, verdict).await;
            // Nobody can describe what is gone.
            adopted.extend(Some(news).filter(|_| kind == LedgerStep::Adopted));
        }
        stage.ledger.compared().await?;
        tracing::info!(daemon = DAEMON.name, "the ledger holds what is there");
        Ok(adopted)
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
        let found = reconcile(&charges, &view, &memory.had);
        let Reconciliation { steps: mut entries, uncharged, look_for, doubtful, held } = found;
        entries.extend(gone(stage, look_for, view.at).await?);
        let never = doubtful.into_iter().take(MOST_DOUBTED).map(|missing| (missing, ())).collect();
        let never = look(stage, never, Is::Taken).await?;
        entries.extend(never.into_iter().map(|(missing, ())| Entry::Observe(missing.gone(view.at))));
        // What the view has may have ended since: what was freed is somebody else's by now.
        let there = look(stage, uncharged, Is::AsCached).await?;
        entries.extend(there.into_iter().map(|(_, request)| Entry::Adopt(request)));
        let balances = stage.ledger.balances().await?;
        stage.room.grew(memory.lowered(&balances));
        let left = Arc::new(AtomicUsize::new(entries.len()));
        // What is told is told once: nothing comes before it that could fail, or drop the rest of the plan.
        let mut steps = alarms::gone(stage, held, &mut memory.told).await?;
        steps.extend(alarms::twice(stage, &mut memory.told));
        steps.extend(alarms::above(&snapshot, &balances, &mut memory.told));
        let charge = snapshot.policy.platform().charge;
        let is_repriced = memory.charged.is_some_and(|before| before != charge);
        steps.extend(self::steps(stage, &snapshot, entries, &charges, &left, is_repriced));
        memory.last = Some((view.uids(), charge, left));
        // What is taken now shows in the sums of the next turn, and what may be an alarm in the next view.
        let again = if steps.is_empty() && !memory.told.may_tell() { TICK } else { INTERVAL };
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

/// What becomes of the ledger, a step for each entry. `left` counts those that were not taken. Where Pods are charged by
/// something else than before, none of them has grown.
fn steps(
    stage: &Stage,
    snapshot: &Arc<Snapshot>,
    entries: Vec<Entry>,
    charges: &[Charge],
    left: &Arc<AtomicUsize>,
    is_repriced: bool,
) -> Vec<Step> {
    let charges = words::by_uid(charges);
    let step = |entry: Entry| {
        let words = words::of(&entry, &charges);
        let seen = match &entry {
            Entry::Observe(sight) => charges.get(sight.uid()).and_then(|charge| Missing::of(charge)),
            Entry::Reserve(_) | Entry::Try(_) | Entry::Adopt(_) | Entry::Withdraw { .. } => None,
        };
        let is_admins_doing = is_repriced && matches!(entry, Entry::Observe(Sight::Pod { .. }));
        let what = words.as_ref().map(|(kind, news)| (*kind, news.about.clone()));
        let (stage, snapshot, left) = (stage.clone(), snapshot.clone(), left.clone());
        let act = async move {
            let verdicts = stage.ledger.reconcile(vec![entry]).await?;
            left.fetch_sub(1, Ordering::AcqRel);
            for ((kind, about), mut verdict) in what.iter().zip(verdicts) {
                if is_admins_doing {
                    verdict.over.clear();
                }
                if let Some(seen) = seen.as_ref().filter(|_| !verdict.over.is_empty())
                    && matches!(names::is_as_cached(&stage.world, seen).await, Ok(false))
                {
                    // An old view said so. What it has of the ledger too much, the next one gives back.
                    verdict.over.clear();
                }
                taken_over(&stage, &snapshot, *kind, about, verdict).await;
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

/// What the ledger has taken is counted, and told where a limit is passed.
async fn taken_over(stage: &Stage, snapshot: &Snapshot, kind: LedgerStep, about: &About, verdict: Verdict) {
    stage.metrics.ledger(kind);
    alarms::over(stage, snapshot, about, &verdict.over).await;
}

/// Of what is not in the view, that the API server does not have it either.
async fn gone(stage: &Stage, look_for: Vec<Missing>, at: Timestamp) -> Result<Vec<Entry>, LookupFailed> {
    let look_for = look_for.into_iter().map(|missing| (missing, ())).collect();
    let gone = look(stage, look_for, Is::Gone).await?;
    Ok(gone.into_iter().map(|(missing, ())| Entry::Observe(missing.gone(at))).collect())
}

/// What the API server is asked about a Pod or claim.
#[derive(Clone, Copy)]
enum Is {
    /// Whether it has none of this UID.
    Gone,
    /// Whether another has its name.
    Taken,
    /// Whether it is there as the caches have it, and has not ended.
    AsCached,
}

/// Those of these of which it is so.
async fn look<T>(stage: &Stage, all: Vec<(Missing, T)>, is: Is) -> Result<Vec<(Missing, T)>, LookupFailed> {
    let look = |(missing, with): (Missing, T)| async move {
        let is_so = match is {
            Is::Gone => !names::exists(&stage.world, &missing).await?,
            Is::Taken => names::is_taken(&stage.world, &missing).await?,
            Is::AsCached => names::is_as_cached(&stage.world, &missing).await?,
        };
        Ok::<_, LookupFailed>(is_so.then_some((missing, with)))
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
    stage.metrics.ledger(LedgerStep::Corrected);
    alarms::tell(stage, &news).await;
}

#[cfg(test)]
mod tests;
