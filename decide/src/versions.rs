//! Objects in an older version of their API, as the API server converts them before it asks a webhook.
//!
//! Only `resource.k8s.io` has older versions that say the same in other words: Kubernetes 1.37, `conversion.go` of
//! resource/v1beta1. What v1beta2 says, v1 says in the same words.

use serde_json::{Map, Value};

const CURRENT: &str = "resource.k8s.io/v1";
const SAME_WORDS: &str = "resource.k8s.io/v1beta2";
const OTHER_WORDS: &str = "resource.k8s.io/v1beta1";

/// The object in the version that is judged.
pub fn current(mut object: Value) -> Value {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let requests = match (version.as_str(), kind.as_str()) {
        (OTHER_WORDS, "ResourceClaim") => object.pointer_mut("/spec/devices/requests"),
        (OTHER_WORDS, "ResourceClaimTemplate") => object.pointer_mut("/spec/spec/devices/requests"),
        (OTHER_WORDS | SAME_WORDS, _) => None,
        (_, _) => return object,
    };
    requests.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut).for_each(exactly);
    object["apiVersion"] = CURRENT.into();
    object
}

/// What v1beta1 says of a request itself, v1 says below `exactly`.
fn exactly(request: &mut Map<String, Value>) {
    const KEPT: [&str; 3] = ["name", "firstAvailable", "exactly"];
    let (kept, moved): (Map<_, _>, Map<_, _>) =
        std::mem::take(request).into_iter().partition(|(key, _)| KEPT.contains(&key.as_str()));
    *request = kept;
    if !moved.is_empty() {
        request.insert("exactly".into(), moved.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_of_v1beta1_is_one_for_exactly_what_it_says() {
        let requests = |requests: Value| json!({"devices": {"requests": requests}});
        let old = requests(json!([
            {"name": "a", "deviceClassName": "gpu.nvidia.com", "count": 2},
            {"name": "b", "firstAvailable": [{"name": "x", "deviceClassName": "one"}]},
            {"name": "c"},
        ]));
        let new = requests(json!([
            {"name": "a", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 2}},
            {"name": "b", "firstAvailable": [{"name": "x", "deviceClassName": "one"}]},
            {"name": "c"},
        ]));
        let claim = |version: &str, spec: &Value| json!({"apiVersion": version, "kind": "ResourceClaim", "spec": spec});
        let template = |version: &str, spec: &Value| json!({"apiVersion": version, "kind": "ResourceClaimTemplate", "spec": {"spec": spec}});
        assert_eq!(current(claim(OTHER_WORDS, &old)), claim(CURRENT, &new));
        assert_eq!(current(template(OTHER_WORDS, &old)), template(CURRENT, &new));
        assert_eq!(current(claim(SAME_WORDS, &new)), claim(CURRENT, &new));
        assert_eq!(current(claim(CURRENT, &new)), claim(CURRENT, &new));
    }

    #[test]
    fn what_has_no_older_words_stays_as_it_is() {
        for object in [json!({"apiVersion": "v1", "kind": "Pod"}), json!({"kind": 1}), json!("text"), Value::Null] {
            assert_eq!(current(object.clone()), object);
        }
    }
}
