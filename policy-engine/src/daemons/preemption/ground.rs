//! The view, indexed: who is where, and who has what.

use std::collections::{BTreeMap, HashMap};

use crate::daemons::common::is_exempt;
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::project::Project;
use crate::policy::queue::Queue;
use crate::policy::rule_id::RuleId;

use super::view::devices::{Device, DeviceId, Holding};
use super::view::places::Reach;
use super::view::{Amounts, Pod, View};

/// The view, indexed. Pods, claims, devices, nodes and queues are counted as the lists have them.
pub(super) struct Ground<'v> {
    pub(super) view: &'v View,
    pub(super) queues: Vec<&'v Queue>,
    pub(super) pods: Vec<Standing<'v>>,
    pub(super) claims: Vec<Users>,
    /// The claims that have a device, and what of it.
    pub(super) holders: Vec<Vec<(usize, &'v Holding)>>,
    pub(super) sites: Vec<Site>,
    /// The nodes by name.
    pub(super) in_order: Vec<usize>,
    /// The place of each Pod among all by UID.
    pub(super) nth: Vec<usize>,
    /// Which devices are alike in all that can matter, by a number.
    pub(super) profiles: Vec<usize>,
    /// One device of each profile.
    pub(super) samples: Vec<&'v Device>,
    by_uid: HashMap<&'v str, usize>,
    claim_by_uid: HashMap<&'v str, usize>,
    device_by_id: HashMap<&'v DeviceId, usize>,
    node_by_name: HashMap<&'v str, usize>,
}

/// What is known of a Pod by looking it up.
pub(super) struct Standing<'v> {
    pub(super) queue: Option<usize>,
    pub(super) node: Option<usize>,
    /// The claims that it uses, as far as they exist.
    pub(super) claims: Vec<usize>,
    pub(super) budgets: Vec<usize>,
    /// Where its Namespace is a project's and not exempt.
    pub(super) project: Option<&'v Project>,
    /// Whether the queue rule is enforced there.
    pub(super) enforced: bool,
    /// Whether it gives way to higher queues although its own is not preemptible: room was made for it as of one that is.
    pub(super) owes_room: bool,
    pub(super) asks: Amounts,
}

/// Who uses a claim.
pub(super) struct Users {
    /// The Pods for which it is reserved. Those that are not there any more are left out.
    pub(super) pods: Vec<usize>,
    /// Whether something besides Pods uses it.
    pub(super) kept: bool,
}

/// What is on a node.
#[derive(Default)]
pub(super) struct Site {
    /// By UID.
    pub(super) pods: Vec<usize>,
    /// What can be used from it, by name.
    pub(super) devices: Vec<usize>,
}

impl<'v> Ground<'v> {
    pub(super) fn new(view: &'v View, policy: &'v Policy) -> Self {
        let queues: Vec<_> = policy.records().queues.values().collect();
        let by_uid = index(view.pods.iter().map(|pod| pod.uid.as_str()));
        let claim_by_uid = index(view.claims.iter().map(|claim| claim.uid.as_str()));
        let device_by_id = index(view.devices.iter().map(|device| &device.id));
        let node_by_name = index(view.nodes.iter().map(|node| node.name.as_str()));
        let mut sites: Vec<Site> = view.nodes.iter().map(|_| Site::default()).collect();
        let standing = |pod: &'v Pod| {
            let exempt = is_exempt(&view.own_namespace, policy.platform(), &pod.pod.namespace);
            let project = pod.project.as_ref().filter(|_| !exempt).and_then(|id| policy.project_by_id(id));
            let asked = policy.queue_asked(&pod.queue);
            let gives_way = |queue: &Queue| policy.gives_way(queue, pod.room_made_in.as_deref());
            Standing {
                queue: asked.and_then(|asked| queues.iter().position(|queue| queue.name == asked.name)),
                node: pod.node.as_ref().and_then(|name| node_by_name.get(name.as_str()).copied()),
                claims: pod.claims.iter().filter_map(|it| claim_by_uid.get(it.uid.as_deref()?).copied()).collect(),
                budgets: Vec::new(),
                project,
                enforced: policy.platform().mode_of(RuleId::Queue, project) == RuleMode::Enforce,
                owes_room: asked.is_some_and(|queue| !queue.preemptible && gives_way(queue)),
                asks: Amounts { milli_cpu: signed(pod.milli_cpu), memory: signed(pod.memory), pods: 1 },
            }
        };
        let mut pods: Vec<_> = view.pods.iter().map(standing).collect();
        let mut budgets: Vec<_> = view.budgets.iter().enumerate().collect();
        budgets.sort_by_key(|(_, budget)| (&budget.namespace, &budget.name));
        for (index, budget) in budgets {
            for pod in budget.pods.iter().filter_map(|uid| by_uid.get(uid.as_str())) {
                pods[*pod].budgets.push(index);
            }
        }
        let mut by_name: Vec<_> = (0..view.pods.len()).collect();
        by_name.sort_by_key(|pod| &view.pods[*pod].uid);
        let mut nth = vec![0; by_name.len()];
        for (place, pod) in by_name.into_iter().enumerate() {
            nth[pod] = place;
            if let Some(node) = pods[pod].node {
                sites[node].pods.push(pod);
            }
        }
        let mut holders: Vec<_> = view.devices.iter().map(|_| Vec::new()).collect();
        let mut claims = Vec::new();
        for (index, claim) in view.claims.iter().enumerate() {
            let users = claim.reserved_for.iter().filter_map(|uid| by_uid.get(uid.as_str()).copied());
            claims.push(Users { pods: users.collect(), kept: claim.kept });
            for holding in claim.allocation.iter().flat_map(|it| &it.devices).filter(|it| !it.admin_access) {
                if let Some(device) = device_by_id.get(&holding.device) {
                    holders[*device].push((index, holding));
                }
            }
        }
        let mut ordered: Vec<_> = view.devices.iter().enumerate().collect();
        ordered.sort_by_key(|(_, device)| &device.id);
        for (index, device) in ordered {
            match &device.reach {
                Reach::Node(name) => {
                    if let Some(node) = node_by_name.get(name.as_str()) {
                        sites[*node].devices.push(index)
                    }
                }
                reach @ (Reach::Nodes(_) | Reach::Everywhere) => {
                    let reached = view.nodes.iter().zip(&mut sites).filter(|(node, _)| reach.includes(node));
                    reached.for_each(|(_, site)| site.devices.push(index));
                }
            }
        }
        let (profiles, samples) = profiles(view);
        let mut in_order: Vec<_> = (0..view.nodes.len()).collect();
        in_order.sort_by_key(|node| &view.nodes[*node].name);
        Self {
            view,
            queues,
            pods,
            claims,
            holders,
            sites,
            in_order,
            nth,
            profiles,
            samples,
            by_uid,
            claim_by_uid,
            device_by_id,
            node_by_name,
        }
    }

    pub(super) fn pod(&self, uid: &str) -> Option<usize> {
        self.by_uid.get(uid).copied()
    }

    pub(super) fn claim(&self, uid: &str) -> Option<usize> {
        self.claim_by_uid.get(uid).copied()
    }

    pub(super) fn device(&self, id: &DeviceId) -> Option<usize> {
        self.device_by_id.get(id).copied()
    }

    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.node_by_name.get(name).copied()
    }
}

fn index<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    keys.enumerate().map(|(index, key)| (key, index)).collect()
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Numbers for devices that are alike: which number each has, and one device for each number.
fn profiles(view: &View) -> (Vec<usize>, Vec<&Device>) {
    let mut known = BTreeMap::new();
    let (mut profiles, mut samples) = (Vec::new(), Vec::new());
    for device in &view.devices {
        let Device { id: _, reach: _, kind, attributes, capacity, divisible, taints, listed } = device;
        let profile = *known.entry((kind, attributes, capacity, divisible, taints, listed)).or_insert(samples.len());
        if profile == samples.len() {
            samples.push(device);
        }
        profiles.push(profile);
    }
    (profiles, samples)
}
