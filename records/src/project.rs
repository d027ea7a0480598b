//! `Project`: the unit of allocation.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::group::Storage;
use super::platform::RuleMode;
use super::text::{Capability, DisplayName, HostPathText, ImagePatternText, LabelValue, NamespaceName, RecordName};

/// What platform Admins say about a project.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Project",
    plural = "projects",
    shortname = "sp",
    status = "ProjectStatus",
    doc = "The unit of allocation: members, namespaces, a plan, and what workloads may do.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    validation = Rule::new("size(self.spec.namespaces) > 0 || !self.metadata.name.contains('.')")
        .message("no namespace can have the name of this project: list its namespaces in spec.namespaces"),
    printcolumn(name = "GPU Used", type_ = "string", json_path = ".status.gpuUsed"),
    printcolumn(name = "GPU Reserved", type_ = "string", json_path = ".status.gpuReserved"),
    printcolumn(name = "GPU Limit", type_ = "string", json_path = ".status.gpuLimit"),
    printcolumn(name = "Devices Held", type_ = "integer", json_path = ".status.devicesHeld"),
    printcolumn(name = "Window Open", type_ = "boolean", json_path = ".status.windowOpen"),
    // A column of type `date` shows a time in the future as <invalid>.
    printcolumn(name = "Closes At", type_ = "string", json_path = ".status.closesAt"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[x_kube(
    validation = Rule::new("has(self.owner) != has(self.group)")
        .message("a project is personal (owner) or a group's (group): exactly one of the two")
)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// What labels carry for this project. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// Name of the User whose personal project this is. Either this or group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<RecordName>,
    /// Name of the Group that owns the project. Its people are members only if `members` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<RecordName>,
    /// Name of the Project that this one's usage counts against as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordName>,
    /// Name of the ResourcePlan. Absent: what PlatformPolicy.spec.withoutPlan grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RecordName>,
    /// Who may work here, each line a user or a group. The highest line that names a person counts.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "atomic"))]
    pub members: Vec<ProjectMember>,
    /// Namespaces of the project. None listed: the one named as the project. A namespace belongs to one project.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub namespaces: Vec<NamespaceName>,
    /// Whether each member has a Namespace of their own as well, <project>-<user> with a dash for each dot, in which only
    /// they and the project's Managers and Admins read and work. All share the project's plan and quota. Whoever is a
    /// member only by what the identity provider says has none. Who leaves leaves it to the Managers.
    #[serde(default)]
    pub namespace_per_member: bool,
    /// Whether containers may run as UID 0. A project that a group owns needs the group's consent too.
    #[serde(default)]
    pub allow_root_containers: bool,
    /// Capabilities beyond the Pod Security Standard `baseline` that containers may add, of those that PlatformPolicy lists. The
    /// namespaces of a project that has some carry no label `pod-security.kubernetes.io/enforce: baseline`.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub capabilities: Vec<Capability>,
    /// The host paths that Pods may mount, each within one that PlatformPolicy lists. Absent: all that it lists. None listed: none,
    /// and the namespaces keep the label `pod-security.kubernetes.io/enforce: baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub host_paths: Option<Vec<HostPathText>>,
    /// Patterns that images must match, registry/repository[:tag][@digest], with * within a path segment and ** across
    /// them, e.g. registry.example.com/** or docker.io/library/*. None listed: no image.
    #[serde(default)]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "set"))]
    pub images: Vec<ImagePatternText>,
    /// The project's volumes and who may use them.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub storage: Vec<Storage>,
    /// Whether Pods may carry a service-account token. What is made with it is the Pod's user's.
    #[serde(default)]
    pub allow_service_account_token: bool,
    /// Whether what one member's Pods require of Pods beside them (required affinity and anti-affinity) reaches colleagues'
    /// Pods, too, so that one of them can keep a colleague's away. Otherwise it reaches the same member's alone.
    #[serde(default)]
    pub spread_together: bool,
    /// Rules that this project applies otherwise than the platform: rule id, or "*" for every rule that is not named, to enforce,
    /// warn or "off" (in quotes, since YAML takes a bare off for false).
    #[serde(default)]
    #[schemars(extend("maxProperties" = 64))]
    pub rule_modes: BTreeMap<String, RuleMode>,
}

/// A line of a project's member list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.user) != has(self.group)").message("a member is a user or a group: exactly one of the two"))]
pub struct ProjectMember {
    /// Name of a User.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<RecordName>,
    /// Name of a Group: all of its people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<RecordName>,
    /// Member: launches workloads, changes and deletes their own. Manager: everyone's, and manages members. Admin:
    /// also settings, and deleting the project. In this version only platform Admins write this record,
    /// members and settings included.
    #[serde(default)]
    pub role: ProjectRole,
}

/// What a member may do in a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProjectRole {
    /// Launches workloads, changes and deletes their own.
    #[default]
    Member,
    /// Changes and deletes everyone's.
    Manager,
    /// Deletes the project, changes its settings.
    Admin,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// Effective GPU that running Pods use, e.g. 2.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_used: Option<String>,
    /// Effective GPU set aside for Pods that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_reserved: Option<String>,
    /// Effective GPU that the plan grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_limit: Option<String>,
    /// Physical devices that the project's claims hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_held: Option<i64>,
    /// Whether the plan's window is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_open: Option<bool>,
    /// When the open window closes, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<String>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
