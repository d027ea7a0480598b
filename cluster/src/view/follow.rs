//! What exists of what the daemon `follow` looks after: Namespaces, RoleBindings, ResourceQuotas,
//! PriorityClasses and Volcano's Queues.

mod contents;
mod seen;
mod unreadable;

use jiff::Timestamp;
use policy_engine::daemons::follow::questions;
use policy_engine::daemons::follow::view::{Contents, View};
use policy_engine::policy::Policy;

use crate::world::{Snapshot, Unfit, World};

/// At most so many Namespaces are looked into at a time; the others have their turn the next time.
const MOST_QUESTIONS: usize = 32;

/// What exists, as far as the caches know it.
///
/// # Errors
/// Where the policy does not say which Namespaces are exempt.
pub fn view(world: &World, snapshot: &Snapshot, own_namespace: &str, now: Timestamp) -> Result<View, Unfit> {
    let unreadable = unreadable::in_snapshot(snapshot)?;
    let volcano = world.volcano_queues();
    Ok(View {
        observed_at: now,
        own_namespace: own_namespace.to_owned(),
        namespaces: world.namespaces().iter().filter_map(|it| seen::namespace(&it.metadata)).collect(),
        role_bindings: world.role_bindings().iter().filter_map(|it| seen::role_binding(it)).collect(),
        resource_quotas: world.resource_quotas().iter().filter_map(|it| seen::resource_quota(it)).collect(),
        priority_classes: world.priority_classes().iter().filter_map(|it| seen::priority_class(it)).collect(),
        volcano_queues: volcano.map(|all| all.iter().filter_map(|it| seen::volcano_queue(it)).collect()),
        unreadable,
    })
}

/// Asks the API server what is in those Namespaces of a view for which it matters. `turn` says where the last time ended.
pub async fn look_into(world: &World, view: &mut View, policy: &Policy, turn: &mut usize) {
    for (name, contents) in answers(world, view, policy, turn).await {
        if let Some(namespace) = view.namespaces.get_mut(&name) {
            namespace.contents = contents;
        }
    }
}

async fn answers(world: &World, view: &View, policy: &Policy, turn: &mut usize) -> Vec<(String, Contents)> {
    let asked = questions(view, policy);
    let most = MOST_QUESTIONS.min(asked.len());
    let first = *turn % asked.len().max(1);
    *turn = first + most;
    let mut answers = Vec::new();
    for name in asked.iter().cycle().skip(first).take(most) {
        match contents::of(world.client(), name, &policy.platform().workload_kinds).await {
            Ok(contents) => answers.push(((*name).to_owned(), contents)),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(namespace = name, error, "cannot see whether a namespace is empty");
            }
        }
    }
    answers
}
