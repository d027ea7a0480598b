//! A second opinion on a plan, before anything is carried out.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{MAX_MOVES, Move, Plan, View};
use crate::daemons::common::is_exempt;
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::windows::Calendar;

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} moves planned; at most {MAX_MOVES} a cycle")]
    TooMany(usize),
    /// A Pod would be moved that was not seen so, or twice.
    #[error("moves a Pod that was not seen so: {0}")]
    Unseen(Box<Move>),
    /// A Pod would be moved in an exempt Namespace, or in one that is no project's.
    #[error("moves a Pod that is no project's: {0}")]
    Ungoverned(Box<Move>),
    /// A Pod would be moved elsewhere than its workload was.
    #[error("moves a Pod to another queue than its workload was: {0}")]
    Elsewhere(Box<Move>),
    /// A Pod would be moved to a queue that the plan does not give.
    #[error("moves a Pod to a queue that is not its plan's: {0}")]
    NotGiven(Box<Move>),
    /// A Pod that runs would be moved to a queue that is closed.
    #[error("moves a Pod that runs to a closed queue: {0}")]
    Closed(Box<Move>),
}

/// Checks what [`plan`](super::plan) promises.
pub fn audit(view: &View, policy: &Policy, plan: &Plan, now: Timestamp) -> Result<(), Violation> {
    if plan.moves.len() > MAX_MOVES {
        return Err(Violation::TooMany(plan.moves.len()));
    }
    let mut moved = BTreeSet::new();
    plan.moves.iter().try_for_each(|one| {
        if moved.insert(&one.seen.uid) {
            judge(view, policy, one, now)
        } else {
            Err(Violation::Unseen(one.clone().into()))
        }
    })
}

fn judge(view: &View, policy: &Policy, one: &Move, now: Timestamp) -> Result<(), Violation> {
    let Move { pod, seen, to, with, .. } = one;
    let violation = |of: fn(Box<Move>) -> Violation| Err(of(one.clone().into()));
    let Some(member) = view.pods.iter().find(|member| member.pod == *pod && member.seen == *seen) else {
        return violation(Violation::Unseen);
    };
    let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
    let Some(project) = project.filter(|_| !is_exempt(&view.own_namespace, policy.platform(), &pod.namespace)) else {
        return violation(Violation::Ungoverned);
    };
    let Some(queue) = policy.queue_asked(&with.queue).filter(|queue| queue.id == *to) else {
        return violation(Violation::Elsewhere);
    };
    if view.workloads.get(&member.workload) != Some(with) || with.namespace != pod.namespace {
        return violation(Violation::Elsewhere);
    }
    let mode = |rule| policy.platform().mode_of(rule, Some(project));
    let plan = policy.plan_in_force(project, now).filter(|plan| plan.queues.contains(&queue.name));
    if mode(RuleId::Queue) == RuleMode::Enforce && queue.name.as_str() != DEFAULT_QUEUE && plan.is_none() {
        return violation(Violation::NotGiven);
    }
    let is_open = plan.is_none_or(|plan| Calendar::of_queue(plan, queue).is_open(now));
    if mode(RuleId::PlanWindow) == RuleMode::Enforce
        && queue.name.as_str() != DEFAULT_QUEUE
        && !is_open
        && !member.waits
    {
        return violation(Violation::Closed);
    }
    Ok(())
}
