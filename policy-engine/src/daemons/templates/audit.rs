//! A second opinion on a plan, before anything is carried out.

use super::{Action, MAX_ACTIONS, Plan, View};
use crate::claims::template::Template;
use crate::daemons::common::is_exempt;
use crate::policy::Policy;

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} actions planned; at most {MAX_ACTIONS} a cycle")]
    TooMany(usize),
    /// A template would be made in a Namespace that is no project's, or exempt.
    #[error("touches a namespace that is not governed: {0}")]
    Ungoverned(Box<Action>),
    /// A template would be made with another content than its name says.
    #[error("makes a template under a name that is not its own: {0}")]
    OtherContent(Box<Action>),
    /// What is not ours, or is named, would be removed.
    #[error("removes what is not ours to remove: {0}")]
    NotOurs(Box<Action>),
}

/// Checks what [`plan`](super::plan) promises.
pub fn audit(view: &View, policy: &Policy, plan: &Plan) -> Result<(), Violation> {
    if plan.actions.len() > MAX_ACTIONS {
        return Err(Violation::TooMany(plan.actions.len()));
    }
    plan.actions.iter().try_for_each(|action| one(view, policy, action))
}

fn one(view: &View, policy: &Policy, action: &Action) -> Result<(), Violation> {
    match action {
        Action::Make { namespace, template, .. } => {
            let exempt = is_exempt(&view.own_namespace, policy.platform(), namespace);
            if exempt || !view.bindings.contains_key(namespace) {
                return Err(Violation::Ungoverned(action.clone().into()));
            }
            if Template::recorded(&template.text, &template.name).as_ref() != Some(template) {
                return Err(Violation::OtherContent(action.clone().into()));
            }
        }
        Action::Remove { namespace, name, seen } => {
            let ours =
                |it: &super::Existing| it.namespace == *namespace && it.name == *name && it.is_ours && it.seen == *seen;
            let named = view.uses.iter().any(|it| it.pod.namespace == *namespace && it.template == *name);
            let expected = view.expected.iter().any(|(at, template)| at == namespace && template.name == *name);
            if named || expected || !view.templates.iter().any(ours) {
                return Err(Violation::NotOurs(action.clone().into()));
            }
        }
    }
    Ok(())
}
