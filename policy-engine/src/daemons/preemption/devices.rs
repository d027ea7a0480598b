//! Which devices the claims get.

use std::collections::BTreeMap;

use super::ask::{Need, Way};
use super::ground::Ground;

/// So many devices are tried for the claims of a Pod on a node. A combination that is not found by then counts as none.
pub(super) const MOST_STEPS: u32 = 4096;

/// A device of a node.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) device: usize,
    pub(super) open: Open,
}

/// What of a device can be had.
#[derive(Clone, Debug)]
pub(super) enum Open {
    /// Nothing.
    Closed,
    /// The device as a whole.
    Whole {
        /// Whether only because others end.
        freed: bool,
    },
    /// Parts of its capacity.
    Parts {
        /// How much in all.
        left: BTreeMap<String, u64>,
        /// How much that does not depend on others' end.
        free: BTreeMap<String, u64>,
    },
}

/// A device that a claim would get.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) need: usize,
    pub(super) way: usize,
    pub(super) device: usize,
    pub(super) takes: Option<BTreeMap<String, u64>>,
    pub(super) freed: bool,
}

/// Gives each request the devices it asks, those first that nobody has to free.
pub(super) fn choose(ground: &Ground<'_>, needs: &[Need<'_>], mut offers: Vec<Offer>) -> Option<Vec<Chosen>> {
    offers.sort_by_key(|offer| match offer.open {
        Open::Whole { freed } => u8::from(freed),
        Open::Parts { .. } => 1,
        Open::Closed => 2,
    });
    let used = vec![false; offers.len()];
    let mut choice = Choice { ground, needs, offers, used, given: Vec::new(), steps: 0 };
    choice.rest(0).then_some(choice.given)
}

struct Choice<'c, 'v> {
    ground: &'c Ground<'v>,
    needs: &'c [Need<'v>],
    offers: Vec<Offer>,
    /// Which of the offers are given as a whole.
    used: Vec<bool>,
    given: Vec<Chosen>,
    steps: u32,
}

impl<'v> Choice<'_, 'v> {
    /// Fulfils the requests from this one on.
    fn rest(&mut self, need: usize) -> bool {
        let needs = self.needs;
        needs.get(need).is_none_or(|asked| {
            (0..asked.ways.len()).any(|way| {
                let chosen = &asked.ways[way];
                match chosen.count {
                    _ if chosen.admin_access => self.can_look(chosen) && self.rest(need + 1),
                    Some(count) => self.some(need, way, count, 0),
                    None => self.all(need, way),
                }
            })
        })
    }

    fn can_look(&self, way: &Way<'_>) -> bool {
        let there = self.offers.iter().filter(|offer| way.accepts[self.ground.profiles[offer.device]]).count();
        there >= way.count.map_or(1, |count| count as usize)
    }

    /// Gives so many devices more, from this offer on, and fulfils the requests behind.
    fn some(&mut self, need: usize, way: usize, left: u32, from: usize) -> bool {
        if left == 0 {
            return self.rest(need + 1);
        }
        let open = |at: &usize| !self.used[*at] && self.accepts(need, way, *at);
        let candidates: Vec<_> = (from..self.offers.len()).filter(open).collect();
        let whole = candidates.iter().all(|at| matches!(self.offers[*at].open, Open::Whole { .. }));
        if whole && candidates.len() < left as usize {
            return false;
        }
        let mut failed = Vec::new();
        for at in candidates {
            let profile = self.ground.profiles[self.offers[at].device];
            // What failed with one device fails with its like.
            if failed.contains(&profile) {
                continue;
            }
            if self.give(need, way, at) {
                let next = if self.used[at] { at + 1 } else { at };
                if self.some(need, way, left - 1, next) {
                    return true;
                }
                self.take_back(at);
            }
            if matches!(self.offers[at].open, Open::Whole { .. }) {
                failed.push(profile);
            }
        }
        false
    }

    /// Gives every device that matches, or none.
    fn all(&mut self, need: usize, way: usize) -> bool {
        let asked = &self.needs[need].ways[way];
        let all: Vec<_> =
            (0..self.offers.len()).filter(|at| asked.matches[self.ground.profiles[self.offers[*at].device]]).collect();
        let mut given = Vec::new();
        let complete = !all.is_empty()
            && all.iter().all(|&at| {
                let gives = !self.used[at] && self.accepts(need, way, at) && self.give(need, way, at);
                given.extend(gives.then_some(at));
                gives
            });
        if complete && self.rest(need + 1) {
            return true;
        }
        given.into_iter().rev().for_each(|at| self.take_back(at));
        false
    }

    fn accepts(&self, need: usize, way: usize, at: usize) -> bool {
        let Offer { device, open } = &self.offers[at];
        let asked = &self.needs[need].ways[way];
        !matches!(open, Open::Closed)
            && asked.accepts[self.ground.profiles[*device]]
            && asked.capacity.iter().all(|(of, amount)| {
                self.ground.view.devices[*device].capacity.get(of).is_some_and(|it| it.total >= *amount)
            })
    }

    fn give(&mut self, need: usize, way: usize, at: usize) -> bool {
        self.steps += 1;
        let device = self.offers[at].device;
        if self.steps > MOST_STEPS || !self.constrained(need, way, device) {
            return false;
        }
        let (takes, freed) = match &mut self.offers[at].open {
            Open::Closed => return false,
            Open::Whole { freed } => {
                self.used[at] = true;
                (None, *freed)
            }
            Open::Parts { left, free } => {
                let asked = self.needs[need].ways[way].capacity;
                let capacity = &self.ground.view.devices[device].capacity;
                let takes = capacity.iter().map(|(of, it)| Some((of.clone(), it.taken(asked.get(of).copied())?)));
                let Some(takes) = takes.collect::<Option<BTreeMap<_, _>>>() else { return false };
                if !takes.iter().all(|(of, amount)| left.get(of).is_some_and(|left| left >= amount)) {
                    return false;
                }
                let freed = takes.iter().any(|(of, amount)| free.get(of).is_none_or(|free| free < amount));
                for (of, amount) in &takes {
                    left.entry(of.clone()).and_modify(|left| *left -= amount);
                    free.entry(of.clone()).and_modify(|free| *free = free.saturating_sub(*amount));
                }
                (Some(takes), freed)
            }
        };
        self.given.push(Chosen { need, way, device, takes, freed });
        true
    }

    fn take_back(&mut self, at: usize) {
        let Some(chosen) = self.given.pop() else { return };
        self.used[at] = false;
        if let (Open::Parts { left, free }, Some(takes)) = (&mut self.offers[at].open, chosen.takes) {
            for (of, amount) in takes {
                left.entry(of.clone()).and_modify(|left| *left += amount);
                free.entry(of).and_modify(|free| *free += amount);
            }
        }
    }

    /// Whether the claim's constraints hold with one device more.
    fn constrained(&self, need: usize, way: usize, device: usize) -> bool {
        let Need { claim, ways } = &self.needs[need];
        let value = |device: usize, of| self.ground.view.devices[device].attributes.get(of);
        ways[way].constraints.iter().all(|constraint| {
            let of = constraint.attribute.as_str();
            let mut others = self.given.iter().filter(|other| {
                let Need { claim: theirs, ways } = &self.needs[other.need];
                theirs == claim && ways[other.way].constraints.iter().any(|it| std::ptr::eq(*it, *constraint))
            });
            value(device, of)
                .is_some_and(|own| others.all(|it| (value(it.device, of) == Some(own)) != constraint.distinct))
        })
    }
}
