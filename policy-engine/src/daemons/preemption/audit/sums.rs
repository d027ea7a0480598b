//! The audit's own arithmetic: who uses what, and what nodes and devices have left.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::daemons::preemption::view::devices::{Alternative, Claim, Constraint, Device, Request};
use crate::daemons::preemption::view::places::{any_holds, selected, tolerated};
use crate::daemons::preemption::view::{Amounts, Given, Placement, Pod, View};
use crate::policy::Policy;
use crate::policy::names::QueueName;

/// GPU in thousandths that queues use.
pub(super) type InUse = BTreeMap<QueueName, u64>;

/// Who has ended and come so far.
pub(super) struct Sums<'v> {
    pods: HashMap<&'v str, &'v Pod>,
    queues: HashMap<&'v str, &'v QueueName>,
    ended: BTreeSet<&'v str>,
    come: Vec<&'v Placement>,
    /// How many more each budget allows.
    budgets: Vec<u32>,
}

impl<'v> Sums<'v> {
    pub(super) fn new(view: &'v View, policy: &'v Policy) -> Self {
        let ending = view.pods.iter().filter(|pod| pod.ending).map(|pod| pod.uid.as_str());
        let victims = view.under_way.iter().flat_map(|it| &it.victims).map(String::as_str);
        let pods: HashMap<_, _> = view.pods.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
        let waits = |uid: &str| pods.get(uid).is_some_and(|pod| pod.node.is_none());
        let come = view.under_way.iter().flat_map(|it| &it.placements).filter(|it| waits(&it.uid)).collect();
        let budgets = view.budgets.iter().map(|budget| budget.allowed).collect();
        let queue = |pod: &'v Pod| Some((pod.uid.as_str(), &policy.queue_asked(&pod.queue)?.name));
        let queues = view.pods.iter().filter_map(queue).collect();
        Self { queues, ended: ending.chain(victims).collect(), come, budgets, pods }
    }

    /// Whether it was not known yet that a Pod ends.
    pub(super) fn end(&mut self, uid: &'v str) -> bool {
        self.ended.insert(uid)
    }

    fn pod(&self, uid: &str) -> Option<&'v Pod> {
        self.pods.get(uid).copied()
    }

    pub(super) fn place(&mut self, placement: &'v Placement) {
        self.come.push(placement);
    }

    /// Whether the Pod's budgets allow an eviction more.
    pub(super) fn count(&mut self, view: &View, uid: &str) -> bool {
        let its = || (0..view.budgets.len()).filter(|index| view.budgets[*index].pods.contains(uid));
        let allowed = its().count() < 2 && its().all(|index| self.budgets[index] > 0);
        its().for_each(|index| self.budgets[index] = self.budgets[index].saturating_sub(1));
        allowed
    }

    /// Whether a claim's devices are given back, or about to be.
    fn ends(&self, claim: &Claim) -> bool {
        let there = |uid: &str| self.pods.contains_key(uid);
        let ended = claim.reserved_for.iter().all(|uid| self.ended.contains(uid.as_str()) || !there(uid));
        let come = self.come.iter().filter_map(|it| self.pod(&it.uid));
        !claim.kept && ended && !come.flat_map(|pod| &pod.claims).any(|it| it.uid.as_ref() == Some(&claim.uid))
    }

    /// What one who came does not find where it goes.
    pub(super) fn lacks(&self, view: &View, placement: &Placement) -> Option<&'static str> {
        let Some(of) = self.pod(&placement.uid) else { return Some("the pod") };
        let Some(node) = view.nodes.iter().find(|node| node.name == placement.node) else { return Some("the node") };
        let stays = |it: &&Pod| it.node.as_ref() == Some(&node.name) && !self.ended.contains(it.uid.as_str());
        let come = self.come.iter().filter(|it| it.node == node.name).filter_map(|it| self.pod(&it.uid));
        let there: Vec<_> = view.pods.iter().filter(stays).chain(come).collect();
        let room = there.iter().fold(node.allocatable, |room, it| room - asks(it));
        let may = selected(node, &of.node_selector)
            && of.affinity.as_ref().is_none_or(|terms| any_holds(terms, node))
            && tolerated(&node.taints, &of.tolerations);
        let taken =
            |name: &String| there.iter().filter_map(|it| it.others.get(name)).map(|it| u128::from(*it)).sum::<u128>();
        let has = |name: &String| node.others.get(name).copied().unwrap_or_default().into();
        let asked = asks(of);
        let short = |asked: i64, left: i64| asked > 0 && left < 0;
        match () {
            () if !may => Some("a node for it"),
            () if short(asked.milli_cpu, room.milli_cpu) => Some("CPU"),
            () if short(asked.memory, room.memory) => Some("memory"),
            () if short(asked.pods, room.pods) => Some("a place for a pod"),
            () if of.others.iter().any(|(name, asked)| *asked > 0 && taken(name) > has(name)) => {
                Some("another resource")
            }
            () if !placement.devices.iter().all(|given| self.can_be_given(view, &node.name, given)) => Some("a device"),
            () => {
                let mut claims = of
                    .claims
                    .iter()
                    .filter_map(|it| view.claims.iter().find(|claim| it.uid.as_ref() == Some(&claim.uid)));
                (!claims.all(|claim| self.has_all(view, claim))).then_some("what a claim asks")
            }
        }
    }

    fn can_be_given(&self, view: &View, node: &str, given: &Given) -> bool {
        let Some(device) = view.devices.iter().find(|device| device.id == given.device) else { return false };
        let reached = view.nodes.iter().any(|it| it.name == node && device.reach.includes(it));
        let holdings = view
            .claims
            .iter()
            .flat_map(|claim| claim.allocation.iter().flat_map(|it| &it.devices).map(move |holding| (claim, holding)));
        let on_it = holdings.filter(|(_, it)| it.device == device.id && !it.admin_access);
        let held = on_it.filter(|(claim, _)| !self.ends(claim)).map(|(_, holding)| holding);
        let come = self.come.iter().flat_map(|it| &it.devices).filter(|it| it.device == device.id);
        let takes: Vec<_> = held.map(|it| &it.takes).chain(come.map(|it| &it.takes)).collect();
        device.listed && reached && if device.divisible { parts_suffice(device, &takes) } else { takes.len() == 1 }
    }

    /// Whether each request of a claim that had nothing gets as many devices as it asks, such as it asks.
    fn has_all(&self, view: &View, claim: &Claim) -> bool {
        let given: Vec<_> = self.come.iter().flat_map(|it| &it.devices).filter(|it| it.claim == claim.uid).collect();
        let device = |it: &Given| view.devices.iter().find(|device| device.id == it.device);
        let asked = |it: &Given, way: &Alternative| {
            device(it).is_some_and(|device| {
                view.matching.passes(way.selector, device.kind) && tolerated(&device.taints, &way.tolerations)
            })
        };
        let enough = |request: &Request, way: &Alternative| {
            let called = way.name.as_ref().map_or(request.name.clone(), |name| format!("{}/{name}", request.name));
            let got: Vec<_> = given.iter().filter(|it| it.request == called).collect();
            let count = way.count.map_or(!got.is_empty(), |count| got.len() == count as usize);
            way.admin_access || (count && got.iter().all(|it| asked(it, way)))
        };
        let together = |constraint: &Constraint| {
            let named = |it: &Given, name: &str| it.request == name || it.request.split('/').next() == Some(name);
            let about = |it: &&&Given| constraint.requests.iter().any(|name| named(it, name));
            let about = given.iter().filter(|it| constraint.requests.is_empty() || about(it));
            let values: Vec<_> = about.map(|it| device(it)?.attributes.get(&constraint.attribute)).collect();
            let different = values.iter().collect::<BTreeSet<_>>().len();
            !values.contains(&None) && if constraint.distinct { different == values.len() } else { different < 2 }
        };
        let every = |request: &Request| request.alternatives.iter().any(|way| enough(request, way));
        claim.allocation.is_some() || (claim.requests.iter().all(every) && claim.constraints.iter().all(together))
    }
}

fn parts_suffice(device: &Device, takes: &[&Option<BTreeMap<String, u64>>]) -> bool {
    device.capacity.iter().all(|(of, capacity)| {
        let parts =
            takes.iter().map(|takes| takes.as_ref().map_or(capacity.total, |it| it.get(of).copied().unwrap_or(0)));
        parts.map(u128::from).sum::<u128>() <= capacity.total.into()
    })
}

fn asks(pod: &Pod) -> Amounts {
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    Amounts { milli_cpu: signed(pod.milli_cpu), memory: signed(pod.memory), pods: 1 }
}

/// The GPU that each queue uses: every claim once for each queue that has a Pod there.
pub(super) fn in_use(view: &View, sums: &Sums<'_>) -> InUse {
    let gpu: HashMap<_, _> = view.claims.iter().map(|claim| (claim.uid.as_str(), claim.milli_gpu)).collect();
    let mut counted = HashSet::new();
    let mut in_use = InUse::new();
    let mut count = |claim: &str, uid: &str| {
        let (Some(queue), Some((claim, milli_gpu))) = (sums.queues.get(uid), gpu.get_key_value(claim)) else { return };
        if counted.insert((queue.as_str(), *claim)) {
            *in_use.entry((*queue).clone()).or_default() += milli_gpu;
        }
    };
    for claim in view.claims.iter().filter(|claim| claim.allocation.is_some()) {
        let stay = claim.reserved_for.iter().filter(|uid| !sums.ended.contains(uid.as_str()));
        stay.for_each(|uid| count(&claim.uid, uid));
    }
    for placement in &sums.come {
        let claims = sums.pod(&placement.uid).into_iter().flat_map(|pod| &pod.claims);
        claims.filter_map(|it| it.uid.as_ref()).for_each(|claim| count(claim, &placement.uid));
    }
    in_use
}
