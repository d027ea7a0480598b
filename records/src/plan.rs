//! `ResourcePlan`: what a project gets.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Amount, DisplayName, Duration, LabelValue, Moment, RecordName, ZoneName};
use super::utc;
use super::window::Window;

/// What platform Admins say about a plan.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "ResourcePlan",
    plural = "resourceplans",
    shortname = "srp",
    status = "ResourcePlanStatus",
    doc = "What a project gets: quota, GPU models and queues, and when.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    printcolumn(name = "Open", type_ = "boolean", json_path = ".status.open"),
    // A column of type `date` shows a time in the future as <invalid>.
    printcolumn(name = "Next Boundary", type_ = "string", json_path = ".status.nextBoundary"),
    printcolumn(name = "Projects", type_ = "integer", json_path = ".status.projects"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePlanSpec {
    /// What labels carry for this plan. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// Limits of each project that binds the plan, its child projects included.
    #[serde(default)]
    pub quota: Quota,
    /// Limits of each user in such a project.
    #[serde(default)]
    pub per_user: Quota,
    /// What each of the project's namespaces may hold, by keys of a ResourceQuota: count/pods, count/jobs.batch,
    /// requests.storage, hugepages-2Mi, services.loadbalancers, ... The API server keeps it, as the ResourceQuota
    /// sluice-plan. Not CPU, memory and devices: quota limits those. Where requests.ephemeral-storage (or limits.) is
    /// limited, every container has to state it.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub namespace_quota: BTreeMap<String, Amount>,
    /// Names of the GpuModels that may be used. None listed: no GPU.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub gpu_models: Vec<RecordName>,
    /// How GPU memory may be asked for: elastic (shared with the claim's peers), hard_cap (a strict ceiling). None
    /// listed: both.
    #[serde(default)]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub vram_policies: Vec<VramPolicy>,
    /// Names of the PlatformQueues that may be used. None listed: only `default`, which is always there.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub queues: Vec<RecordName>,
    /// When the plan's queues may be used: the union of these windows. None listed: always.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub windows: Vec<Window>,
    /// IANA name of the zone that weekly windows are read in, e.g. Europe/Berlin.
    #[serde(default = "utc")]
    pub time_zone: ZoneName,
    /// A Pod in one of the plan's queues while no window is open. Gate: it waits for the next one. Deny: it is refused.
    #[serde(default)]
    pub outside_window: OutsideWindow,
    /// What such a project may have in all while no window is open, when only the queue `default` starts Pods: no more than quota.
    /// What runs goes on. An amount that is left out: as quota says.
    #[serde(default)]
    pub outside_window_quota: OutsideWindowQuota,
    /// Outside these bounds the plan counts as missing.
    #[serde(default)]
    pub validity: Validity,
    /// A workspace that is idle for this long is stopped (not yet), e.g. 3h. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    /// What a container is given when it asks for none.
    #[serde(default)]
    pub defaults: ContainerDefaults,
    /// How many devices one claim may ask for. Absent: as many as the quota grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_devices_per_claim: Option<i64>,
    /// The longest terminationGracePeriodSeconds of a Pod, e.g. 30m: it holds what it has until it ends. Absent: an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_termination_grace: Option<Duration>,
    /// A Pod that asks for GPUs as an extended resource (nvidia.com/gpu). Translate: the request becomes a claim. Deny:
    /// it is refused.
    #[serde(default)]
    pub extended_resources: ExtendedResources,
    /// Who may bind the plan to a project besides an Admin (not yet). None listed: nobody.
    #[serde(default)]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub offered_to: Vec<Offer>,
}

/// Limits. An amount that is left out is not limited; write 0 to grant none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Effective GPU: devices times SM share, e.g. 4 or "0.5".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Amount>,
    /// Physical devices held, whatever share of them is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Amount>,
    /// CPU, e.g. 64 or "500m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory, e.g. 512Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}

/// Limits while no window is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutsideWindowQuota {
    /// Effective GPU, e.g. 2 or "0.5".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Amount>,
    /// Physical devices held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Amount>,
}

/// How a claim uses a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VramPolicy {
    /// Shared with the claim's peers.
    Elastic,
    /// A strict ceiling.
    HardCap,
}

/// What happens outside the windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutsideWindow {
    /// Pods wait.
    #[default]
    Gate,
    /// Pods are refused.
    Deny,
}

/// What happens to extended resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExtendedResources {
    /// They become a claim.
    #[default]
    Translate,
    /// They are refused.
    Deny,
}

/// From when until when a plan holds. An absent bound is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.from) || !has(self.until) || self.from < self.until")
    .message("a plan ends after it begins"))]
pub struct Validity {
    /// The first instant at which the plan holds, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The first instant at which it no longer does, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// What a container is given when it asks for none. Absent: nothing is added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDefaults {
    /// CPU request, e.g. "500m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory request, e.g. 1Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}

/// Whom a plan is offered to: a project, the projects of a group, or personal projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.project), has(self.group), self.personal].filter(given, given).size() == 1")
    .message("an offer names a project or a group, or says personal: true: exactly one of the three"))]
pub struct Offer {
    /// Name of a Project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<RecordName>,
    /// Name of a Group: every project that it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<RecordName>,
    /// Every personal project.
    #[serde(default)]
    pub personal: bool,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePlanStatus {
    /// Whether a window is open and the plan is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// When that changes next, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_boundary: Option<String>,
    /// Projects that bind the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<i64>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
