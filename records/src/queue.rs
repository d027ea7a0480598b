//! `PlatformQueue`: priority and preemption.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Amount, DisplayName, LabelValue, RecordName, ZoneName};
use super::utc;
use super::window::Window;

/// What an admin says about a queue.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "PlatformQueue",
    plural = "platformqueues",
    shortname = "spq",
    status = "PlatformQueueStatus",
    doc = "Priority and preemption, which Pods choose by the label platform-go/queue-name. `default` always exists.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.running"),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.waiting"),
    printcolumn(name = "GPU Used", type_ = "string", json_path = ".status.gpuUsed"),
    printcolumn(name = "Deserved", type_ = "string", json_path = ".spec.deservedGpu"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct PlatformQueueSpec {
    /// What labels carry for this queue; people may ask for it by id or by name. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// Higher goes first, 0 to 1000000. A change holds for new Pods.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000), extend("format" = "int32"))]
    pub priority: i32,
    /// Whether Pods here may be evicted for those of queues of higher priority. Where a Pod of such a queue finds no room, the fewest Pods
    /// that make it are evicted, and of equally few those of the lowest queues, never below what their queue deserves (deservedGpu).
    #[serde(default)]
    pub preemptible: bool,
    /// Effective GPU that preemption leaves the queue, e.g. 4. Absent: no floor. 0: drains first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deserved_gpu: Option<Amount>,
    /// Names of the GpuModels that Pods of this queue get. None listed: those of the plan.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub gpu_models: Vec<RecordName>,
    /// When Pods may run here: the union of these windows. None listed: always. The plan's windows apply as well.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub windows: Vec<Window>,
    /// IANA name of the zone that weekly windows are read in, e.g. Europe/Berlin.
    #[serde(default = "utc")]
    pub time_zone: ZoneName,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformQueueStatus {
    /// Pods that have a node and have not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<i64>,
    /// Pods that have no node yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<i64>,
    /// Effective GPU of the claims that running Pods hold, e.g. 2.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_used: Option<String>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
