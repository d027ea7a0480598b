//! Carrying out a plan, and saying so.

use std::sync::atomic::{AtomicBool, Ordering};

use cluster::write::{self, Amendment, News, Outcome, WriteFailed};
use futures::{StreamExt, stream};

use super::daemon::{MayAct, Step, StepFailed};
use crate::metrics::{ActionEnd, Metrics};
use crate::stage::Stage;

/// So many Events and status patches are on their way at a time.
const REPORTING: usize = 8;

/// What news are about, whatever they say of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct About {
    about: write::About,
    related: Option<write::About>,
    reason: &'static str,
}

impl About {
    pub(super) fn of(news: &News) -> Self {
        Self { about: news.about.clone(), related: news.related.clone(), reason: news.reason }
    }
}

/// Writes the lines of the journal.
pub(super) fn record<'a>(daemon: &str, news: impl IntoIterator<Item = &'a News>) {
    for news in news {
        tracing::info!(target: "journal", daemon, about = %news.about, "{}", news.note);
    }
}

/// Writes the lines of what would be done.
pub(super) fn would<'a>(daemon: &str, news: impl IntoIterator<Item = &'a News>) {
    for news in news {
        tracing::info!(target: "journal", daemon, about = %news.about, observed = true, "would: {}", news.note);
    }
}

/// Records the whole plan, then carries it out as long as it may and the ledger answers. Returns what is to be told.
pub(super) async fn act(
    daemon: &'static str,
    steps: Vec<Step>,
    together: usize,
    metrics: &Metrics,
    may_act: &MayAct<'_>,
    away: &AtomicBool,
) -> Vec<News> {
    record(daemon, steps.iter().filter_map(|step| step.news.as_ref()));
    let total = steps.len();
    let goes_on = |_: &Step| std::future::ready(may_act() && !away.load(Ordering::Relaxed));
    let take = |step: Step| async move {
        let action = step.news.as_ref().map(|news| news.note.as_str());
        let outcome = match step.act.await {
            Ok(outcome) => outcome,
            Err(failed) => {
                away.fetch_or(matches!(failed, StepFailed::Ledger(_)), Ordering::Relaxed);
                metrics.action(daemon, ActionEnd::Failed);
                let error: &dyn std::error::Error = &failed;
                tracing::warn!(daemon, error, action, "failed; tried again in the next turn");
                return None;
            }
        };
        metrics.action(daemon, outcome.into());
        match outcome {
            Outcome::Written => step.news.filter(|_| step.tells),
            Outcome::Gone | Outcome::Overtaken | Outcome::BlockedByBudget => {
                tracing::info!(daemon, ?outcome, action, "not written");
                None
            }
        }
    };
    let taken = stream::iter(steps).take_while(goes_on).map(take).buffer_unordered(together.max(1));
    let taken: Vec<_> = taken.collect().await;
    let dropped = total - taken.len();
    if dropped > 0 {
        tracing::warn!(daemon, dropped, "no longer leads, or the ledger is away: the rest of the plan is dropped");
    }
    taken.into_iter().flatten().collect()
}

/// Writes Events and the status of records.
pub(super) async fn report(daemon: &'static str, stage: &Stage, news: &[News], amendments: &[Amendment]) {
    let log = async |reported: Result<(), WriteFailed>| {
        if let Err(error) = reported {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(daemon, error, "could not report");
        }
    };
    let amend = |amendment| async move { stage.writer.amend_status(amendment).await.map(drop) };
    stream::iter(amendments).map(amend).buffer_unordered(REPORTING).for_each(log).await;
    let tell = |news| async move { stage.writer.tell(news).await };
    stream::iter(news).map(tell).buffer_unordered(REPORTING).for_each(log).await;
}
