//! What exists of what the daemon `window-close` looks after: Pods that run in queues, or may start there at any moment.

use kube::ResourceExt;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::PREEMPTED;
use policy_engine::daemons::window_close::{QueuedPod, View};
use policy_engine::ledger::Life;
use policy_engine::policy::names::PlanName;
use records::Kind;

use super::{annotation, label};
use crate::world::World;
use crate::world::pod::{Pod, life};

/// The Pods that run in queues, whose Namespaces are, and which plans there are. What was tried is not seen here.
pub fn view(world: &World, own_namespace: &str) -> View {
    View {
        own_namespace: own_namespace.to_owned(),
        bindings: world.bindings(),
        plans: world.records(Kind::ResourcePlan).iter().map(|plan| PlanName::new(plan.name_any())).collect(),
        pods: world.pods().iter().filter_map(|pod| queued(pod)).collect(),
        tried: std::collections::BTreeMap::new(),
    }
}

/// `None` for one without a queue, with a gate, that has ended, or that is being deleted.
fn queued(pod: &Pod) -> Option<QueuedPod> {
    let meta = &pod.metadata;
    let queue = label(meta, contract::QUEUE_NAME)?;
    let goes_on = match life(pod) {
        Life::Scheduled | Life::Waiting => meta.deletion_timestamp.is_none(),
        Life::Gated | Life::Finished => false,
    };
    if !goes_on {
        return None;
    }
    let annotation = |key: &str| annotation(meta, key).map(str::to_owned);
    Some(QueuedPod {
        pod: PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? },
        uid: meta.uid.clone()?,
        since: meta.creation_timestamp.as_ref()?.0,
        queue: queue.to_owned(),
        closes_at: annotation(contract::WINDOW_CLOSES_AT),
        eviction_reason: annotation(contract::EVICTION_REASON).filter(|reason| !reason.starts_with(PREEMPTED)),
        grace_seconds: pod.spec.grace(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Option<QueuedPod> {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "detector", "name": "owl", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-11-23T11:00:00Z",
                "labels": {"platform-go/queue-name": "night"},
                "annotations": {"platform-go/window-closes-at": "2026-11-23T12:00:00Z"},
            },
            "spec": {"containers": [], "terminationGracePeriodSeconds": 7, "nodeName": "cpu-a"},
            "status": {"phase": "Running"},
        });
        change(&mut pod);
        queued(&serde_json::from_value(pod).expect("a Pod"))
    }

    #[test]
    fn only_pods_of_queues_that_run_or_may_are_seen() {
        let pod = read(|_| {}).expect("it runs");
        assert_eq!((pod.pod.to_string(), pod.queue.as_str(), pod.grace_seconds), ("detector/owl".into(), "night", 7));
        assert_eq!((pod.closes_at.as_deref(), pod.eviction_reason), (Some("2026-11-23T12:00:00Z"), None));
        let unasked = read(|pod| pod["spec"]["terminationGracePeriodSeconds"] = json!(0)).expect("it runs");
        assert_eq!(unasked.grace_seconds, 1, "no deletion is forced");
        assert!(read(|pod| pod["spec"]["nodeName"] = Value::Null).is_some(), "it may start at any moment");
        let gone = read(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-23T11:00:00Z"));
        let ended = read(|pod| pod["status"]["phase"] = json!("Succeeded"));
        let queueless = read(|pod| pod["metadata"]["labels"] = json!({}));
        assert!(gone.is_none() && ended.is_none() && queueless.is_none());
        let gated =
            read(|pod| pod["spec"] = json!({"containers": [], "schedulingGates": [{"name": "example.com/data"}]}));
        assert!(gated.is_none());
    }
}
