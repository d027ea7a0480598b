//! The cycle of every daemon: observe, plan, audit, record, act, report.
//!
//! It turns every few seconds, and soon after something changed. A nudge carries no data: what is to be done follows
//! from what is there. What fails is counted and logged; the next turn is the retry. Only the leader acts, and it
//! stops in the middle of a plan when it no longer leads.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cluster::charged::Charged;
use cluster::governed::{Governed, Unfit};
use cluster::leases::Leadership;
use cluster::templates::Templates;
use cluster::waiting::Waiting;
use cluster::write::{Amendment, News, Outcome, WriteFailed, Writer};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use store::{Ledger, Unavailable};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::metrics::{ActionEnd, CycleEnd, Metrics};

/// Without a nudge, a turn begins so long after the one before.
const TICK: Duration = Duration::from_secs(10);
/// A turn waits so long after a nudge for what comes with it; bursts cause no more than one turn in this time.
const GATHER: Duration = Duration::from_millis(250);
/// So many Events and status patches are on their way at a time.
const REPORTING: usize = 8;
/// At most so many records' status is written in a turn; the next turn writes the rest.
const MOST_AMENDMENTS: usize = 500;

/// A daemon.
#[derive(Clone, Copy)]
pub struct Daemon {
    /// What it is called.
    pub name: DaemonName,
    /// What makes it look again before its next tick.
    pub hears: Hears,
    /// Observes, plans and has the plan audited. Writes nothing.
    pub propose: for<'a> fn(&'a Stage) -> BoxFuture<'a, Result<Proposal, Refusal>>,
}

/// What makes a daemon look again before its next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// A change of records, of Namespaces, or of what the platform makes.
    Records,
    /// The same, and a change of Pods that wait.
    RecordsAndPods,
    /// A change of Pods with claims of their own, or of the templates of such claims.
    Templates,
}

/// What daemons are called, in logs, metrics and as writers of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonName {
    /// [`crate::follow`]
    Follow,
    /// [`crate::plan_window`]
    PlanWindow,
    /// [`crate::templates`]
    Templates,
}

impl DaemonName {
    /// As logs, metrics and field managers have it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::PlanWindow => "plan-window",
            Self::Templates => "templates",
        }
    }
}

impl fmt::Display for DaemonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What daemons see, and what they write with.
#[derive(Clone)]
pub struct Stage {
    /// What exists.
    pub governed: Governed,
    /// Pods that wait.
    pub waiting: Waiting,
    /// Pods with claims of their own, and templates.
    pub templates: Templates,
    /// All writes.
    pub writer: Writer,
    /// What is charged.
    pub charged: Charged,
    /// Where it is charged.
    pub ledger: Ledger,
}

impl Stage {
    /// Waits for what a daemon hears of and did not notice yet.
    async fn changed(&mut self, hears: Hears) {
        match hears {
            Hears::Records => self.governed.changed().await,
            Hears::RecordsAndPods => tokio::select! {
                () = self.governed.changed() => {}
                () = self.waiting.changed() => {}
            },
            Hears::Templates => self.templates.changed().await,
        }
    }

    /// Takes note of everything that has changed so far.
    fn notice(&mut self) {
        self.governed.notice();
        self.waiting.notice();
        self.templates.notice();
    }
}

/// What is to be done, audited.
#[derive(Default)]
pub struct Proposal {
    /// What is to be done, in this order.
    pub steps: Vec<Step>,
    /// What is not done, and why.
    pub refusals: Vec<News>,
    /// What the records' status is to say.
    pub amendments: Vec<Amendment>,
    /// Whether there is more to do than one turn may.
    pub cut_short: bool,
    /// When there will be something to do though nothing changes.
    pub again_at: Option<Timestamp>,
}

/// One action.
pub struct Step {
    /// What to tell people once it is done. The note is the sentence for the journal.
    pub news: News,
    /// The action. Nothing happens before it is awaited.
    pub act: BoxFuture<'static, Result<Outcome, StepFailed>>,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepFailed {
    /// The API server did not accept it.
    #[error(transparent)]
    Write(#[from] WriteFailed),
    /// Whether there is room could not be asked.
    #[error("whether there is room could not be asked")]
    Ledger(#[from] Unavailable),
}

/// Why a daemon proposes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What is seen is not fit to act on.
    #[error("refuses to act on this view")]
    Unfit(#[from] Unfit),
    /// The plan breaks a promise: a bug, and nothing is carried out.
    #[error("the audit stopped the plan")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Refusal {
    /// The plan breaks a promise.
    pub fn stopped(violation: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Stopped(Box::new(violation))
    }
}

/// When a daemon looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// At once: there is more to do.
    Now,
    /// After so long, if nothing changes before.
    After(Duration),
}

impl Next {
    fn of(cut_short: bool, again_at: Option<Timestamp>, now: Timestamp) -> Self {
        if cut_short {
            return Self::Now;
        }
        let until = again_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO));
        Self::After(until.map_or(TICK, |until| until.min(TICK)))
    }
}

/// Turns until the process is told to stop.
pub(crate) async fn live(
    daemon: &Daemon,
    mut stage: Stage,
    mut leadership: Leadership,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let mut told = BTreeSet::new();
    // Caches that are not filled yet are no news at the start.
    let mut last = CycleEnd::Unfit;
    while let Some(()) = shutdown.run_until_cancelled(leadership.gained()).await {
        stage.notice();
        metrics.leads(true);
        let may_act = || leadership.leads() && !shutdown.is_cancelled();
        let (end, next) = turn(daemon, &stage, &mut told, &metrics, may_act, last).await;
        metrics.cycle(daemon.name, end);
        last = end;
        let rest = async {
            if let Next::After(pause) = next {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = stage.changed(daemon.hears) => {}
                }
            }
            sleep(GATHER).await;
        };
        if shutdown.run_until_cancelled(rest).await.is_none() {
            break;
        }
        metrics.leads(leadership.leads());
    }
    metrics.leads(false);
}

/// One turn. Says how it ended, and when the next one is.
async fn turn(
    daemon: &Daemon,
    stage: &Stage,
    told: &mut BTreeSet<News>,
    metrics: &Metrics,
    may_act: impl Fn() -> bool,
    last: CycleEnd,
) -> (CycleEnd, Next) {
    let name = daemon.name;
    let proposal = match (daemon.propose)(stage).await {
        Ok(proposal) => proposal,
        Err(refusal) => {
            let error: &dyn std::error::Error = &refusal;
            let end = match refusal {
                Refusal::Unfit(_) => CycleEnd::Unfit,
                Refusal::Stopped(_) => CycleEnd::Stopped,
            };
            match end {
                same if same == last => tracing::debug!(daemon = %name, error, "still does nothing"),
                CycleEnd::Stopped => tracing::error!(daemon = %name, error, "does nothing"),
                CycleEnd::Unfit | CycleEnd::Done | CycleEnd::Interrupted => {
                    tracing::warn!(daemon = %name, error, "does nothing");
                }
            }
            return (end, Next::After(TICK));
        }
    };
    let Proposal { steps, refusals, mut amendments, mut cut_short, again_at } = proposal;
    metrics.spared(name, refusals.len());
    let acted = act(name, steps, metrics, &may_act).await;
    if !may_act() {
        return (CycleEnd::Interrupted, Next::After(TICK));
    }
    // What was refused before and still is was told already.
    let refusals: BTreeSet<_> = refusals.into_iter().collect();
    let news: Vec<_> = acted.into_iter().chain(refusals.difference(told).cloned()).collect();
    *told = refusals;
    cut_short |= amendments.len() > MOST_AMENDMENTS;
    amendments.truncate(MOST_AMENDMENTS);
    report(name, stage, &news, &amendments).await;
    (CycleEnd::Done, Next::of(cut_short, again_at, Timestamp::now()))
}

/// Records the whole plan, then carries it out as long as it may. Returns what was written.
async fn act(name: DaemonName, steps: Vec<Step>, metrics: &Metrics, may_act: impl Fn() -> bool) -> Vec<News> {
    for step in &steps {
        tracing::info!(target: "journal", daemon = %name, about = %step.news.about, "{}", step.news.note);
    }
    let mut written = Vec::new();
    for step in steps {
        if !may_act() {
            tracing::warn!(daemon = %name, "no longer leads: the rest of the plan is dropped");
            break;
        }
        match step.act.await {
            Ok(outcome) => {
                metrics.action(name, outcome.into());
                match outcome {
                    Outcome::Written => written.push(step.news),
                    Outcome::Gone | Outcome::Overtaken => {
                        tracing::info!(daemon = %name, ?outcome, action = step.news.note, "not written");
                    }
                }
            }
            Err(failed) => {
                metrics.action(name, ActionEnd::Failed);
                let error: &dyn std::error::Error = &failed;
                tracing::warn!(daemon = %name, error, action = step.news.note, "failed; tried again in the next turn");
            }
        }
    }
    written
}

async fn report(daemon: DaemonName, stage: &Stage, news: &[News], amendments: &[Amendment]) {
    let log = async |reported: Result<(), WriteFailed>| {
        if let Err(error) = reported {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(daemon = %daemon, error, "could not report");
        }
    };
    let amend = |amendment| async move { stage.writer.amend_status(amendment).await.map(drop) };
    stream::iter(amendments).map(amend).buffer_unordered(REPORTING).for_each(log).await;
    let tell = |news| async move { stage.writer.tell(news).await };
    stream::iter(news).map(tell).buffer_unordered(REPORTING).for_each(log).await;
}

#[cfg(test)]
mod tests;
