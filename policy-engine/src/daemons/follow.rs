//! Follow: what has to change in the cluster so that it is as the records say.
//!
//! A Namespace that a project lists is made if it does not exist, and bound to the project by the label
//! [`contract::PROJECT_ID`]. One that exists is taken over only if it is empty, or if its annotation
//! [`contract::ADOPT`] names the project; one that is bound to another project, or exempt, never is. When no record
//! lists a Namespace any more, the platform takes back what it wrote there. It never deletes a Namespace.
//!
//! In every bound Namespace people get a RoleBinding for their role in the project, and Pods that the Pod Security
//! Standard *baseline* forbids are refused even while Sluice is away. A ResourceQuota limits there what the project's plan
//! in force limits for each Namespace. Every queue has a PriorityClass, and a Volcano Queue where the API server has that kind.
//!
//! What is not as planned is put right, whoever changed it.

pub mod action;
pub mod audit;
pub mod spared;
pub mod status;
pub mod view;
pub mod volcano;
mod volcano_queues;

mod access;
mod metadata;
mod namespaces;
mod queues;
mod quotas;
mod verdict;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::policy::Policy;

use action::Action;
use spared::Spared;
use view::View;

/// Label that makes the API server enforce a Pod Security Standard.
pub const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
/// Annotation on a Namespace: project and id that this daemon bound it to.
///
/// [`MANAGED_BY`] would not do here: an adopted Namespace may be one that Helm manages.
pub const BOUND_MARK: &str = "sluice.dev/bound";
/// Annotation on a Namespace: the value of [`POD_SECURITY`] that this daemon wrote.
pub const FLOOR_MARK: &str = "sluice.dev/pod-security";

/// At most so many actions a cycle; the next cycle plans the rest.
pub const MAX_ACTIONS: usize = 500;

/// What is to be done, in this order, and what is left alone and why.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is to be done.
    pub actions: Vec<Action>,
    /// What a record asks for and the platform does not do.
    pub spared: Vec<Spared>,
    /// Whether [`MAX_ACTIONS`] left something for the next cycle.
    pub cut_short: bool,
}

/// Compares what exists with what the records say.
///
/// # Expected flow
/// Ask the API server about [`questions`], put the answers into the view, plan, [`audit`](audit::audit), carry out.
///
/// # Guarantees
/// Once a plan is carried out, the next plan on the state that results has no actions. A Namespace is touched only if
/// it is not exempt, and it is bound to the project, or empty, or handed over by annotation. Only objects labelled as
/// ours are deleted. What belongs to an unreadable record stays as it is.
///
/// # Assumptions
/// The view is complete: what it does not hold does not exist.
///
/// # Caveats
/// A Namespace that was seen empty may be filled before it is bound. What is in it then belongs to the project.
///
/// # Errors
/// None: what cannot be done is a [`Spared`].
pub fn plan(view: &View, policy: &Policy) -> Plan {
    let mut plan = Plan::default();
    let bound = namespaces::plan(view, policy, &mut plan);
    quotas::plan(view, policy, &bound, &mut plan);
    access::plan(view, policy, &bound, &mut plan);
    queues::plan(view, policy, &mut plan);
    volcano_queues::plan(view, policy, &mut plan);
    // People lose their access to a Namespace before it is released, so that nobody acts there ungoverned.
    plan.actions.sort_by_key(|action| matches!(action, Action::RemoveLabel { .. }));
    plan.cut_short = plan.actions.len() > MAX_ACTIONS;
    plan.actions.truncate(MAX_ACTIONS);
    plan
}

/// Namespaces of which the plan depends on whether they are empty.
pub fn questions<'a>(view: &'a View, policy: &'a Policy) -> Vec<&'a str> {
    namespaces::questions(view, policy)
}
