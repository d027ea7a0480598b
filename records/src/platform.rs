//! `PlatformPolicy`: what holds for the platform as a whole.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use policy_engine::policy::platform::RESTRICTED_VOLUME_TYPES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::daemon::DaemonStatus;
use super::plan::Quota;
use super::text::{
    Amount, Capability, ClassName, Duration, HostPathText, Key, LabelValue, NamespaceName, PointerText, RecordName,
    Subject,
};

/// What the platform's operator says; rendered by the chart.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "PlatformPolicy",
    plural = "platformpolicies",
    status = "PlatformPolicyStatus",
    doc = "What holds for the platform as a whole. There is one, named `default`; the chart writes it.",
    validation = Rule::new("self.metadata.name == 'default'").message("the one PlatformPolicy is named default"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Problems", type_ = "integer", json_path = ".status.problems")
)]
#[serde(rename_all = "camelCase")]
pub struct PlatformPolicySpec {
    /// An id of another system's. Nothing carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Rule id, or "*" for every rule that is not named, to enforce, warn or "off" (in quotes, since YAML takes a bare off for
    /// false). Without "*", a rule that is not named is enforced. A rule on warn refuses nothing and changes nothing.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub rule_modes: BTreeMap<String, RuleMode>,
    /// Groups of Kubernetes or of the identity provider whose people are platform Admins; system:masters always is.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub admin_groups: Vec<Subject>,
    /// Namespaces that are never judged.
    #[serde(default)]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub exempt_namespaces: Vec<NamespaceName>,
    /// Usernames of operators: what they make for an object belongs to the user who made that object.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub trusted_controllers: Vec<Subject>,
    /// Usernames, such as a dashboard's, that may say for which member they make an object.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub trusted_clients: Vec<Subject>,
    /// What GPU labels alone do. Warn: a warning says what is missing. Claim: they make a claim.
    #[serde(default)]
    pub labels_alone: LabelsAlone,
    /// Schedulers that Pods may name besides default-scheduler.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub schedulers: Vec<ClassName>,
    /// Permissions that another role than usual has (not yet): name of the permission to the lowest role that has it.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub permissions: BTreeMap<String, Role>,
    /// Workloads that no user is stamped on. Project: charged to the project alone, with a warning. Refuse: refused.
    #[serde(default)]
    pub unstamped: Unstamped,
    /// Kinds of workload besides the built-in ones.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["group", "resource"]))]
    pub workload_kinds: Vec<WorkloadKind>,
    /// What happens to what costs something while the ledger's database does not answer. Retry: it is refused, and may be
    /// tried again. Admit: it is admitted as a debt, and charged once the database answers again.
    #[serde(default)]
    pub without_ledger: WithoutLedger,
    /// What a Pod is charged of CPU and memory. Requests: what the scheduler sets aside for it. Limits: of each container its
    /// limit, or its request where it states no limit. A change counts at once, also for Pods that run.
    #[serde(default)]
    pub charge: ChargeBy,
    /// What happens to GPUs that are asked for in namespaces of no project. Warn: they are given, with a warning. Enforce: Pods and
    /// claims that ask for them are refused.
    #[serde(default)]
    pub elsewhere: Elsewhere,
    /// Name of the ResourcePlan that a new personal project is given (not yet). Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_plan: Option<RecordName>,
    /// What a project may use that has no plan, or whose plan is missing or expired.
    #[serde(default)]
    pub without_plan: WithoutPlan,
    /// What the label platform-go/storage-lane on a new PersistentVolumeClaim means: name of a lane to its settings.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    pub storage_lanes: BTreeMap<String, StorageLane>,
    /// Paths of the node that Pods may mount, each with everything below it.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub host_paths: Vec<HostPathText>,
    /// Capabilities beyond the Pod Security Standard `baseline` that a project may list in its own capabilities, e.g. IPC_LOCK for
    /// RDMA.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub capabilities: Vec<Capability>,
    /// DeviceClasses of devices that are no GPUs, e.g. of NICs: name to what is done. If any is listed, only listed ones may be
    /// asked for besides those of GpuModels; if none is, all whose selectors let no GPU through. Claims of them are narrowed away
    /// from GPUs.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub device_classes: BTreeMap<String, DeviceClassUse>,
    /// Extended resources that no GpuModel lists: a name, or how names begin followed by *, to what is done. Unlisted accelerators
    /// are refused, and other names are left alone.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 128))]
    pub resource_names: BTreeMap<String, ResourceNameUse>,
    /// Volume types that Pods may use. Absent: those of the Pod Security Standard `restricted`.
    #[serde(default = "restricted_volume_types")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub volume_types: Vec<Key>,
    /// CSI drivers that Pods may use inline. None listed: none.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub csi_drivers: Vec<ClassName>,
    /// What Services may take of the cluster: ExternalIPs, LoadBalancerIP (an address by choice), NodePort. None listed: none.
    #[serde(default)]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub services: Vec<ServiceFeature>,
    /// How long things may last after their time.
    #[serde(default)]
    pub grace: Grace,
}

fn restricted_volume_types() -> Vec<Key> {
    RESTRICTED_VOLUME_TYPES.map(Key::from).into()
}

/// What a Service may take of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceFeature {
    /// Addresses outside of the cluster.
    #[serde(rename = "ExternalIPs")]
    ExternalIps,
    /// A load balancer's address by choice.
    #[serde(rename = "LoadBalancerIP")]
    LoadBalancerIp,
    /// A port on every node.
    NodePort,
}

/// How strictly a rule is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleMode {
    /// What it denies is refused.
    Enforce,
    /// What it denies is admitted with a warning.
    Warn,
    /// It does nothing.
    Off,
}

/// What GPU labels alone do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelsAlone {
    /// A warning.
    #[default]
    Warn,
    /// A claim.
    Claim,
}

/// A role, of whichever scope the permission has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Everyone with a record.
    User,
    /// Everyone in the group or project.
    Member,
    /// Those who manage.
    Manager,
    /// Those who may everything in the scope.
    Admin,
}

/// What happens to workloads that no user is stamped on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unstamped {
    /// Charged to the project alone.
    #[default]
    Project,
    /// Refused.
    Refuse,
}

/// What happens while the ledger's database does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WithoutLedger {
    /// Refused.
    #[default]
    Retry,
    /// Admitted.
    Admit,
}

/// What a Pod is charged of CPU and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChargeBy {
    /// Its requests.
    #[default]
    Requests,
    /// Its limits.
    Limits,
}

/// What happens to GPUs that are asked for outside of projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Elsewhere {
    /// They are given, with a warning.
    #[default]
    Warn,
    /// They are refused.
    Enforce,
}

/// What is done with claims of a DeviceClass of devices that are no GPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.price) != (has(self.ignore) && self.ignore)").message("give either a price, or ignore: true"))]
pub struct DeviceClassUse {
    /// What each device costs, in GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// They cost nothing.
    #[serde(default)]
    pub ignore: bool,
}

/// What is done with an extended resource that no GpuModel lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.price), has(self.ignore) && self.ignore, has(self.refuse) && self.refuse].exists_one(it, it)").message("give exactly one: a price, ignore: true, or refuse: true"))]
pub struct ResourceNameUse {
    /// What each costs, in GPU, while its Pod runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// It is left alone, and costs nothing.
    #[serde(default)]
    pub ignore: bool,
    /// It is refused.
    #[serde(default)]
    pub refuse: bool,
}

/// A kind whose objects make Pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadKind {
    /// API group, e.g. ray.io. Absent: the core group.
    #[serde(default)]
    #[schemars(length(max = 253), regex(pattern = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"))]
    pub group: String,
    /// API version, e.g. v1.
    pub version: NamespaceName,
    /// Plural name, e.g. rayclusters.
    pub resource: NamespaceName,
    /// Where it describes its Pods: JSON Pointers in which * stands for every element, e.g.
    /// /spec/workerGroupSpecs/*/template. A pod template, a PodSpec or a list of containers may stand there. None: its Pods
    /// are judged when they are made, and nothing of it beforehand.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub pod_templates: Vec<PointerText>,
}

/// What a project without a plan may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithoutPlan {
    /// Its limits.
    #[serde(default)]
    pub quota: Quota,
    /// Names of the GpuModels that may be used. None listed: no GPU.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub gpu_models: Vec<RecordName>,
}

/// What a new volume of a lane is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageLane {
    /// Its StorageClass.
    pub storage_class_name: ClassName,
    /// Its access mode: ReadWriteOnce, ReadWriteMany, ReadOnlyMany or ReadWriteOncePod.
    pub access_mode: AccessMode,
}

/// How a volume can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// By one node.
    ReadWriteOnce,
    /// By many nodes.
    ReadWriteMany,
    /// By many nodes, read-only.
    ReadOnlyMany,
    /// By one Pod.
    ReadWriteOncePod,
}

/// How long things may last after their time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grace {
    /// How long a Pod may stay after its queue has closed, before it is evicted, e.g. 5m.
    #[serde(default = "five_minutes")]
    pub plan_window: Duration,
    /// How long the platform heeds a PodDisruptionBudget that lets a Pod not be evicted; after that the Pod is deleted, e.g. 10m.
    #[serde(default = "ten_minutes")]
    pub budget: Duration,
}

fn five_minutes() -> Duration {
    "5m".into()
}

fn ten_minutes() -> Duration {
    "10m".into()
}

impl Default for Grace {
    fn default() -> Self {
        Self { plan_window: five_minutes(), budget: ten_minutes() }
    }
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformPolicyStatus {
    /// Version of the policy in force: twelve digits that change when a record changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Problems found in all records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<i64>,
    /// How each daemon is, as the process says that leads it; `sluice status` shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub daemons: Vec<DaemonStatus>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
