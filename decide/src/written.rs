//! What Sluice writes: the difference between two objects at the places where its rules write, and nowhere else.
//!
//! Live, the API server and others fill in the rest; locally, the engine also takes out what only they put there.

use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use jsonptr::{Assign as _, Delete as _, Pointer, PointerBuf};
use policy_engine::admission::written;
use policy_engine::object::named::Elements;
use policy_engine::policy::quantity;
use serde_json::Value;

/// One operation for each label, annotation and field that Sluice wrote, by path.
///
/// Maps above a place are not told apart: an operation may add to a map that is not there yet.
pub fn fields(before: &Value, after: &Value) -> Patch {
    let places = written::places(before, after).into_iter();
    let (mut elements, mut elements_after) = (Elements::of(before), Elements::of(after));
    // Whoever puts a container in before the others moves them all.
    let mut moved = |place: &PointerBuf| Some(elements_after.place(&elements.key(&place.clone().into()))?.pointer());
    let mut operations: Vec<_> = places.filter_map(|place| operation(moved(&place), place, before, after)).collect();
    operations.sort_by(|one, two| one.path().as_str().cmp(two.path().as_str()));
    Patch(operations)
}

/// The object with what Sluice writes. Maps that are missing are made.
pub fn with(object: &Value, written: &Patch) -> Value {
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

/// What is written at a place, which is `moved` in the object after its admission, or gone.
fn operation(moved: Option<PointerBuf>, path: PointerBuf, before: &Value, after: &Value) -> Option<PatchOperation> {
    match (said(&path, before), said(&moved?, after)) {
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
        serde_json::to_value(fields(&before, &after)).expect("a patch is JSON")
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
            "metadata": {"annotations": {"kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container a"}},
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
        assert_eq!(with(&before, &fields(&before, &after)), after);
        let empty = json!({"kind": "Pod", "metadata": {"labels": null}});
        let labelled = json!({"kind": "Pod", "metadata": {"labels": {"platform-go/user-id": "bob"}}});
        assert_eq!(with(&empty, &fields(&empty, &labelled)), labelled);
    }
}
