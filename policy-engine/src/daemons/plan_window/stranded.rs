//! Pods that wait in vain, counted by what an admin has to mend.

use std::collections::BTreeMap;
use std::fmt;

use super::InVain;
use crate::policy::Policy;
use crate::policy::names::{PlanName, ProjectName, QueueName};
use crate::policy::project::Project;

/// So many projects are named.
const NAMED: usize = 5;

/// Because of what Pods wait in vain, and how many in which project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    /// What has to be mended.
    pub because: Mend,
    /// How many Pods of each project wait for it.
    pub projects: BTreeMap<ProjectName, usize>,
}

/// What an admin has to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// The project names no plan.
    NoPlan(ProjectName),
    /// It names one that does not exist.
    PlanGone(PlanName),
    /// The plan's validity has ended.
    PlanEnded(PlanName),
    /// The plan does not bind the queue of this id, or there is none.
    NotBound(PlanName, String),
    /// The windows of the plan and the queue do not meet again.
    Closed(PlanName, QueueName),
}

impl Mend {
    /// `None` where the records say otherwise by now.
    pub(super) fn of(policy: &Policy, project: &Project, because: &InVain) -> Option<Self> {
        Some(match (because, &project.plan) {
            (InVain::NotBound { plan, queue }, _) => Self::NotBound(plan.clone(), queue.clone()),
            (InVain::NeverOpens(queue), Some(plan)) => Self::Closed(plan.clone(), queue.clone()),
            (InVain::NoPlan(_), Some(plan)) if policy.records().plans.contains_key(plan) => {
                Self::PlanEnded(plan.clone())
            }
            (InVain::NoPlan(_), Some(plan)) => Self::PlanGone(plan.clone()),
            (InVain::NoPlan(project), None) => Self::NoPlan(project.clone()),
            (InVain::NeverOpens(_), None) => return None,
        })
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan(project) => write!(f, "project {project} has no plan"),
            Self::PlanGone(plan) => write!(f, "plan {plan} does not exist"),
            Self::PlanEnded(plan) => write!(f, "plan {plan} has ended"),
            Self::NotBound(plan, queue) => write!(f, "plan {plan} does not bind queue {queue}"),
            Self::Closed(plan, queue) => write!(f, "plan {plan} does not open queue {queue} again"),
        }
    }
}

impl Mend {
    fn what_to_do(&self) -> &'static str {
        match self {
            Self::NoPlan(_) => "give the project a plan",
            Self::PlanGone(_) => "create the plan, or give the projects another",
            Self::PlanEnded(_) => "write a later spec.validity.until, or give the projects another plan",
            Self::NotBound(..) => "add the queue to spec.queues of the plan",
            Self::Closed(..) => "write a window that is to come, in the plan and in the queue",
        }
    }
}

impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { because, projects } = self;
        let pods: usize = projects.values().sum();
        let wait = if pods == 1 { "1 Pod waits" } else { &format!("{pods} Pods wait") };
        let named: Vec<_> =
            projects.iter().take(NAMED).map(|(project, pods)| format!("{pods} of project {project}")).collect();
        write!(f, "{because}, and {wait} for it in vain: {}", named.join(", "))?;
        if projects.len() > NAMED {
            write!(f, " and more of {} other projects", projects.len() - NAMED)?;
        }
        write!(
            f,
            "; {}, or have those that queue default takes moved there (sluice switch-queue)",
            because.what_to_do()
        )
    }
}
