//! Resource plans: what a project gets.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

use super::names::{ModelName, PlanName, QueueName};
use super::quota::Quota;

/// A plan: quota, GPU models and queues, for as long as it is valid.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The record's name.
    pub name: PlanName,
    /// What labels carry.
    pub id: String,
    /// Limits of each project that binds the plan.
    pub quota: Quota,
    /// Limits of each user in such a project.
    pub per_user: Quota,
    /// GPU models that may be used; none means no GPU.
    pub gpu_models: BTreeSet<ModelName>,
    /// Queues that may be used besides `default`.
    pub queues: BTreeSet<QueueName>,
    /// Outside these bounds the plan counts as missing.
    pub validity: Validity,
    /// What a container is given when it asks for none.
    pub defaults: ContainerDefaults,
}

/// From when until when a plan holds. A bound that is absent is open.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Validity {
    /// The first instant at which the plan holds.
    pub from: Option<Timestamp>,
    /// The first instant at which it no longer does.
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Whether `now` lies within the bounds.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// What a container is given when it asks for none.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ContainerDefaults {
    /// CPU request.
    pub cpu: Option<Quantity>,
    /// Memory request.
    pub memory: Option<Quantity>,
}
