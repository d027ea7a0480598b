//! What the plan is made of.

use std::collections::BTreeMap;

use crate::daemons::common::{PodName, Seen};
use crate::daemons::plan_window::Controller;
use crate::policy::ids::ProjectId;

/// What was moved, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// The workloads that were moved, by UID.
    pub workloads: BTreeMap<String, Workload>,
    /// Pods of theirs that have not ended.
    pub pods: Vec<Member>,
}

/// A workload that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its Namespace.
    pub namespace: String,
    /// Which one it is.
    pub named: Controller,
    /// The id of the queue that it was moved to.
    pub queue: String,
}

/// A Pod of a workload that was moved.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// The UID of the nearest workload above it that was moved.
    pub workload: String,
    /// The id of its queue, as its label says.
    pub queue: String,
    /// What its own annotation asks.
    pub asks: Option<String>,
    /// Whether it waits behind the gate of the rule `plan-window`.
    pub waits: bool,
    /// Whether it has GPUs.
    pub has_gpus: bool,
    /// The model of them that its label says.
    pub model: Option<String>,
    /// The id of the queue as of which others were evicted for it.
    pub room_made_in: Option<String>,
}
