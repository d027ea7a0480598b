//! What exists of what the daemon `preemption` looks after: Pods that wait or run, and all that decides where one fits.

mod devices;
mod places;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::api::resource::v1::ResourceClaim;
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::contract;
use policy_engine::daemons::common::{self, PodName};
use policy_engine::daemons::preemption::HOLD_MARK;
use policy_engine::daemons::preemption::view::{Pod, PodClaim, View};
use policy_engine::ledger::Life;
use policy_engine::object::extended::OF_CLASS;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::policy::platform::ChargeBy;
use policy_engine::submission::devices::{EXTENDED_RESOURCES, made_for_reference};

use super::ledger::Prices;
use super::{annotation, is_managed, label, seen as seen_as};
use crate::world::World;
use crate::world::pod::{self, life};

pub use devices::Selectors;

/// What is seen, and what holds are made with.
pub struct Seen {
    /// For the planner. What is under way is not seen here.
    pub view: View,
    /// By the UID of a claim, the value of the hold that it tolerates.
    pub holds: BTreeMap<String, String>,
    /// Whether the API server knows holds.
    pub can_hold: bool,
    /// The devices that are held.
    pub held: Vec<Held>,
    /// How long each Pod may take to end, by its UID.
    pub grace_seconds: HashMap<String, u32>,
}

/// A device that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The name of its DeviceTaintRule.
    pub name: String,
    /// In which state that was seen.
    pub seen: common::Seen,
    /// For which preemption it is held.
    pub preemption: String,
}

/// Whether the scheduler finds no node for some Pod. While it does not, there is nothing to be planned.
pub fn anybody_waits(world: &World) -> bool {
    world.pods().iter().any(|pod| pod::unschedulable_since(pod).is_some())
}

/// The devices that are held for preemptions.
pub fn held(world: &World) -> Vec<Held> {
    let rules = world.device_taint_rules();
    let held = rules.iter().filter(|rule| is_managed(&rule.metadata)).filter_map(|rule| {
        let preemption = label(&rule.metadata, HOLD_MARK)?.to_owned();
        Some(Held { name: rule.metadata.name.clone()?, seen: seen_as(&rule.metadata)?, preemption })
    });
    held.collect()
}

/// All Pods that have not finished, all nodes, devices, claims and budgets.
pub fn view(world: &World, prices: &Prices, policy: &Policy, own_namespace: &str, selectors: &mut Selectors) -> Seen {
    let devices::Devices { devices, matching, claims, holds } = devices::devices(world, prices, policy, selectors);
    let bindings = world.bindings();
    let found = Found::among(&world.claims(), &world.device_classes());
    let pods = world.pods();
    let mut grace_seconds = HashMap::new();
    let mut seen = Vec::with_capacity(pods.len());
    for pod in pods.iter().filter(|pod| life(pod) != Life::Finished) {
        let Some(read) = read(pod, &bindings, &found) else { continue };
        grace_seconds.insert(read.uid.clone(), pod.spec.grace());
        seen.push(read);
    }
    let budgets = places::budgets(world, &pods);
    let nodes = world.nodes().iter().filter_map(|node| places::node(node)).collect();
    let own_namespace = own_namespace.to_owned();
    let view = View { own_namespace, nodes, devices, matching, claims, pods: seen, budgets, under_way: Vec::new() };
    Seen { view, holds, can_hold: world.has_device_taint_rules(), held: held(world), grace_seconds }
}

/// Claims by what Pods call them: their UIDs.
struct Found {
    /// By Namespace and name.
    named: HashMap<(String, String), String>,
    /// By the UID of the Pod for which one was made, and what that calls it.
    made: HashMap<(String, String), String>,
    /// The extended resources for which the scheduler makes a claim.
    extended: BTreeSet<String>,
}

impl Found {
    fn among(claims: &[Arc<ResourceClaim>], classes: &DeviceClasses) -> Self {
        let extended = classes.values().filter_map(|class| class.extended_resource_name.clone()).collect();
        let mut found = Self { named: HashMap::new(), made: HashMap::new(), extended };
        for claim in claims {
            let meta = &claim.metadata;
            let Some(uid) = &meta.uid else { continue };
            let owner = meta.owner_references.iter().flatten().find(|owner| owner.kind == "Pod");
            match (owner, made_for_reference(|key| annotation(meta, key))) {
                (Some(owner), Some(reference)) => {
                    found.made.insert((owner.uid.clone(), reference.to_owned()), uid.clone());
                }
                _ => {
                    let named = meta.namespace.clone().zip(meta.name.clone());
                    found.named.extend(named.map(|named| (named, uid.clone())));
                }
            }
        }
        found
    }

    /// Whether an extended resource is asked of devices, and not of nodes.
    fn is_of_devices(&self, name: &str) -> bool {
        name.starts_with(OF_CLASS) || self.extended.contains(name)
    }

    /// What a Pod requests of a node's other resources.
    fn others(&self, pod: &pod::Pod) -> BTreeMap<String, u64> {
        let of_nodes = pod.spec.counted.each().filter(|(name, _)| !self.is_of_devices(name));
        let all = of_nodes.chain(pod.spec.of_node.each()).filter(|(_, amount)| *amount > 0);
        all.map(|(name, amount)| (name.to_owned(), amount)).collect()
    }

    /// The claims that a Pod uses. The one for extended resources does not exist before the Pod has a node.
    fn of(&self, pod: &pod::Pod) -> Vec<PodClaim> {
        let (meta, spec) = (&pod.metadata, &pod.spec);
        let made = |reference: &str| {
            let key = (meta.uid.clone().unwrap_or_default(), reference.to_owned());
            self.made.get(&key).cloned()
        };
        let listed = spec.claims.iter().map(|it| match &it.resource_claim_name {
            Some(name) => {
                let key = (meta.namespace.clone().unwrap_or_default(), name.clone());
                PodClaim { name: name.clone(), uid: self.named.get(&key).cloned() }
            }
            None => PodClaim { name: it.name.clone(), uid: made(&it.name) },
        });
        let asks = || spec.counted.each().any(|(name, count)| count > 0 && self.is_of_devices(name));
        let extended = made(EXTENDED_RESOURCES).map(Some).or_else(|| asks().then_some(None));
        let extended = extended.map(|uid| PodClaim { name: EXTENDED_RESOURCES.to_owned(), uid });
        listed.chain(extended).collect()
    }
}

fn read(pod: &pod::Pod, bindings: &BTreeMap<String, ProjectId>, claims: &Found) -> Option<Pod> {
    let meta = &pod.metadata;
    let (namespace, spec) = (meta.namespace.as_deref()?, &pod.spec);
    let amounts = spec.amounts(ChargeBy::Requests).unwrap_or_default();
    let placing = spec.placing.as_deref().cloned().unwrap_or_default();
    Some(Pod {
        uid: meta.uid.clone()?,
        pod: PodName { namespace: namespace.to_owned(), name: meta.name.clone()? },
        user: label(meta, contract::USER_ID).map(UserId::new),
        project: bindings.get(namespace).cloned(),
        queue: label(meta, contract::QUEUE_NAME).unwrap_or_default().to_owned(),
        priority: spec.priority,
        node: spec.node.clone(),
        milli_cpu: amounts.milli_cpu,
        memory: amounts.memory_bytes,
        others: claims.others(pod),
        claims: claims.of(pod),
        node_selector: placing.node_selector,
        affinity: placing.affinity,
        tolerations: placing.tolerations,
        created_at: meta.creation_timestamp.as_ref()?.0,
        started_at: pod::started_at(pod),
        ending: meta.deletion_timestamp.is_some(),
        gated: spec.is_gated,
        unschedulable_since: pod::unschedulable_since(pod),
        kept_off: pod::kept_off(pod).map(str::to_owned),
        in_vain: None,
        gang: spec.gang.clone(),
        room_made_in: annotation(meta, contract::ROOM_MADE_IN).map(str::to_owned),
    })
}
