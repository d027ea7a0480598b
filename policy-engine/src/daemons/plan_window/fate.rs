//! What becomes of the Pods of one queue in one project.

use jiff::Timestamp;

use super::{Because, InVain, Start};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::plan::Plan;
use crate::policy::project::Project;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::windows::Closed;

/// What becomes of them.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Released(Because),
    Waits(Start),
    InVain(InVain),
}

/// Why a Pod with the gate waits, as its owner is told who asks.
pub fn why_it_waits(policy: &Policy, project: &Project, queue: &str, now: Timestamp) -> String {
    match fate(policy, project, queue, now) {
        Fate::Released(because) => {
            format!("{because}: it starts once there is room for it, in the project and in what its user may use")
        }
        Fate::Waits(Start { at: _, why }) => format!("{why}; it starts then, as far as there is room"),
        Fate::InVain(because) => format!("{because}: it waits in vain"),
    }
}

pub(super) fn fate(policy: &Policy, project: &Project, asked: &str, now: Timestamp) -> Fate {
    if policy.platform().mode_of(RuleId::PlanWindow, Some(project)) != RuleMode::Enforce {
        return Fate::Released(Because::NotEnforced(project.name.clone()));
    }
    let queue = policy.queue_asked(asked);
    if queue.is_some_and(|queue| queue.name.as_str() == DEFAULT_QUEUE) {
        return Fate::Released(Because::Default);
    }
    let Some(plan) = policy.plan_in_force(project, now).or_else(|| to_come(policy, project, now)) else {
        return Fate::InVain(InVain::NoPlan(project.name.clone()));
    };
    let Some(queue) = queue.filter(|queue| plan.queues.contains(&queue.name)) else {
        return Fate::InVain(InVain::NotBound { plan: plan.name.clone(), queue: asked.to_owned() });
    };
    match Closed::of(plan, queue, now) {
        None => Fate::Released(Because::Open(queue.name.clone())),
        Some(closed) => match closed.opens {
            Some(at) => Fate::Waits(Start { at, why: closed.to_string() }),
            None => Fate::InVain(InVain::NeverOpens(queue.name.clone())),
        },
    }
}

/// A plan that begins later opens its queues then, or with the first window after.
pub(super) fn to_come<'a>(policy: &'a Policy, project: &Project, now: Timestamp) -> Option<&'a Plan> {
    let plan = policy.records().plans.get(project.plan.as_ref()?)?;
    Some(plan).filter(|plan| plan.validity.from.is_some_and(|begins| begins > now))
}
