//! Makes controllers look again at objects that have fewer Pods than they want.
//!
//! A controller that was refused waits longer and longer before it tries again, up to a quarter of an hour. Any change of
//! its object makes it look at once. The change is an annotation that comes and goes, in metadata alone: no template, no
//! revision and no generation changes, and nothing is left behind.

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ReplicationController;
use kube::Api;
use kube::api::{ApiResource, ListParams, Patch};
use kube::core::{DynamicObject, PartialObjectMeta};
use policy_engine::contract;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{DEADLINE, Outcome, WriteFailed, Writer, outcome, patching};

/// An object that may want more Pods than it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    resource: ApiResource,
    namespace: String,
    name: String,
    uid: String,
}

impl Short {
    /// Its Namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.resource.kind, self.namespace, self.name)
    }
}

impl Writer {
    /// The ReplicaSets, StatefulSets, Jobs and ReplicationControllers of a Namespace that have fewer Pods than they want.
    ///
    /// # Errors
    /// Where the API server does not answer.
    pub async fn short_of_pods(&self, namespace: &str, most: usize) -> Result<Vec<Short>, WriteFailed> {
        let kinds = [
            ApiResource::erase::<ReplicaSet>(&()),
            ApiResource::erase::<StatefulSet>(&()),
            ApiResource::erase::<Job>(&()),
            ApiResource::erase::<ReplicationController>(&()),
        ];
        let mut short = Vec::new();
        for resource in kinds {
            let what = || format!("{} of {namespace}", resource.plural);
            let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &resource);
            let mut params = ListParams::default().limit(500);
            loop {
                let page = match timeout_at(Instant::now() + DEADLINE, api.list(&params)).await {
                    Ok(Ok(page)) => page,
                    Ok(Err(error)) => return Err(WriteFailed::Api { what: what(), source: Box::new(error) }),
                    Err(_elapsed) => return Err(WriteFailed::Deadline { what: what() }),
                };
                for object in page.items.iter().filter(|object| is_short(object)) {
                    let meta = &object.metadata;
                    let Some((name, uid)) = meta.name.clone().zip(meta.uid.clone()) else { continue };
                    short.push(Short { resource: resource.clone(), namespace: namespace.to_owned(), name, uid });
                }
                params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
                if params.continue_token.is_none() || short.len() >= most {
                    break;
                }
            }
        }
        short.truncate(most);
        Ok(short)
    }

    /// Makes the controller look at the object again.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn nudge(&self, short: &Short) -> Result<Outcome, WriteFailed> {
        let Short { resource, namespace, name, uid } = short;
        let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(self.client.clone(), namespace, resource);
        let annotate = async |value: Value| {
            let change = json!({"metadata": {"uid": uid, "annotations": {contract::NUDGED: value}}});
            outcome(|| short.to_string(), api.patch_metadata(name, &patching(), &Patch::Merge(change))).await
        };
        match annotate(json!("true")).await? {
            Outcome::Written => annotate(Value::Null).await,
            other => Ok(other),
        }
    }
}

fn is_short(object: &DynamicObject) -> bool {
    let number = |pointer: &str| object.data.pointer(pointer).and_then(Value::as_i64);
    if object.metadata.deletion_timestamp.is_some() {
        return false;
    }
    match number("/spec/parallelism") {
        Some(parallelism) => {
            let ended = object.data.pointer("/status/completionTime").is_some()
                || object.data.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
            let done = number("/status/succeeded").unwrap_or_default();
            let left = number("/spec/completions").map_or(parallelism, |all| all.saturating_sub(done));
            !ended && number("/status/active").unwrap_or_default() < parallelism.min(left)
        }
        None => number("/status/replicas").unwrap_or_default() < number("/spec/replicas").unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(data: Value) -> bool {
        let mut object = data;
        object["metadata"] = json!({"name": "x"});
        is_short(&serde_json::from_value(object).expect("an object"))
    }

    #[test]
    fn what_has_fewer_pods_than_it_wants_is_short() {
        assert!(short(json!({"spec": {"replicas": 3}, "status": {"replicas": 2}})));
        assert!(short(json!({"spec": {}, "status": {"replicas": 0}})));
        assert!(!short(json!({"spec": {"replicas": 3}, "status": {"replicas": 3}})));
        assert!(short(json!({"spec": {"parallelism": 2, "completions": 3}, "status": {"active": 1, "succeeded": 1}})));
        assert!(!short(json!({"spec": {"parallelism": 2, "completions": 3}, "status": {"active": 1, "succeeded": 2}})));
        assert!(!short(json!({"spec": {"parallelism": 1, "suspend": true}, "status": {}})));
        assert!(!short(json!({"spec": {"parallelism": 1}, "status": {"completionTime": "2026-11-23T10:00:00Z"}})));
    }
}
