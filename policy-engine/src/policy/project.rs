//! Projects: the unit of allocation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::host_path::HostPath;
use super::ids::ProjectId;
use super::image_pattern::ImagePattern;
use super::modes::RuleModes;
use super::names::{GroupName, PlanName, ProjectName, UserName};
use super::storage::Storage;

/// A project with its members and what its workloads may do.
#[derive(Clone, Debug, Serialize)]
pub struct Project {
    /// The record's name.
    pub name: ProjectName,
    /// What labels carry.
    pub id: ProjectId,
    /// Whose project it is.
    pub holder: Holder,
    /// The project whose quota this one's usage counts against as well.
    pub parent: Option<ProjectName>,
    /// The plan that is bound; it may name a record that does not exist (yet).
    pub plan: Option<PlanName>,
    /// Who may work here. An owning group's members are not members by that.
    pub members: Vec<Member>,
    /// Namespaces that the platform binds to the project, those of single members among them.
    pub namespaces: Vec<String>,
    /// Whose those of them are that belong to one member; `None` where members have none of their own.
    pub member_namespaces: Option<BTreeMap<String, UserName>>,
    /// Whether containers may run as UID 0; a group-owned project needs the group's consent too.
    pub allow_root_containers: bool,
    /// Capabilities beyond the baseline that its containers may add, as far as the platform lists them.
    pub capabilities: BTreeSet<String>,
    /// The host paths that its Pods may mount, of those that the platform lists; `None` is all of them.
    pub host_paths: Option<Vec<HostPath>>,
    /// Patterns one of which every image must match; none means no image.
    pub images: Vec<ImagePattern>,
    /// The project's volumes by the name that labels carry.
    pub storage: BTreeMap<String, Storage>,
    /// Whether Pods may carry a service-account token.
    pub allow_service_account_token: bool,
    /// Whether what one member's Pods require of Pods beside them reaches colleagues' Pods.
    pub spread_together: bool,
    /// Rules that this project enforces less strictly, or more, than the platform.
    pub rule_modes: RuleModes,
}

impl Project {
    /// Whose Namespace this is; `None` where it is that of all members.
    pub fn member_of(&self, namespace: &str) -> Option<&UserName> {
        self.member_namespaces.as_ref()?.get(namespace)
    }
}

/// Whose project it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Holder {
    /// A personal project of this user.
    User(UserName),
    /// Owned by this group.
    Group(GroupName),
}

/// One line of a project's member list.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    /// A user, or everyone in a group.
    pub who: MemberRef,
    /// What they may do.
    pub role: ProjectRole,
}

/// A user, or everyone in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum MemberRef {
    /// One user.
    User(UserName),
    /// Everyone in the group.
    Group(GroupName),
}

/// What a member may do in a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ProjectRole {
    /// Launches workloads, changes and deletes their own.
    #[default]
    Member,
    /// Changes and deletes everyone's.
    Manager,
    /// Deletes the project, changes its settings.
    Admin,
}

impl fmt::Display for ProjectRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "Member",
            Self::Manager => "Manager",
            Self::Admin => "Admin",
        })
    }
}
