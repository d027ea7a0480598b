//! Claims of devices: whatever one says, it gets the plan's models and no other, its labels say what it costs, and the
//! decision is that on its canonical form.

use decide::judgement;
use jiff::Timestamp;
use k8s_openapi::api::resource::v1::{DeviceSelector, ResourceClaimSpec};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::claims::{Understood, narrowing};
use proptest::{prop_assert, prop_assert_eq};
use serde::Deserialize;
use serde_json::{Value, json};
use webhook::review::Request;

use super::admission::{POLICY, creation, facts, mutate};
use crate::Held;

/// A project whose plan has one model.
const NAMESPACE: &str = "detector";
const MODEL: &str = "rtx-5090";

pub(super) fn seeds() -> Vec<Value> {
    let selector = |text: &str| json!([{"cel": {"expression": text}}]);
    let product = "device.attributes['gpu.nvidia.com'].productName";
    let parameters = json!({"apiVersion": "resource.nvidia.com/v1beta1", "kind": "GpuConfig",
        "sharing": {"strategy": "MPS", "mpsConfig": {"defaultActiveThreadPercentage": 50}}});
    let told = json!([{"requests": ["gpu"], "opaque": {"driver": "gpu.nvidia.com", "parameters": parameters}}]);
    let requests = [
        json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1}}]),
        json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "All"}}]),
        json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "adminAccess": true}}]),
        json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com",
            "selectors": selector(&format!("{product} == 'NVIDIA GeForce RTX 5090'")),
            "tolerations": [{"operator": "Exists"}], "capacity": {"requests": {"cores": "50", "memory": "8Gi"}}}}]),
        json!([{"name": "gpu", "firstAvailable": [
            {"name": "big", "deviceClassName": "gpu.nvidia.com", "count": 2, "selectors": selector(&format!("{product}.contains('H100')"))},
            {"name": "any", "deviceClassName": "vfio.gpu.nvidia.com"}]},
            {"name": "more", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]),
    ];
    let labels = [
        json!({}),
        json!({"platform-go/dra-sm-pct": "50"}),
        json!({"platform-go/dra-gpu-model": MODEL, "platform-go/dra-gpu-count": "2",
            "platform-go/vram-policy": "hard_cap", "platform-go/dra-pinned-mem": "8Gi"}),
    ];
    let claim = |requests: &Value, config: &Value, labels: &Value| {
        let constraints = json!([{"requests": ["gpu"], "matchAttribute": "gpu.nvidia.com/productName"}]);
        json!({"labels": labels, "spec": {"devices": {"requests": requests, "config": config, "constraints": constraints}}})
    };
    let told = [json!([]), told];
    let of = |request: &Value| {
        labels.iter().flat_map(|labels| told.iter().map(|told| claim(request, told, labels))).collect::<Vec<_>>()
    };
    requests.iter().flat_map(of).collect()
}

fn review(input: &Value, spec: &Value) -> Option<Request> {
    let metadata = json!({"name": "train", "namespace": NAMESPACE, "labels": input["labels"]});
    let claim =
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": metadata, "spec": spec});
    Request::read(creation("bob", claim).to_string().as_bytes()).ok()
}

pub(super) fn holds(input: &Value) -> Held {
    let Some(mut request) = review(input, &input["spec"]) else { return Ok(()) };
    let Some((decision, patched)) = mutate(&request) else { return Ok(()) };
    if let Ok(typed) = ResourceClaimSpec::deserialize(&input["spec"]) {
        let canonical = serde_json::to_value(typed).ok().and_then(|spec| mutate(&review(input, &spec)?));
        let canonical = canonical.map(|(canonical, _)| canonical.allowed());
        prop_assert_eq!(canonical, Some(decision.allowed()), "another decision on the canonical form: {}", decision);
    }
    let Some(patched) = patched.filter(|_| decision.allowed()) else { return Ok(()) };
    let spec = ResourceClaimSpec::deserialize(&patched["spec"]).unwrap_or_default();
    let model = POLICY.model_asked(MODEL).into_iter().collect::<Vec<_>>();
    let narrowed = |selectors: Option<&Vec<DeviceSelector>>| {
        let ours = |it: &DeviceSelector| it.cel.as_ref().is_some_and(|cel| cel.expression == narrowing(&model));
        selectors.is_some_and(|selectors| selectors.iter().any(ours))
    };
    for request in spec.devices.iter().flat_map(|devices| devices.requests.iter().flatten()) {
        for exactly in request.exactly.iter() {
            prop_assert!(narrowed(exactly.selectors.as_ref()), "{}", patched);
            prop_assert!(exactly.admin_access != Some(true), "{}", patched);
            prop_assert!(exactly.allocation_mode.as_deref() != Some("All"), "{}", patched);
        }
        for alternative in request.first_available.iter().flatten() {
            prop_assert!(narrowed(alternative.selectors.as_ref()), "{}", patched);
        }
    }
    let understood = Understood::of_allowed(&spec, &DeviceClasses::new(), &POLICY, &model);
    if !understood.requests.is_empty() {
        let labels = &patched["metadata"]["labels"];
        prop_assert_eq!(&labels["platform-go/dra-effective-gpu"], &json!(understood.price.gpus().to_string()));
        prop_assert_eq!(&labels["platform-go/dra-gpu-count"], &json!(understood.price.devices.to_string()));
    }
    request.object = Some(patched);
    let validated = judgement::validate(&request.submission(), &facts(&request), &POLICY, Timestamp::UNIX_EPOCH);
    prop_assert!(validated.as_ref().is_ok_and(|it| it.allowed()), "{:?}", validated);
    Ok(())
}
