//! Of Pods and claims, what the ledger looks at.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodResourceClaim, PodSpec};
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use kube::core::{Object, ObjectMeta};
use policy_engine::charge;
use policy_engine::contract::PREFIX;
use policy_engine::ledger::{Amounts, Life};
use policy_engine::object::Object as Submitted;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::submission::compute;
use policy_engine::submission::devices::POD_CLAIM_NAME;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A Pod as it is cached.
pub(super) type Sketch = Object<Spec, Status>;

/// What its spec comes to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "PodSpec")]
pub(super) struct Spec {
    /// What it takes; `None` for what is no amount.
    pub(super) amounts: Option<Amounts>,
    /// The claims that it names.
    pub(super) claims: Vec<PodResourceClaim>,
    gated: bool,
    scheduled: bool,
}

impl From<PodSpec> for Spec {
    fn from(spec: PodSpec) -> Self {
        Self {
            amounts: compute::of(&spec, &Place::root()).ok(),
            claims: spec.resource_claims.unwrap_or_default(),
            gated: spec.scheduling_gates.is_some_and(|gates| !gates.is_empty()),
            scheduled: spec.node_name.is_some_and(|node| !node.is_empty()),
        }
    }
}

/// What its status says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Status {
    phase: String,
}

/// Of all metadata, what is looked at here.
fn least(meta: &mut ObjectMeta) {
    let ObjectMeta { name, namespace, uid, resource_version, labels, annotations, owner_references, .. } =
        std::mem::take(meta);
    let ours = |keys: Option<BTreeMap<String, String>>| {
        let mut keys = keys.unwrap_or_default();
        keys.retain(|key, _| key.starts_with(PREFIX) || key == POD_CLAIM_NAME);
        Some(keys).filter(|keys| !keys.is_empty())
    };
    *meta = ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        labels: ours(labels),
        annotations: ours(annotations),
        owner_references,
        ..ObjectMeta::default()
    };
}

pub(super) fn pod(pod: &mut Sketch) {
    least(&mut pod.metadata);
    pod.metadata.annotations = None;
    pod.metadata.owner_references = None;
}

pub(super) fn claim(claim: &mut ResourceClaim) {
    least(&mut claim.metadata);
}

pub(super) fn template(template: &mut ResourceClaimTemplate) {
    least(&mut template.metadata);
}

pub(super) fn class(class: &mut DeviceClass) {
    least(&mut class.metadata);
}

/// What a Pod's labels ask.
pub(super) fn labels_ask(meta: &ObjectMeta, policy: &Policy) -> Amounts {
    let object = json!({"metadata": {"labels": meta.labels}});
    charge::labels_ask(Submitted(&object), policy)
}

pub(super) fn is_allocated(claim: &ResourceClaim) -> bool {
    claim.status.as_ref().is_some_and(|status| status.allocation.is_some())
}

/// The UIDs of the Pods that a claim is reserved for.
pub(super) fn reserved_for(claim: &ResourceClaim) -> impl Iterator<Item = &str> {
    let reserved = claim.status.iter().flat_map(|status| status.reserved_for.iter().flatten());
    reserved.filter(|it| it.resource == "pods").map(|it| it.uid.as_str())
}

/// Where a Pod is in its life. One that is being deleted holds what it has until it is gone.
pub(super) fn life(pod: &Sketch) -> Life {
    let phase = pod.status.as_ref().map_or("", |status| status.phase.as_str());
    match (phase, &pod.spec) {
        ("Succeeded" | "Failed", _) => Life::Finished,
        (_, Spec { scheduled: true, .. }) => Life::Scheduled,
        (_, Spec { gated: true, .. }) => Life::Gated,
        (_, Spec { .. }) => Life::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value, phase: &str) -> Sketch {
        let mut pod: Sketch = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": "p", "uid": "u", "labels": {"platform-go/user-id": "bob", "app": "x"}},
            "spec": spec,
            "status": {"phase": phase},
        }))
        .expect("a Pod");
        super::pod(&mut pod);
        pod
    }

    #[test]
    fn a_pod_is_kept_as_what_it_costs_and_where_it_is_in_its_life() {
        let container = json!([{"name": "c", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}]);
        let pod = read(json!({"containers": container}), "Pending");
        let amounts = pod.spec.amounts.expect("amounts");
        assert_eq!((amounts.milli_cpu, amounts.memory_bytes), (2000, 1 << 30));
        assert_eq!(pod.metadata.labels.as_ref().map(|labels| labels.len()), Some(1));
        assert_eq!(life(&pod), Life::Waiting);
        let gated = json!({"containers": container, "schedulingGates": [{"name": "x"}]});
        assert_eq!(life(&read(gated, "Pending")), Life::Gated);
        let scheduled = json!({"containers": container, "nodeName": "cpu-a"});
        assert_eq!(life(&read(scheduled.clone(), "Running")), Life::Scheduled);
        assert_eq!(life(&read(scheduled, "Succeeded")), Life::Finished);
    }
}
