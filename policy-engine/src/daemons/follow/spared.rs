//! What a record asks for and the platform does not do, and why: `Display` is the sentence that people read.

use crate::daemons::common::{MANAGED_BY, MANAGER};
use std::fmt;

use crate::contract;
use crate::policy::ids::{ProjectId, UserId};
use crate::policy::names::{PlanName, ProjectName, QueueName};

use super::view::Contents;

/// Something that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spared {
    /// A project lists a Namespace, and it cannot have it.
    Namespace {
        /// Its name.
        namespace: String,
        /// The project that lists it.
        project: ProjectName,
        /// Why it cannot have it.
        because: NotYours,
    },
    /// A Namespace is bound to a project whose record cannot be read.
    UnreadableProject {
        /// Its name.
        namespace: String,
        /// The project.
        project: ProjectName,
    },
    /// The people of a project depend on a record that cannot be read.
    UnreadablePeople {
        /// The project.
        project: ProjectName,
        /// The record, as a person would name it: `Group nlp-lab`.
        record: String,
    },
    /// The plan of a project cannot be read.
    UnreadablePlan {
        /// The project.
        project: ProjectName,
        /// Its plan.
        plan: PlanName,
    },
    /// A PriorityClass with a queue's name is not ours and differs.
    ForeignPriorityClass {
        /// The queue.
        queue: QueueName,
        /// The queue's priority.
        asked: i32,
        /// The value of the class that exists.
        found: i32,
    },
    /// A Volcano Queue with a queue's name is not ours and differs.
    ForeignVolcanoQueue {
        /// The queue.
        queue: QueueName,
    },
}

/// Why a project cannot have a Namespace that it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYours {
    /// It is never governed.
    Exempt,
    /// It is labelled for another project.
    BoundTo(ProjectId),
    /// It was given to a member of a project as their own, and it is theirs until an admin says otherwise.
    GivenTo {
        /// What the label says of whose it is.
        user: UserId,
        /// The project that gave it.
        project: ProjectName,
    },
    /// Another project lists it too, and comes first.
    ListedBy(ProjectName),
    /// It existed before, and nobody says that it may be taken over.
    NotEmpty(Contents),
    /// It is being deleted.
    Terminating,
}

impl Spared {
    /// The project concerned.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Namespace { project, .. }
            | Self::UnreadableProject { project, .. }
            | Self::UnreadablePeople { project, .. }
            | Self::UnreadablePlan { project, .. } => Some(project),
            Self::ForeignPriorityClass { .. } | Self::ForeignVolcanoQueue { .. } => None,
        }
    }

    /// The queue concerned.
    pub fn queue(&self) -> Option<&QueueName> {
        match self {
            Self::ForeignPriorityClass { queue, .. } | Self::ForeignVolcanoQueue { queue } => Some(queue),
            Self::Namespace { .. }
            | Self::UnreadableProject { .. }
            | Self::UnreadablePeople { .. }
            | Self::UnreadablePlan { .. } => None,
        }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace { namespace, project, because } => {
                write!(f, "namespace {namespace} is not bound to project {project}: ")?;
                match because {
                    NotYours::Exempt => f.write_str("it is exempt; list another"),
                    NotYours::BoundTo(id) => write!(
                        f,
                        "its label {} says {id}; list another, or have an admin take that label away",
                        contract::PROJECT_ID
                    ),
                    NotYours::GivenTo { user, project: giver } => write!(
                        f,
                        "it is user {user}'s own in project {giver}; an admin may hand it over with the annotation {}={project}",
                        contract::ADOPT
                    ),
                    NotYours::ListedBy(other) => write!(f, "project {other} lists it too; take it out of one of them"),
                    NotYours::NotEmpty(contents) => {
                        match contents {
                            Contents::Unknown => f.write_str("it existed before and is not known to be empty")?,
                            Contents::Empty => f.write_str("it existed before")?,
                            Contents::Holds(object) => write!(f, "it existed before and holds {object}")?,
                        }
                        write!(f, "; an admin may hand it over with the annotation {}={project}", contract::ADOPT)
                    }
                    NotYours::Terminating => f.write_str("it is being deleted; it is made anew once it is gone"),
                }
            }
            Self::UnreadableProject { namespace, project } => {
                write!(f, "namespace {namespace} is left as it is: the record of project {project} cannot be read")
            }
            Self::UnreadablePeople { project, record } => {
                write!(f, "the rolebindings of project {project} are left as they are: {record} cannot be read")
            }
            Self::UnreadablePlan { project, plan } => {
                write!(
                    f,
                    "the resourcequotas of project {project} are left as they are: the record of plan {plan} cannot be \
                     read"
                )
            }
            Self::ForeignPriorityClass { queue, asked, found } => {
                let class = contract::priority_class(queue.as_str());
                write!(
                    f,
                    "queue {queue} asks for priority {asked}; priorityclass {class} is not sluice's, has value {found} \
                     and cannot be changed; delete it, or label it {MANAGED_BY}={MANAGER} to hand it over"
                )
            }
            Self::ForeignVolcanoQueue { queue } => write!(
                f,
                "Volcano's queue {queue} is not sluice's, and says something else than PlatformQueue {queue}; it is left as it is; \
                 delete it, or label it {MANAGED_BY}={MANAGER} to hand it over"
            ),
        }
    }
}
