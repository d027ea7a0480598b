//! Users and groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::ids::{GroupId, UserId};
use super::names::{GroupName, UserName};
use super::storage::Storage;

/// A person, or a service account that acts as one.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// The record's name.
    pub name: UserName,
    /// What labels carry.
    pub id: UserId,
    /// What Kubernetes calls the person: certificate CN, OIDC name, `system:serviceaccount:…`.
    pub username: String,
    /// What the person may do on the platform as a whole.
    pub system_role: SystemRole,
}

/// What a person may do on the platform as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum SystemRole {
    /// Uses workspaces within quota.
    #[default]
    User,
    /// Defines plans, manages users and groups.
    Manager,
    /// Everything.
    Admin,
}

/// A team.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The record's name.
    pub name: GroupName,
    /// What labels carry.
    pub id: GroupId,
    /// Members by name of their User record.
    pub members: BTreeMap<UserName, GroupRole>,
    /// Groups of Kubernetes or of the identity provider whose people are Members.
    pub identity_groups: BTreeSet<String>,
    /// Whether projects that the group owns may run containers as UID 0.
    pub allow_root_containers: bool,
    /// The group's volumes by the name that labels carry; no project overrides what they say about members.
    pub storage: BTreeMap<String, Storage>,
}

/// What a person may do in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum GroupRole {
    /// Uses the group's storage.
    #[default]
    Member,
    /// Manages members and storage permissions.
    Admin,
}
