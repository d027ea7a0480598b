//! What exists of what the daemon `plan-window` looks after: Pods that wait behind the platform's gate.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::plan_window::{Controller, GatedPod, View};

use super::{annotation, label, seen};
use crate::world::World;
use crate::world::pod::Pod;

/// The Pods that wait, and whose Namespaces are.
pub fn view(world: &World, own_namespace: &str) -> View {
    View {
        own_namespace: own_namespace.to_owned(),
        bindings: world.bindings(),
        pods: world.pods().iter().filter_map(|pod| waiting(pod)).collect(),
        without_room: BTreeSet::new(),
    }
}

/// `None` for one of no queue, without our gate, with a node, or that is being deleted.
fn waiting(pod: &Pod) -> Option<GatedPod> {
    let meta = &pod.metadata;
    let queue = label(meta, contract::QUEUE_NAME)?;
    if !pod.spec.waits_for_queue || pod.spec.is_scheduled() || meta.deletion_timestamp.is_some() {
        return None;
    }
    Some(GatedPod {
        pod: PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? },
        seen: seen(meta)?,
        since: meta.creation_timestamp.as_ref()?.0,
        queue: Some(queue.to_owned()),
        starts_at: annotation(meta, contract::STARTS_AT).map(str::to_owned),
        controller: meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true)).map(|owner| {
            let OwnerReference { api_version, kind, name, uid, .. } = owner.clone();
            Controller { api_version, kind, name, uid }
        }),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Option<GatedPod> {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "detector", "name": "owl", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-11-23T11:00:00Z",
                "labels": {"platform-go/queue-name": "night"},
                "annotations": {"platform-go/starts-at": "2026-11-23T19:00:00Z"},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"},
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "owls", "uid": "r", "controller": true},
                ],
            },
            "spec": {
                "containers": [{"name": "main", "image": "x"}],
                "schedulingGates": [{"name": "example.com/data"}, {"name": "platform-go/plan-window"}],
            },
            "status": {"phase": "Pending"},
        });
        change(&mut pod);
        waiting(&serde_json::from_value(pod).expect("a Pod"))
    }

    #[test]
    fn only_pods_with_our_gate_that_stay_are_seen() {
        let pod = read(|_| {}).expect("it waits");
        assert_eq!((pod.pod.to_string(), pod.queue.as_deref()), ("detector/owl".into(), Some("night")));
        assert_eq!((pod.seen.uid.as_str(), pod.seen.resource_version.as_str()), ("u", "7"));
        assert_eq!(pod.since.to_string(), "2026-11-23T11:00:00Z");
        assert_eq!(pod.starts_at.as_deref(), Some("2026-11-23T19:00:00Z"));
        assert_eq!(pod.controller.map(|it| (it.kind, it.name)), Some(("ReplicaSet".into(), "owls".into())));
        let gone = read(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-23T11:00:00Z"));
        assert!(gone.is_none());
        let scheduled = read(|pod| pod["spec"]["nodeName"] = json!("cpu-a"));
        let queueless = read(|pod| pod["metadata"]["labels"] = json!({}));
        assert!(scheduled.is_none() && queueless.is_none());
        let other = read(|pod| pod["spec"]["schedulingGates"] = json!([{"name": "example.com/data"}]));
        assert!(other.is_none() && read(|pod| pod["spec"] = json!({"containers": []})).is_none());
    }
}
