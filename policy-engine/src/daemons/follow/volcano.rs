//! Volcano Queues: one for every queue, of its name, where the API server has the kind. What the platform does not say of a queue (its
//! parent, its affinity, what is guaranteed to it) is the admin's.

use std::collections::BTreeMap;

use crate::daemons::common::Seen;
use crate::policy::names::QueueName;
use crate::policy::queue::Queue;

/// The resource by which Volcano counts GPUs.
pub const GPU: &str = "nvidia.com/gpu";
/// The largest weight that the kind takes.
const HEAVIEST: u64 = 65_535;

/// What the platform says of a queue to Volcano.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolcanoQueue {
    /// The queue; its Volcano Queue has the same name.
    pub queue: QueueName,
    /// Its share of what is left: the GPUs that it deserves, in whole ones, and at least one.
    pub weight: i64,
    /// Its priority; none is below zero.
    pub priority: i64,
    /// Whether other queues may take back what it has.
    pub reclaimable: bool,
    /// Thousandths of the GPUs that it deserves, if it deserves a number of them.
    pub deserved: Option<u64>,
}

/// A Volcano Queue that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which object this is.
    pub seen: Seen,
    /// Whether it carries our label.
    pub managed: bool,
    /// Its weight.
    pub weight: Option<i64>,
    /// Its priority.
    pub priority: Option<i64>,
    /// Whether it is reclaimable.
    pub reclaimable: Option<bool>,
    /// Thousandths of what it deserves of each resource; `None` for what is no amount.
    pub deserved: BTreeMap<String, Option<u64>>,
    /// Whether something limits it. No record limits a queue as a whole: plans limit projects.
    pub has_capability: bool,
}

impl VolcanoQueue {
    pub(super) fn of(queue: &Queue) -> Self {
        let whole = queue.deserved_milli_gpu.unwrap_or_default().div_ceil(1000).clamp(1, HEAVIEST);
        Self {
            queue: queue.name.clone(),
            weight: i64::try_from(whole).unwrap_or(1),
            priority: i64::from(queue.priority).max(0),
            reclaimable: queue.preemptible,
            deserved: queue.deserved_milli_gpu,
        }
    }

    /// Whether one that exists says the same. What is absent there is what Volcano takes for it.
    pub(super) fn is(&self, found: &Found) -> bool {
        let deserved: BTreeMap<_, _> = self.deserved.map(|milli| (GPU.to_owned(), Some(milli))).into_iter().collect();
        found.weight == Some(self.weight)
            && found.priority.unwrap_or_default() == self.priority
            && found.reclaimable.unwrap_or(true) == self.reclaimable
            && found.deserved == deserved
            && !found.has_capability
    }
}
