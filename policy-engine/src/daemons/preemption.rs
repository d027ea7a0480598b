//! Preemption: for whom room is made, and who ends for it.
//!
//! The scheduler cannot free devices, so the platform evicts Pods for those that wait. All that follows is about queues as
//! their records are now; the priority that a Pod has in Kubernetes does not count.
//!
//! **Room is made for a Pod if and only if**
//! * the scheduler says that it fits nowhere, and it has no gate and is not being deleted;
//! * its Namespace is a project's and not exempt, the rule `queue` is enforced there, and its queue has a record, is `default` or given by
//!   the project's plan in force, and is open (where the rule `plan-window` is enforced);
//! * all its claims exist;
//! * it fits on no node as everything is, nor when those are gone that are ending already (then it waits for them);
//! * no room is being made for it already;
//! * the scheduler blames no node for what is not looked at here: volumes, other Pods near or far, spreads and ports. It does not say
//!   of which nodes, so one is enough. A Pod that requires such things itself must be known to lack only room, on some node; others
//!   are planned for also where the message is in unknown words ([`blame`]);
//! * Pods did not end for it, or for others of the same person in its queue, in vain of late: after the first time it waits ten minutes, and
//!   twice as long each time more of the last day, at most eight hours ([`past`]);
//! * a set of Pods that may be evicted for it is such that without them it would fit on some node: the node's labels and
//!   taints, its CPU, memory, number of Pods and whatever else is requested of nodes (ephemeral storage, huge pages, extended
//!   resources), and devices for all its claims, by class, selectors, constraints, taints
//!   and capacity. A device is free when *all* Pods that use its claim are gone. Devices that no driver publishes at the
//!   moment are not free.
//!
//! Pods of one workload that need each other (a *gang*) get room all together or not at all, once so many of them run or
//! wait as must.
//!
//! **Your Pod may be evicted for another if and only if** its Namespace is a project's and not exempt, the rule `queue` is enforced
//! there, it is not critical to the cluster, it uses no claim that the other uses too, and
//! * its queue has a lower priority than the other's and is preemptible, or others were evicted for your Pod when it was in a queue that is:
//!   whoever moves to another queue keeps nothing for good that was taken from others; or
//! * its queue uses more GPU than it deserves, the other's less, the other asks GPU, and your queue's priority is not higher;
//!
//! and its queue would not have less GPU than it deserves. A queue that deserves nothing in particular has no such floor. A
//! claim counts for a queue once, however many of the queue's Pods use it.
//!
//! **Of the sets that suffice, one is taken** with the fewest Pods; then with the fewest of queues other than those that deserve
//! zero; then with the lowest priorities, the highest compared first; then one that no PodDisruptionBudget forbids at the moment;
//! then the one whose Pods started last, the oldest compared first; then by names. Of a gang's, one is taken of which no Pod could
//! stay. If no set suffices nobody is evicted.
//!
//! A budget makes no more Pods end, and none of higher queues: everybody may write one that never allows anything. It puts the end of
//! those that it protects off, for `PlatformPolicy.spec.grace.budget` and no longer.
//!
//! Those come first whose queue has the higher priority, then those that wait longest.

pub mod audit;
pub mod blame;
pub mod past;
pub mod progress;
pub mod view;
pub mod why;

mod ask;
mod devices;
mod fate;
mod fit;
mod ground;
mod group;
mod search;
mod spared;
mod state;
mod turn;
mod victims;
mod words;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::daemons::common::{PodName, later};
use crate::policy::Policy;
use crate::policy::names::QueueName;

use ground::Ground;
use group::groups;
use past::Asker;
use turn::Turn;
use view::devices::DeviceId;
use view::{Placement, View};
use why::{Because, Spared, WhyNot};

pub use words::{NO_ROOM, no_room, what_helps, why_no_room};

/// The daemon, as the journal and the metrics name it.
pub const NAME: &str = "preemption";
/// Label on what holds a device: for which preemption it does, as the journal names it.
pub const HOLD_MARK: &str = "sluice.dev/preemption";
/// Begins the reason why a Pod was evicted for another.
pub const PREEMPTED: &str = "Preempted";
/// At most so many preemptions are begun in a turn; the next turn begins more.
pub const MOST_PREEMPTIONS: usize = 20;
/// When so many Pods end in a turn, no more preemptions are begun in it.
pub const MOST_VICTIMS: usize = 256;
/// Of at most so many Pods it is said with each preemption why they are spared.
pub const MOST_SPARED: usize = 20;
/// So many sets of Pods are tried in a turn. What is found then is a set of which nobody is too many, and not always the smallest.
const MOST_TRIES: u32 = 200_000;
/// When a budget forbids an eviction it is looked at again after so long.
const BUDGET_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// What is to be done, in this order, and who waits on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done.
    pub preemptions: Vec<Preemption>,
    /// For whom nobody is evicted.
    pub waiting: Vec<Waiting>,
    /// Whether a turn's limits left something for the next.
    pub cut_short: bool,
    /// When to look again, if nothing changes before.
    pub again_at: Option<Timestamp>,
}

/// Room that is made for a Pod, or several that need each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preemption {
    /// Its place in the order in which the waiting Pods were looked at.
    pub place: usize,
    /// For whom, and where they would go.
    pub placements: Vec<Placement>,
    /// Who ends.
    pub victims: Vec<Victim>,
    /// The devices to hold: those that the placements name. Of what is freed besides nothing is held; what is free
    /// already is, because without it the others would end in vain.
    pub hold: Vec<DeviceId>,
    /// Who is spared on those nodes.
    pub spared: Vec<SparedPod>,
    /// Who asks, for the case that it is in vain. Absent in what an earlier version planned.
    #[serde(default)]
    pub asker: Option<Asker>,
}

/// A Pod that ends for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Victim {
    /// Its UID.
    pub uid: String,
    /// Which Pod.
    pub pod: PodName,
    /// Its queue.
    pub queue: QueueName,
    /// Why it may be evicted.
    pub because: Because,
    /// The PodDisruptionBudget that forbids it as yet. No other set of as few Pods, of as low queues, suffices.
    pub budget: Option<String>,
    /// How long it may take to end, in seconds, as it is when that begins.
    #[serde(default)]
    pub grace_seconds: u32,
    /// Since when it was asked to go before, where that was broken off a moment ago: its budget is heeded from then on.
    #[serde(default)]
    pub asked_since: Option<Timestamp>,
}

impl Victim {
    /// Since when it is asked to go, in a preemption that began then.
    pub fn asked_at(&self, begun_at: Timestamp) -> Timestamp {
        self.asked_since.unwrap_or(begun_at)
    }

    /// When a budget is heeded no longer that holds its eviction up.
    pub fn forced_at(&self, begun_at: Timestamp, policy: &Policy) -> Timestamp {
        later(self.asked_at(begun_at), policy.platform().budget_grace)
    }
}

/// A Pod that is not evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SparedPod {
    /// Which Pod.
    pub pod: PodName,
    /// Why it is spared.
    pub because: Spared,
}

/// A Pod for which nobody is evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Its place in the order in which the waiting Pods were looked at.
    pub place: usize,
    /// Its UID.
    pub uid: String,
    /// Which Pod.
    pub pod: PodName,
    /// Why nobody is evicted for it.
    pub why: WhyNot,
    /// Where it will go when others have ended, if it waits for that.
    pub counts_on: Option<Placement>,
    /// Who has what it asks and is spared.
    pub spared: Vec<SparedPod>,
}

/// Says for whom room is made, and who ends for it.
///
/// # Expected flow
/// Plan, [`audit`](audit::audit), record, hold the devices, evict; tell those that wait. A preemption that was begun is in
/// the next view as [`UnderWay`](view::UnderWay) until its Pods run, or it is given up. Look again when anything changes,
/// and at [`Plan::again_at`].
///
/// # Guarantees
/// What the audit checks. A set that suffices is the smallest, unless more than so many had to be tried. Equal views have
/// equal plans. Repeated turns come to an end: GPU goes to higher priorities, or to queues below what they deserve, and never back.
///
/// # Assumptions
/// The view is complete: what it does not hold does not exist. A claim that is reserved for a Pod that it does not hold is
/// about to be given back.
///
/// # Caveats
/// A set is sought for one Pod after the other, so that two Pods can cost more victims than would be needed for both.
///
/// # Errors
/// None: what cannot be done is a [`Waiting`].
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let ground = Ground::new(view, policy);
    let mut turn = Turn::new(&ground);
    for (place, group) in groups(&ground, policy, now).into_iter().enumerate() {
        match group.refused {
            Some(why) => turn.wait(place, &group.pods, &why, &[]),
            None if turn.is_full() => {
                turn.plan.cut_short = true;
                turn.wait(place, &group.pods, &WhyNot::NextTurn, &[]);
            }
            None => turn.look_at(place, &group.pods),
        }
    }
    let mut plan = turn.plan;
    let blocked = plan.preemptions.iter().flat_map(|it| &it.victims).any(|victim| victim.budget.is_some());
    plan.again_at = if plan.cut_short { Some(now) } else { blocked.then(|| now + BUDGET_AGAIN) };
    plan
}
