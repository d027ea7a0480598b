//! The cycle of every daemon: observe, plan, audit, record, act, report.
//!
//! It turns every few seconds, and soon after something changed. A nudge carries no data: what is to be done follows
//! from what is there. What fails is counted and logged; the next turn is the retry. Only the leader acts, and it
//! stops in the middle of a plan when it no longer leads.

mod act;
mod daemon;
mod waits;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::leases::Leadership;
use jiff::Timestamp;
use records::daemon::CycleEnd;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;
use act::{About, act, report};
pub use daemon::{Daemon, MayAct, Memory, Proposal, Refusal, Step, StepFailed, Turn};

/// Without a nudge, a turn begins so long after the one before.
const TICK: Duration = Duration::from_secs(10);
/// A turn waits so long after a nudge for what comes with it; bursts cause no more than one turn in this time.
const GATHER: Duration = Duration::from_millis(250);
/// Who could not be asked is asked again after so long.
const RETRY: Duration = Duration::from_secs(1);
/// At most so many records' status is written in a turn; the next turn writes the rest.
const MOST_AMENDMENTS: usize = 500;

/// When a daemon looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// At once: there is more to do.
    Now,
    /// After a moment, whatever changes: somebody does not answer.
    Retry,
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

/// What is known of a daemon from one turn to the next.
pub(crate) struct Past {
    memory: Memory,
    /// What was refused in the last turn. The sentences may have changed since: they name amounts.
    told: BTreeSet<About>,
    end: CycleEnd,
}

impl Default for Past {
    fn default() -> Self {
        // Caches that are not filled yet are no news at the start.
        Self { memory: Memory::default(), told: BTreeSet::new(), end: CycleEnd::Unfit }
    }
}

/// Turns until the process is told to stop.
pub(crate) async fn live(daemon: &Daemon, stage: &Stage, mut leadership: Leadership, shutdown: &CancellationToken) {
    let mut past = Past::default();
    if shutdown.run_until_cancelled(begin(daemon, stage, &mut past)).await.is_none() {
        return;
    }
    let mut changes = stage.world.changes(daemon.hears);
    let mut room = stage.room.listen();
    while let Some(()) = shutdown.run_until_cancelled(leadership.gained()).await {
        let began = Instant::now();
        changes.notice();
        room.mark_unchanged();
        // Only who leads hears of them: nobody waits for a replica that makes nothing.
        let mut expected = daemon.hears_expected.then(|| stage.world.hear_of_expected());
        stage.metrics.leads(true);
        let may_act = || leadership.leads() && !shutdown.is_cancelled();
        let next = turn(daemon, stage, &mut past, &may_act).await;
        let rest = async {
            match next {
                Next::Now => {}
                Next::Retry => sleep(RETRY).await,
                Next::After(pause) => tokio::select! {
                    () = sleep(pause) => {}
                    () = changes.changed() => {}
                    Ok(()) = room.changed(), if daemon.hears_room => {}
                },
            }
            sleep(daemon.gather).await;
            sleep_until(began + daemon.interval).await;
        };
        let hurried = async {
            if let Some(expected) = &mut expected
                && expected.changed().await.is_ok()
            {
                return;
            }
            std::future::pending::<()>().await;
        };
        let rest = async {
            tokio::select! {
                () = rest => {}
                () = hurried => {}
            }
        };
        if shutdown.run_until_cancelled(rest).await.is_none() {
            break;
        }
        stage.metrics.leads(leadership.leads());
    }
    stage.metrics.leads(false);
}

/// Turns until the process is told to stop, and acts on nothing.
pub(crate) async fn observe(daemon: &Daemon, stage: &Stage, shutdown: &CancellationToken) {
    let mut past = Past::default();
    let mut changes = stage.world.changes(daemon.hears);
    loop {
        let began = Instant::now();
        changes.notice();
        let next = look(daemon, stage, &mut past).await;
        let rest = async {
            match next {
                Next::Now | Next::Retry => sleep(RETRY).await,
                Next::After(pause) => tokio::select! {
                    () = sleep(pause) => {}
                    () = changes.changed() => {}
                },
            }
            sleep(daemon.gather).await;
            sleep_until(began + daemon.interval).await;
        };
        if shutdown.run_until_cancelled(rest).await.is_none() {
            return;
        }
    }
}

/// One turn of a daemon that only observes: what it would do is said once.
pub(crate) async fn look(daemon: &Daemon, stage: &Stage, past: &mut Past) -> Next {
    let began = Instant::now();
    let proposal = match propose(daemon, stage, &mut past.memory, &|| true).await {
        Ok(proposal) => proposal,
        Err(refusal) => return refused(daemon, stage, past, &refusal),
    };
    let Proposal { steps, refusals, attention, cut_short, again_at, .. } = proposal;
    stage.metrics.planned(daemon.name, steps.len(), refusals.len());
    stage.metrics.attention(daemon.name, attention);
    let news: Vec<_> = steps.into_iter().filter_map(|step| step.news).collect();
    let told: BTreeSet<_> = news.iter().map(About::of).collect();
    act::would(daemon.name, news.iter().filter(|news| !past.told.contains(&About::of(news))));
    past.told = told;
    stage.metrics.took(daemon.name, began.elapsed());
    ended(daemon, stage, past, CycleEnd::Done, Next::of(cut_short, again_at, Timestamp::now()))
}

/// What every replica does before its first turn, tried until it is done.
async fn begin(daemon: &Daemon, stage: &Stage, past: &mut Past) {
    let Some(begin) = daemon.begin else { return };
    loop {
        match begin(stage).await {
            Ok(news) => {
                act::record(daemon.name, &news);
                return report(daemon.name, stage, &news, &[]).await;
            }
            Err(refusal) => {
                refused(daemon, stage, past, &refusal);
                sleep(GATHER).await;
            }
        }
    }
}

/// One turn. Says when the next one is.
pub(crate) async fn turn(daemon: &Daemon, stage: &Stage, past: &mut Past, may_act: &MayAct<'_>) -> Next {
    let began = Instant::now();
    let proposal = match propose(daemon, stage, &mut past.memory, may_act).await {
        Ok(proposal) => proposal,
        Err(refusal) => return refused(daemon, stage, past, &refusal),
    };
    let Proposal { steps, together, refusals, tidings, attention, mut amendments, mut cut_short, again_at } = proposal;
    stage.metrics.planned(daemon.name, steps.len(), refusals.len());
    stage.metrics.attention(daemon.name, attention);
    let away = AtomicBool::new(false);
    let acted = act(daemon.name, steps, together, &stage.metrics, may_act, &away).await;
    if !may_act() {
        return ended(daemon, stage, past, CycleEnd::Interrupted, Next::After(TICK));
    }
    // What was refused before and still is was told already.
    let told: BTreeSet<_> = refusals.iter().map(About::of).collect();
    let news = refusals.into_iter().filter(|news| !past.told.contains(&About::of(news)));
    let news: Vec<_> = acted.into_iter().chain(tidings).chain(news).collect();
    past.told = told;
    cut_short |= amendments.len() > MOST_AMENDMENTS;
    amendments.truncate(MOST_AMENDMENTS);
    report(daemon.name, stage, &news, &amendments).await;
    if away.load(Ordering::Relaxed) {
        stage.metrics.waits(daemon.name, Some(waits::for_ledger()));
        return ended(daemon, stage, past, CycleEnd::Failed, Next::Retry);
    }
    stage.metrics.took(daemon.name, began.elapsed());
    ended(daemon, stage, past, CycleEnd::Done, Next::of(cut_short, again_at, Timestamp::now()))
}

/// No daemon sees a view that is not fit.
async fn propose(
    daemon: &Daemon,
    stage: &Stage,
    memory: &mut Memory,
    may_act: &MayAct<'_>,
) -> Result<Proposal, Refusal> {
    stage.metrics.view_age(daemon.name, stage.world.age(daemon.hears));
    stage.world.fit(daemon.hears)?;
    (daemon.propose)(Turn { stage, memory, may_act }).await
}

fn refused(daemon: &Daemon, stage: &Stage, past: &mut Past, refusal: &Refusal) -> Next {
    stage.metrics.waits(daemon.name, Some(waits::waiting(daemon, stage, refusal)));
    let error: &dyn std::error::Error = refusal;
    let (end, next) = match refusal {
        Refusal::Unfit(_) => (CycleEnd::Unfit, Next::After(TICK)),
        Refusal::Stopped(_) => (CycleEnd::Stopped, Next::After(TICK)),
        Refusal::Ledger(_) | Refusal::Lookup(_) => (CycleEnd::Failed, Next::Retry),
    };
    match end {
        same if same == past.end => tracing::debug!(daemon = daemon.name, error, "still does nothing"),
        CycleEnd::Stopped => tracing::error!(daemon = daemon.name, error, "does nothing"),
        CycleEnd::Unfit | CycleEnd::Failed | CycleEnd::Done | CycleEnd::Interrupted => {
            tracing::warn!(daemon = daemon.name, error, "does nothing");
        }
    }
    ended(daemon, stage, past, end, next)
}

fn ended(daemon: &Daemon, stage: &Stage, past: &mut Past, end: CycleEnd, next: Next) -> Next {
    stage.metrics.cycle(daemon.name, end);
    past.end = end;
    next
}

#[cfg(test)]
mod tests;
