//! What is kept of a Pod: what it costs, which claims and gates it has, and where it is in its life.
//!
//! All Pods are watched, because those from before a project's time carry no label of ours. So little is kept of each.

mod status;

use k8s_openapi::api::core::v1::{PodResourceClaim, PodSpec, Volume};
use kube::core::Object;
use policy_engine::contract;
use policy_engine::daemons::preemption::view::Gang;
use policy_engine::ledger::{Amounts, Life};
use policy_engine::policy::platform::ChargeBy;
use policy_engine::policy::queue::DEFAULT_QUEUE;
use policy_engine::submission::compute::Asked;
use policy_engine::submission::counted::Counted;
use policy_engine::workspace::WORKSPACE;
use serde::{Deserialize, Serialize};

use super::keep;
use super::placing::Placing;

pub use status::{Serves, Status, held_up, kept_off, serves, started_at, unschedulable, unschedulable_since};

/// What Kubernetes gives a Pod that says nothing of how long it may take to end.
const USUAL_GRACE: u32 = 30;

/// A Pod as it is cached.
pub type Pod = Object<Spec, Status>;

/// What a Pod's spec comes to, with what its status adds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(from = "PodSpec")]
pub struct Spec {
    held: Held,
    /// What that is made of, until the Pod is kept.
    asked: Option<Asked>,
    /// The extended resources that it asks for.
    pub counted: Counted,
    /// What it requests of a node's own resources besides CPU and memory.
    pub of_node: Counted,
    /// The claims of devices that it names.
    pub claims: Vec<PodResourceClaim>,
    /// The PersistentVolumeClaims that it names, and whether it mounts each read-only.
    pub volumes: Vec<(String, bool)>,
    /// The volumes for which Kubernetes makes claims that go with the Pod.
    pub ephemeral: Vec<String>,
    /// Whether it has a scheduling gate, ours or another's.
    pub is_gated: bool,
    /// Whether the gate of the rule `plan-window` is among them.
    pub waits_for_queue: bool,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// What it requires of a node, until it has one.
    #[serde(skip)]
    pub placing: Option<Box<Placing>>,
    /// Its priority in Kubernetes.
    pub priority: i32,
    /// With which others it wants to run, or not at all.
    #[serde(skip)]
    pub gang: Option<Gang>,
    /// How long it may take to end.
    pub grace_seconds: Option<i64>,
}

/// What a Pod holds, by its spec and its status, however the policy charges it: the policy may change while the Pod runs.
/// `None` for what is no amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Held {
    by_requests: Option<Amounts>,
    by_limits: Option<Amounts>,
}

impl Spec {
    /// How long it may take to end, in seconds; at least one, because a process that is given no time may live on beside whoever gets
    /// its devices.
    pub fn grace(&self) -> u32 {
        self.grace_seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(USUAL_GRACE).max(1)
    }

    /// Whether it has a node.
    pub fn is_scheduled(&self) -> bool {
        self.node.is_some()
    }

    /// What it is charged; `None` for what is no amount. One whose limits are beyond all counting, which were not looked
    /// at when it was admitted, is charged its requests.
    pub fn amounts(&self, by: ChargeBy) -> Option<Amounts> {
        let Held { by_requests, by_limits } = self.held;
        match by {
            ChargeBy::Requests => by_requests,
            ChargeBy::Limits => by_limits.or(by_requests),
        }
    }
}

impl From<PodSpec> for Spec {
    fn from(spec: PodSpec) -> Self {
        let gates = spec.scheduling_gates.iter().flatten();
        Self {
            held: Held::default(),
            asked: Asked::by(&spec).ok(),
            counted: Counted::by(&spec),
            of_node: Counted::of_node(&spec),
            is_gated: gates.clone().next().is_some(),
            waits_for_queue: gates.clone().any(|gate| gate.name == contract::PLAN_WINDOW_GATE),
            grace_seconds: spec.termination_grace_period_seconds,
            placing: Placing::of(&spec),
            priority: spec.priority.unwrap_or_default(),
            gang: None,
            node: spec.node_name.filter(|node| !node.is_empty()),
            claims: spec.resource_claims.unwrap_or_default(),
            ephemeral: spec
                .volumes
                .iter()
                .flatten()
                .filter(|it| it.ephemeral.is_some())
                .map(|it| it.name.clone())
                .collect(),
            volumes: mounted(spec.volumes.unwrap_or_default()),
        }
    }
}

/// A claim that is mounted twice is mounted as it may be written.
fn mounted(volumes: Vec<Volume>) -> Vec<(String, bool)> {
    let mut mounted: Vec<(String, bool)> = Vec::new();
    for claim in volumes.into_iter().filter_map(|volume| volume.persistent_volume_claim) {
        let read_only = claim.read_only == Some(true);
        match mounted.iter_mut().find(|(name, _)| *name == claim.claim_name) {
            Some((_, so_far)) => *so_far &= read_only,
            None => mounted.push((claim.claim_name, read_only)),
        }
    }
    mounted
}

/// A label of a Pod.
pub fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// The queue that a Pod's label names.
pub fn queue(pod: &Pod) -> &str {
    label(pod, contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE)
}

/// Where a Pod is in its life. One that is being deleted holds what it has until it is gone.
pub fn life(pod: &Pod) -> Life {
    let phase = pod.status.as_ref().map_or("", |status| status.phase.as_str());
    match (phase, &pod.spec) {
        ("Succeeded" | "Failed", _) => Life::Finished,
        (_, Spec { node: Some(_), .. }) => Life::Scheduled,
        (_, Spec { is_gated: true, .. }) => Life::Gated,
        (_, Spec { .. }) => Life::Waiting,
    }
}

/// Whether its containers were started, or were and are started again.
pub fn is_running(pod: &Pod) -> bool {
    life(pod) == Life::Scheduled && pod.status.as_ref().is_some_and(|status| status.phase == "Running")
}

/// The annotations that somebody reads.
const READ: [&str; 7] = [
    contract::SWITCH_QUEUE,
    contract::CLAIM_TEMPLATE,
    contract::USE_VOLUMES,
    contract::STARTS_AT,
    contract::WINDOW_CLOSES_AT,
    contract::EVICTION_REASON,
    contract::ROOM_MADE_IN,
];

pub(super) fn keep(pod: &mut Pod) {
    let given = pod.status.as_mut().map(|status| std::mem::take(&mut status.given)).unwrap_or_default();
    let asked = pod.spec.asked.take();
    let held = |by| asked.as_ref()?.held(&given, pod.metadata.generation, by).ok();
    pod.spec.held = Held { by_requests: held(ChargeBy::Requests), by_limits: held(ChargeBy::Limits) };
    // A budget may select a Pod by any of its labels.
    let labels = pod.metadata.labels.take();
    keep::least(&mut pod.metadata);
    pod.metadata.labels = labels.filter(|labels| !labels.is_empty());
    pod.spec.gang = gang(pod);
    // The content of the template that a Pod names is long, and of no use once the Pod has ended.
    let is_finished = life(pod) == Life::Finished;
    // Of what waits, its workload is told how much does; and what is in a queue moves with its workload.
    let is_in_queue = pod.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(contract::QUEUE_NAME));
    let is_of_workspace = label(pod, WORKSPACE).is_some();
    if let Some(status) = pod.status.as_mut().filter(|_| !is_of_workspace) {
        status.serves = None;
    }
    if !is_of_workspace && (is_finished || !(is_in_queue || pod.spec.waits_for_queue)) {
        pod.metadata.owner_references = None;
    }
    if let Some(annotations) = &mut pod.metadata.annotations {
        annotations.retain(|key, _| READ.contains(&key.as_str()) && !is_finished);
    }
}

/// The annotation counts for Pods of a workload. What is no number asks for nothing here: the rule that judges it says so.
fn gang(pod: &Pod) -> Option<Gang> {
    let size = pod.metadata.annotations.as_ref()?.get(contract::GANG)?.parse().ok()?;
    let owner = pod.metadata.owner_references.as_ref()?.first()?;
    Some(Gang { workload: format!("{} {}", owner.kind, owner.name), size })
}

/// Whether two states of a Pod differ in nothing by which anybody acts: the kubelet and the scheduler write more than that.
pub(super) fn says_the_same(one: &Pod, other: &Pod) -> bool {
    let (meta, of_other) = (&one.metadata, &other.metadata);
    let phase =
        |pod: &Pod| pod.status.as_ref().map(|status| (status.phase.clone(), status.unschedulable_since, status.blame));
    (&one.spec, phase(one)) == (&other.spec, phase(other))
        && serves(one) == serves(other)
        && (&meta.uid, &meta.labels, &meta.annotations, &meta.deletion_timestamp)
            == (&of_other.uid, &of_other.labels, &of_other.annotations, &of_other.deletion_timestamp)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value, phase: &str) -> Pod {
        let mut pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": "p", "uid": "u", "labels": {"platform-go/user-id": "bob", "app": "x"},
                "annotations": {"platform-go/claim-template": "{}", "note": "long"}},
            "spec": spec,
            "status": {"phase": phase},
        }))
        .expect("a Pod");
        keep(&mut pod);
        pod
    }

    #[test]
    fn a_pod_is_kept_as_what_it_costs_and_where_it_is_in_its_life() {
        let resources = json!({"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "32"}});
        let container = json!([{"name": "c", "resources": resources}]);
        let pod = read(json!({"containers": container}), "Pending");
        let held = |by| pod.spec.amounts(by).map(|amounts| (amounts.milli_cpu, amounts.memory_bytes));
        assert_eq!(held(ChargeBy::Requests), Some((2000, 1 << 30)));
        assert_eq!(held(ChargeBy::Limits), Some((32_000, 1 << 30)), "whichever the policy says");
        assert_eq!(pod.metadata.labels.as_ref().map(|labels| labels.len()), Some(2), "a budget may select it by any");
        assert_eq!(pod.metadata.annotations.as_ref().map(|annotations| annotations.len()), Some(1));
        assert_eq!(life(&pod), Life::Waiting);
        let gated = json!({"containers": container, "schedulingGates": [{"name": "x"}]});
        assert_eq!(life(&read(gated, "Pending")), Life::Gated);
        let scheduled = json!({"containers": container, "nodeName": "cpu-a"});
        assert_eq!(life(&read(scheduled.clone(), "Running")), Life::Scheduled);
        let ended = read(scheduled, "Succeeded");
        assert_eq!(life(&ended), Life::Finished);
        assert_eq!(ended.metadata.annotations.as_ref().map(|annotations| annotations.len()), Some(0));
    }

    #[test]
    fn what_has_limits_beyond_counting_is_charged_its_requests() {
        let resources = json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "5E"}});
        let containers = ["a", "b"].map(|name| json!({"name": name, "resources": resources}));
        let pod = read(json!({"containers": containers}), "Running");
        assert_eq!(pod.spec.amounts(ChargeBy::Limits).map(|amounts| amounts.memory_bytes), Some(2 << 30));
    }

    #[test]
    fn what_the_kubelet_writes_about_a_running_pod_is_no_change() {
        let pod = |version: &str, ready: bool, node: Value| {
            let mut pod: Pod = serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u", "resourceVersion": version},
                "spec": {"containers": [], "nodeName": node},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready.to_string()}]},
            }))
            .expect("a Pod");
            keep(&mut pod);
            pod
        };
        assert!(says_the_same(&pod("1", false, json!("cpu-a")), &pod("2", true, json!("cpu-a"))));
        assert!(!says_the_same(&pod("1", false, Value::Null), &pod("2", false, json!("cpu-a"))));
    }

    #[test]
    fn that_the_scheduler_blames_something_else_is_a_change_and_other_numbers_are_none() {
        let pod = |volumes: Value, said: &str| {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": format!("0/8 nodes are available: {said}. preemption: no."), "lastTransitionTime": "2026-11-23T11:00:05Z"});
            let mut pod: Pod = serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u"},
                "spec": {"containers": [], "volumes": volumes}, "status": {"phase": "Pending", "conditions": [condition]},
            }))
            .expect("a Pod");
            keep(&mut pod);
            pod
        };
        let volume = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]);
        let (missing, room) = ("persistentvolumeclaim \"x\" not found", "8 cannot allocate all claims");
        let waits = pod(volume.clone(), missing);
        assert_eq!(kept_off(&waits), Some("0/8 nodes are available: persistentvolumeclaim \"x\" not found."));
        let could = pod(volume.clone(), room);
        assert_eq!(kept_off(&could), None);
        assert!(!says_the_same(&waits, &could));
        assert!(says_the_same(&could, &pod(volume, "7 cannot allocate all claims, 1 Insufficient cpu")));
        let long = format!(
            "{}, 1 node(s) didn't match pod anti-affinity rules",
            "1 Insufficient example.com/foo, ".repeat(20)
        );
        assert!(kept_off(&pod(json!([]), &long)).is_some(), "also what stands behind all that is kept");
    }

    #[test]
    fn what_the_kubelet_has_given_a_container_is_a_change_only_where_it_is_more_than_the_container_asks() {
        let pod = |allocated: &str| {
            let mut pod: Pod = serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u"},
                "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}], "nodeName": "cpu-a"},
                "status": {"phase": "Running", "containerStatuses": [{"name": "c", "ready": true, "image": "x", "imageID": "x",
                    "restartCount": 0, "allocatedResources": {"cpu": allocated}, "resources": {"requests": {"cpu": "1"}}}]},
            }))
            .expect("a Pod");
            keep(&mut pod);
            pod
        };
        let milli_cpu = |pod: &Pod| pod.spec.amounts(ChargeBy::Requests).map(|amounts| amounts.milli_cpu);
        let (started, resized) = (pod("2"), pod("8"));
        assert_eq!((milli_cpu(&started), milli_cpu(&resized)), (Some(2000), Some(8000)));
        assert!(says_the_same(&started, &pod("1")) && !says_the_same(&started, &resized));
    }
}
