//! Manifests: the smallest that Kubernetes takes and every project of the sample organisation allows.

use serde_json::{Value, json};

/// An image that every project allows.
pub const IMAGE: &str = "registry.example.com/app:1";

/// A Pod, changed by `more` (a JSON Merge Patch).
pub fn pod(namespace: &str, name: &str, more: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": IMAGE}]},
    });
    merge(&mut pod, more);
    pod
}

/// A workload of a built-in kind with one replica, its pod template changed by `template` (a JSON Merge Patch).
/// It has a label of its own: Kubernetes gives those that have none their template's, and again at each apply.
///
/// # Panics
/// On another kind.
pub fn workload(kind: &str, namespace: &str, name: &str, template: Value) -> Value {
    let mut pod = json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": IMAGE}]},
    });
    if matches!(kind, "Job" | "CronJob") {
        pod["spec"]["restartPolicy"] = json!("Never");
    }
    merge(&mut pod, template);
    let selector = json!({"matchLabels": {"app": name}});
    let (api_version, spec) = match kind {
        "Deployment" | "ReplicaSet" => ("apps/v1", json!({"replicas": 1, "selector": selector, "template": pod})),
        "StatefulSet" => {
            ("apps/v1", json!({"replicas": 1, "selector": selector, "serviceName": name, "template": pod}))
        }
        "DaemonSet" => ("apps/v1", json!({"selector": selector, "template": pod})),
        "ReplicationController" => ("v1", json!({"replicas": 1, "selector": {"app": name}, "template": pod})),
        "Job" => ("batch/v1", json!({"template": pod})),
        "CronJob" => ("batch/v1", json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": pod}}})),
        other => panic!("{other} is no built-in kind of workload"),
    };
    let metadata = json!({"name": name, "namespace": namespace, "labels": {"app": name}});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// A PersistentVolumeClaim that stays unbound, changed by `more` (a JSON Merge Patch).
pub fn claim(namespace: &str, name: &str, more: Value) -> Value {
    let mut claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    merge(&mut claim, more);
    claim
}

/// An object of a kind that says little; `more` is merged into it.
pub fn object(api_version: &str, kind: &str, namespace: &str, name: &str, more: Value) -> Value {
    with(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}), more)
}

/// What a Pod or pod template says to mount a claim.
pub fn mounting(claim: &str) -> Value {
    json!({"spec": {
        "containers": [{"name": "main", "image": IMAGE, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
    }})
}

/// The same object, changed by a JSON Merge Patch.
#[must_use]
pub fn with(mut object: Value, patch: Value) -> Value {
    merge(&mut object, patch);
    object
}

/// Applies a JSON Merge Patch: objects are merged, `null` removes, everything else replaces.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().and_then(|target| target.remove(&key));
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_merges_replaces_and_removes() {
        let pod = pod("a", "b", json!({"metadata": {"labels": {"app": null, "x": "y"}}, "spec": {"containers": []}}));
        assert_eq!(pod["metadata"]["labels"], json!({"x": "y"}));
        assert_eq!(pod["spec"], json!({"terminationGracePeriodSeconds": 0, "containers": []}));
    }
}
