//! From what the API server says to plain values.

use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::rbac::v1::{RoleBinding, Subject as RbacSubject};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::core::{DynamicObject, ObjectMeta};
use policy_engine::contract::PRIORITY_CLASS_PREFIX;
use policy_engine::daemons::follow::view;
use policy_engine::daemons::follow::view::Subject;
use policy_engine::daemons::follow::volcano::Found;
use policy_engine::policy::namespace_quota::NamespaceQuota;
use policy_engine::policy::quantity::{Unit, parse, parse_up};
use serde_json::Value;

use crate::view::{is_managed, seen};

pub(super) fn namespace(meta: &ObjectMeta) -> Option<(String, view::Namespace)> {
    let namespace = view::Namespace {
        seen: seen(meta)?,
        labels: meta.labels.clone().unwrap_or_default(),
        annotations: meta.annotations.clone().unwrap_or_default(),
        terminating: meta.deletion_timestamp.is_some(),
        contents: view::Contents::Unknown,
    };
    Some((meta.name.clone()?, namespace))
}

/// `None` for one that does not carry our label.
pub(super) fn role_binding(it: &RoleBinding) -> Option<((String, String), view::RoleBinding)> {
    if !is_managed(&it.metadata) || it.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let binding = view::RoleBinding {
        seen: seen(&it.metadata)?,
        cluster_role: (it.role_ref.kind == "ClusterRole").then(|| it.role_ref.name.clone()),
        subjects: it.subjects.iter().flatten().map(subject).collect(),
    };
    Some(((it.metadata.namespace.clone()?, it.metadata.name.clone()?), binding))
}

fn subject(it: &RbacSubject) -> Option<Subject> {
    match (it.kind.as_str(), it.namespace.as_ref()) {
        ("User", None) => Some(Subject::User(it.name.clone())),
        ("Group", None) => Some(Subject::Group(it.name.clone())),
        ("ServiceAccount", Some(namespace)) => {
            Some(Subject::ServiceAccount { namespace: namespace.clone(), name: it.name.clone() })
        }
        _ => None,
    }
}

/// `None` for one that does not carry our label.
pub(super) fn resource_quota(it: &ResourceQuota) -> Option<((String, String), view::ResourceQuota)> {
    if !is_managed(&it.metadata) || it.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let spec = it.spec.as_ref().filter(|spec| spec.scopes.is_none() && spec.scope_selector.is_none());
    let limits = spec.map(|spec| {
        let hard = spec.hard.iter().flatten();
        hard.map(|(key, limit)| Some((key.clone(), parse_up(&limit.0, Unit::One).ok()?))).collect::<Option<_>>()
    });
    let quota = view::ResourceQuota { seen: seen(&it.metadata)?, hard: limits.flatten().map(NamespaceQuota) };
    Some(((it.metadata.namespace.clone()?, it.metadata.name.clone()?), quota))
}

/// `None` for one that carries neither our label nor our prefix.
pub(super) fn priority_class(it: &PriorityClass) -> Option<(String, view::PriorityClass)> {
    let name = it.metadata.name.clone()?;
    let managed = is_managed(&it.metadata);
    if !managed && !name.starts_with(PRIORITY_CLASS_PREFIX) {
        return None;
    }
    let class = view::PriorityClass {
        seen: seen(&it.metadata)?,
        managed,
        value: it.value.unwrap_or_default(),
        never_preempts: it.preemption_policy.as_deref() == Some("Never"),
        global_default: it.global_default.unwrap_or(false),
        description: it.description.clone().unwrap_or_default(),
    };
    Some((name, class))
}

/// One of Volcano's Queues, whoever made it.
pub(super) fn volcano_queue(it: &DynamicObject) -> Option<(String, Found)> {
    let spec = &it.data["spec"];
    let amount = |text: &Value| {
        // A quantity may be written as a number.
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        parse(&text, Unit::Milli).ok()
    };
    let deserved = spec["deserved"].as_object().into_iter().flatten();
    let queue = Found {
        seen: seen(&it.metadata)?,
        managed: is_managed(&it.metadata),
        weight: spec["weight"].as_i64(),
        priority: spec["priority"].as_i64(),
        reclaimable: spec["reclaimable"].as_bool(),
        deserved: deserved.map(|(resource, text)| (resource.clone(), amount(text))).collect(),
        has_capability: spec["capability"].as_object().is_some_and(|limits| !limits.is_empty()),
    };
    Some((it.metadata.name.clone()?, queue))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quota_is_what_it_limits_unless_it_limits_only_a_part() {
        let limits = |spec: Value| {
            let labels = json!({"app.kubernetes.io/managed-by": "sluice"});
            let meta = json!({"name": "q", "namespace": "n", "uid": "u", "resourceVersion": "1", "labels": labels});
            let quota = serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("a ResourceQuota");
            resource_quota(&quota).expect("ours").1.hard.map(|quota| quota.0)
        };
        let hard = json!({"pods": "2", "requests.storage": "1Gi"});
        let found = [("pods".to_owned(), 2), ("requests.storage".to_owned(), 1 << 30)];
        assert_eq!(limits(json!({"hard": hard})), Some(found.into()));
        assert_eq!(limits(json!({"hard": hard, "scopes": ["BestEffort"]})), None);
        assert_eq!(limits(json!({"hard": {"pods": "-1"}})), None);
        assert_eq!(resource_quota(&ResourceQuota::default()).map(|it| it.0), None);
    }

    #[test]
    fn amounts_of_a_queue_of_volcanos_are_read_as_numbers_and_as_texts() {
        let spec =
            json!({"weight": 3, "reclaimable": false, "deserved": {"nvidia.com/gpu": "2500m", "cpu": 4, "x": "much"}});
        let meta = json!({"name": "batch", "uid": "u", "resourceVersion": "1"});
        let queue = serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("an object");
        let (name, found) = volcano_queue(&queue).expect("a queue");
        assert_eq!((name.as_str(), found.managed, found.weight, found.priority), ("batch", false, Some(3), None));
        let amounts = [("cpu", Some(4000)), ("nvidia.com/gpu", Some(2500)), ("x", None)];
        assert_eq!(found.deserved, amounts.map(|(resource, milli)| (resource.to_owned(), milli)).into());
        assert_eq!((found.reclaimable, found.has_capability), (Some(false), false));
    }
}
