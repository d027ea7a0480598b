//! Who is spared, and why.

use super::ask::Ask;
use super::ground::Ground;
use super::state::State;
use super::victims::{Rights, broken_floor, budget_over};
use super::why::Spared;
use super::{MOST_SPARED, SparedPod};
use crate::policy::queue::Queue;

/// The Pods on these nodes that have what is asked and are not taken.
pub(super) fn spared(
    ground: &Ground<'_>,
    state: &State,
    ask: &Ask<'_>,
    rights: &Rights<'_>,
    nodes: &[usize],
    taken: &[usize],
) -> Vec<SparedPod> {
    let queue = |pod: usize| ground.pods[pod].queue.map(|queue| ground.queues[queue]);
    let lowest = taken.iter().filter_map(|pod| queue(*pod)).map(|queue| queue.priority).min();
    // Of sets of one size the lowest queues go: what is lower and stays would have had to end together with more.
    let not_needed = |pod: usize| {
        let lower = queue(pod).filter(|queue| lowest.is_some_and(|lowest| queue.priority < lowest));
        let fewer = |queue: &Queue| Spared::FewerSuffice { queue: queue.name.clone(), taken: taken.len() };
        lower.map_or(Spared::NotNeeded, fewer)
    };
    let has_device = |pod: usize| {
        let claims = &ground.pods[pod].claims;
        claims.iter().filter_map(|claim| ground.view.claims[*claim].allocation.as_ref()).any(|allocation| {
            let devices = allocation.devices.iter().filter_map(|holding| ground.device(&holding.device));
            devices
                .map(|device| ground.profiles[device])
                .any(|profile| ask.needs.iter().flat_map(|need| &need.ways).any(|way| way.matches[profile]))
        })
    };
    let on = nodes.iter().flat_map(|node| &ground.sites[*node].pods).copied();
    let concerned = on.filter(|pod| !state.leaving[*pod] && (ask.needs.is_empty() || has_device(*pod)));
    // A budget decides only among equals.
    let priority = |pod: usize| queue(pod).map(|queue| queue.priority);
    let protecting = |pod: usize| {
        let has_equals = taken.iter().any(|other| priority(*other) == priority(pod));
        budget_over(ground, state, &[pod]).filter(|_| has_equals).map(|budget| Spared::Budget(budget.to_owned()))
    };
    let because = |pod: usize| match rights.over(pod) {
        Err(because) => because,
        Ok(_) => broken_floor(ground, state, &[pod]).or_else(|| protecting(pod)).unwrap_or_else(|| not_needed(pod)),
    };
    let said = concerned.map(|pod| SparedPod { pod: ground.view.pods[pod].pod.clone(), because: because(pod) });
    // What the cluster itself runs on every node is no news where no device is asked.
    said.filter(|it| !ask.needs.is_empty() || it.because != Spared::Exempt).take(MOST_SPARED).collect()
}
