//! What the API server fills in before admission, as far as it changes what Sluice says.
//!
//! Kubernetes 1.37, `SetDefaults_*` of core/v1 and batch/v1: labels and selectors copied from a pod template, and host
//! ports where a Pod uses the host's network.

use decide::versions;
use serde_json::{Map, Value, json};

/// The object as admission sees it, in the version that is judged.
pub(super) fn filled_in(object: &Value) -> Value {
    let mut object = versions::current(object.clone());
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("v1", "Pod") => host_ports(&mut object),
        ("v1", "ReplicationController") => {
            from_template(&mut object, "/spec", "selector");
            from_template(&mut object, "/metadata", "labels");
        }
        ("batch/v1", "Job") => from_template(&mut object, "/metadata", "labels"),
        _ => {}
    }
    object
}

/// Copies the template's labels to a place where nothing is.
fn from_template(object: &mut Value, parent: &str, key: &str) {
    let Some(labels) = object.pointer("/spec/template/metadata/labels").filter(|it| !is_empty(it)).cloned() else {
        return;
    };
    let Some(Value::Object(parent)) = object.pointer_mut(parent) else { return };
    if parent.get(key).is_none_or(is_empty) {
        parent.insert(key.into(), labels);
    }
}

fn is_empty(map: &Value) -> bool {
    map.as_object().is_none_or(Map::is_empty)
}

fn host_ports(pod: &mut Value) {
    if pod.pointer("/spec/hostNetwork") != Some(&json!(true)) {
        return;
    }
    for list in ["/spec/containers", "/spec/initContainers"] {
        let containers = pod.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        let ports = containers.filter_map(|it| it.get_mut("ports")?.as_array_mut()).flatten();
        for port in ports.filter_map(Value::as_object_mut) {
            let unset = port.get("hostPort").is_none_or(|host| host.is_null() || *host == json!(0));
            if let (true, Some(container)) = (unset, port.get("containerPort").cloned()) {
                port.insert("hostPort".into(), container);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_replication_controllers_take_labels_from_the_template() {
        let labels = json!({"app": "a"});
        let spec = json!({"template": {"metadata": {"labels": labels}}});
        let make = |api: &str, kind: &str, metadata: Value| {
            filled_in(&json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}))
        };
        let controller = make("v1", "ReplicationController", json!({"name": "a"}));
        assert_eq!((&controller["spec"]["selector"], &controller["metadata"]["labels"]), (&labels, &labels));
        let job = make("batch/v1", "Job", json!({"labels": {}}));
        assert_eq!((&job["spec"]["selector"], &job["metadata"]["labels"]), (&Value::Null, &labels));
        let own = make("batch/v1", "Job", json!({"labels": {"own": "1"}}));
        assert_eq!(own["metadata"]["labels"], json!({"own": "1"}));
        assert_eq!(make("apps/v1", "Deployment", json!({}))["metadata"], json!({}));
    }

    #[test]
    fn a_pod_on_the_hosts_network_has_host_ports() {
        let pod = |host: bool| {
            let ports = json!([{"containerPort": 80}, {"containerPort": 81, "hostPort": 9}]);
            let spec = json!({"hostNetwork": host, "containers": [{"ports": ports}]});
            filled_in(&json!({"apiVersion": "v1", "kind": "Pod", "spec": spec}))["spec"]["containers"][0]["ports"]
                .clone()
        };
        assert_eq!(pod(true), json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 9}]));
        assert_eq!(pod(false)[0], json!({"containerPort": 80}));
    }
}
