//! What exists of what the daemon `plan-window` looks after: Pods that wait behind the platform's gate.
//!
//! Only Pods of a queue that are on no node are watched, and of those little more than metadata is kept.

use std::sync::Arc;

use kube::Api;
use kube::core::object::NotUsed;
use kube::core::{ApiResource, Object, ObjectMeta};
use kube::runtime::watcher;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::plan_window::{View, Waiting as Pod};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::governed::{Unfit, heard_lately};
use crate::watch::{Cache, Caches, Common, follow_some};

/// A Pod as it is cached.
type Sketch = Object<Gates, NotUsed>;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gates {
    #[serde(default)]
    scheduling_gates: Vec<Gate>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Gate {
    name: String,
}

/// A cache of Pods that are on no node yet. Clones share it.
#[derive(Clone)]
pub struct Waiting {
    caches: Caches,
    own_namespace: Arc<str>,
    pods: Arc<Cache<Sketch>>,
    changes: watch::Receiver<u64>,
}

impl Waiting {
    /// Starts to watch. Returns at once; the watch ends with `shutdown`.
    pub fn start(caches: Caches, own_namespace: &str, shutdown: CancellationToken) -> Self {
        let (nudge, changes) = watch::channel(0_u64);
        let nudged = move || nudge.send_modify(|count| *count = count.wrapping_add(1));
        let common = Common { client: caches.client().clone(), shutdown, kinds_missing: Arc::default() };
        let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        let unscheduled = watcher::Config::default().labels(contract::QUEUE_NAME).fields("spec.nodeName=");
        let api = |client| Api::all_with(client, &resource);
        let pods = follow_some(
            "pods",
            api,
            resource.clone(),
            unscheduled,
            |it: &mut Sketch| least(&mut it.metadata),
            nudged,
            &common,
        );
        Self { caches, own_namespace: own_namespace.into(), pods: Arc::new(pods), changes }
    }

    /// Waits until a Pod changed that was not [noticed](Self::notice) yet.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes note of everything that has changed so far.
    pub fn notice(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Whether the cache holds everything, and nothing that is old.
    ///
    /// # Errors
    /// Why not.
    pub fn fit(&self) -> Result<(), Unfit> {
        if !self.pods.is_filled() {
            return Err(Unfit::Cold("pods"));
        }
        heard_lately([self.pods.last_heard()])
    }

    /// The Pods that wait, and whose Namespaces are.
    ///
    /// # Errors
    /// Where the cache is not [fit](Self::fit).
    pub fn view(&self) -> Result<View, Unfit> {
        self.fit()?;
        Ok(View {
            own_namespace: self.own_namespace.to_string(),
            bindings: self.caches.bindings(),
            pods: self.pods.store.state().iter().filter_map(|pod| waiting(pod)).collect(),
        })
    }
}

/// Of all metadata, what is looked at here.
fn least(meta: &mut ObjectMeta) {
    let ObjectMeta { name, namespace, uid, resource_version, creation_timestamp, deletion_timestamp, labels, .. } =
        std::mem::take(meta);
    let labels = labels.map(|mut labels| {
        labels.retain(|key, _| key == contract::QUEUE_NAME);
        labels
    });
    *meta = ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        creation_timestamp,
        deletion_timestamp,
        labels,
        ..ObjectMeta::default()
    };
}

/// `None` for one without our gate, or that is being deleted.
fn waiting(pod: &Sketch) -> Option<Pod> {
    let gated = pod.spec.scheduling_gates.iter().any(|gate| gate.name == contract::PLAN_WINDOW_GATE);
    let meta = &pod.metadata;
    if !gated || meta.deletion_timestamp.is_some() {
        return None;
    }
    Some(Pod {
        pod: PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? },
        seen: Seen { uid: meta.uid.clone()?, resource_version: meta.resource_version.clone()? },
        since: meta.creation_timestamp.as_ref()?.0,
        queue: meta.labels.as_ref().and_then(|labels| labels.get(contract::QUEUE_NAME)).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Option<Pod> {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": "detector", "name": "owl", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-11-23T11:00:00Z",
                "labels": {"platform-go/queue-name": "night"}, "annotations": {"note": "long"},
            },
            "spec": {
                "containers": [{"name": "main", "image": "x"}],
                "schedulingGates": [{"name": "example.com/data"}, {"name": "platform-go/plan-window"}],
            },
            "status": {"phase": "Pending"},
        });
        change(&mut pod);
        let mut pod: Sketch = serde_json::from_value(pod).expect("a Pod");
        least(&mut pod.metadata);
        assert!(pod.metadata.annotations.is_none());
        waiting(&pod)
    }

    #[test]
    fn only_pods_with_our_gate_that_stay_are_seen() {
        let pod = read(|_| {}).expect("it waits");
        assert_eq!((pod.pod.to_string(), pod.queue.as_deref()), ("detector/owl".into(), Some("night")));
        assert_eq!((pod.seen.uid.as_str(), pod.seen.resource_version.as_str()), ("u", "7"));
        assert_eq!(pod.since.to_string(), "2026-11-23T11:00:00Z");
        let gone = read(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-23T11:00:00Z"));
        assert!(gone.is_none());
        let other = read(|pod| pod["spec"]["schedulingGates"] = json!([{"name": "example.com/data"}]));
        assert!(other.is_none() && read(|pod| pod["spec"] = json!({})).is_none());
    }
}
