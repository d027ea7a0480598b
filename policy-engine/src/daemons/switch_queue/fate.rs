//! What becomes of one Pod.

use jiff::Timestamp;

use super::{Member, Stays};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::plan::OutsideWindow;
use crate::policy::project::Project;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::policy::rule_id::RuleId;
use crate::submission::switch::models_not_taken;
use crate::windows::Closed;

/// What becomes of it.
pub(super) enum Fate<'a> {
    /// It is where it is to be, or nobody moves Pods here.
    Settled,
    Moves(&'a Queue),
    Stays {
        because: Stays,
        until: Option<Timestamp>,
    },
}

impl Fate<'_> {
    fn stays(because: Stays) -> Self {
        Self::Stays { because, until: None }
    }
}

/// The same that the rules `queue` and `plan-window` say of a Pod's own annotation. Where they only warn, it moves all the same.
pub(super) fn fate<'a>(policy: &'a Policy, project: &Project, pod: &Member, to: &str, now: Timestamp) -> Fate<'a> {
    let mode = |rule| policy.platform().mode_of(rule, Some(project));
    let is_judged = match mode(RuleId::Queue) {
        RuleMode::Off => return Fate::Settled,
        RuleMode::Enforce => true,
        RuleMode::Warn => false,
    };
    let Some(queue) = policy.queue_asked(to) else { return Fate::stays(Stays::NoQueue) };
    if queue.id == pod.queue {
        return Fate::Settled;
    }
    let is_own = |asked: &str| policy.queue_asked(asked).is_some_and(|own| own.id == pod.queue);
    if pod.asks.as_deref().is_some_and(is_own) {
        return Fate::stays(Stays::ByItself);
    }
    let plan = policy.plan_in_force(project, now);
    if is_judged && queue.name.as_str() != DEFAULT_QUEUE {
        match plan {
            None => return Fate::stays(Stays::NoPlan(project.name.clone())),
            Some(plan) if !plan.queues.contains(&queue.name) => return Fate::stays(Stays::NotBound(plan.name.clone())),
            Some(_) => {}
        }
    }
    if is_judged && pod.has_gpus {
        let from = policy.queue_asked(&pod.queue);
        if let Some(has) = models_not_taken(policy, plan, pod.model.as_deref(), from, queue) {
            return Fate::stays(Stays::Models { queue: queue.name.clone(), has });
        }
    }
    let closed = plan.filter(|plan| plan.queues.contains(&queue.name)).and_then(|plan| Closed::of(plan, queue, now));
    match closed.filter(|_| mode(RuleId::PlanWindow) == RuleMode::Enforce) {
        Some(closed) if !(pod.waits && closed.plan.outside_window == OutsideWindow::Gate) => Fate::Stays {
            because: Stays::Closed { why: closed.to_string(), opens: closed.opens.is_some() },
            until: closed.opens,
        },
        Some(_) | None => Fate::Moves(queue),
    }
}
