//! Queues: priority and preemption.

use std::collections::BTreeSet;

use serde::Serialize;

use super::names::{ModelName, QueueName};
use super::window::Schedule;

/// The queue that always exists.
pub const DEFAULT_QUEUE: &str = "default";

/// A scheduling policy that Pods choose by name.
#[derive(Clone, Debug, Serialize)]
pub struct Queue {
    /// The record's name.
    pub name: QueueName,
    /// What labels carry.
    pub id: String,
    /// Higher goes first.
    pub priority: i32,
    /// Whether Pods here may be evicted for higher queues.
    pub preemptible: bool,
    /// GPU in thousandths that the queue is not pushed below; absent is no floor, zero drains first.
    pub deserved_milli_gpu: Option<u64>,
    /// Models that Pods of this queue get; none limits nothing.
    pub gpu_models: BTreeSet<ModelName>,
    /// When Pods may run here; absent is always.
    pub schedule: Option<Schedule>,
}

impl Queue {
    /// The queue `default` where no record describes it: lowest, preemptible, first to be drained.
    pub fn fallback() -> Self {
        Self {
            name: DEFAULT_QUEUE.into(),
            id: DEFAULT_QUEUE.into(),
            priority: 0,
            preemptible: true,
            deserved_milli_gpu: Some(0),
            gpu_models: BTreeSet::new(),
            schedule: None,
        }
    }
}
