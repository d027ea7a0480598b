//! Who is spared, and why.

use super::ask::Ask;
use super::ground::Ground;
use super::state::State;
use super::victims::{Rights, broken_floor, budget_over};
use super::why::Spared;
use super::{MOST_SPARED, SparedPod};

/// The Pods on these nodes that have what is asked and are not taken.
pub(super) fn spared(
    ground: &Ground<'_>,
    state: &State,
    ask: &Ask<'_>,
    rights: &Rights<'_>,
    nodes: &[usize],
) -> Vec<SparedPod> {
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
    let because = |pod: usize| match rights.over(pod) {
        Err(because) => because,
        Ok(_) => broken_floor(ground, state, &[pod])
            .or_else(|| budget_over(ground, state, &[pod]).map(|budget| Spared::Budget(budget.to_owned())))
            .unwrap_or(Spared::NotNeeded),
    };
    let said = concerned.map(|pod| SparedPod { pod: ground.view.pods[pod].pod.clone(), because: because(pod) });
    // What the cluster itself runs on every node is no news where no device is asked.
    said.filter(|it| !ask.needs.is_empty() || it.because != Spared::Exempt).take(MOST_SPARED).collect()
}
