//! PriorityClasses: one for every queue. A queue's priority is at most 1000000 (`records` clamps it), far below what
//! Kubernetes keeps for itself.

use std::collections::BTreeSet;

use crate::policy::Policy;

use super::Plan;
use super::action::{Action, QueueClass};
use super::spared::Spared;
use super::view::View;

pub(super) fn plan(view: &View, policy: &Policy, plan: &mut Plan) {
    let mut wanted: BTreeSet<String> = view.unreadable.queues.iter().map(|queue| name_of(queue.as_str())).collect();
    for queue in policy.records().queues.values() {
        let class = QueueClass { queue: queue.name.clone(), value: queue.priority };
        wanted.insert(class.name());
        if view.unreadable.queues.contains(&queue.name) {
            continue;
        }
        let Some(found) = view.priority_classes.get(&class.name()) else {
            plan.actions.push(Action::CreatePriorityClass(class));
            continue;
        };
        let seen = found.seen.clone();
        if found.value == class.value && found.never_preempts {
            if !found.managed || found.global_default || found.description != class.description() {
                plan.actions.push(Action::AmendPriorityClass { class, seen });
            }
        } else if found.managed {
            plan.actions.push(Action::ReplacePriorityClass { class, seen });
        } else {
            let (queue, asked, found) = (class.queue, class.value, found.value);
            plan.spared.push(Spared::ForeignPriorityClass { queue, asked, found });
        }
    }
    let unwanted = view.priority_classes.iter().filter(|(name, found)| found.managed && !wanted.contains(*name));
    plan.actions.extend(
        unwanted.map(|(name, found)| Action::DeletePriorityClass { name: name.clone(), seen: found.seen.clone() }),
    );
}

fn name_of(queue: &str) -> String {
    crate::contract::priority_class(queue)
}
