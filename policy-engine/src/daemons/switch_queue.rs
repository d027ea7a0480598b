//! Switch-queue: which Pods move to another queue because the workload that they are of was moved.
//!
//! The rule `queue` judges the annotation [`SWITCH_QUEUE`](crate::contract::SWITCH_QUEUE) on a workload and writes where it moves to;
//! admission puts Pods that are made from then on into that queue. Here those that exist follow: each as its own annotation would move it.

pub mod audit;
mod fate;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::daemons::common::{PodName, Seen, is_exempt};
use crate::policy::Policy;
use crate::policy::names::{PlanName, ProjectName, QueueName};
use fate::{Fate, fate};

pub use view::{Member, View, Workload};
pub use words::{STAYS, why_it_stays};

/// At most so many Pods are moved a cycle; the next cycle moves the rest.
pub const MAX_MOVES: usize = 200;
/// Of at most so many Pods people are told that they stay.
pub const MAX_SPARED: usize = 200;

/// A Pod that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// The id of the queue that it is in.
    pub from: String,
    /// The id of the queue that it moves to.
    pub to: String,
    /// Whether it may be evicted for Pods of higher ones there.
    pub preemptible: bool,
    /// The workload that was moved.
    pub with: Workload,
}

/// A Pod that stays where it is although its workload was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Which Pod.
    pub pod: PodName,
    /// Its UID.
    pub uid: String,
    /// The id of the queue that it is in.
    pub stays_in: String,
    /// The workload that was moved.
    pub with: Workload,
    /// Why it stays.
    pub because: Stays,
}

/// Why a Pod stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stays {
    /// Its own annotation has moved it.
    ByItself,
    /// There is no such queue.
    NoQueue,
    /// Its project has no plan in force.
    NoPlan(ProjectName),
    /// The plan does not bind the queue.
    NotBound(PlanName),
    /// The queue is closed, and the Pod does not wait for one.
    Closed {
        /// Why it is closed, and until when.
        why: String,
        /// Whether it opens again.
        opens: bool,
    },
    /// Its GPUs are of models that the queue does not take.
    Models {
        /// The queue.
        queue: QueueName,
        /// What its GPUs may be of.
        has: Vec<String>,
    },
}

/// Pods of one workload that stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// The workload.
    pub with: Workload,
    /// How many of its Pods stay.
    pub pods: usize,
    /// The first of them.
    pub first: Spared,
}

/// What is to be done, what is not, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pods that move, in this order.
    pub moves: Vec<Move>,
    /// Pods that stay, and why.
    pub spared: Vec<Spared>,
    /// The workloads that they are of.
    pub crowds: Vec<Crowd>,
    /// When the first of the queues opens that Pods stay out of.
    pub opens: Option<Timestamp>,
    /// Whether [`MAX_MOVES`] left something for the next cycle.
    pub cut_short: bool,
}

/// Says which Pods follow their workload.
///
/// # Expected flow
/// Plan, [`audit`](audit::audit), carry out; look again when a record, a Pod or a workload that was moved changes, and at [`Plan::opens`].
///
/// # Guarantees
/// A Pod moves only to the queue of the nearest workload above it that was moved, and only where its own annotation would move it at `now`.
/// Exempt Namespaces, those that are no project's, and projects in which the rule `queue` is off are left alone. Carried out, a plan moves
/// nothing the next time.
///
/// # Assumptions
/// Who moved the workload may change it: admission judged that, and wrote the label by which the workload is seen here.
///
/// # Caveats
/// A queue that is seen open may be closed when the Pod moves, a moment later.
///
/// # Errors
/// None: what cannot move is a [`Spared`].
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut crowds: BTreeMap<&str, Crowd> = BTreeMap::new();
    let mut pods: Vec<_> = view.pods.iter().collect();
    pods.sort_by_key(|member| &member.pod);
    for member in pods {
        let Member { pod, seen, queue, .. } = member;
        let Some(with) = view.workloads.get(&member.workload) else { continue };
        let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
        let Some(project) = project.filter(|_| !is_exempt(&view.own_namespace, policy.platform(), &pod.namespace))
        else {
            continue;
        };
        match fate(policy, project, member, &with.queue, now) {
            Fate::Settled => {}
            Fate::Moves(_) if plan.moves.len() == MAX_MOVES => plan.cut_short = true,
            Fate::Moves(to) => plan.moves.push(Move {
                pod: pod.clone(),
                seen: seen.clone(),
                from: queue.clone(),
                to: to.id.clone(),
                preemptible: policy.gives_way(to, member.room_made_in.as_deref()),
                with: with.clone(),
            }),
            Fate::Stays { because, until } => {
                plan.opens = [plan.opens, until].into_iter().flatten().min();
                let (stays_in, with) = (queue.clone(), with.clone());
                let spared = Spared { pod: pod.clone(), uid: seen.uid.clone(), stays_in, with: with.clone(), because };
                let crowd = crowds.entry(&member.workload);
                crowd.or_insert_with(|| Crowd { with, pods: 0, first: spared.clone() }).pods += 1;
                if plan.spared.len() < MAX_SPARED {
                    plan.spared.push(spared);
                }
            }
        }
    }
    plan.crowds = crowds.into_values().collect();
    plan
}

/// The Pods of which it matters which workload they are of: those in a Namespace in which one was moved to another queue than theirs.
pub fn may_follow(queues: &BTreeSet<String>, queue: &str) -> bool {
    queues.iter().any(|to| to != queue)
}
