//! Window-close: warns and evicts Pods whose queue closes.
//!
//! **Your Pod is evicted if and only if** all of this holds:
//! * it is in a queue other than `default` that your project's plan binds, or your project has no plan;
//! * that queue is closed: a window of the plan or of the queue has ended (*Plan window expired*), the plan's validity has (*Plan validity
//!   period expired*), or the project has no plan, or one that has not begun (*No active resource plan*);
//! * your Pod carries the annotation `platform-go/window-closes-at`, the queue has not been open since the time that it names, and that is
//!   `PlatformPolicy.spec.grace.planWindow` ago (5 minutes, unless an admin says otherwise);
//! * it has no scheduling gate, has not ended, and is not being deleted already;
//! * the rule `plan-window` is on `enforce` in your project.
//!
//! The annotation comes 15 minutes before the queue closes, with an Event `WindowCloses`. A queue that an admin closes at once is
//! announced when that is seen, and your Pod has the whole grace from then on. If the windows change, the annotation changes with them; if the queue
//! does not close any more it goes away, and nobody is evicted. So it does not matter whether Sluice runs while a queue closes.
//!
//! The eviction asks the Eviction API, gives your Pod the time to end that it asks for itself, and writes why into the annotation
//! `platform-go/eviction-reason` and an Event. A controller that makes your Pod anew gets one that waits for the queue. A
//! PodDisruptionBudget that does not let your Pod go is heeded: it is tried again and again, an Event says so and until when. Once it was heeded
//! for `PlatformPolicy.spec.grace.budget` (10 minutes), your Pod gets the condition `DisruptionTarget` and is deleted.
//!
//! Each eviction stands in the journal before it is tried, with its outcome once it is over, so that `sluice why` says of a Pod that is gone, or
//! was made again, that it was stopped, and why. While the ledger's database does not answer, nobody is evicted; Pods are told all the same.
//!
//! Pods in `default` are never touched. Where the rule only warns, an Event says of each Pod that it would be evicted, and it goes
//! on. A Pod goes on, too, whose queue does not exist or is not bound by the plan, and whose project, plan or queue cannot be read.

mod noted;

use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, Ending, News, Outcome, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::window_close::audit::audit;
use policy_engine::daemons::window_close::{Ended, Eviction, GoesOn, NAME, Note, Plan, Spared, plan};

use crate::attempts::{Attempts, FIRST_RETRY};
use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;
use noted::{Open, noted};

/// So many Pods are written at a time.
const TOGETHER: usize = 8;
/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new(NAME, HEARS, propose);

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces, Topic::Pods];

/// What is remembered between turns. None of it is needed: who begins anew tries evictions again sooner, and looks into the journal.
#[derive(Default)]
struct Past {
    attempts: Attempts,
    open: Open,
}

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let Past { attempts, open } = memory.of();
        let policy = stage.world.policy();
        let mut view = view::window_close::view(&stage.world, &stage.own_namespace);
        view.tried = attempts.of(view.pods.iter().map(|pod| pod.uid.as_str()));
        let now = Timestamp::now();
        let Plan { notes, evictions, spared, mut again_at, cut_short } = {
            let plan = plan(&view, &policy, now);
            audit(&view, &policy, &plan, now).map_err(Refusal::stopped)?;
            plan
        };
        if !evictions.is_empty() {
            let retry = now + FIRST_RETRY;
            again_at = Some(again_at.map_or(retry, |at| at.min(retry)));
        }
        let left_over = open.left_over(stage, &view, !evictions.is_empty(), now).await;
        let mut steps: Vec<_> = notes.into_iter().map(|note| announced(stage, note)).collect();
        for eviction in evictions {
            steps.push(evicted(stage, attempts, eviction, now)?);
        }
        // They change nothing that anybody waits for.
        steps.extend(left_over);
        let refusals = spared.iter().map(goes_on).collect();
        Ok(Proposal { steps, together: TOGETHER, refusals, again_at, cut_short, ..Proposal::default() })
    }
    .boxed()
}

fn announced(stage: &Stage, note: Note) -> Step {
    let (tone, reason) = match &note.closing {
        Some(_) => (Tone::Warning, "WindowCloses"),
        None => (Tone::Normal, "WindowStays"),
    };
    let (news, writer) = (news(tone, reason, &note.pod, &note.uid, note.to_string()), stage.writer.clone());
    Step::told(news, async move { Ok(writer.announce(&note).await?) }.boxed())
}

/// What cannot be noted in the journal is not begun. What a budget blocks stays open there, and is gone on with.
fn evicted(stage: &Stage, attempts: &Attempts, eviction: Eviction, now: Timestamp) -> Result<Step, Refusal> {
    let news = news(Tone::Warning, eviction.reason.word(), &eviction.pod, &eviction.uid, eviction.to_string());
    let (writer, attempts, journal) = (stage.writer.clone(), attempts.clone(), stage.ledger.journal());
    let beginning = noted(&eviction, now)?;
    let act = async move {
        let (store::Begun::Yes { id } | store::Begun::AlreadyOpen { id }) = journal.begin(&beginning).await?;
        let outcome = writer.end(&Ending::from(&eviction)).await;
        attempts.note(eviction.uid, matches!(outcome, Ok(Outcome::BlockedByBudget)), Timestamp::now());
        let outcome = outcome?;
        let ended = match outcome {
            Outcome::Written => Some(Ended::Evicted),
            Outcome::Gone => Some(Ended::Gone),
            Outcome::Overtaken | Outcome::BlockedByBudget => None,
        };
        if let Some(ended) = ended {
            journal.end(&id, ended.word(), Timestamp::now()).await?;
        }
        Ok(outcome)
    };
    Ok(Step::told(news, act.boxed()))
}

fn goes_on(spared: &Spared) -> News {
    let reason = match spared.because {
        GoesOn::NotEnforced(_) => "WindowClosed",
        GoesOn::Budget(_) => "EvictionBlocked",
    };
    news(Tone::Warning, reason, &spared.pod, &spared.uid, spared.to_string())
}

fn news(tone: Tone, reason: &'static str, pod: &PodName, uid: &str, note: String) -> News {
    let about = About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: uid.to_owned() };
    News { tone, about, related: None, reason, note }
}

#[cfg(test)]
mod tests;
