//! What exists, as plain values.

use crate::daemons::common::Seen;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::contract;
use crate::policy::ids::ProjectId;
use crate::policy::names::{GroupName, PlanName, ProjectName, QueueName, UserName};
use crate::policy::namespace_quota::NamespaceQuota;

use super::volcano::Found;
use super::{BOUND_MARK, FLOOR_MARK};

/// What exists at one moment, as far as it concerns this daemon.
#[derive(Clone, Debug)]
pub struct View {
    /// When it was seen.
    pub observed_at: Timestamp,
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// All Namespaces by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// RoleBindings that carry our label, by Namespace and name.
    pub role_bindings: BTreeMap<(String, String), RoleBinding>,
    /// ResourceQuotas that carry our label, by Namespace and name.
    pub resource_quotas: BTreeMap<(String, String), ResourceQuota>,
    /// PriorityClasses that carry our label or our prefix, by name.
    pub priority_classes: BTreeMap<String, PriorityClass>,
    /// All Volcano Queues, by name; `None` where the API server does not have the kind.
    pub volcano_queues: Option<BTreeMap<String, Found>>,
    /// Records that exist and cannot be read: what belongs to them is left as it is.
    pub unreadable: Unreadable,
}

/// Records that exist and cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Unreadable {
    /// Users by name.
    pub users: BTreeSet<UserName>,
    /// Groups by name.
    pub groups: BTreeSet<GroupName>,
    /// Projects by name.
    pub projects: BTreeSet<ProjectName>,
    /// Plans by name.
    pub plans: BTreeSet<PlanName>,
    /// Queues by name.
    pub queues: BTreeSet<QueueName>,
}

/// A Namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Which object this is.
    pub seen: Seen,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// What is in it.
    pub contents: Contents,
}

/// What is in a Namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contents {
    /// Nobody looked; it counts as not empty.
    #[default]
    Unknown,
    /// No Pod, volume claim, Service or workload.
    Empty,
    /// At least this object, as a person would name it: `pod train-7`.
    Holds(String),
}

/// Which project this daemon bound a Namespace to: the value of [`BOUND_MARK`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The record's name.
    pub project: ProjectName,
    /// What the label said.
    pub id: ProjectId,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.project, self.id)
    }
}

impl Namespace {
    /// What the binding label says.
    pub fn bound_to(&self) -> Option<&str> {
        self.labels.get(contract::PROJECT_ID).map(String::as_str)
    }

    /// What this daemon bound it to. A mark that cannot be read counts as none: then nothing here is ours.
    pub fn mark(&self) -> Option<Mark> {
        let (project, id) = self.annotations.get(BOUND_MARK)?.split_once(' ')?;
        Some(Mark { project: project.into(), id: ProjectId::new(id) })
    }

    /// The id of the member whose own this daemon made it.
    pub fn given_to(&self) -> Option<&str> {
        self.mark().and_then(|_| self.labels.get(contract::USER_ID).map(String::as_str))
    }

    /// The project, by name or id, that an admin lets take it over.
    pub fn adopt(&self) -> Option<&str> {
        self.annotations.get(contract::ADOPT).map(String::as_str)
    }

    /// Whether this daemon wrote the Pod Security label.
    pub fn floor_is_ours(&self) -> bool {
        self.annotations.contains_key(FLOOR_MARK)
    }
}

/// A RoleBinding that carries our label.
#[derive(Clone, Debug)]
pub struct RoleBinding {
    /// Which object this is.
    pub seen: Seen,
    /// The ClusterRole it refers to; `None` if it refers to something else.
    pub cluster_role: Option<String>,
    /// Whom it names; `None` where a subject is of a kind that we never write.
    pub subjects: Option<BTreeSet<Subject>>,
}

/// A ResourceQuota that carries our label.
#[derive(Clone, Debug)]
pub struct ResourceQuota {
    /// Which object this is.
    pub seen: Seen,
    /// What it limits; `None` if it limits only a part of what there is, or says what is no amount.
    pub hard: Option<NamespaceQuota>,
}

/// Whom a RoleBinding names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A username.
    User(String),
    /// A group that the request proves.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// Its Namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Subject {
    /// The subject that a username stands for.
    pub fn of_username(username: &str) -> Self {
        let account = username.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        match account {
            Some((namespace, name)) => Self::ServiceAccount { namespace: namespace.into(), name: name.into() },
            None => Self::User(username.into()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Group(name) => write!(f, "everyone in {name}"),
            Self::ServiceAccount { namespace, name } => write!(f, "system:serviceaccount:{namespace}:{name}"),
        }
    }
}

/// A PriorityClass with our label or our prefix.
#[derive(Clone, Debug)]
pub struct PriorityClass {
    /// Which object this is.
    pub seen: Seen,
    /// Whether it carries our label.
    pub managed: bool,
    /// Its priority. Immutable.
    pub value: i32,
    /// Whether its Pods never preempt. Immutable.
    pub never_preempts: bool,
    /// Whether it holds for Pods that name none.
    pub global_default: bool,
    /// What it says to people.
    pub description: String,
}
