//! One turn: a plan as it grows, and what is assumed meanwhile.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use super::ask::{Ask, Shape};
use super::fate::{Fate, Taking, Trial};
use super::ground::Ground;
use super::group::queue_of;
use super::past::Asker;
use super::spared::spared;
use super::state::State;
use super::victims::{Rights, budget_over};
use super::view::Placement;
use super::why::WhyNot;
use super::{MOST_PREEMPTIONS, MOST_TRIES, MOST_VICTIMS, Plan, Preemption, SparedPod, Victim, Waiting};

pub(super) struct Turn<'v> {
    pub(super) plan: Plan,
    ground: &'v Ground<'v>,
    /// What is so, but for what is held.
    seen: State,
    /// What will be so.
    state: State,
    tries: Cell<u32>,
    victims: usize,
    /// Why Pods of a shape wait, at a version of the state.
    known: HashMap<Shape<'v>, (u64, WhyNot, Vec<SparedPod>)>,
}

/// What is so but for what is held, and what will be so, before anything is planned.
pub(super) fn states(ground: &Ground<'_>) -> (State, State) {
    let mut seen = State::new(ground);
    let mut state = seen.clone();
    let coming = |it: &&Placement| ground.pod(&it.uid).is_some_and(|pod| ground.view.pods[pod].node.is_none());
    for placement in ground.view.under_way.iter().flat_map(|it| &it.placements).filter(coming) {
        seen.hold(ground, placement);
        state.place(ground, placement);
    }
    (seen, state)
}

impl<'v> Turn<'v> {
    pub(super) fn new(ground: &'v Ground<'v>) -> Self {
        let (seen, state) = states(ground);
        let (plan, known) = (Plan::default(), HashMap::new());
        Self { plan, ground, seen, state, tries: Cell::new(MOST_TRIES), victims: 0, known }
    }

    /// Whether it has done what a turn may.
    pub(super) fn is_full(&self) -> bool {
        self.plan.preemptions.len() >= MOST_PREEMPTIONS || self.victims >= MOST_VICTIMS
    }

    pub(super) fn wait(&mut self, place: usize, pods: &[usize], why: &WhyNot, spared: &[SparedPod]) {
        for pod in pods.iter().map(|pod| &self.ground.view.pods[*pod]) {
            let (uid, pod, why) = (pod.uid.clone(), pod.pod.clone(), why.clone());
            self.plan.waiting.push(Waiting { place, uid, pod, why, counts_on: None, spared: spared.to_vec() });
        }
    }

    /// Plans for Pods that go together.
    pub(super) fn look_at(&mut self, place: usize, pods: &[usize]) {
        let Self { ground, state, seen, tries, .. } = self;
        let shape = Ask::of(ground, state, pods).shape(ground);
        if let Some((version, why, spared)) = shape.as_ref().and_then(|shape| self.known.get(shape))
            && *version == state.version
        {
            let (why, spared) = (why.clone(), spared.clone());
            return self.wait(place, pods, &why, &spared);
        }
        let (why, spared) = match (Trial { ground, seen, state, tries }).fate(pods) {
            Fate::Later(placements) => return self.count_on(place, placements),
            Fate::Takes(taking) => return self.take(place, pods, taking),
            Fate::Fits(node) => (WhyNot::Fits(node), Vec::new()),
            Fate::Waits { why, ask, rights } => {
                let spared = rights.map(|rights| spared(ground, state, &ask, &rights, &ground.in_order, &[]));
                (why, spared.unwrap_or_default())
            }
        };
        self.wait(place, pods, &why, &spared);
        shape.map(|shape| self.known.insert(shape, (self.state.version, why, spared)));
    }

    fn count_on(&mut self, place: usize, placements: Vec<Placement>) {
        let Self { ground, state, plan, .. } = self;
        for placement in placements {
            let leaving = ground.node(&placement.node).into_iter().flat_map(|node| &ground.sites[node].pods);
            let leaving = leaving.filter(|pod| state.leaving[**pod]).map(|pod| ground.view.pods[*pod].pod.clone());
            let why = WhyNot::Ending { node: placement.node.clone(), pods: leaving.collect() };
            state.place(ground, &placement);
            let (uid, pod, counts_on) = (placement.uid.clone(), placement.pod.clone(), Some(placement));
            plan.waiting.push(Waiting { place, uid, pod, why, counts_on, spared: Vec::new() });
        }
    }

    fn take(&mut self, place: usize, pods: &[usize], taking: Taking) {
        let Self { ground, state, seen, plan, .. } = self;
        let Some(queue) = queue_of(ground, pods) else { return };
        let ask = Ask::of(ground, state, pods);
        let rights = Rights::of(ground, state, queue, pods);
        let Taking { victims, placements } = taking;
        let mut victims: Vec<_> = victims.into_iter().collect();
        victims.sort_by_key(|pod| ground.nth[*pod]);
        let mut so_far = Vec::new();
        let mut said = Vec::new();
        for pod in victims {
            so_far.push(pod);
            let (seen, own) = (&ground.view.pods[pod], ground.pods[pod].queue.map(|queue| ground.queues[queue]));
            if let (Ok(because), Some(own)) = (rights.over(pod), own) {
                said.push(Victim {
                    uid: seen.uid.clone(),
                    pod: seen.pod.clone(),
                    queue: own.name.clone(),
                    because: because.clone(),
                    budget: budget_over(ground, state, &so_far).map(str::to_owned),
                    grace_seconds: 0,
                    asked_since: None,
                });
            }
        }
        self.victims += so_far.len();
        so_far.iter().for_each(|pod| state.evict(ground, *pod));
        let nodes: BTreeSet<_> = placements.iter().filter_map(|it| ground.node(&it.node)).collect();
        let nodes: Vec<_> = ground.in_order.iter().copied().filter(|node| nodes.contains(node)).collect();
        let spared = spared(ground, state, &ask, &rights, &nodes, &so_far);
        for placement in &placements {
            seen.hold(ground, placement);
            state.place(ground, placement);
        }
        let hold: BTreeSet<_> = placements.iter().flat_map(|it| &it.devices).map(|it| it.device.clone()).collect();
        let hold = hold.into_iter().collect();
        let asker = pods.first().map(|pod| Asker::of(&ground.view.pods[*pod]));
        plan.preemptions.push(Preemption { place, placements, victims: said, hold, spared, asker });
    }
}
