//! Plan-window: which Pods that wait for their queue may start.
//!
//! The rule `plan-window` sets the gate [`PLAN_WINDOW_GATE`](crate::contract::PLAN_WINDOW_GATE) on a Pod whose queue is
//! closed. Here it is taken away again: when the queue is open, when the Pod's queue is `default`, when the rule is not
//! enforced in its project, and where the Namespace is no project's any more. Those that have waited longest come first.

pub mod audit;
mod words;

#[cfg(test)]
mod tests;

use crate::daemons::common::{PodName, Seen, is_exempt};
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::policy::Policy;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::names::{PlanName, ProjectName, QueueName};
use crate::policy::project::Project;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::windows::{Calendar, OpenState};

/// At most so many Pods are released a cycle; the next cycle releases the rest.
pub const MAX_RELEASES: usize = 200;
/// Of at most so many Pods people are told that they wait in vain.
pub const MAX_SPARED: usize = 200;

/// What waits, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// Every Pod with the gate.
    pub pods: Vec<GatedPod>,
}

/// A Pod with the gate.
#[derive(Clone, Debug)]
pub struct GatedPod {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// When it was made.
    pub since: Timestamp,
    /// The id of its queue, as its label says.
    pub queue: Option<String>,
}

/// A Pod from which the gate is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Why.
    pub because: Because,
}

/// Why a Pod may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its queue is open.
    Open(QueueName),
    /// It is in the queue that never closes.
    Default,
    /// The rule is not enforced in its project.
    NotEnforced(ProjectName),
    /// Its Namespace is bound to no project.
    Ungoverned,
}

/// A Pod that waits, and for nothing that will come by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Why it does not start.
    pub because: InVain,
}

/// Why a Pod waits in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InVain {
    /// Its project has no plan in force.
    NoPlan(ProjectName),
    /// The plan does not bind the queue, or there is no such queue.
    NotBound {
        /// The project's plan.
        plan: PlanName,
        /// The queue's id.
        queue: String,
    },
    /// The windows of the queue do not open again.
    NeverOpens(QueueName),
}

/// What is to be done, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pods to release, in this order.
    pub releases: Vec<Release>,
    /// Pods that wait in vain.
    pub spared: Vec<Spared>,
    /// When the first of the queues opens for which Pods wait.
    pub opens: Option<Timestamp>,
    /// Whether [`MAX_RELEASES`] left something for the next cycle.
    pub cut_short: bool,
}

/// Says which Pods may start.
///
/// # Expected flow
/// Plan, [`audit`](audit::audit), carry out; look again when a record or a Pod changes, and at [`Plan::opens`].
///
/// # Guarantees
/// A Pod is released only while its queue is open at `now`, or where the gate means nothing. Exempt Namespaces, and those
/// of a project whose record cannot be read, are left alone.
///
/// # Assumptions
/// A Pod's label says its queue: the platform wrote it, and puts it back.
///
/// # Caveats
/// A queue that is seen open may be closed when the release is carried out, a moment later.
///
/// # Errors
/// None: what waits in vain is a [`Spared`].
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut known = BTreeMap::new();
    let mut plan = Plan::default();
    let mut pods: Vec<_> = view.pods.iter().collect();
    pods.sort_by_key(|waiting| (waiting.since, &waiting.pod));
    for GatedPod { pod, seen, queue, .. } in pods {
        let (pod, seen) = (pod.clone(), seen.clone());
        if is_exempt(&view.own_namespace, policy.platform(), &pod.namespace) {
            continue;
        }
        let project = view.bindings.get(&pod.namespace);
        let fate = known.entry((project, queue)).or_insert_with(|| match project {
            None => Fate::Released(Because::Ungoverned),
            Some(id) => policy
                .project_by_id(id)
                .map_or(Fate::Left, |project| fate(policy, project, queue.as_deref().unwrap_or(DEFAULT_QUEUE), now)),
        });
        match fate.clone() {
            Fate::Released(because) => plan.releases.push(Release { pod, seen, because }),
            Fate::Waits(until) => plan.opens = plan.opens.map_or(Some(until), |first| Some(first.min(until))),
            Fate::InVain(because) => plan.spared.push(Spared { pod, seen, because }),
            Fate::Left => {}
        }
    }
    plan.cut_short = plan.releases.len() > MAX_RELEASES;
    plan.releases.truncate(MAX_RELEASES);
    plan.spared.truncate(MAX_SPARED);
    plan
}

/// What becomes of the Pods of one queue in one project.
#[derive(Clone, Debug)]
enum Fate {
    Released(Because),
    Waits(Timestamp),
    InVain(InVain),
    Left,
}

fn fate(policy: &Policy, project: &Project, asked: &str, now: Timestamp) -> Fate {
    if policy.platform().mode_of(RuleId::PlanWindow, Some(project)) != RuleMode::Enforce {
        return Fate::Released(Because::NotEnforced(project.name.clone()));
    }
    let queue = policy.queue_asked(asked);
    if queue.is_some_and(|queue| queue.name.as_str() == DEFAULT_QUEUE) {
        return Fate::Released(Because::Default);
    }
    let Some(plan) = policy.plan_in_force(project, now) else {
        // A plan that begins later opens its queues then.
        let begins = project.plan.as_ref().and_then(|name| policy.records().plans.get(name)?.validity.from);
        return match begins.filter(|begins| *begins > now) {
            Some(begins) => Fate::Waits(begins),
            None => Fate::InVain(InVain::NoPlan(project.name.clone())),
        };
    };
    let Some(queue) = queue.filter(|queue| plan.queues.contains(&queue.name)) else {
        return Fate::InVain(InVain::NotBound { plan: plan.name.clone(), queue: asked.to_owned() });
    };
    match Calendar::of_queue(plan, queue).state(now) {
        OpenState::AlwaysOpen | OpenState::OpenUntil(_) => Fate::Released(Because::Open(queue.name.clone())),
        OpenState::ClosedUntil(opens) => Fate::Waits(opens),
        OpenState::NeverOpens => Fate::InVain(InVain::NeverOpens(queue.name.clone())),
    }
}
