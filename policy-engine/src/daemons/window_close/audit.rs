//! A second opinion on a plan, before anything is carried out.

use jiff::{SignedDuration, Timestamp};

use super::{Eviction, MAX_STEPS, Note, Plan, QueuedPod, Reason, View};
use crate::daemons::common::{PodName, is_exempt};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::windows::Calendar;

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} steps planned; at most {MAX_STEPS} a cycle of each kind")]
    TooMany(usize),
    /// A Pod that was not seen so would be changed.
    #[error("changes pod {0}, which was not seen so")]
    Unseen(PodName),
    /// An exempt Namespace, or one that is no project's, would be touched.
    #[error("touches pod {0}, which is not governed")]
    Ungoverned(PodName),
    /// A Pod in the queue that never closes would be stopped.
    #[error("stops a pod in the queue default: {0}")]
    Default(Box<Eviction>),
    /// A Pod would be told of an eviction, or evicted, where the rule does not say so.
    #[error("pod {0} is of a project in which the rule plan-window is not enforced")]
    NotEnforced(PodName),
    /// A Pod would be evicted whose queue is open, or was since it closed as the Pod was told.
    #[error("stops a pod whose queue is or was open: {0}")]
    Open(Box<Eviction>),
    /// A Pod would be evicted before its time.
    #[error("stops a pod before its time: {0}")]
    Early(Box<Eviction>),
}

/// Checks what [`plan`](super::plan) promises.
pub fn audit(view: &View, policy: &Policy, plan: &Plan, now: Timestamp) -> Result<(), Violation> {
    let most = plan.notes.len().max(plan.evictions.len());
    if most > MAX_STEPS {
        return Err(Violation::TooMany(most));
    }
    plan.notes.iter().try_for_each(|note| noted(view, policy, note))?;
    plan.evictions.iter().try_for_each(|eviction| evicted(view, policy, eviction, now))
}

fn seen<'a>(view: &'a View, pod: &PodName, uid: &str, queue: &str) -> Result<&'a QueuedPod, Violation> {
    let found = view.pods.iter().find(|seen| seen.pod == *pod && seen.uid == uid && seen.queue == queue);
    found.ok_or_else(|| Violation::Unseen(pod.clone()))
}

fn is_enforced(view: &View, policy: &Policy, pod: &PodName) -> Result<bool, Violation> {
    let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
    if project.is_none() || is_exempt(&view.own_namespace, policy.platform(), &pod.namespace) {
        return Err(Violation::Ungoverned(pod.clone()));
    }
    Ok(policy.platform().mode_of(RuleId::PlanWindow, project) == RuleMode::Enforce)
}

fn noted(view: &View, policy: &Policy, note: &Note) -> Result<(), Violation> {
    seen(view, &note.pod, &note.uid, &note.queue)?;
    if is_enforced(view, policy, &note.pod)? || note.closing.is_none() {
        return Ok(());
    }
    Err(Violation::NotEnforced(note.pod.clone()))
}

fn evicted(view: &View, policy: &Policy, eviction: &Eviction, now: Timestamp) -> Result<(), Violation> {
    let seen = seen(view, &eviction.pod, &eviction.uid, &eviction.queue)?;
    if !is_enforced(view, policy, &eviction.pod)? {
        return Err(Violation::NotEnforced(eviction.pod.clone()));
    }
    let queue = policy.queue_asked(&eviction.queue).filter(|queue| queue.name.as_str() != DEFAULT_QUEUE);
    let Some(queue) = queue else { return Err(Violation::Default(eviction.clone().into())) };
    let told = seen.closes_at.as_deref().and_then(|told| told.parse::<Timestamp>().ok());
    let Some(told) = told.filter(|told| *told <= now) else { return Err(Violation::Early(eviction.clone().into())) };
    let (grace, budget) = (policy.platform().plan_window_grace, policy.platform().budget_grace);
    let least = if eviction.is_forced { grace.saturating_add(budget) } else { grace };
    let passed = std::time::Duration::try_from(now.duration_since(told)).unwrap_or_default();
    if passed < least || (eviction.is_forced && seen.eviction_reason.is_none()) {
        return Err(Violation::Early(eviction.clone().into()));
    }
    let project = view.bindings.get(&eviction.pod.namespace).and_then(|id| policy.project_by_id(id));
    let plan = project.and_then(|project| policy.records().plans.get(project.plan.as_ref()?));
    let is_closed = match plan {
        None => eviction.reason == Reason::NoPlan,
        Some(plan) => {
            let calendar = Calendar::of_queue(plan, queue);
            let back = SignedDuration::try_from(least).unwrap_or(SignedDuration::MAX);
            plan.queues.contains(&queue.name)
                && !calendar.is_open(now)
                && calendar.closed_within(back, now).is_none_or(|closed| closed <= told && closed <= eviction.closed_at)
        }
    };
    if is_closed { Ok(()) } else { Err(Violation::Open(eviction.clone().into())) }
}
