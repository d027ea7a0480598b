//! Workspaces: makes the Pod of each that is to run, and ends those of the others.
//!
//! **Your workspace** runs as long as its `spec.running` says so: within a second of that it has a Pod of its own name, and it gets
//! another when somebody deletes that or its node is drained. A Pod that cannot start, or that ends again and again, is left as it is:
//! the status says why, and who stops the workspace and starts it again gets a new one. With `running: false` the Pod is ended, and its
//! volumes stay.
//!
//! Where its queue has closed, or its Pod gives way to a higher queue, the workspace is stopped, with the reason in its status: it is not
//! made again by itself. While its queue is closed, one that is started waits. A Pod that is refused is tried again: for lack of room as
//! soon as there may be some, for another reason after a minute at most, or when the workspace is changed.
//!
//! The Pods are made under a service account of their own, which the webhooks hear of: they are judged like everybody's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, News, Outcome, Refusal, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use policy_engine::daemons::common;
use policy_engine::daemons::workspaces::audit::audit;
use policy_engine::daemons::workspaces::{Action, Plan, Refused, Report, plan};
use policy_engine::policy::rule_id::RuleId;

use tokio::sync::watch;

use crate::cycle::{self, Daemon, Proposal, Step, StepFailed, Turn};
use crate::stage::Stage;

/// Somebody waits for it.
const GATHER: Duration = Duration::from_millis(50);

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("workspaces", HEARS, propose).gathering(GATHER).hearing_of_room();

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces, Topic::Pods, Topic::Workspaces];
/// So many are started, stopped or spoken of at a time.
const AT_A_TIME: usize = 16;
/// What is refused is tried again after so long, and then after twice as long each time, up to the last.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(2);
const LAST_PAUSE: SignedDuration = SignedDuration::from_secs(60);
/// The rule whose refusals are for lack of room.
const QUOTA: &str = RuleId::Quota.as_str();

/// What could not be made, by the UID and the generation of its workspace.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<(String, i64), Tried>>>);

/// That, and how it is heard that there is more room.
#[derive(Default)]
struct Kept {
    memory: Memory,
    room: Option<watch::Receiver<()>>,
}

#[derive(Clone)]
struct Tried {
    refused: Refused,
    /// How many times before this one.
    times: u32,
}

impl Memory {
    /// What is known of those that still wait, and forgets the others.
    fn refused(&self) -> BTreeMap<(String, i64), Refused> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.iter().map(|(of, tried)| (of.clone(), tried.refused.clone())).collect()
    }

    fn keep(&self, is_waiting: impl Fn(&(String, i64)) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|of, _| is_waiting(of));
    }

    /// There may be room now.
    fn hurry(&self, now: Timestamp) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.values_mut().filter(|it| it.refused.is_for_room).for_each(|it| it.refused.again_at = now);
    }

    fn note(&self, of: (String, i64), message: String, is_for_room: bool, now: Timestamp) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = tried.get(&of).map_or(0, |before| before.times.saturating_add(1));
        let pause = common::pause(times, FIRST_PAUSE, LAST_PAUSE);
        let again_at = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        tried.insert(of, Tried { refused: Refused { message, is_for_room, again_at }, times });
    }
}

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, cycle::Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let Kept { memory, room } = memory.of();
        let now = Timestamp::now();
        let room = room.get_or_insert_with(|| stage.room.listen());
        if room.has_changed().unwrap_or(false) {
            room.mark_unchanged();
            memory.hurry(now);
        }
        let view = view::workspaces::view(&stage.world, &stage.own_namespace, &memory.refused());
        let is_waiting = |(uid, generation): &(String, i64)| {
            let mut known = view.workspaces.iter();
            known.any(|it| it.pod.is_none() && it.seen.uid == *uid && it.generation == *generation)
        };
        memory.keep(is_waiting);
        let policy = stage.world.policy();
        let plan = plan(&view, &policy, now);
        audit(&view, &policy, &plan).map_err(cycle::Refusal::stopped)?;
        Ok(proposal(stage, memory, plan))
    }
    .boxed()
}

fn proposal(stage: &Stage, memory: &Memory, plan: Plan) -> Proposal {
    let Plan { actions, reports, again_at, cut_short } = plan;
    let acts = actions.into_iter().map(|action| act(stage, memory, action));
    let says = reports.into_iter().map(|report| say(stage, report));
    Proposal { steps: acts.chain(says).collect(), together: AT_A_TIME, again_at, cut_short, ..Proposal::default() }
}

fn act(stage: &Stage, memory: &Memory, action: Action) -> Step {
    let (writer, memory, own_namespace) = (stage.writer.clone(), memory.clone(), stage.own_namespace.clone());
    let news = News {
        tone: Tone::Normal,
        about: about(&action),
        related: None,
        reason: match action {
            Action::Start { .. } => "Started",
            Action::Stop { .. } => "Stopped",
        },
        note: action.to_string(),
    };
    let act = async move {
        match (writer.move_workspace(&action, &own_namespace).await, &action) {
            (Err(failed), Action::Start { uid, generation, .. }) => {
                let Some(Refusal { message, rules }) = failed.refusal() else { return Err(StepFailed::Write(failed)) };
                let is_for_room = !rules.is_empty() && rules.iter().all(|rule| rule == QUOTA);
                memory.note((uid.clone(), *generation), message, is_for_room, Timestamp::now());
                Ok(Outcome::Overtaken)
            }
            (ended, _) => Ok(ended?),
        }
    };
    Step::told(news, act.boxed())
}

fn say(stage: &Stage, report: Report) -> Step {
    let writer = stage.writer.clone();
    Step::silent(async move { Ok(writer.report_workspace(&report).await?) }.boxed())
}

fn about(action: &Action) -> About {
    let (name, uid) = action.of();
    About::Workload {
        api_version: format!("{}/{}", records::GROUP, records::VERSION),
        kind: "Workspace".to_owned(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        uid: uid.to_owned(),
    }
}
