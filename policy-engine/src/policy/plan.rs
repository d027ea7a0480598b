//! Resource plans: what a project gets.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

use super::names::{GroupName, ModelName, PlanName, ProjectName, QueueName};
use super::namespace_quota::NamespaceQuota;
use super::quota::Quota;
use super::window::Schedule;

/// What a Pod may ask where no plan says otherwise: enough for a long checkpoint.
pub const USUAL_GRACE_LIMIT: Duration = Duration::from_secs(3600);

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
    /// Limits of each namespace of such a project, which the API server keeps.
    pub namespace_quota: NamespaceQuota,
    /// GPU models that may be used; none means no GPU.
    pub gpu_models: BTreeSet<ModelName>,
    /// Queues that may be used besides `default`.
    pub queues: BTreeSet<QueueName>,
    /// VRAM policies that may be asked; none limits nothing.
    pub vram_policies: BTreeSet<VramPolicy>,
    /// When the plan's queues may be used; absent is always.
    pub schedule: Option<Schedule>,
    /// What happens to a Pod in a plan-bound queue while the schedule is closed.
    pub outside_window: OutsideWindow,
    /// What such a project may have in all while the schedule is closed: then only `default` starts Pods. What it does not limit, the
    /// quota does.
    pub outside_window_quota: Quota,
    /// How long a workspace may be idle; absent limits nothing.
    pub idle_timeout: Option<Duration>,
    /// How many devices one claim may ask; absent limits nothing.
    pub max_devices_per_claim: Option<u64>,
    /// How long a Pod may ask to live on after it was told to end.
    pub max_termination_grace: Duration,
    /// What happens to a Pod that asks for GPUs as an extended resource.
    pub extended_resources: ExtendedResources,
    /// Who may bind the plan besides an Admin.
    pub offered_to: Vec<Offer>,
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

/// How a claim uses a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum VramPolicy {
    /// Memory is shared with the claim's peers.
    Elastic,
    /// A strict ceiling.
    HardCap,
}

/// What happens to a Pod in a plan-bound queue outside the plan's windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum OutsideWindow {
    /// It waits, gated, for the window to open.
    #[default]
    Gate,
    /// It is refused.
    Deny,
}

/// What happens to a Pod that asks for GPUs as an extended resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ExtendedResources {
    /// The request becomes a claim.
    #[default]
    Translate,
    /// The Pod is refused.
    Deny,
}

/// Who may bind a plan besides an Admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Offer {
    /// This project.
    Project(ProjectName),
    /// Every project that the group owns.
    Group(GroupName),
    /// Every personal project.
    Personal,
}
