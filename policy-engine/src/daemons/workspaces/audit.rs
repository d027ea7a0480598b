//! A second opinion on a plan, before anything is carried out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, MAX_ACTIONS, Plan, View};
use crate::daemons::common::is_exempt;
use crate::policy::Policy;

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} actions planned; at most {MAX_ACTIONS} a cycle")]
    TooMany(usize),
    /// A workspace that was not seen so, or a second thing is done to it.
    #[error("not seen so, or done twice: {0}")]
    Unseen(String),
    /// In an exempt Namespace, or in one that is no project's.
    #[error("of no project's: {0}")]
    Ungoverned(String),
    /// A Pod is made for what is not to run, or has one.
    #[error("makes a Pod that nobody asked for: {0}")]
    Unasked(String),
    /// A Pod is made that is not the workspace's own.
    #[error("makes what is not the workspace's: {0}")]
    NotIts(String),
    /// A Pod is ended that is to run, or that is somebody else's.
    #[error("ends a Pod that it must not: {0}")]
    Ends(String),
}

/// Checks what [`plan`](super::plan) promises.
///
/// # Errors
/// The first promise that it breaks.
pub fn audit(view: &View, policy: &Policy, plan: &Plan) -> Result<(), Violation> {
    if plan.actions.len() > MAX_ACTIONS {
        return Err(Violation::TooMany(plan.actions.len()));
    }
    let mut done = BTreeSet::new();
    plan.actions.iter().try_for_each(|action| {
        let (workspace, uid) = action.of();
        let said = || action.to_string();
        let known = view.workspaces.iter().find(|known| known.name == *workspace && known.seen.uid == uid);
        let Some(known) = known.filter(|_| done.insert(uid.to_owned())) else { return Err(Violation::Unseen(said())) };
        let is_bound = view.bindings.contains_key(&workspace.namespace);
        if !is_bound || is_exempt(&view.own_namespace, policy.platform(), &workspace.namespace) {
            return Err(Violation::Ungoverned(said()));
        }
        let is_to_run = known.spec.as_ref().is_ok_and(|spec| spec.running);
        match action {
            Action::Start { pod, service, .. } => {
                if !is_to_run || known.is_ending || known.pod.is_some() {
                    return Err(Violation::Unasked(said()));
                }
                let is_its = |object: &Value| {
                    let meta = &object["metadata"];
                    let owner = &meta["ownerReferences"][0];
                    meta["name"] == workspace.name.as_str()
                        && meta["namespace"] == workspace.namespace.as_str()
                        && (&owner["uid"], &owner["controller"]) == (&Value::from(uid), &Value::from(true))
                };
                if is_its(pod) && is_its(service) { Ok(()) } else { Err(Violation::NotIts(said())) }
            }
            Action::Stop { pod, .. } => {
                let is_own = known.pod.as_ref().is_some_and(|it| it.uid == *pod && it.is_own && !it.is_ending);
                if is_own && known.spec.as_ref().is_ok_and(|spec| !spec.running) {
                    Ok(())
                } else {
                    Err(Violation::Ends(said()))
                }
            }
        }
    })
}
