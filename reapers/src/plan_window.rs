//! Plan-window: lets Pods start that wait for their queue to open.
//!
//! **Your Pod** waits behind the gate `platform-go/plan-window` if it was made while its queue was closed. The gate is
//! taken away within a moment of the queue's opening, whether its time has come or somebody changed the windows of the
//! queue or the plan; the Pods of queues of higher priority come first, and of these those that were made first, as far as quotas have room
//! for them: a Pod behind a gate is charged nothing, and is charged when the gate goes. It is also taken away where it means nothing: in the queue
//! `default`, where the rule `plan-window` is off for the project, and in a Namespace that is no project's any
//! more. A Pod that waits for what will not come (the project's plan has ended or does not bind the queue, or the
//! windows do not open again) stays as it is, with an Event that says so.
//!
//! While it waits, the annotation `platform-go/starts-at` says when its queue opens, by the windows of the queue and of the plan, and an
//! Event `WaitsForQueue` says why not before. Both change with the windows, and a workload whose Pods wait has an Event that
//! says how many. The annotation goes where no opening is known, and when the queue is open but the Pod waits for room.
//!
//! Nothing here stops a Pod. Exempt Namespaces are left alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, News, Outcome, Tone};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use policy_engine::admission::rules::quota::Full;
use policy_engine::charge;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::plan_window::audit::audit;
use policy_engine::daemons::plan_window::{
    Because, Controller, Crowd, InVain, Note, Plan, Release, Spared, View, plan,
};
use policy_engine::ledger::{AdmitPod, Outcome as Room, Request, Shortage};
use policy_engine::policy::Policy;
use store::Unavailable;
use tokio::time::Instant;

use crate::cycle::{Daemon, Proposal, Refusal, Step, StepFailed, Turn};
use crate::stage::Stage;

/// How long the ledger may take to answer.
const RESERVING: Duration = Duration::from_secs(2);
/// So many Pods are asked about at a time. The ledger answers what waits for it together.
const ASKED_TOGETHER: usize = 16;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("plan-window", HEARS, propose).hearing_of_room();

/// Of what waits for its queue to open.
const WAITS: &str = "WaitsForQueue";

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces, Topic::Pods];

/// By UID, those that found no room since a cycle looked at all.
#[derive(Default)]
struct WithoutRoom(BTreeSet<String>);

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, may_act } = turn;
        let WithoutRoom(without_room) = memory.of();
        let policy = stage.world.policy();
        let mut view = view::plan_window::view(&stage.world, &stage.own_namespace);
        view.without_room = std::mem::take(without_room);
        let now = Timestamp::now();
        let Plan { releases, notes, crowds, spared, stranded, opens, cut_short, releases_cut_short } = {
            let plan = plan(&view, &policy, now);
            audit(&view, &policy, &plan, now).map_err(Refusal::stopped)?;
            plan
        };
        // One that does not answer would not answer the next question either.
        let asked = stream::iter(releases).take_while(|_| std::future::ready(may_act()));
        let asked = asked.map(|release| foreseen(stage, &policy, release)).buffered(ASKED_TOGETHER);
        let mut proposal = Proposal { cut_short, again_at: opens, ..Proposal::default() };
        let takes = |pod: &PodName, uid: &str| default_takes(stage, &policy, &view, pod, uid, now);
        proposal.refusals.extend(spared.iter().map(|it| refused(it, takes(&it.pod, &it.seen.uid))));
        proposal.attention.extend(stranded.iter().map(ToString::to_string));
        if releases_cut_short {
            without_room.clone_from(&view.without_room);
        }
        let mut late = Vec::new();
        for foreseen in asked.try_collect::<Vec<_>>().await? {
            match foreseen {
                Ok(step) => proposal.steps.push(step),
                Err((full, release)) => {
                    proposal.refusals.push(full);
                    if releases_cut_short {
                        without_room.insert(release.seen.uid.clone());
                    }
                    late.extend(no_start(release).map(|note| told(stage, note, false)));
                }
            }
        }
        proposal.steps.extend(late);
        let say = |note: Note| {
            let default_takes = takes(&note.pod, &note.uid);
            told(stage, note, default_takes)
        };
        proposal.steps.extend(notes.into_iter().map(say));
        proposal.tidings.extend(crowds.into_iter().map(waits));
        Ok(proposal)
    }
    .boxed()
}

/// The release, or that there is no room for the Pod now.
async fn foreseen(
    stage: &Stage,
    policy: &Arc<Policy>,
    release: Release,
) -> Result<Result<Step, (News, Release)>, Unavailable> {
    // What is not known yet is found out when it is carried out.
    if let Some(charge) = charged(stage, policy, &release)
        && let Room::Refused(shortages) = stage.ledger.would_fit(charge, Instant::now() + RESERVING).await?
    {
        return Ok(Err((no_room(&release, &shortages, policy), release)));
    }
    let (stage, policy) = (stage.clone(), policy.clone());
    let news = news(Tone::Normal, "QueueOpen", &release.pod, &release.seen, release.to_string());
    Ok(Ok(Step::told(news, async move { released(&stage, &policy, &release).await }.boxed())))
}

/// What the Pod will be charged; `None` in a Namespace that is no project's.
fn charged(stage: &Stage, policy: &Policy, Release { pod, seen, .. }: &Release) -> Option<Request> {
    admitted(stage, policy, pod, &seen.uid).map(Request::AdmitPod)
}

fn admitted(stage: &Stage, policy: &Policy, pod: &PodName, uid: &str) -> Option<AdmitPod> {
    view::ledger::pod(&stage.world, &stage.prices, policy, (&pod.namespace, &pod.name, uid))
}

/// Takes the gate away, once the ledger has room for the Pod: until then it held nothing. The webhook does not hear of it.
async fn released(stage: &Stage, policy: &Policy, release: &Release) -> Result<Outcome, StepFailed> {
    match charged(stage, policy, release) {
        Some(charge) => match stage.ledger.reserve(charge, Instant::now() + RESERVING).await? {
            Room::Reserved => Ok(stage.writer.release(release).await?),
            Room::Refused(_) | Room::Crowded(_) => Ok(Outcome::Overtaken),
        },
        None if release.because == Because::Ungoverned => Ok(stage.writer.release(release).await?),
        None => Ok(Outcome::Overtaken),
    }
}

/// What a Pod that waits for room says of its start is no longer true.
fn no_start(release: Release) -> Option<Note> {
    let Release { pod, seen, is_told, because: _ } = release;
    is_told.then_some(Note { pod, uid: seen.uid, starts: None })
}

/// Whether a Pod could be run in `default`, as `sluice why` says it. Of one that is not known any more nobody is told.
fn default_takes(stage: &Stage, policy: &Policy, view: &View, pod: &PodName, uid: &str, now: Timestamp) -> bool {
    let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
    let (Some(project), Some(charge)) = (project, admitted(stage, policy, pod, uid)) else { return true };
    charge::default_takes(policy, project, &charge.asked(), now)
}

/// Writes on a Pod when it starts.
fn told(stage: &Stage, note: Note, default_takes: bool) -> Step {
    let about =
        About::Pod { namespace: note.pod.namespace.clone(), name: note.pod.name.clone(), uid: note.uid.clone() };
    let news = News { tone: Tone::Normal, about, related: None, reason: WAITS, note: note.says(default_takes) };
    let (is_news, writer) = (note.starts.is_some(), stage.writer.clone());
    let act = async move { Ok(writer.tell_start(&note).await?) }.boxed();
    // Why no start is known any more is told already: the Pod waits in vain, or for room.
    if is_news { Step::told(news, act) } else { Step::noted(news, act) }
}

fn waits(crowd: Crowd) -> News {
    let note = crowd.to_string();
    let Crowd { namespace, controller: Controller { api_version, kind, name, uid }, .. } = crowd;
    let about = About::Workload { api_version, kind, namespace, name, uid };
    News { tone: Tone::Normal, about, related: None, reason: WAITS, note }
}

fn no_room(release: &Release, shortages: &[Shortage], policy: &Policy) -> News {
    let full: Vec<_> = shortages.iter().map(|shortage| Full { shortage, own: None, policy }.to_string()).collect();
    let note = format!("its queue is open, and it waits for room: {}", full.join("; "));
    news(Tone::Warning, "QuotaFull", &release.pod, &release.seen, note)
}

fn refused(spared: &Spared, default_takes: bool) -> News {
    let reason = match spared.because {
        InVain::NoPlan(_) => "PlanMissing",
        InVain::NotBound { .. } => "QueueNotBound",
        InVain::NeverOpens(_) => "QueueNeverOpens",
    };
    news(Tone::Warning, reason, &spared.pod, &spared.seen, spared.says(default_takes))
}

fn news(tone: Tone, reason: &'static str, pod: &PodName, seen: &Seen, note: String) -> News {
    let about = About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: seen.uid.clone() };
    News { tone, about, related: None, reason, note }
}

#[cfg(test)]
mod tests;
