//! What the plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::daemons::common::PodName;
use crate::policy::ids::ProjectId;
use crate::policy::names::PlanName;

/// What runs in queues, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// Every plan that has a record, whether it can be read or not.
    pub plans: BTreeSet<PlanName>,
    /// Every Pod that has no gate, has not ended and is not being deleted, and has a queue or a word of ours.
    pub pods: Vec<QueuedPod>,
    /// Of Pods that were not evicted though it was tried, by UID.
    pub tried: BTreeMap<String, Tried>,
}

/// A Pod that runs, or may start at any moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedPod {
    /// Which Pod.
    pub pod: PodName,
    /// Distinguishes it from others that had or will have its name.
    pub uid: String,
    /// When it was made.
    pub since: Timestamp,
    /// The id of its queue, as its label says.
    pub queue: String,
    /// When its queue closes, as its annotation says.
    pub closes_at: Option<String>,
    /// Why it is to end, as its annotation says.
    pub eviction_reason: Option<String>,
    /// How long it may take to end.
    pub grace_seconds: u32,
}

/// What came of an attempt to evict a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// It is not tried again before then.
    pub not_before: Timestamp,
    /// Whether it was a budget that did not let it go.
    pub is_blocked: bool,
}

/// Why a queue is closed to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The project has no plan, or one that has not begun.
    NoPlan,
    /// The plan's validity has ended.
    ValidityExpired,
    /// The windows of the plan or of the queue are closed.
    WindowExpired,
}

impl QueuedPod {
    /// The instant that its annotation names.
    pub(super) fn announced(&self) -> Option<Timestamp> {
        self.closes_at.as_deref()?.parse().ok()
    }
}
