//! What the planner sees, as plain values.

pub mod devices;
pub mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Add, Sub};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::daemons::common::PodName;
use crate::policy::ids::{ProjectId, UserId};

use devices::{Claim, Device, DeviceId, Matching};
use places::{Taint, Term, Toleration};

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// Every node.
    pub nodes: Vec<Node>,
    /// Every device that is published or allocated.
    pub devices: Vec<Device>,
    /// Which kinds of devices pass which selectors.
    pub matching: Matching,
    /// Every claim.
    pub claims: Vec<Claim>,
    /// Every Pod that has not finished, of whatever Namespace.
    pub pods: Vec<Pod>,
    /// Every PodDisruptionBudget.
    pub budgets: Vec<Budget>,
    /// The preemptions that were begun and are not over.
    pub under_way: Vec<UnderWay>,
}

/// What a Pod takes of a node, or a node has. A sum may be below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amounts {
    /// CPU in thousandths of a core.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Pods.
    pub pods: i64,
}

impl Amounts {
    /// Whether there is enough for `other`. What `other` does not ask may be short.
    pub fn covers(self, other: Self) -> bool {
        let enough = |has: i64, asks: i64| asks <= 0 || has >= asks;
        enough(self.milli_cpu, other.milli_cpu) && enough(self.memory, other.memory) && enough(self.pods, other.pods)
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            milli_cpu: self.milli_cpu.saturating_add(other.milli_cpu),
            memory: self.memory.saturating_add(other.memory),
            pods: self.pods.saturating_add(other.pods),
        }
    }
}

impl Sub for Amounts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            milli_cpu: self.milli_cpu.saturating_sub(other.milli_cpu),
            memory: self.memory.saturating_sub(other.memory),
            pods: self.pods.saturating_sub(other.pods),
        }
    }
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints, those with effect `PreferNoSchedule` left out.
    pub taints: Vec<Taint>,
    /// What Pods may take of it.
    pub allocatable: Amounts,
    /// What Pods may take of its other resources, by name.
    pub others: BTreeMap<String, u64>,
}

/// A Pod that has not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its UID.
    pub uid: String,
    /// Which Pod.
    pub pod: PodName,
    /// Whose it is.
    pub user: Option<UserId>,
    /// The project that its Namespace is bound to; `None` where it is no project's.
    pub project: Option<ProjectId>,
    /// Its queue, as its label says.
    pub queue: String,
    /// Its priority in Kubernetes. A queue's record may say another by now, and it is the record that counts.
    pub priority: i32,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// The CPU that it requests, in thousandths of a core.
    pub milli_cpu: u64,
    /// The memory that it requests, in bytes.
    pub memory: u64,
    /// What it requests of a node's other resources, by name, such as ephemeral storage, huge pages and extended resources.
    pub others: BTreeMap<String, u64>,
    /// The claims that it uses.
    pub claims: Vec<PodClaim>,
    /// Labels that its node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Its required node affinity: one of the terms must hold. `None` requires nothing.
    pub affinity: Option<Vec<Term>>,
    /// The taints of nodes that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Whether it is being deleted.
    pub ending: bool,
    /// Whether it has a scheduling gate.
    pub gated: bool,
    /// Since when the scheduler says that it fits nowhere.
    pub unschedulable_since: Option<Timestamp>,
    /// What the scheduler says, where nobody's end helps against it.
    pub kept_off: Option<String>,
    /// Where Pods ended for it or its like in vain: until when it waits.
    pub in_vain: Option<InVain>,
    /// With whom it wants to run, or not at all.
    pub gang: Option<Gang>,
    /// The id of the queue as of which others were evicted for it.
    pub room_made_in: Option<String>,
}

/// A claim that a Pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodClaim {
    /// What the Pod calls it.
    pub name: String,
    /// The claim's UID; `None` where it does not exist yet.
    pub uid: Option<String>,
}

/// The Pods of one workload that need each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gang {
    /// Which workload of the Pod's Namespace.
    pub workload: String,
    /// How many of its Pods must run.
    pub size: u32,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its Namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// The UIDs of the Pods that it protects.
    pub pods: BTreeSet<String>,
    /// How many of them may be evicted now.
    pub allowed: u32,
}

/// A preemption that was begun and is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Where its Pods are to go.
    pub placements: Vec<Placement>,
    /// The UIDs of the Pods that are to end for it.
    pub victims: Vec<String>,
}

/// Where a waiting Pod would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// Its UID.
    pub uid: String,
    /// Which Pod.
    pub pod: PodName,
    /// The node.
    pub node: String,
    /// The devices that its claims would get.
    pub devices: Vec<Given>,
}

/// A device that a claim would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// The claim's UID.
    pub claim: String,
    /// The request of the claim, and after `/` the alternative if it has several.
    pub request: String,
    /// Which device.
    pub device: DeviceId,
    /// What of it is taken; `None` is the device as a whole.
    pub takes: Option<BTreeMap<String, u64>>,
    /// Whether it is free only when others have ended.
    pub freed: bool,
}

/// That Pods ended for a Pod or its like in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InVain {
    /// How many times, of late.
    pub times: u32,
    /// Until when nobody ends for them.
    pub until: Timestamp,
}
