//! A second opinion on a plan, before anything is carried out.

use std::collections::BTreeMap;

use crate::contract;
use crate::daemons::common::{Seen, is_exempt};
use crate::policy::Policy;

use super::action::{Action, MetadataChange};
use super::view::{Namespace, View};
use super::volcano::Found;
use super::{MAX_ACTIONS, Plan};

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} actions planned; at most {MAX_ACTIONS} a cycle")]
    TooMany(usize),
    /// An exempt Namespace would be touched.
    #[error("touches the exempt namespace: {0}")]
    Exempt(Box<Action>),
    /// Something that we did not make would be deleted or replaced.
    #[error("deletes what is not ours: {0}")]
    NotOurs(Box<Action>),
    /// A Namespace that others bound would be bound or unbound.
    #[error("takes over a namespace that others bound: {0}")]
    TakesOver(Box<Action>),
}

/// Checks what [`plan`](super::plan) promises, without any of its reasoning.
pub fn audit(view: &View, policy: &Policy, plan: &Plan) -> Result<(), Violation> {
    if plan.actions.len() > MAX_ACTIONS {
        return Err(Violation::TooMany(plan.actions.len()));
    }
    plan.actions.iter().try_for_each(|action| one(view, policy, action))
}

fn one(view: &View, policy: &Policy, action: &Action) -> Result<(), Violation> {
    if action.namespace().is_some_and(|name| is_exempt(&view.own_namespace, policy.platform(), name)) {
        return Err(Violation::Exempt(action.clone().into()));
    }
    let allowed = match action {
        Action::CreateNamespace { namespace, .. } => !view.namespaces.contains_key(namespace),
        Action::LabelNamespace { namespace, metadata, .. } | Action::RemoveLabel { namespace, metadata, .. } => {
            view.namespaces.get(namespace).is_some_and(|found| may_bind(found, metadata))
        }
        Action::DeleteRoleBinding { namespace, name, .. } => {
            return match view.role_bindings.contains_key(&(namespace.clone(), name.clone())) {
                true => Ok(()),
                false => Err(Violation::NotOurs(action.clone().into())),
            };
        }
        Action::DeleteResourceQuota { namespace, name, .. } => {
            return match view.resource_quotas.contains_key(&(namespace.clone(), name.clone())) {
                true => Ok(()),
                false => Err(Violation::NotOurs(action.clone().into())),
            };
        }
        Action::ReplacePriorityClass { class: super::action::QueueClass { queue, .. }, .. } => {
            return ours(view, &contract::priority_class(queue.as_str()), action);
        }
        Action::DeletePriorityClass { name, .. } => return ours(view, name, action),
        Action::CreateVolcanoQueue(queue) => {
            let may_make = |found: &BTreeMap<String, Found>| !found.contains_key(queue.queue.as_str());
            view.volcano_queues.as_ref().is_some_and(may_make)
        }
        Action::AmendVolcanoQueue { queue, seen, .. } => return our_queue(view, queue.queue.as_str(), seen, action),
        Action::DeleteVolcanoQueue { name, seen } => return our_queue(view, name, seen, action),
        Action::ApplyRoleBinding { .. } | Action::ApplyResourceQuota { .. } => true,
        Action::CreatePriorityClass(_) | Action::AmendPriorityClass { .. } => true,
    };
    if allowed { Ok(()) } else { Err(Violation::TakesOver(action.clone().into())) }
}

/// The binding label changes only where it is absent or where we wrote it.
fn may_bind(found: &Namespace, change: &MetadataChange) -> bool {
    !change.labels.contains_key(contract::PROJECT_ID) || found.bound_to().is_none() || found.mark().is_some()
}

fn ours(view: &View, class: &str, action: &Action) -> Result<(), Violation> {
    match view.priority_classes.get(class) {
        Some(found) if found.managed => Ok(()),
        Some(_) | None => Err(Violation::NotOurs(action.clone().into())),
    }
}

fn our_queue(view: &View, name: &str, seen: &Seen, action: &Action) -> Result<(), Violation> {
    match view.volcano_queues.as_ref().and_then(|found| found.get(name)) {
        Some(found) if found.managed && found.seen == *seen => Ok(()),
        Some(_) | None => Err(Violation::NotOurs(action.clone().into())),
    }
}
