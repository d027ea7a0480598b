//! `User`: a person, or a service account that acts as one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{DisplayName, LabelValue, Subject};

/// What an admin says about a person.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "User",
    plural = "users",
    shortname = "su",
    status = "UserStatus",
    doc = "A person, or a service account that acts as one.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    printcolumn(name = "Personal Project", type_ = "string", json_path = ".status.personalProject"),
    printcolumn(name = "Running Pods", type_ = "integer", json_path = ".status.runningPods"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    /// What labels carry for this user. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// What Kubernetes calls the person: the certificate's CN, the name of the identity provider, or
    /// system:serviceaccount:NAMESPACE:NAME. No two users have the same.
    pub username: Subject,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// What the person may do on the platform as a whole. User: use workspaces. Manager: also define plans, manage
    /// users and groups. Admin: everything. In this version only Admins write records: a Manager
    /// may do what a User may.
    #[serde(default)]
    pub system_role: SystemRole,
}

/// What a person may do on the platform as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SystemRole {
    /// Uses workspaces within quota.
    #[default]
    User,
    /// Defines plans, manages users and groups.
    Manager,
    /// Everything.
    Admin,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// Name of the user's personal project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_project: Option<String>,
    /// Pods of the user in all projects that have a node and have not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_pods: Option<i64>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
