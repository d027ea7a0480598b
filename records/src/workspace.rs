//! `Workspace`: a notebook or an editor that a person works in.
//!
//! The one record that people write in their own namespaces, and the one that makes Pods: it is judged as a workload.
//! What it means is read by `policy_engine::workspace`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{
    AbsolutePath, Amount, ClaimText, ClassName, EnvironmentName, EnvironmentText, ImageText, LabelValue, NamespaceName,
    ProgramText,
};

/// What a person asks for.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Workspace",
    plural = "workspaces",
    shortname = "sws",
    namespaced,
    status = "WorkspaceStatus",
    doc = "A notebook or an editor in a project, with its GPUs and volumes. It is stopped and started again by spec.running.",
    // Its Service has its name, and so has a host, with ten characters of its UID.
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')")
        .message("a name has at most 52 lower-case letters, digits and dashes, begins with a letter and ends with none of the dashes"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "GPU", type_ = "string", json_path = ".status.effectiveGpu"),
    printcolumn(name = "Queue", type_ = "string", json_path = ".status.queue"),
    printcolumn(name = "Owner", type_ = "string", json_path = ".metadata.labels.platform-go/user-id"),
    printcolumn(name = "Idle", type_ = "date", json_path = ".status.lastActivity.at"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    // For `-o wide`.
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[x_kube(
    validation = Rule::new("self.type != 'custom' || has(self.port)").message("a custom image must say in spec.port where it listens"),
    validation = Rule::new("!has(self.gpu) || !has(self.claimName)")
        .message("GPUs are asked for in gpu, or are those of the claim in claimName: at most one of the two"),
    validation = Rule::new("self.volumes.all(one, self.volumes.exists_one(other, other.mountPath == one.mountPath))")
        .message("two volumes are not mounted at one path")
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSpec {
    /// jupyter: JupyterLab, at port 8888 and /lab. vscode: code-server, at port 8080 and /. custom: an image that says where it listens.
    #[serde(rename = "type")]
    pub type_: Type,
    /// The image, which the project must allow (rule image), e.g. registry.example.com/jupyter:1.
    pub image: ImageText,
    /// Whether it runs. false: it is stopped, its Pod ends, and its volumes stay. Who changes anything else here while it runs
    /// finds it at the next start.
    #[serde(default = "yes")]
    pub running: bool,
    /// Whether it runs as UID 0, where project and group allow that (rule root-shell).
    #[serde(default)]
    pub root_shell: bool,
    /// The queue, by id or name. Absent: default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<LabelValue>,
    /// GPUs of its own, which come and go with each start. Either these or claimName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// Name of a ResourceClaim of the project whose GPUs it uses, or a slot such as {{ gpuClaimName "train" }}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<ClaimText>,
    /// CPU and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// PersistentVolumeClaims of the namespace (rule storage). What is written elsewhere is gone when the workspace stops.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub volumes: Vec<Volume>,
    /// Size of /dev/shm, e.g. 8Gi, which counts as memory once it is used. Absent: a quarter of the memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm: Option<Amount>,
    /// The group that may write to its volumes, so that an image that is not root does. Absent: as each volume says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647i64), extend("format" = "int64"))]
    pub fs_group: Option<i64>,
    /// Names of Secrets of the namespace by which its image is pulled.
    #[serde(default)]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub image_pull_secrets: Vec<ClassName>,
    /// Where its server listens, 1024 to 65535. Absent: 8888 of jupyter, 8080 of vscode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 65535), extend("format" = "int32"))]
    pub port: Option<i32>,
    /// The page at which it opens. Absent: /lab of jupyter, / of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<AbsolutePath>,
    /// What runs in place of the image's entry point. None listed: of jupyter and vscode their server, listening on 127.0.0.1 at the
    /// port; of custom the image's own.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub command: Vec<ProgramText>,
    /// Arguments. With a command, only these; without one, they come after those of the server.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub args: Vec<ProgramText>,
    /// Variables of its environment.
    #[serde(default)]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<Variable>,
    /// Where a custom image answers with JSON that has its `last_activity`, e.g. /activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_path: Option<AbsolutePath>,
}

fn yes() -> bool {
    true
}

/// What kind of server a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// JupyterLab.
    Jupyter,
    /// code-server.
    Vscode,
    /// Any other.
    Custom,
}

/// GPUs for this workspace alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    /// The GpuModel, by id or name.
    pub model: LabelValue,
    /// So many devices, 1 to 64.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64), extend("format" = "int32"))]
    pub count: i32,
    /// The share of each device's compute in percent, 1 to 100.
    #[serde(default = "whole")]
    #[schemars(range(min = 1, max = 100), extend("format" = "int32"))]
    pub sm_percent: i32,
    /// elastic: shares the devices' memory with others on it. hard_cap: has pinnedMemory of it, and no more. Absent: elastic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_policy: Option<VramPolicy>,
    /// How much of each device's memory it may use, e.g. 20Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_memory: Option<Amount>,
}

fn one() -> i32 {
    1
}

fn whole() -> i32 {
    100
}

/// How a workspace uses the memory of its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VramPolicy {
    /// It shares it.
    Elastic,
    /// It has so much of it.
    HardCap,
}

/// CPU and memory, which the workspace asks for and may not exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// CPUs, e.g. 4 or "0.5". Absent: what the plan's defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory, e.g. 16Gi. Absent: what the plan's defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}

/// A volume, and where it is in the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name of a PersistentVolumeClaim of the namespace.
    pub claim_name: ClassName,
    /// Where it is, e.g. /data; the home directory is a path like others.
    pub mount_path: AbsolutePath,
    /// Whether it can only be read.
    #[serde(default)]
    pub read_only: bool,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// Its name.
    pub name: EnvironmentName,
    /// Its value.
    #[serde(default = "nothing")]
    pub value: EnvironmentText,
}

fn nothing() -> EnvironmentText {
    "".into()
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// Stopped, Starting, Running, Stopping or Error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why, in a word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in words, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its Pod, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<NamespaceName>,
    /// Where it opens, where it has an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The queue that its Pod is in; while there is none, the one that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Devices times share, e.g. 0.5; of a stopped workspace what it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_gpu: Option<String>,
    /// The devices that it holds, as node/device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub devices: Vec<String>,
    /// Since when its Pod has a node, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When somebody or something was last active in it, and what says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Activity>,
    /// When it is stopped for idleness, RFC 3339, unless somebody keeps it (not yet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_stop_at: Option<String>,
    /// When its queue closes, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_closes_at: Option<String>,
    /// Ready: its Pod is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Where a workspace is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// It is not to run, and has no Pod.
    Stopped,
    /// It is to run, and its Pod is not ready.
    Starting,
    /// Its Pod is ready.
    Running,
    /// It is not to run, and its Pod is ending.
    Stopping,
    /// It cannot run as it is.
    Error,
}

/// Activity, and what says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// When, RFC 3339.
    pub at: String,
    /// By which signal.
    pub signal: String,
}
