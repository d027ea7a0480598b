//! GPUs: how they are asked for, and what is given.

use crate::manifest::with;
use crate::{eventually, list, running};
use ground::Ground;
use serde_json::{Value, json};

/// Labels by which a Pod asks, and is given a claim.
pub fn inline(model: &str, percent: &str) -> Value {
    json!({"metadata": {"labels": {
        "platform-go/dra-gpu-model": model,
        "platform-go/dra-sm-pct": percent,
        "platform-go/dra-sharing-mode": "inline",
    }}})
}

/// The claims whose owner is the Pod.
pub fn claims_of(p: &Ground, namespace: &str, pod: &str) -> Vec<Value> {
    let all = list(p, namespace, "resourceclaims", "platform-go/project-id");
    all.into_iter().filter(|it| it["metadata"]["ownerReferences"][0]["name"] == pod).collect()
}

/// The one claim of a Pod, once it is allocated.
pub fn allocated(p: &Ground, namespace: &str, pod: &str) -> Value {
    eventually(&format!("the claim of {pod} to be allocated"), || {
        let mut claims = claims_of(p, namespace, pod);
        claims.retain(|it| !it["status"]["allocation"].is_null());
        (claims.len() == 1).then(|| claims.remove(0))
    })
}

/// The one Pod with this label `app`, running.
pub fn runs(p: &Ground, namespace: &str, app: &str) -> Value {
    running(p, namespace, &format!("app={app}"), 1).remove(0)
}

/// A ResourceClaim of one GPU, changed by `more` (a JSON Merge Patch).
pub fn device_claim(namespace: &str, name: &str, more: Value) -> Value {
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
    let claim = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"devices": {"requests": requests}},
    });
    with(claim, more)
}

/// A template of the same.
pub fn claim_template(namespace: &str, name: &str, more: Value) -> Value {
    let spec = device_claim(namespace, name, json!({}))["spec"].clone();
    let template = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"spec": spec},
    });
    with(template, more)
}
