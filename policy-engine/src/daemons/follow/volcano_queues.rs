//! Which Volcano Queues are made, amended and taken away.

use std::collections::BTreeSet;

use crate::policy::Policy;
use crate::policy::names::QueueName;

use super::Plan;
use super::action::Action;
use super::spared::Spared;
use super::view::View;
use super::volcano::{Found, GPU, VolcanoQueue};

pub(super) fn plan(view: &View, policy: &Policy, plan: &mut Plan) {
    let Some(existing) = &view.volcano_queues else { return };
    let unreadable = &view.unreadable.queues;
    let mut wanted: BTreeSet<&str> = unreadable.iter().map(QueueName::as_str).collect();
    for queue in policy.records().queues.values() {
        wanted.insert(queue.name.as_str());
        if unreadable.contains(&queue.name) {
            continue;
        }
        let queue = VolcanoQueue::of(queue);
        match existing.get(queue.queue.as_str()) {
            None => plan.actions.push(Action::CreateVolcanoQueue(queue)),
            Some(found) if queue.is(found) => {}
            Some(found) if found.managed => {
                let surplus = found.deserved.keys().filter(|resource| *resource != GPU).cloned().collect();
                plan.actions.push(Action::AmendVolcanoQueue { queue, seen: found.seen.clone(), surplus });
            }
            Some(_) => plan.spared.push(Spared::ForeignVolcanoQueue { queue: queue.queue }),
        }
    }
    let unwanted = existing.iter().filter(|(name, found)| found.managed && !wanted.contains(name.as_str()));
    let delete =
        |(name, found): (&String, &Found)| Action::DeleteVolcanoQueue { name: name.clone(), seen: found.seen.clone() };
    plan.actions.extend(unwanted.map(delete));
}
