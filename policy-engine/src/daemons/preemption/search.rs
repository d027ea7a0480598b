//! The smallest set of Pods whose end makes room on a node.

mod spot;

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::ask::Ask;
use super::devices::Chosen;
use super::fit::{Gone, fits, may_be_on};
use super::ground::Ground;
use super::state::State;
use super::victims::{Cost, Rights, broken_floor, started};
use super::why::{Lack, Missing};

use spot::{Sought, Spot};

/// So many sets are tried for one Pod. What is found then is a set of which nobody is too many, and not always the smallest.
pub(super) const MOST_TRIES: u32 = 50_000;
/// For one Pod, or Pods that need each other on one node, at most so many end.
pub(super) const MOST_VICTIMS_EACH: usize = 128;
/// On so many nodes sets are put together when nothing is tried any more.
const MOST_GATHERED: usize = 16;

/// A set that suffices.
pub(super) struct Found {
    pub(super) cost: Cost,
    pub(super) node: usize,
    pub(super) pods: Vec<usize>,
    pub(super) chosen: Vec<Chosen>,
}

/// How sets are tried.
pub(super) struct Search<'s, 'v> {
    sought: Sought<'s, 'v>,
    /// How many sets may still be tried.
    tries: &'s Cell<u32>,
    best: Option<Found>,
}

/// The nodes where somebody's end could make room, and what the others lack.
pub(super) struct Spots {
    spots: Vec<Spot>,
    pub(super) missing: Missing,
}

impl Spots {
    pub(super) fn of<'v>(ground: &'v Ground<'v>, state: &State, ask: &Ask<'v>, rights: &Rights<'v>) -> Self {
        let (mut spots, mut missing) = (Vec::new(), Missing::default());
        let sought = Sought { ground, state, ask, rights };
        for &node in &ground.in_order {
            let lack = match may_be_on(ground, state, ask, node) {
                Err(lack) => lack,
                Ok(()) => lack(ground, ask, node),
            };
            if lack == Lack::Kept && rights.is_any() {
                spots.extend(Spot::of(sought, node));
            }
            *missing.nodes.entry(lack).or_default() += 1;
        }
        Self { spots, missing }
    }
}

/// What a node lacks that would be large enough.
fn lack(ground: &Ground<'_>, ask: &Ask<'_>, node: usize) -> Lack {
    let devices = &ground.sites[node].devices;
    let enough = |index: usize| {
        let there = devices.iter().filter(|device| ask.accepts(index, ground.profiles[**device]));
        // Of one that can be divided a claim may get several parts.
        let parts = there.clone().any(|device| ground.view.devices[*device].divisible);
        parts || ask.least(index).is_none_or(|least| there.count() >= least)
    };
    match () {
        () if (0..ask.needs.len()).all(enough) => Lack::Kept,
        () if devices.iter().any(|device| !ground.view.devices[*device].listed) => Lack::Unlisted,
        () => Lack::Devices,
    }
}

/// The cheapest of the sets that suffice, if any does.
pub(super) fn smallest<'v>(
    ground: &'v Ground<'v>,
    state: &State,
    ask: &Ask<'v>,
    rights: &Rights<'v>,
    spots: &Spots,
    left: &Cell<u32>,
) -> Option<Found> {
    let tries = Cell::new(MOST_TRIES.min(left.get()));
    let before = tries.get();
    let sought = Sought { ground, state, ask, rights };
    let mut search = Search { sought, tries: &tries, best: None };
    let most = spots.spots.iter().map(|spot| spot.candidates).max().unwrap_or_default().min(MOST_VICTIMS_EACH);
    for limit in 1..=most {
        for spot in spots.spots.iter().filter(|spot| spot.least <= limit) {
            search.dive(spot, &mut Vec::new(), &mut Vec::new(), limit);
        }
        if search.best.is_some() || tries.get() == 0 {
            break;
        }
    }
    left.set(left.get() - (before - tries.get()));
    if search.best.is_none() && tries.get() == 0 {
        search.gather(&spots.spots);
    }
    search.best
}

impl<'v> Search<'_, 'v> {
    /// Tries every set of exactly `limit` Pods that begins with these units.
    fn dive(&mut self, spot: &Spot, units: &mut Vec<usize>, pods: &mut Vec<usize>, limit: usize) {
        let Sought { ground, state, .. } = self.sought;
        let from = units.last().map_or(0, |last| last + 1);
        for at in from..spot.units.len() {
            let Some(left) = self.tries.get().checked_sub(1) else { return };
            let more: Vec<_> = spot.units[at].pods.iter().copied().filter(|pod| !pods.contains(pod)).collect();
            let too_many = pods.len() + more.len() > limit;
            // Where a set with this one would do, one with that other does, too.
            if more.is_empty() || too_many || (from..at).any(|other| spot.as_good(ground, other, at)) {
                continue;
            }
            self.tries.set(left);
            let before = pods.len();
            units.push(at);
            pods.extend(&more);
            if broken_floor(ground, state, pods).is_none() && spot.within_reach(units, limit - pods.len()) {
                if pods.len() == limit { self.consider(spot.node, pods) } else { self.dive(spot, units, pods, limit) }
            }
            pods.truncate(before);
            units.pop();
        }
    }

    fn consider(&mut self, node: usize, pods: &[usize]) {
        let Sought { ground, state, ask, .. } = self.sought;
        let cost = Cost::of(ground, state, pods);
        if self.best.as_ref().is_none_or(|best| cost < best.cost)
            && let Some(chosen) = fits(ground, state, ask, node, Gone::And(pods))
        {
            self.best = Some(Found { cost, node, pods: pods.to_vec(), chosen });
        }
    }

    /// Puts sets together without trying all: one Pod after the other until it is enough, and then without each that can stay.
    fn gather(&mut self, spots: &[Spot]) {
        let Sought { ground, state, ask, .. } = self.sought;
        let mut spots: Vec<_> = spots.iter().collect();
        spots.sort_by_key(|spot| (spot.least, &ground.view.nodes[spot.node].name));
        for spot in spots.into_iter().take(MOST_GATHERED) {
            let enough = |pods: &[usize]| fits(ground, state, ask, spot.node, Gone::And(pods)).is_some();
            let (mut pods, mut units) = (Vec::new(), Vec::new());
            let mut rest: Vec<_> = (0..spot.units.len()).rev().collect();
            while let Some(at) =
                (0..rest.len()).max_by_key(|at| spot.brings(&units, rest[*at])).filter(|_| !enough(&pods))
            {
                let unit = rest.remove(at);
                let mut with: Vec<usize> = pods.clone();
                with.extend(spot.units[unit].pods.iter().filter(|pod| !pods.contains(*pod)));
                if with.len() <= MOST_VICTIMS_EACH && broken_floor(ground, state, &with).is_none() {
                    pods = with;
                    units.push(unit);
                }
            }
            pods.sort_by_key(|pod| started(ground, *pod));
            for pod in pods.clone() {
                let without: Vec<_> = pods.iter().copied().filter(|other| *other != pod).collect();
                if enough(&without) {
                    pods = without;
                }
            }
            self.consider(spot.node, &pods);
        }
    }
}

/// Pods by what speaks for keeping them: those that have run longest first.
pub(super) fn dearest_first(ground: &Ground<'_>, pods: &BTreeSet<usize>) -> Vec<usize> {
    let mut pods: Vec<_> = pods.iter().copied().collect();
    let priority = |pod: usize| ground.pods[pod].queue.map(|queue| ground.queues[queue].priority);
    pods.sort_by_key(|pod| (Reverse(priority(*pod)), started(ground, *pod), ground.nth[*pod]));
    pods
}
