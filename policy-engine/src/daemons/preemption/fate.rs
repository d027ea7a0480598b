//! What becomes of those who wait.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::ask::Ask;
use super::fit::{Gone, place_all, placements};
use super::ground::Ground;
use super::group::queue_of;
use super::search::{Found, Spots, dearest_first, smallest};
use super::state::State;
use super::victims::{Cost, Rights};
use super::view::Placement;
use super::why::{Lack, Missing, WhyNot};

/// What becomes of Pods that are planned together.
#[expect(clippy::large_enum_variant, reason = "one lives at a time")]
pub(super) enum Fate<'v> {
    /// They fit as everything is: on this node, and others if they are several.
    Fits(String),
    /// They fit when others are gone that leave.
    Later(Vec<Placement>),
    /// They fit when these end.
    Takes(Taking),
    /// They wait, for a reason that is also that of Pods like them.
    Waits { why: WhyNot, ask: Ask<'v>, rights: Option<Rights<'v>> },
}

/// Who ends, and what comes of it.
pub(super) struct Taking {
    pub(super) victims: BTreeSet<usize>,
    pub(super) placements: Vec<Placement>,
}

/// What is tried for Pods, and from what.
pub(super) struct Trial<'s, 'v> {
    pub(super) ground: &'v Ground<'v>,
    /// What is so, but for what is held.
    pub(super) seen: &'s State,
    /// What will be so.
    pub(super) state: &'s State,
    /// How many sets may still be tried.
    pub(super) tries: &'s Cell<u32>,
}

impl<'v> Trial<'_, 'v> {
    /// Says what becomes of Pods that are planned together.
    pub(super) fn fate(&self, pods: &[usize]) -> Fate<'v> {
        let Self { ground, seen, state, .. } = *self;
        if let Some(placed) = place_all(ground, seen, pods, Gone::Nobody)
            && let Some(first) = placed.into_iter().next()
        {
            return Fate::Fits(first.node);
        }
        if let Some(placed) = place_all(ground, state, pods, Gone::Leaving) {
            return Fate::Later(placed);
        }
        let ask = Ask::of(ground, state, pods);
        let Some(queue) = queue_of(ground, pods) else {
            return Fate::Waits { why: WhyNot::Missing(Missing::default()), ask, rights: None };
        };
        let rights = Rights::of(ground, state, queue, pods);
        let spots = Spots::of(ground, state, &ask, &rights);
        if let Some(taking) = self.taking(pods, &ask, &rights, &spots) {
            return Fate::Takes(taking);
        }
        let rights = rights.everywhere();
        let would = ground.pods.iter().any(|pod| pod.project.is_some() && !pod.enforced).then(|| {
            let spots = Spots::of(ground, state, &ask, &rights);
            self.taking(pods, &ask, &rights, &spots)
        });
        let why = match would.flatten() {
            Some(Taking { victims, placements }) => {
                let not_enforced = victims.iter().map(|pod| &ground.pods[*pod]).filter(|pod| !pod.enforced);
                let projects = not_enforced.filter_map(|pod| Some(pod.project?.name.clone())).collect();
                let mut pods: Vec<_> = victims.iter().map(|pod| ground.view.pods[*pod].pod.clone()).collect();
                pods.sort_unstable();
                let node = placements.into_iter().next().map(|it| it.node).unwrap_or_default();
                WhyNot::WouldTake { node, pods, projects }
            }
            None => WhyNot::Missing(self.missing(pods, &rights, spots)),
        };
        Fate::Waits { why, ask, rights: Some(Rights::of(ground, state, queue, pods)) }
    }

    /// What is missing: of Pods that need each other, what even one of them does not find.
    fn missing(&self, pods: &[usize], rights: &Rights<'v>, spots: Spots) -> Missing {
        if pods.len() < 2 {
            return spots.missing;
        }
        let one = Ask::of(self.ground, self.state, &pods[..1]);
        let mut missing = Spots::of(self.ground, self.state, &one, rights).missing;
        missing.nodes.remove(&Lack::Kept);
        Missing { together: Some(pods.len()), ..missing }
    }

    /// The best set.
    fn taking(&self, pods: &[usize], ask: &Ask<'v>, rights: &Rights<'v>, spots: &Spots) -> Option<Taking> {
        let Self { ground, state, tries, .. } = *self;
        if !rights.is_any() {
            return None;
        }
        let together = smallest(ground, state, ask, rights, spots, tries).map(|found| self.taken(ask, found));
        let apart = if pods.len() > 1 { self.one_by_one(pods, rights) } else { None };
        let cost = |it: &Taking| Cost::of(ground, state, &it.victims.iter().copied().collect::<Vec<_>>());
        let mut taking = together.into_iter().chain(apart).min_by_key(cost)?;
        self.reduce(pods, &mut taking);
        Some(taking)
    }

    fn taken(&self, ask: &Ask<'v>, found: Found) -> Taking {
        let placements = placements(self.ground, ask, found.node, &found.chosen);
        Taking { victims: found.pods.into_iter().collect(), placements }
    }

    /// Each on the node that is best for it, beside those before it.
    fn one_by_one(&self, pods: &[usize], rights: &Rights<'v>) -> Option<Taking> {
        let ground = self.ground;
        let mut state = self.state.clone();
        let mut all = Taking { victims: BTreeSet::new(), placements: Vec::new() };
        for pod in pods {
            let placed = place_all(ground, &state, &[*pod], Gone::Leaving);
            let one = placed.map(|placements| Taking { victims: BTreeSet::new(), placements }).or_else(|| {
                let ask = Ask::of(ground, &state, &[*pod]);
                let spots = Spots::of(ground, &state, &ask, rights);
                let found = smallest(ground, &state, &ask, rights, &spots, self.tries)?;
                Some(self.taken(&ask, found))
            })?;
            one.victims.iter().for_each(|victim| state.evict(ground, *victim));
            one.placements.iter().for_each(|placement| state.place(ground, placement));
            all.victims.extend(one.victims);
            all.placements.extend(one.placements);
        }
        Some(all)
    }

    /// Takes nobody out of whom there would still be room.
    fn reduce(&self, pods: &[usize], taking: &mut Taking) {
        let one_less = |taking: &Taking| {
            dearest_first(self.ground, &taking.victims).into_iter().find_map(|spared| {
                let without: Vec<_> = taking.victims.iter().copied().filter(|victim| *victim != spared).collect();
                let placements = place_all(self.ground, self.state, pods, Gone::And(&without))?;
                Some(Taking { victims: without.into_iter().collect(), placements })
            })
        };
        while let Some(less) = one_less(taking) {
            *taking = less;
        }
    }
}
