//! What Sluice writes: the difference between two objects at the places that are Sluice's, and nowhere else.
//!
//! Live, the API server and others fill in the rest; locally, the engine also takes out what only they put there.

use std::collections::BTreeSet;

use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use jsonptr::{Assign as _, Delete as _, Pointer, PointerBuf};
use policy_engine::contract;
use policy_engine::policy::quantity;
use serde_json::Value;

/// Kubernetes' LimitRanger says here what it filled in, which would look like ours.
const LIMIT_RANGER: &str = "kubernetes.io/limit-ranger";

/// One operation for each label, annotation and field that Sluice wrote, by path.
///
/// Maps above a place are not told apart: an operation may add to a map that is not there yet.
pub(super) fn written_fields(before: &Value, after: &Value) -> Patch {
    let mut places = keys_of_ours(before, after);
    match after.get("kind").and_then(Value::as_str) {
        Some("Pod") => places.extend(pod_fields(before, after).into_iter().chain(mounts(before))),
        Some("PersistentVolumeClaim") => places.extend(lane_fields(before)),
        Some(_) | None => {}
    }
    let mut operations: Vec<_> = places.into_iter().filter_map(|place| operation(place, before, after)).collect();
    operations.sort_by(|one, two| one.path().as_str().cmp(two.path().as_str()));
    Patch(operations)
}

/// The object with what Sluice writes. Maps that are missing are made.
pub(super) fn with_written(object: &Value, written: &Patch) -> Value {
    let mut object = object.clone();
    for operation in &written.0 {
        match operation {
            PatchOperation::Add(AddOperation { path, value })
            | PatchOperation::Replace(ReplaceOperation { path, value }) => drop(object.assign(path, value.clone())),
            PatchOperation::Remove(RemoveOperation { path }) => drop(object.delete(path)),
            PatchOperation::Move(_) | PatchOperation::Copy(_) | PatchOperation::Test(_) => {}
        }
    }
    object
}

fn keys_of_ours(before: &Value, after: &Value) -> Vec<PointerBuf> {
    let of = |map: &'static str| {
        let keys = |object: &Value| match object.get("metadata").and_then(|metadata| metadata.get(map)) {
            Some(Value::Object(map)) => map.keys().filter(|key| key.starts_with(contract::PREFIX)).cloned().collect(),
            Some(_) | None => Vec::new(),
        };
        let keys: BTreeSet<_> = keys(before).into_iter().chain(keys(after)).collect();
        keys.into_iter().map(move |key| PointerBuf::from_tokens(["metadata", map, &key]))
    };
    of("labels").chain(of("annotations")).collect()
}

fn pod_fields(before: &Value, after: &Value) -> Vec<PointerBuf> {
    const FIELDS: [&[&str]; 5] = [
        &["spec", "automountServiceAccountToken"],
        &["spec", "priorityClassName"],
        &["spec", "schedulingGates"],
        &["spec", "securityContext", "runAsNonRoot"],
        &["spec", "securityContext", "runAsUser"],
    ];
    let mut places: Vec<_> = FIELDS.iter().map(|keys| PointerBuf::from_tokens(keys.iter().copied())).collect();
    let ranged = |object: &Value| object["metadata"]["annotations"].get(LIMIT_RANGER).cloned();
    if ranged(before) == ranged(after) {
        places.extend(["containers", "initContainers"].into_iter().flat_map(|list| requests(list, before)));
    }
    places
}

/// Where mounts of claims are made read-only.
fn mounts(before: &Value) -> Vec<PointerBuf> {
    let mut places = Vec::new();
    let volumes = before["spec"]["volumes"].as_array().into_iter().flatten().enumerate();
    for (index, volume) in volumes.filter(|(_, volume)| volume["persistentVolumeClaim"].is_object()) {
        let index = index.to_string();
        places.push(PointerBuf::from_tokens(["spec", "volumes", &index, "persistentVolumeClaim", "readOnly"]));
        for list in ["containers", "initContainers"] {
            for (container, it) in before["spec"][list].as_array().into_iter().flatten().enumerate() {
                let mounts = it["volumeMounts"].as_array().into_iter().flatten().enumerate();
                places.extend(mounts.filter(|(_, mount)| mount["name"] == volume["name"]).map(|(mount, _)| {
                    let (container, mount) = (container.to_string(), mount.to_string());
                    PointerBuf::from_tokens(["spec", list, &container, "volumeMounts", &mount, "readOnly"])
                }));
            }
        }
    }
    places
}

/// What a lane says of a claim. Without one, the API server fills in the cluster's default class.
fn lane_fields(before: &Value) -> Vec<PointerBuf> {
    let in_lane = before["metadata"]["labels"][contract::STORAGE_LANE].is_string();
    let keys: &[_] = if in_lane { &["storageClassName", "accessModes"] } else { &[] };
    keys.iter().map(|key| PointerBuf::from_tokens(["spec", key])).collect()
}

/// The requests of containers that ask for none: others are left as they are, and the API server makes one of a limit.
fn requests(list: &'static str, before: &Value) -> Vec<PointerBuf> {
    let containers = before["spec"][list].as_array().into_iter().flatten().enumerate();
    let unasked = |(index, container): (usize, &Value)| {
        let asks = |resource: &str| {
            let of = |kind: &str| container["resources"][kind].get(resource).is_some_and(|it| !it.is_null());
            of("requests") || of("limits")
        };
        let resources = ["cpu", "memory"].into_iter().filter(|resource| !asks(resource));
        let index = index.to_string();
        let place = |resource| PointerBuf::from_tokens(["spec", list, &index, "resources", "requests", resource]);
        resources.map(place).collect::<Vec<_>>()
    };
    containers.flat_map(unasked).collect()
}

fn operation(path: PointerBuf, before: &Value, after: &Value) -> Option<PatchOperation> {
    let at = |object| said(&path, object);
    match (at(before), at(after)) {
        (None, Some(value)) => Some(PatchOperation::Add(AddOperation { path, value })),
        (Some(old), Some(value)) if old != value => Some(PatchOperation::Replace(ReplaceOperation { path, value })),
        (Some(_), None) => Some(PatchOperation::Remove(RemoveOperation { path })),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// What an object says at a place. The API server rewrites amounts into one form.
fn said(path: &Pointer, object: &Value) -> Option<Value> {
    let value = path.resolve(object).ok().filter(|value| !value.is_null())?;
    let is_amount = path.tokens().any(|token| token.encoded() == "requests");
    Some(match value.as_str().filter(|_| is_amount) {
        Some(text) => quantity::canonical(text).into(),
        None => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(before: Value, after: Value) -> Value {
        serde_json::to_value(written_fields(&before, &after)).expect("a patch is JSON")
    }

    #[test]
    fn what_is_written_about_volumes_counts() {
        let container = |read_only: Value| json!([{"name": "a", "volumeMounts": [{"name": "w"}, {"name": "v", "readOnly": read_only}]}]);
        let volume = |read_only: Value| json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c", "readOnly": read_only}}]);
        let pod =
            |it: Value| json!({"kind": "Pod", "spec": {"containers": container(it.clone()), "volumes": volume(it)}});
        assert_eq!(
            written(pod(Value::Null), pod(true.into())),
            json!([
                {"op": "add", "path": "/spec/containers/0/volumeMounts/1/readOnly", "value": true},
                {"op": "add", "path": "/spec/volumes/0/persistentVolumeClaim/readOnly", "value": true},
            ])
        );
        let claim = |labels: Value, spec: Value| json!({"kind": "PersistentVolumeClaim", "metadata": {"labels": labels}, "spec": spec});
        let spec = json!({"storageClassName": "standard", "volumeMode": "Filesystem"});
        assert_eq!(written(claim(json!({}), json!({})), claim(json!({}), spec.clone())), json!([]));
        let lane = json!({"platform-go/storage-lane": "fast"});
        let class = json!([{"op": "add", "path": "/spec/storageClassName", "value": "standard"}]);
        assert_eq!(written(claim(lane.clone(), json!({})), claim(lane, spec)), class);
    }

    #[test]
    fn only_our_keys_of_metadata_count() {
        let before = json!({"kind": "Deployment", "metadata": {
            "labels": {"app": "x", "platform-go/user-id": "ada", "platform-go/plan-id": "p"},
        }});
        let after = json!({"kind": "Deployment", "metadata": {
            "uid": "1", "creationTimestamp": "now",
            "labels": {"app": "y", "platform-go/user-id": "bob"},
            "annotations": {"platform-go/asked": "{}", "deployment.kubernetes.io/revision": "1"},
        }, "spec": {"priorityClassName": "not a Pod's"}});
        assert_eq!(
            written(before, after),
            json!([
                {"op": "add", "path": "/metadata/annotations/platform-go~1asked", "value": "{}"},
                {"op": "remove", "path": "/metadata/labels/platform-go~1plan-id"},
                {"op": "replace", "path": "/metadata/labels/platform-go~1user-id", "value": "bob"},
            ])
        );
    }

    #[test]
    fn of_a_pod_what_the_api_server_fills_in_is_left_out() {
        let before = json!({"kind": "Pod", "spec": {
            "securityContext": null,
            "containers": [{"name": "a"}, {"name": "b", "resources": {"limits": {"cpu": "1"}}}],
        }});
        let after = json!({"kind": "Pod", "spec": {
            "priority": 500, "preemptionPolicy": "Never", "serviceAccountName": "default",
            "priorityClassName": "platform-go-research",
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true},
            "containers": [
                {"name": "a", "imagePullPolicy": "Always", "resources": {"requests": {"cpu": "0.5"}}},
                {"name": "b", "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1", "memory": "1024Mi"}}},
            ],
        }});
        assert_eq!(
            written(before, after),
            json!([
                {"op": "add", "path": "/spec/automountServiceAccountToken", "value": false},
                {"op": "add", "path": "/spec/containers/0/resources/requests/cpu", "value": "500m"},
                {"op": "add", "path": "/spec/containers/1/resources/requests/memory", "value": "1Gi"},
                {"op": "add", "path": "/spec/priorityClassName", "value": "platform-go-research"},
                {"op": "add", "path": "/spec/securityContext/runAsNonRoot", "value": true},
            ])
        );
    }

    #[test]
    fn what_a_limit_range_fills_in_is_its_own() {
        let before = json!({"kind": "Pod", "spec": {"containers": [{}]}});
        let after = json!({"kind": "Pod",
            "metadata": {"annotations": {LIMIT_RANGER: "LimitRanger plugin set: cpu request for container a"}},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "100m"}}}]},
        });
        assert_eq!(written(before, after), json!([]));
    }

    #[test]
    fn what_is_written_can_be_shown_on_the_object() {
        let before = json!({"kind": "Pod", "metadata": {"labels": {"platform-go/plan-id": "x", "app": "a"}}, "spec": {"containers": [{}]}});
        let after = json!({"kind": "Pod", "metadata": {"labels": {"app": "a"}, "annotations": {"platform-go/asked": "{}"}}, "spec": {
            "securityContext": {"runAsNonRoot": true}, "containers": [{"resources": {"requests": {"cpu": "1"}}}],
        }});
        assert_eq!(with_written(&before, &written_fields(&before, &after)), after);
        let empty = json!({"kind": "Pod", "metadata": {"labels": null}});
        let labelled = json!({"kind": "Pod", "metadata": {"labels": {"platform-go/user-id": "bob"}}});
        assert_eq!(with_written(&empty, &written_fields(&empty, &labelled)), labelled);
    }
}
