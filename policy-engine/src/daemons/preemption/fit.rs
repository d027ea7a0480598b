//! Whether waiting Pods fit on a node when others are gone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::ask::Ask;
use super::devices::{Chosen, Offer, Open, choose};
use super::ground::Ground;
use super::state::State;
use super::view::devices::Holding;
use super::view::places::{any_holds, selected, tolerated};
use super::view::{Amounts, Given, Placement};
use super::why::Lack;

/// Who is taken to be gone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gone<'s> {
    /// Nobody.
    Nobody,
    /// Those that leave.
    Leaving,
    /// Those that leave, and these Pods.
    And(&'s [usize]),
}

impl Gone<'_> {
    fn includes(self, state: &State, pod: usize) -> bool {
        match self {
            Self::Nobody => false,
            Self::Leaving => state.leaving[pod],
            Self::And(pods) => state.leaving[pod] || pods.contains(&pod),
        }
    }
}

/// Whether the Pods could be on a node if it were empty, but for their devices.
pub(super) fn may_be_on(ground: &Ground<'_>, state: &State, ask: &Ask<'_>, node: usize) -> Result<(), Lack> {
    let on = &ground.view.nodes[node];
    let holds = |holds: bool, lack| if holds { Ok(()) } else { Err(lack) };
    for pod in ask.pods.iter().map(|pod| &ground.view.pods[*pod]) {
        holds(selected(on, &pod.node_selector), Lack::Selector)?;
        holds(pod.affinity.as_ref().is_none_or(|terms| any_holds(terms, on)), Lack::Affinity)?;
        holds(tolerated(&on.taints, &pod.tolerations), Lack::Taint)?;
    }
    holds(ask.pins.iter().all(|claim| reaches(ground, state, *claim, node)), Lack::Claim)?;
    let Amounts { milli_cpu, memory, pods } = ask.amounts;
    holds(on.allocatable.covers(Amounts { milli_cpu, ..Amounts::default() }), Lack::Cpu)?;
    holds(on.allocatable.covers(Amounts { memory, ..Amounts::default() }), Lack::Memory)?;
    holds(on.allocatable.covers(Amounts { pods, ..Amounts::default() }), Lack::Pods)?;
    let has = |(of, asked): (&&str, &u64)| on.others.get(*of).is_some_and(|has| has >= asked);
    holds(ask.others.iter().all(has), Lack::Other)
}

/// Whether a claim that has devices can be used from a node.
fn reaches(ground: &Ground<'_>, state: &State, claim: usize, node: usize) -> bool {
    let on = &ground.view.nodes[node];
    let of_device = |holding: &Holding| {
        ground.device(&holding.device).is_none_or(|device| ground.view.devices[device].reach.includes(on))
    };
    let allocated = ground.view.claims[claim].allocation.as_ref();
    allocated.is_none_or(|it| it.reach.includes(on) && it.devices.iter().all(of_device))
        && state.joined.get(&claim).is_none_or(|(joined, _)| allocated.is_some() || *joined == node)
}

/// The devices that the Pods' claims would get on a node where they [may be](may_be_on); `None` where they do not fit.
pub(super) fn fits(
    ground: &Ground<'_>,
    state: &State,
    ask: &Ask<'_>,
    node: usize,
    gone: Gone<'_>,
) -> Option<Vec<Chosen>> {
    has_room(ground, state, ask, node, gone).then(|| devices(ground, state, ask, node, gone)).flatten()
}

fn has_room(ground: &Ground<'_>, state: &State, ask: &Ask<'_>, node: usize, gone: Gone<'_>) -> bool {
    let room = match gone {
        Gone::Nobody => state.room_now[node],
        Gone::Leaving => state.room_then[node],
        Gone::And(pods) => {
            let leave = pods.iter().filter(|pod| ground.pods[**pod].node == Some(node) && !state.leaving[**pod]);
            leave.fold(state.room_then[node], |room, pod| room + ground.pods[*pod].asks)
        }
    };
    room.covers(ask.amounts) && has_others(ground, state, ask, node, gone)
}

/// Whether a node has what else the Pods ask of it, beside those who stay and those who come.
pub(super) fn has_others(ground: &Ground<'_>, state: &State, ask: &Ask<'_>, node: usize, gone: Gone<'_>) -> bool {
    ask.others.iter().all(|(of, asked)| {
        let stay = ground.sites[node].pods.iter().copied().filter(|pod| !gone.includes(state, *pod));
        let come = state.come.iter().filter(|(to, _)| *to == node).map(|(_, pod)| *pod);
        let taken = stay.chain(come).filter_map(|pod| ground.view.pods[pod].others.get(*of));
        let sum = taken.fold(*asked, |sum, amount| sum.saturating_add(*amount));
        ground.view.nodes[node].others.get(*of).is_some_and(|has| *has >= sum)
    })
}

/// The devices that the Pods' claims would get, whatever else the node lacks.
fn devices(ground: &Ground<'_>, state: &State, ask: &Ask<'_>, node: usize, gone: Gone<'_>) -> Option<Vec<Chosen>> {
    if ask.needs.is_empty() {
        return Some(Vec::new());
    }
    let offer = |&device: &usize| Offer { device, open: open(ground, state, ask, device, gone) };
    choose(ground, &ask.needs, ground.sites[node].devices.iter().map(offer).collect())
}

/// What of a device can be had.
pub(super) fn open(ground: &Ground<'_>, state: &State, ask: &Ask<'_>, device: usize, gone: Gone<'_>) -> Open {
    let (of, holders) = (&ground.view.devices[device], &ground.holders[device]);
    let promised = state.promised.get(&device);
    let ends = |claim: usize| {
        let users = &ground.claims[claim];
        let ends = !users.kept && users.pods.iter().all(|pod| gone.includes(state, *pod));
        // Those that are gone already have left a claim that is about to be given back, unless the Pods come for it.
        ends && !matches!(gone, Gone::Nobody) && !state.joined.contains_key(&claim) && !ask.pins.contains(&claim)
    };
    if !of.divisible {
        return match () {
            () if promised.is_some() => Open::Closed,
            () if holders.is_empty() => Open::Whole { freed: false },
            () if holders.iter().all(|(claim, _)| ends(*claim)) => Open::Whole { freed: true },
            () => Open::Closed,
        };
    }
    let total: BTreeMap<_, _> = of.capacity.iter().map(|(of, capacity)| (of.clone(), capacity.total)).collect();
    let without = |mut left: BTreeMap<String, u64>, takes: &Option<BTreeMap<String, u64>>| {
        for (of, left) in &mut left {
            *left = takes.as_ref().map_or(0, |takes| left.saturating_sub(takes.get(of).copied().unwrap_or_default()));
        }
        left
    };
    let total = promised.into_iter().flatten().fold(total, without);
    let free = holders.iter().fold(total.clone(), |left, (_, holding)| without(left, &holding.takes));
    let stay = holders.iter().filter(|(claim, _)| !ends(*claim));
    Open::Parts { left: stay.fold(total, |left, (_, holding)| without(left, &holding.takes)), free }
}

/// What is chosen, said of each Pod.
pub(super) fn placements(ground: &Ground<'_>, ask: &Ask<'_>, node: usize, chosen: &[Chosen]) -> Vec<Placement> {
    // A claim that several of the Pods use is said of the first.
    let mut said = Vec::new();
    let of_pod = |&index: &usize| {
        let pod = &ground.view.pods[index];
        let mut devices = Vec::new();
        for claim in ground.pods[index].claims.iter().filter(|claim| !said.contains(*claim)) {
            let of_claim = chosen.iter().filter(|it| ask.needs[it.need].claim == *claim);
            devices.extend(of_claim.map(|it| Given {
                claim: ground.view.claims[*claim].uid.clone(),
                request: ask.needs[it.need].ways[it.way].request.clone(),
                device: ground.view.devices[it.device].id.clone(),
                takes: it.takes.clone(),
                freed: it.freed,
            }));
        }
        said.extend(&ground.pods[index].claims);
        Placement { uid: pod.uid.clone(), pod: pod.pod.clone(), node: ground.view.nodes[node].name.clone(), devices }
    };
    ask.pods.iter().map(of_pod).collect()
}

/// Where each of the Pods goes, one after the other, to the first node where it fits beside those before it.
pub(super) fn place_all(ground: &Ground<'_>, state: &State, pods: &[usize], gone: Gone<'_>) -> Option<Vec<Placement>> {
    let mut state = Cow::Borrowed(state);
    let mut placed: Vec<Placement> = Vec::new();
    for pod in pods {
        placed.last().into_iter().for_each(|before| state.to_mut().place(ground, before));
        let ask = Ask::of(ground, &state, &[*pod]);
        let on = |node: usize| {
            may_be_on(ground, &state, &ask, node).ok()?;
            Some(placements(ground, &ask, node, &fits(ground, &state, &ask, node, gone)?))
        };
        placed.extend(ground.in_order.iter().find_map(|node| on(*node))?);
    }
    Some(placed)
}
