//! Why a Pod is taken, spared, or waits on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::daemons::common::PodName;
use crate::policy::names::{PlanName, ProjectName, QueueName};

use super::view::InVain;

/// Why a Pod may be evicted for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Because {
    /// Its queue has a lower priority, and is preemptible or the Pod owes room.
    Lower {
        /// Its queue.
        queue: QueueName,
        /// That queue's priority.
        priority: i32,
        /// The waiting Pod's queue.
        than: QueueName,
        /// That queue's priority.
        than_priority: i32,
        /// Whether it gives way only because others were evicted for it as of a preemptible queue.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        owes_room: bool,
    },
    /// Its queue uses more GPU than it deserves, and the waiting Pod's queue less.
    Above {
        /// Its queue.
        queue: QueueName,
        /// The GPU that it uses, in thousandths.
        in_use: u64,
        /// The GPU that it deserves, in thousandths.
        deserved: u64,
        /// The waiting Pod's queue.
        below: QueueName,
    },
}

/// Why a Pod is not evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Spared {
    /// Its Namespace is exempt or no project's.
    Exempt,
    /// Kubernetes needs it to run.
    Critical,
    /// Its queue has no record.
    NoQueue(String),
    /// The queue rule is not enforced in its project.
    NotEnforced(ProjectName),
    /// It uses a claim that the waiting Pod uses too.
    SharesClaim,
    /// Its queue has no lower priority, and is not above what it deserves or the other not below.
    NotLower {
        /// Its queue.
        queue: QueueName,
        /// The waiting Pod's queue.
        than: QueueName,
    },
    /// Its queue has a lower priority and is not preemptible.
    NotPreemptible(QueueName),
    /// Its queue would have less than it deserves.
    Floor {
        /// Its queue.
        queue: QueueName,
        /// The GPU that the queue uses, in thousandths.
        in_use: u64,
        /// The GPU that it deserves, in thousandths.
        deserved: u64,
    },
    /// A PodDisruptionBudget protects it, and as many others of the same priority could be taken.
    Budget(String),
    /// Its queue gives way before those of all who are taken, and fewer Pods suffice without it.
    FewerSuffice {
        /// Its queue.
        queue: QueueName,
        /// How many are taken.
        taken: usize,
    },
    /// The others suffice, and cost less.
    NotNeeded,
}

/// Why nobody is evicted for a Pod that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WhyNot {
    /// It fits on a node as that is.
    Fits(String),
    /// It fits on a node when others are gone that are ending.
    Ending {
        /// The node.
        node: String,
        /// Who is ending there.
        pods: Vec<PodName>,
    },
    /// A preemption for it was begun and is not over.
    UnderWay(String),
    /// The queue rule is not enforced in its project.
    NotEnforced(ProjectName),
    /// Its queue has no record.
    NoQueue(String),
    /// Its project's plan does not give it its queue any more.
    NotGiven {
        /// The queue.
        queue: QueueName,
        /// The project's plan; `None` where it has none in force.
        plan: Option<PlanName>,
    },
    /// Its queue is closed: a sentence that says until when.
    Closed(String),
    /// One of its claims does not exist yet.
    NoClaim(String),
    /// The scheduler says of it what nobody's end changes.
    KeptOff(String),
    /// Pods ended for it or its like before, and it did not run.
    InVain(InVain),
    /// As many Pods use one of its claims as can.
    ClaimFull(PodName),
    /// The others of its workload that it needs are not there.
    GangIncomplete {
        /// Which workload.
        workload: String,
        /// How many run or wait.
        have: u32,
        /// How many must.
        size: u32,
    },
    /// Nobody who may be evicted would make room.
    Missing(Missing),
    /// Nobody makes room without Pods in whose project the queue rule is not enforced.
    WouldTake {
        /// The node.
        node: String,
        /// Who would be evicted.
        pods: Vec<PodName>,
        /// Where the queue rule is not enforced.
        projects: BTreeSet<ProjectName>,
    },
    /// This turn has done what a turn may.
    NextTurn,
}

/// What is missing, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// On how many nodes what is missing.
    pub nodes: BTreeMap<Lack, usize>,
    /// How many Pods must find room together, where it is more than one.
    pub together: Option<usize>,
}

/// What one node lacks. The order is that in which it is looked for, and the last is nearest to enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lack {
    /// The labels that the Pod's node selector asks.
    Selector,
    /// What the Pod's node affinity requires.
    Affinity,
    /// The Pod does not tolerate a taint.
    Taint,
    /// A claim that the Pod uses has devices elsewhere.
    Claim,
    /// It is too small even when empty: CPU.
    Cpu,
    /// It is too small even when empty: memory.
    Memory,
    /// It is too small even when empty: Pods.
    Pods,
    /// It is too small even when empty: another resource.
    Other,
    /// Devices that match, also if all were free.
    Devices,
    /// A driver that publishes its devices.
    Unlisted,
    /// Those who have the rest may not be evicted.
    Kept,
}
