//! What waiting Pods need of a node, with everything looked up.

use std::collections::BTreeMap;

use super::ground::Ground;
use super::state::State;
use super::view::Amounts;
use super::view::devices::{Alternative, Constraint};
use super::view::places::{Term, Toleration, tolerated};

/// What Pods need that go to one node together.
#[derive(Clone, Debug)]
pub(super) struct Ask<'v> {
    pub(super) pods: Vec<usize>,
    pub(super) amounts: Amounts,
    /// Of other resources, by name.
    pub(super) others: BTreeMap<&'v str, u64>,
    /// What claims ask that have no devices.
    pub(super) needs: Vec<Need<'v>>,
    /// Claims that have some.
    pub(super) pins: Vec<usize>,
}

/// A request of a claim.
#[derive(Clone, Debug)]
pub(super) struct Need<'v> {
    pub(super) claim: usize,
    pub(super) ways: Vec<Way<'v>>,
}

/// A way to fulfil it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way<'v> {
    /// What the allocation calls it.
    pub(super) request: String,
    /// How many devices; `None` is all that match.
    pub(super) count: Option<u32>,
    pub(super) admin_access: bool,
    pub(super) capacity: &'v BTreeMap<String, u64>,
    /// Which profiles of devices pass the selectors, and which of those may be given.
    pub(super) matches: Vec<bool>,
    pub(super) accepts: Vec<bool>,
    pub(super) constraints: Vec<&'v Constraint>,
}

/// All on which it depends where a Pod with its own new claims fits. Equal shapes have equal fates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape<'v> {
    queue: Option<usize>,
    amounts: Amounts,
    others: BTreeMap<&'v str, u64>,
    /// What the claims count for.
    milli_gpu: u64,
    /// The claims' requests, each with the number of its claim among the Pod's.
    needs: Vec<(usize, Vec<Way<'v>>)>,
    node_selector: &'v BTreeMap<String, String>,
    affinity: &'v Option<Vec<Term>>,
    tolerations: &'v Vec<Toleration>,
}

impl<'v> Ask<'v> {
    pub(super) fn of(ground: &Ground<'v>, state: &State, pods: &[usize]) -> Self {
        let (amounts, others) = (Amounts::default(), BTreeMap::new());
        let mut ask = Self { pods: pods.to_vec(), amounts, others, needs: Vec::new(), pins: Vec::new() };
        let mut claims = Vec::new();
        for (pod, seen) in pods.iter().map(|pod| (&ground.pods[*pod], &ground.view.pods[*pod])) {
            ask.amounts = ask.amounts + pod.asks;
            for (of, asked) in seen.others.iter().filter(|(_, asked)| **asked > 0) {
                let sum = ask.others.entry(of).or_default();
                *sum = sum.saturating_add(*asked);
            }
            claims.extend(pod.claims.iter().filter(|claim| !claims.contains(*claim)).copied().collect::<Vec<_>>());
        }
        for claim in claims {
            if ground.view.claims[claim].allocation.is_some() || state.joined.contains_key(&claim) {
                ask.pins.push(claim);
            } else {
                ask.needs.extend(needs(ground, claim));
            }
        }
        ask
    }

    /// Whether a need can be fulfilled by devices of a profile.
    pub(super) fn accepts(&self, need: usize, profile: usize) -> bool {
        self.needs[need].ways.iter().any(|way| way.accepts[profile])
    }

    /// How many devices a need takes at least; `None` where it takes none.
    pub(super) fn least(&self, need: usize) -> Option<usize> {
        let counts = self.needs[need].ways.iter().map(|way| match way.count {
            _ if way.admin_access => None,
            count => Some(count.map_or(1, |count| count as usize)),
        });
        counts.min().flatten()
    }

    /// `None` where the Pods are several, or use a claim that others may use too.
    pub(super) fn shape(&self, ground: &Ground<'v>) -> Option<Shape<'v>> {
        let [pod] = self.pods[..] else { return None };
        let standing = &ground.pods[pod];
        let place = |claim| standing.claims.iter().position(|it| *it == claim);
        let needs = self.needs.iter().map(|need| Some((place(need.claim)?, need.ways.clone())));
        let pod = &ground.view.pods[pod];
        self.pins.is_empty().then_some(Shape {
            queue: standing.queue,
            amounts: self.amounts,
            others: self.others.clone(),
            milli_gpu: standing.claims.iter().map(|claim| ground.view.claims[*claim].milli_gpu).sum(),
            needs: needs.collect::<Option<_>>()?,
            node_selector: &pod.node_selector,
            affinity: &pod.affinity,
            tolerations: &pod.tolerations,
        })
    }
}

fn needs<'v>(ground: &Ground<'v>, index: usize) -> impl Iterator<Item = Need<'v>> {
    let claim = &ground.view.claims[index];
    claim.requests.iter().map(move |request| {
        let way = |alternative: &'v Alternative| {
            let called = match &alternative.name {
                Some(name) => format!("{}/{name}", request.name),
                None => request.name.clone(),
            };
            let about = |constraint: &&Constraint| {
                let named = &constraint.requests;
                named.is_empty() || named.iter().any(|name| *name == request.name || *name == called)
            };
            let passes = |kind| ground.view.matching.passes(alternative.selector, kind);
            let matches: Vec<_> = ground.samples.iter().map(|device| passes(device.kind)).collect();
            let may = ground.samples.iter().zip(&matches).map(|(device, matches)| {
                // Whoever looks into a device only is not kept from it.
                let open = alternative.admin_access || tolerated(&device.taints, &alternative.tolerations);
                *matches && device.listed && open
            });
            Way {
                count: alternative.count,
                admin_access: alternative.admin_access,
                capacity: &alternative.capacity,
                accepts: may.collect(),
                matches,
                constraints: claim.constraints.iter().filter(about).collect(),
                request: called,
            }
        };
        Need { claim: index, ways: request.alternatives.iter().map(way).collect() }
    })
}
