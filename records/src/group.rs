//! `Group`: a team.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{DisplayName, LabelValue, RecordName, Subject};

/// What admins and the group's Admins say about a team.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Group",
    plural = "groups",
    shortname = "sg",
    status = "GroupStatus",
    doc = "A team: owns storage, may own projects and be a member of projects.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    printcolumn(name = "Projects", type_ = "integer", json_path = ".status.projects"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct GroupSpec {
    /// What labels carry for this group. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The people of the group, each once.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["user"]))]
    pub members: Vec<GroupMember>,
    /// Groups of Kubernetes or of the identity provider whose people are Members too.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub identity_groups: Vec<Subject>,
    /// Whether projects that the group owns may run containers as UID 0; the project has to allow it as well.
    #[serde(default)]
    pub allow_root_containers: bool,
    /// The group's volumes and who may use them. No project can override these permissions for the group's members.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub storage: Vec<Storage>,
}

/// A person in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupMember {
    /// Name of a User.
    pub user: RecordName,
    /// Member: uses the group's storage. Admin: also manages its volumes, members and storage permissions. In this
    /// version only platform Admins write this record, members and permissions included.
    #[serde(default)]
    pub role: GroupRole,
}

/// What a person may do in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GroupRole {
    /// Uses the group's storage.
    #[default]
    Member,
    /// Manages members and storage permissions.
    Admin,
}

/// A volume that several people share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The name that PersistentVolumeClaims carry in their label.
    pub name: RecordName,
    /// What everybody not named in `users` may do: ReadOnly, ReadWrite or None.
    #[serde(default)]
    pub default: Permission,
    /// Exceptions: name of a User to ReadOnly, ReadWrite or None.
    // No default in the schema: `kubectl apply` would find it in the list and write the list again each time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub users: BTreeMap<String, Permission>,
}

/// What someone may do with a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// Mount it read-only.
    #[default]
    ReadOnly,
    /// Mount it.
    ReadWrite,
    /// Nothing.
    None,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Projects that the group owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<i64>,
    /// People listed as members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
