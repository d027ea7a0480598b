//! What is assumed beyond the view: who leaves, and who comes where.

use std::collections::{BTreeMap, BTreeSet};

use super::ground::Ground;
use super::view::{Amounts, Placement};

/// What is assumed, by the numbers of [`Ground`].
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The Pods that end, or will.
    pub(super) leaving: Vec<bool>,
    /// What nobody has on each node now, and what nobody has when those that leave have left.
    pub(super) room_now: Vec<Amounts>,
    pub(super) room_then: Vec<Amounts>,
    /// What of which devices is promised; `None` is a device as a whole.
    pub(super) promised: BTreeMap<usize, Vec<Option<BTreeMap<String, u64>>>>,
    /// The Pods that will use a claim, with their node.
    pub(super) joined: BTreeMap<usize, (usize, Vec<usize>)>,
    /// The nodes to which waiting Pods will come, each with the Pod.
    pub(super) come: Vec<(usize, usize)>,
    /// The GPU that each queue uses, in thousandths, without what leaves.
    pub(super) in_use: Vec<u64>,
    /// The queues for which each claim is counted there.
    counted: Vec<Vec<usize>>,
    /// How many Pods each budget lets be evicted.
    pub(super) allowed: Vec<i64>,
    /// Changes whenever something above does.
    pub(super) version: u64,
}

impl State {
    /// What the view says, and what preemptions under way promised. Pods are on their way for those.
    pub(super) fn new(ground: &Ground<'_>) -> Self {
        let view = ground.view;
        let mut state = Self {
            leaving: vec![false; view.pods.len()],
            room_now: view.nodes.iter().map(|node| node.allocatable).collect(),
            room_then: Vec::new(),
            promised: BTreeMap::new(),
            joined: BTreeMap::new(),
            come: Vec::new(),
            in_use: vec![0; ground.queues.len()],
            counted: vec![Vec::new(); view.claims.len()],
            allowed: view.budgets.iter().map(|budget| budget.allowed.into()).collect(),
            version: 0,
        };
        for pod in &ground.pods {
            if let Some(node) = pod.node {
                state.room_now[node] = state.room_now[node] - pod.asks;
            }
        }
        state.room_then = state.room_now.clone();
        for (claim, users) in ground.claims.iter().enumerate() {
            let has = view.claims[claim].allocation.is_some();
            users.pods.iter().filter(|_| has).for_each(|pod| state.count(ground, claim, *pod));
        }
        let victims = view.under_way.iter().flat_map(|it| &it.victims).filter_map(|uid| ground.pod(uid));
        let victims: BTreeSet<_> = victims.collect();
        let ending = (0..view.pods.len()).filter(|pod| view.pods[*pod].ending || victims.contains(pod));
        ending.collect::<Vec<_>>().into_iter().for_each(|pod| state.leave(ground, pod));
        state
    }

    fn count(&mut self, ground: &Ground<'_>, claim: usize, pod: usize) {
        if let Some(queue) = ground.pods[pod].queue
            && !self.counts(claim, queue)
        {
            self.counted[claim].push(queue);
            self.in_use[queue] += ground.view.claims[claim].milli_gpu;
        }
    }

    /// Whether a claim is counted for a queue.
    pub(super) fn counts(&self, claim: usize, queue: usize) -> bool {
        self.counted[claim].contains(&queue)
    }

    /// Those who use a claim and stay.
    pub(super) fn stay<'s>(&'s self, ground: &'s Ground<'_>, claim: usize) -> impl Iterator<Item = usize> + 's {
        let joined = self.joined.get(&claim).into_iter().flat_map(|(_, pods)| pods);
        ground.claims[claim].pods.iter().filter(|pod| !self.leaving[**pod]).chain(joined).copied()
    }

    /// A Pod leaves.
    fn leave(&mut self, ground: &Ground<'_>, pod: usize) {
        let standing = &ground.pods[pod];
        self.version += 1;
        self.leaving[pod] = true;
        if let Some(node) = standing.node {
            self.room_then[node] = self.room_then[node] + standing.asks;
        }
        for &claim in &standing.claims {
            if let Some(queue) = standing.queue
                && !self.stay(ground, claim).any(|other| ground.pods[other].queue == Some(queue))
                && self.counts(claim, queue)
            {
                self.counted[claim].retain(|counted| *counted != queue);
                self.in_use[queue] -= ground.view.claims[claim].milli_gpu;
            }
        }
    }

    /// A Pod is evicted.
    pub(super) fn evict(&mut self, ground: &Ground<'_>, pod: usize) {
        self.leave(ground, pod);
        for &budget in &ground.pods[pod].budgets {
            self.allowed[budget] -= 1;
        }
    }

    /// A waiting Pod comes.
    pub(super) fn place(&mut self, ground: &Ground<'_>, placement: &Placement) {
        let (Some(pod), Some(node)) = (ground.pod(&placement.uid), ground.node(&placement.node)) else { return };
        let standing = &ground.pods[pod];
        self.come.push((node, pod));
        self.room_now[node] = self.room_now[node] - standing.asks;
        self.room_then[node] = self.room_then[node] - standing.asks;
        for &claim in &standing.claims {
            self.joined.entry(claim).or_insert((node, Vec::new())).1.push(pod);
            self.count(ground, claim, pod);
        }
        self.hold(ground, placement);
    }

    /// The devices of a waiting Pod are nobody else's.
    pub(super) fn hold(&mut self, ground: &Ground<'_>, placement: &Placement) {
        self.version += 1;
        for given in &placement.devices {
            if let Some(device) = ground.device(&given.device) {
                self.promised.entry(device).or_default().push(given.takes.clone());
            }
        }
    }
}
