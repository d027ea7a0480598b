//! What is asked to move to another queue: a living Pod, or a workload with all of its Pods.

use std::collections::BTreeSet;
use std::fmt;

use super::Case;
use crate::claims::allowed_models;
use crate::contract;
use crate::object::Object;
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::plan::Plan;
use crate::policy::queue::Queue;
use crate::policy::rule_id::RuleId;
use crate::submission::facts::{Facts, MovedTo};
use crate::submission::identity::Caller;
use crate::submission::{Act, Submission};

/// What the annotation `switch-queue` asks, and did not ask before.
#[derive(Clone, Copy, Debug)]
pub struct Switch<'a> {
    /// The queue, as it is asked.
    pub asked: &'a str,
    /// The queue that is meant, if there is one. What is asked for moves there, unless a rule refuses it.
    pub queue: Option<&'a Queue>,
}

impl<'a> Switch<'a> {
    /// What is asked of a living Pod. `None` where nothing is asked anew, and where the rule that moves Pods is off.
    pub fn of(case: &Case<'a>) -> Option<Self> {
        let is_pod = case.is_living_pod() && case.submission.subresource.is_empty();
        Self::asked_anew(case, case.object()?.annotation(contract::SWITCH_QUEUE)?).filter(|_| is_pod)
    }

    /// The same of a workload and its Pods. Controllers copy annotations to what they make (a Deployment's are on its ReplicaSets, and
    /// stay there): what they write asks for nothing.
    pub fn of_workload(case: &Case<'a>) -> Option<Self> {
        let is_write =
            matches!(case.submission.act, Act::Create | Act::Update) && case.submission.subresource.is_empty();
        Self::asked_anew(case, asked(case.object()?)?).filter(|_| is_write && case.owns_pods() && may_ask(case))
    }

    fn asked_anew(case: &Case<'a>, asked: &'a str) -> Option<Self> {
        let before = case.old().and_then(|old| old.annotation(contract::SWITCH_QUEUE));
        let is_judged = || case.policy.platform().mode_of(RuleId::Queue, Some(case.project)) != RuleMode::Off;
        (before != Some(asked) && is_judged()).then(|| Self { asked, queue: case.policy.queue_asked(asked) })
    }
}

/// A workload that was moved to a queue, as it stands above the Pods that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The id of the queue, or what was asked.
    pub queue: &'a str,
}

impl<'a> Moved<'a> {
    /// The workload that says where the Pods go that are made of what is submitted: itself, or the nearest above it. What is stored
    /// counts, and what is asked of a workload that was moved before; a label that somebody writes does not.
    pub(super) fn of(case: &Case<'a>, facts: &'a Facts) -> Option<Self> {
        let Submission { act, subresource, kind, name, .. } = *case.submission;
        let is_written = matches!(act, Act::Create | Act::Update) && subresource.is_empty() && !case.is_pod();
        let own = || {
            let stands = still_moved_to(case).filter(|_| is_written && case.owns_pods())?;
            let anew = Switch::of_workload(case).and_then(|switch| switch.queue);
            Some(Self { kind, name, queue: anew.map_or(stands, |queue| &queue.id) })
        };
        let above = || facts.moved_to.as_ref().map(|MovedTo { kind, name, queue }| Self { kind, name, queue });
        let is_judged = case.policy.platform().mode_of(RuleId::Queue, Some(case.project)) != RuleMode::Off;
        own().or_else(above).filter(|_| is_judged)
    }

    /// How it is written to move it elsewhere.
    pub fn command(&self) -> String {
        format!("sluice switch-queue {}/{}", self.kind.to_lowercase(), self.name)
    }
}

impl fmt::Display for Moved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, queue } = self;
        write!(f, "{} {name} was switched to queue {queue}", kind.to_lowercase())
    }
}

/// Whether a workload that was moved before is moved elsewhere by this submission.
pub(crate) fn is_moved_now(case: &Case<'_>) -> bool {
    case.moved.is_some() && Switch::of_workload(case).is_some()
}

/// Where a workload has been moved, as far as this submission does not ask for it anew: where it was, until the annotation goes.
pub(crate) fn still_moved_to<'a>(case: &Case<'a>) -> Option<&'a str> {
    let before = case.old()?.label(contract::MOVED_TO)?;
    let is_write = matches!(case.submission.act, Act::Create | Act::Update);
    let is_taken_off = is_write && may_ask(case) && case.object().is_some_and(|object| asked(object).is_none());
    (!is_taken_off).then_some(before)
}

/// An annotation without a value asks for nothing.
fn asked(object: Object<'_>) -> Option<&str> {
    object.annotation(contract::SWITCH_QUEUE).filter(|asked| !asked.is_empty())
}

fn may_ask(case: &Case<'_>) -> bool {
    match case.caller {
        Caller::Person(_) | Caller::Admin | Caller::Client | Caller::Deputy(_) => true,
        Caller::Controller | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => false,
    }
}

/// The models that a Pod's GPUs may be of, if the queue `to` does not take them all: its claims were made for them. `model` is what its
/// label says. What runs on a model that its plan no longer has goes on, in every queue that takes all of them.
pub(crate) fn models_not_taken(
    policy: &Policy,
    plan: Option<&Plan>,
    model: Option<&str>,
    from: Option<&Queue>,
    to: &Queue,
) -> Option<Vec<String>> {
    if to.gpu_models.is_empty() {
        return None;
    }
    let ids = |queue| allowed_models(policy, plan, queue).into_iter().map(|model| model.id.clone());
    let has: Vec<String> = match model {
        Some(model) => vec![model.to_owned()],
        None => ids(from).collect(),
    };
    let taken: BTreeSet<_> = ids(Some(to)).collect();
    (!has.iter().all(|id| taken.contains(id))).then_some(has)
}
