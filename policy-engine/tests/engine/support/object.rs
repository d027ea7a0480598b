//! Objects in few words.

use policy_engine::object::kinds::GroupResource;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::apply::merge;

/// An object in few words: a kind with one container, and what is different about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sketch {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    /// `<plural>.<group>`, where the kind is no built-in one.
    resource: Option<String>,
    #[serde(default = "web")]
    name: String,
    #[serde(default = "allowed_image")]
    image: String,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    annotations: Map<String, Value>,
    /// Merged into the container.
    #[serde(default)]
    container: Map<String, Value>,
    /// Merged into the Pod or pod template.
    #[serde(default)]
    pod: Map<String, Value>,
    /// Merged into the whole.
    #[serde(default)]
    object: Map<String, Value>,
}

fn web() -> String {
    "web".into()
}

fn allowed_image() -> String {
    "registry.example.com/app:1".into()
}

/// Kind, API version, plural name, and where its Pod is, if it has one.
const KINDS: [(&str, &str, &str, Option<&str>); 14] = [
    ("Pod", "v1", "pods", Some("")),
    ("Deployment", "apps/v1", "deployments", Some("/spec/template")),
    ("ReplicaSet", "apps/v1", "replicasets", Some("/spec/template")),
    ("StatefulSet", "apps/v1", "statefulsets", Some("/spec/template")),
    ("DaemonSet", "apps/v1", "daemonsets", Some("/spec/template")),
    ("Job", "batch/v1", "jobs", Some("/spec/template")),
    ("CronJob", "batch/v1", "cronjobs", Some("/spec/jobTemplate/spec/template")),
    ("ReplicationController", "v1", "replicationcontrollers", Some("/spec/template")),
    ("PersistentVolumeClaim", "v1", "persistentvolumeclaims", None),
    ("ResourceClaim", "resource.k8s.io/v1", "resourceclaims", None),
    ("ResourceClaimTemplate", "resource.k8s.io/v1", "resourceclaimtemplates", None),
    ("VolumeSnapshot", "snapshot.storage.k8s.io/v1", "volumesnapshots", None),
    ("Service", "v1", "services", None),
    ("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", None),
];

/// The resource of a built-in kind, or the one that is spelled out as `<plural>.<group>`.
pub(crate) fn resource_of(kind: &str, spelled: Option<&str>) -> GroupResource {
    if let Some((resource, group)) = spelled.map(|it| it.split_once('.').unwrap_or((it, ""))) {
        return GroupResource::new(group, resource);
    }
    let (_, version, resource, _) = KINDS.iter().find(|it| it.0 == kind).expect("a known kind, or `resource`");
    GroupResource::new(version.split_once('/').map_or("", |(group, _)| group), resource)
}

impl Sketch {
    pub(crate) fn resource(&self) -> GroupResource {
        resource_of(&self.kind, self.resource.as_deref())
    }

    pub(crate) fn draw(&self) -> Value {
        let Self { kind, namespace, name, labels, annotations, .. } = self;
        let known = KINDS.iter().find(|it| it.0 == kind);
        let version = known.map_or("example.org/v1", |it| it.1);
        let metadata = json!({"name": name, "namespace": namespace, "labels": labels, "annotations": annotations});
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": metadata});
        match kind.as_str() {
            "CronJob" => object["spec"]["schedule"] = json!("0 3 * * *"),
            "PersistentVolumeClaim" => object["spec"]["resources"] = json!({"requests": {"storage": "1Gi"}}),
            _ => {}
        }
        if let Some((_, _, _, Some(at))) = known {
            let at = jsonptr::Pointer::parse(at).expect("a pointer");
            match kind.as_str() {
                "ReplicationController" => object["spec"]["selector"] = json!({"app": name}),
                // Kubernetes selects the Pods of a Job by a label that it makes up itself.
                "Pod" | "Job" | "CronJob" => {}
                _ => object["spec"]["selector"] = json!({"matchLabels": {"app": name}}),
            }
            let mut pod =
                at.resolve(&object).ok().cloned().unwrap_or_else(|| json!({"metadata": {"labels": {"app": name}}}));
            pod["spec"] = self.pod_spec();
            merge(&mut pod, &Value::Object(self.pod.clone()));
            if at.is_root() {
                object = pod;
            } else {
                at.assign(&mut object, pod).expect("a place for the template");
            }
        }
        merge(&mut object, &Value::Object(self.object.clone()));
        object
    }

    fn pod_spec(&self) -> Value {
        let mut container = json!({"name": "app", "image": self.image});
        merge(&mut container, &Value::Object(self.container.clone()));
        let mut spec = json!({"containers": [container]});
        if matches!(self.kind.as_str(), "Job" | "CronJob") {
            spec["restartPolicy"] = json!("Never");
        }
        spec
    }
}
