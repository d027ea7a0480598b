//! Clusters at random: from numbers, so that a smaller number is a simpler cluster.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::daemons::preemption::view::devices::*;
use crate::daemons::preemption::view::places::{Effect, Reach, Taint, Toleration};
use crate::daemons::preemption::view::*;
use crate::policy::Policy;
use crate::policy::ids::ProjectId;
use crate::policy::queue::Queue;

use super::oracle::Oracle;
use super::world::*;

/// What is drawn from the numbers; zero when there are no more.
struct Dice(std::vec::IntoIter<u16>);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        usize::from(self.0.next().unwrap_or_default()) % most
    }

    /// Whether it is one of so many percent.
    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

const RUN_IN: [&str; 7] = ["batch", "low", "batch", "peer", "research", "batch", "top"];
const WAIT_IN: [&str; 7] = ["research", "peer", "top", "peer", "batch", "peer", "low"];

/// A cluster of at most three nodes, with so many Pods that run and wait at most.
pub(super) fn a_cluster(run: usize, wait: usize, gangs: bool) -> impl Strategy<Value = (View, Policy)> {
    prop::collection::vec(any::<u16>(), 1000).prop_map(move |numbers| {
        let mut dice = Dice(numbers.into_iter());
        let policy = policy(queues(&mut dice));
        let mut view = ground(&mut dice);
        for index in 0..2 * run {
            let there = view.pods.len();
            if there < run {
                someone_runs(&mut dice, &mut view, &policy, index);
            }
        }
        for index in 0..=dice.below(wait) {
            let pod = someone(&mut dice, &mut view, &format!("w{index}"), &WAIT_IN);
            view.pods.push(pod);
        }
        if gangs && dice.percent(50) {
            form_a_gang(&mut dice, &mut view);
        }
        (view, policy)
    })
}

/// Those that wait need each other, and are alike more often than not.
fn form_a_gang(dice: &mut Dice, view: &mut View) {
    let size = 2 + u32::from(dice.percent(30));
    let (alike, first) = (dice.percent(70), view.pods.iter().find(|pod| pod.node.is_none()).cloned());
    for pod in view.pods.iter_mut().filter(|pod| pod.node.is_none()) {
        if let Some(first) = first.as_ref().filter(|_| alike) {
            let pod_claims = std::mem::take(&mut pod.claims);
            let name = pod.pod.name.clone();
            *pod = Pod { uid: pod.uid.clone(), milli_cpu: 1000, claims: pod_claims, ..first.clone() };
            pod.pod.name = name;
            for claim in
                view.claims.iter_mut().filter(|claim| pod.claims.iter().any(|it| it.uid.as_ref() == Some(&claim.uid)))
            {
                *claim = super::world::claim(&claim.uid, vec![exactly(2, 1)]);
            }
        }
        pod.gang = Some(Gang { workload: "job".into(), size });
    }
}

fn queues(dice: &mut Dice) -> Vec<Queue> {
    let mut queues = vec![deserves(0, queue("low", 0)), queue("peer", 10), queue("top", 100)];
    queues.extend([queue("batch", 10), queue("research", 100)]);
    for queue in &mut queues[1..] {
        queue.deserved_milli_gpu = dice.of(&[None, Some(1000), Some(0), Some(2000), Some(1500), Some(3000)]);
        queue.preemptible = !dice.percent(20);
    }
    queues
}

fn ground(dice: &mut Dice) -> View {
    let mut view = cluster(&[]);
    for name in ["a", "b", "c"].into_iter().take(dice.of(&[1, 2, 1, 2, 3])) {
        let mut node = node(name);
        node.allocatable = Amounts { milli_cpu: dice.of(&[8000, 4000]), memory: dice.of(&[16, 8, 4]) << 30, pods: 6 };
        node.others.insert("disk".into(), dice.of(&[4, 8]));
        node.labels.insert("zone".into(), dice.of(&["x", "y"]).into());
        if dice.percent(15) {
            node.taints.push(taint("slow"));
        }
        view.nodes.push(node);
        for index in 0..dice.of(&[3, 4, 2, 1]) {
            view.devices.push(some_device(dice, name, index));
        }
    }
    if dice.percent(15) {
        view.devices.push(Device { reach: Reach::Everywhere, ..some_device(dice, "net", 0) });
    }
    view
}

fn taint(key: &str) -> Taint {
    Taint { key: key.into(), value: String::new(), effect: Effect::NoSchedule }
}

fn some_device(dice: &mut Dice, node: &str, index: usize) -> Device {
    let mut device = device(node, index, dice.of(&[0, 0, 0, 1]));
    device.attributes.insert("numa".into(), dice.of(&["0", "0", "1"]).into());
    device.divisible = dice.percent(20);
    device.capacity.insert("memory".into(), Capacity { total: 4, unasked: 4, steps: Steps::Any });
    device.listed = !dice.percent(8);
    if dice.percent(8) {
        device.taints.push(taint("sick"));
    }
    device
}

fn tolerates(key: &str) -> Toleration {
    Toleration { key: Some(key.into()), value: None, effect: None }
}

/// A Pod with what it asks, and its claim in the view.
fn someone(dice: &mut Dice, view: &mut View, name: &str, queues: &[&str]) -> Pod {
    let waits = queues == WAIT_IN;
    let mut pod = pod(name, dice.of(queues));
    pod.milli_cpu = if waits { dice.of(&[1000, 2000, 3000, 4000]) } else { dice.of(&[1000, 0, 1000, 2000]) };
    pod.memory = dice.of(&[1, 2]) * GIB;
    pod.created_at = minutes_ago(i64::try_from(dice.below(50)).expect("small"));
    if dice.percent(25) {
        pod.others.insert("disk".into(), dice.of(&[1, 2, 3]));
    }
    if dice.percent(10) {
        pod.node_selector = [("zone".into(), "x".into())].into();
    }
    if dice.percent(20) {
        pod.tolerations.push(tolerates("slow"));
    }
    if dice.percent(12) {
        (pod.pod.namespace, pod.project) = ("lax".into(), Some(ProjectId::new("id-lax")));
    }
    if dice.percent(if waits { 75 } else { 90 }) {
        let uid = format!("claim-{name}");
        view.claims.push(some_claim(dice, &uid, waits));
        pod.claims.push(PodClaim { name: "gpu".into(), uid: Some(uid) });
    }
    pod
}

fn some_claim(dice: &mut Dice, uid: &str, waits: bool) -> Claim {
    let mut way = |count| {
        let mut way = exactly(dice.of(&[0, 2, 0, 1]), count);
        way.capacity = if dice.percent(30) { [("memory".into(), 2)].into() } else { BTreeMap::new() };
        if dice.percent(30) {
            way.tolerations.push(tolerates("sick"));
        }
        way
    };
    let (one, two, three, other) = (way(1), way(2), way(3), way(1));
    // Who runs has less than who waits would have, so that several have to end.
    let mut claim = match dice.below(6) + if waits { 6 } else { 0 } {
        0..=4 => claim(uid, vec![one]),
        5..=8 => claim(uid, vec![two]),
        9 => claim(uid, vec![three]),
        10 => claim(uid, vec![Alternative { count: None, ..one }]),
        _ => {
            let named = |name: &str, way| Alternative { name: Some(name.into()), ..way };
            claim(uid, vec![named("first", two), named("then", one)])
        }
    };
    if dice.percent(15) {
        claim.requests.push(Request { name: "more".into(), alternatives: vec![other] });
    }
    if dice.percent(30) {
        let distinct = dice.percent(30);
        claim.constraints.push(Constraint { requests: Vec::new(), attribute: "numa".into(), distinct });
    }
    claim
}

/// A Pod that runs where it fits, or none.
fn someone_runs(dice: &mut Dice, view: &mut View, policy: &Policy, index: usize) {
    let name = format!("r{index}");
    let before = view.claims.len();
    let mut pod = someone(dice, view, &name, &RUN_IN);
    pod.started_at = (!dice.percent(10)).then(|| minutes_ago(i64::try_from(dice.below(4)).expect("small")));
    pod.unschedulable_since = None;
    let (ends, budget, joins, took) = (dice.percent(8), dice.percent(15), dice.percent(15), dice.percent(20));
    let shared = view.pods.iter().find(|other| joins && !other.claims.is_empty() && other.node.is_some()).cloned();
    if let Some(other) = shared {
        view.claims.truncate(before);
        (pod.claims, pod.project, pod.pod.namespace) = (other.claims, other.project, other.pod.namespace);
    }
    let start = dice.below(view.nodes.len());
    let nodes: Vec<_> = view.nodes.iter().map(|node| node.name.clone()).collect();
    let found = (0..nodes.len()).map(|at| &nodes[(start + at) % nodes.len()]).find_map(|node| {
        let oracle = Oracle { view, policy, gone: None };
        Some((node.clone(), oracle.given(&pod, node)?))
    });
    let Some((node, given)) = found else { return view.claims.truncate(before) };
    if budget {
        let (namespace, name) = (pod.pod.namespace.clone(), format!("keep-{name}"));
        let mut pods = BTreeSet::from([pod.uid.clone()]);
        pods.extend(view.pods.last().map(|other| other.uid.clone()));
        let allowed = u32::try_from(dice.below(2)).expect("small");
        view.budgets.push(Budget { namespace, name, pods, allowed });
    }
    pod.ending = ends;
    pod.room_made_in = took.then(|| "top".to_owned());
    start_on(view, pod, &node, &given);
}

/// A Pod starts.
pub(super) fn start_on(view: &mut View, pod: Pod, node: &str, given: &[Given]) {
    for uid in pod.claims.iter().filter_map(|it| it.uid.as_ref()) {
        let claim = view.claim(uid);
        claim.reserved_for.push(pod.uid.clone());
        let of_claim = given.iter().filter(|it| it.claim == *uid);
        let devices: Vec<_> = of_claim
            .map(|it| Holding { device: it.device.clone(), takes: it.takes.clone(), admin_access: false })
            .collect();
        if claim.allocation.is_none() {
            claim.allocation = Some(Allocation { reach: Reach::Everywhere, devices });
        }
    }
    view.pods.push(Pod { node: Some(node.into()), unschedulable_since: None, ..pod });
}
