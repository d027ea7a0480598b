//! What is to be done, as values whose `Display` is the sentence for the log and the Event.

use crate::daemons::common::Seen;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::contract;
use crate::policy::names::{PlanName, ProjectName, QueueName};
use crate::policy::namespace_quota::NamespaceQuota;
use crate::policy::project::ProjectRole;

use super::view::Subject;
use super::volcano::VolcanoQueue;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a Namespace of a project.
    CreateNamespace {
        /// Its name.
        namespace: String,
        /// The project whose it is.
        project: ProjectName,
        /// What it is made with.
        metadata: MetadataChange,
    },
    /// Binds a Namespace, or puts right what is written on a bound one.
    LabelNamespace {
        /// Its name.
        namespace: String,
        /// The project that it is bound to.
        project: ProjectName,
        /// The Namespace that was seen.
        seen: Seen,
        /// What changes on it.
        metadata: MetadataChange,
        /// Why.
        because: Because,
    },
    /// Takes back what the platform wrote on a Namespace that no record lists any more.
    RemoveLabel {
        /// Its name.
        namespace: String,
        /// The Namespace that was seen.
        seen: Seen,
        /// What changes on it.
        metadata: MetadataChange,
    },
    /// Writes the RoleBinding of a role.
    ApplyRoleBinding {
        /// Where.
        namespace: String,
        /// The role that it gives.
        role: ProjectRole,
        /// The people who have it.
        subjects: BTreeSet<Subject>,
        /// The RoleBinding that was seen; `None` if there was none with our label.
        seen: Option<Seen>,
    },
    /// Deletes a RoleBinding of ours.
    DeleteRoleBinding {
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// The RoleBinding that was seen.
        seen: Seen,
        /// Why.
        because: Unwanted,
    },
    /// Writes the ResourceQuota of a Namespace.
    ApplyResourceQuota {
        /// Where.
        namespace: String,
        /// The plan that says what it limits.
        plan: PlanName,
        /// What it limits.
        quota: NamespaceQuota,
        /// The ResourceQuota that was seen; `None` if there was none with our label.
        seen: Option<Seen>,
    },
    /// Deletes a ResourceQuota of ours.
    DeleteResourceQuota {
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// The ResourceQuota that was seen.
        seen: Seen,
        /// Why.
        because: Surplus,
    },
    /// Makes a queue's PriorityClass.
    CreatePriorityClass(QueueClass),
    /// Puts right what may change on a PriorityClass, or labels one as ours that is as it should be.
    AmendPriorityClass {
        /// What it is to be.
        class: QueueClass,
        /// The PriorityClass that was seen.
        seen: Seen,
    },
    /// Deletes a PriorityClass of ours and makes it anew: its value never changes.
    ReplacePriorityClass {
        /// What it is to be.
        class: QueueClass,
        /// The PriorityClass that was seen.
        seen: Seen,
    },
    /// Deletes a PriorityClass of ours whose queue is gone.
    DeletePriorityClass {
        /// Its name.
        name: String,
        /// The PriorityClass that was seen.
        seen: Seen,
    },
    /// Makes a queue's Volcano Queue.
    CreateVolcanoQueue(VolcanoQueue),
    /// Puts right what is the platform's on a Volcano Queue of ours.
    AmendVolcanoQueue {
        /// What it is to be.
        queue: VolcanoQueue,
        /// The Volcano Queue that was seen.
        seen: Seen,
        /// Other resources than GPUs that it deserves.
        surplus: BTreeSet<String>,
    },
    /// Deletes a Volcano Queue of ours whose queue is gone.
    DeleteVolcanoQueue {
        /// Its name.
        name: String,
        /// The Volcano Queue that was seen.
        seen: Seen,
    },
}

/// Why a Namespace is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It was empty.
    Empty,
    /// An admin's annotation hands it over.
    HandedOver,
    /// It is the project's, and something was missing or different.
    Drift,
}

/// Why a RoleBinding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// Its Namespace is not bound to a project.
    NotBound,
    /// Nobody has the role.
    NobodyHasTheRole,
    /// It refers to another role than its name says; that never changes on a RoleBinding, so it is made anew.
    OtherRole,
    /// No role has a RoleBinding of this name.
    UnknownName,
}

/// Why a ResourceQuota goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surplus {
    /// Its Namespace is not bound to a project.
    NotBound,
    /// No plan is in force that limits something in a Namespace.
    NoLimits,
    /// It limits only a part of what there is; that never changes on a ResourceQuota, so it is made anew.
    Scoped,
    /// The platform keeps no ResourceQuota of this name.
    UnknownName,
}

/// Labels and annotations to write (`Some`) and to take away (`None`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Labels by key.
    pub labels: BTreeMap<&'static str, Option<String>>,
    /// Annotations by key.
    pub annotations: BTreeMap<&'static str, Option<String>>,
}

impl MetadataChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

/// The PriorityClass of a queue. It never preempts: the scheduler is blind to devices and would evict for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueClass {
    /// The queue.
    pub queue: QueueName,
    /// Its priority.
    pub value: i32,
}

impl QueueClass {
    /// The PriorityClass' name.
    pub fn name(&self) -> String {
        contract::priority_class(self.queue.as_str())
    }

    /// What it says to people.
    pub fn description(&self) -> String {
        format!("Pods of the queue {}; made by sluice from PlatformQueue {}", self.queue, self.queue)
    }
}

/// The ResourceQuota that is kept in a Namespace.
pub const QUOTA_NAME: &str = "sluice-plan";

/// The RoleBinding of a role.
pub fn role_binding_name(role: ProjectRole) -> &'static str {
    match role {
        ProjectRole::Member => "sluice-member",
        ProjectRole::Manager => "sluice-manager",
        ProjectRole::Admin => "sluice-admin",
    }
}

/// The ClusterRole that the RoleBinding of a role refers to.
pub fn cluster_role_name(role: ProjectRole) -> &'static str {
    match role {
        ProjectRole::Member => "sluice-project-member",
        ProjectRole::Manager => "sluice-project-manager",
        ProjectRole::Admin => "sluice-project-admin",
    }
}

impl Action {
    /// The Namespace that it writes to or in.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::CreateNamespace { namespace, .. }
            | Self::LabelNamespace { namespace, .. }
            | Self::RemoveLabel { namespace, .. }
            | Self::ApplyRoleBinding { namespace, .. }
            | Self::DeleteRoleBinding { namespace, .. }
            | Self::ApplyResourceQuota { namespace, .. }
            | Self::DeleteResourceQuota { namespace, .. } => Some(namespace),
            Self::CreatePriorityClass(_)
            | Self::AmendPriorityClass { .. }
            | Self::ReplacePriorityClass { .. }
            | Self::DeletePriorityClass { .. }
            | Self::CreateVolcanoQueue(_)
            | Self::AmendVolcanoQueue { .. }
            | Self::DeleteVolcanoQueue { .. } => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNamespace { namespace, project, .. } => {
                write!(f, "make namespace {namespace} of project {project}")
            }
            Self::LabelNamespace { namespace, project, because, metadata, .. } => match because {
                Because::Empty => write!(f, "bind namespace {namespace} to project {project}: it was empty"),
                Because::HandedOver => {
                    write!(f, "bind namespace {namespace} to project {project}: {} hands it over", contract::ADOPT)
                }
                Because::Drift => write!(f, "put right on namespace {namespace} of project {project}: {metadata}"),
            },
            Self::RemoveLabel { namespace, metadata, .. } => {
                write!(f, "take back from namespace {namespace}, which no project lists: {metadata}")
            }
            Self::ApplyRoleBinding { namespace, role, subjects, .. } => {
                let name = role_binding_name(*role);
                write!(f, "write rolebinding {name} in namespace {namespace} for {}", Named(subjects))
            }
            Self::DeleteRoleBinding { namespace, name, because, .. } => {
                write!(f, "delete rolebinding {name} in namespace {namespace}: {because}")
            }
            Self::ApplyResourceQuota { namespace, plan, .. } => {
                write!(f, "write resourcequota {QUOTA_NAME} in namespace {namespace} as plan {plan} says")
            }
            Self::DeleteResourceQuota { namespace, name, because, .. } => {
                write!(f, "delete resourcequota {name} in namespace {namespace}: {because}")
            }
            Self::CreatePriorityClass(class) => {
                write!(f, "make priorityclass {} with value {}", class.name(), class.value)
            }
            Self::AmendPriorityClass { class, .. } => write!(f, "put right priorityclass {}", class.name()),
            Self::ReplacePriorityClass { class, .. } => {
                write!(f, "make priorityclass {} anew with value {}: a value never changes", class.name(), class.value)
            }
            Self::DeletePriorityClass { name, .. } => write!(f, "delete priorityclass {name}: its queue is gone"),
            Self::CreateVolcanoQueue(queue) => write!(f, "make Volcano's queue {}", queue.queue),
            Self::AmendVolcanoQueue { queue, .. } => write!(f, "put right Volcano's queue {}", queue.queue),
            Self::DeleteVolcanoQueue { name, .. } => write!(f, "delete Volcano's queue {name}: its record is gone"),
        }
    }
}

/// Names the first few.
struct Named<'a>(&'a BTreeSet<Subject>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FEW: usize = 10;
        for (nth, subject) in self.0.iter().take(FEW).enumerate() {
            write!(f, "{}{subject}", if nth == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(FEW) {
            None | Some(0) => Ok(()),
            Some(others) => write!(f, " and {others} others"),
        }
    }
}

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBound => "the namespace is not bound to a project",
            Self::NobodyHasTheRole => "nobody has the role",
            Self::OtherRole => "it refers to another role",
            Self::UnknownName => "no role has a rolebinding of this name",
        })
    }
}

impl fmt::Display for Surplus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBound => "the namespace is not bound to a project",
            Self::NoLimits => "no plan in force limits what a namespace holds, or the rule quota is not enforced",
            Self::Scoped => "it does not limit everything in the namespace",
            Self::UnknownName => "the platform keeps no resourcequota of this name",
        })
    }
}

impl fmt::Display for MetadataChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = [("label", &self.labels), ("annotation", &self.annotations)];
        let changes = changes.into_iter().flat_map(|(what, map)| map.iter().map(move |(key, to)| (what, key, to)));
        for (nth, (what, key, to)) in changes.enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            match to {
                Some(value) => write!(f, "{comma}{what} {key}={value}")?,
                None => write!(f, "{comma}no {what} {key}")?,
            }
        }
        Ok(())
    }
}
