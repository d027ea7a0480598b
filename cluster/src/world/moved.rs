//! Workloads that were moved to a queue. They carry a label of the platform's, so that watches bring them alone: of the workloads
//! of a cluster nothing else is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ReplicationController;
use kube::core::ApiResource;
use kube::runtime::reflector::Store;
use kube::runtime::watcher;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use records::workspace::Workspace;
use tokio::time::sleep;

use super::gathered::Gathered;
use super::keep;
use super::topic::{Changes, Signals, Topic};
use crate::served::{DynamicMeta, served};
use crate::watch::{Common, Followed, Watch, follow};

/// How long to wait before asking again for a listed kind that the API server does not have.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_secs(30);

/// A workload that was moved to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedWorkload {
    /// Its API group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its Namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The id of the queue.
    pub queue: String,
}

/// Those that there are, by Namespace and UID.
pub type MovedWorkloads = BTreeMap<String, BTreeMap<String, MovedWorkload>>;

/// The caches of them, one for each kind.
#[derive(Default)]
pub(super) struct Moved {
    stores: Mutex<Vec<(ApiResource, Store<DynamicMeta>)>>,
    /// Of kinds that an admin lists.
    listed: Mutex<Vec<(GroupResource, Watch)>>,
    gathered: Gathered<MovedWorkloads>,
}

impl Moved {
    pub(super) fn add(&self, of: ApiResource, store: Store<DynamicMeta>) {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).push((of, store));
    }

    pub(super) fn outdate(&self) -> impl Fn() + Send + use<> {
        self.gathered.outdate()
    }

    pub(super) fn get(&self) -> Arc<MovedWorkloads> {
        self.gathered.get(|| {
            let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            let found = stores.iter().flat_map(|(of, store)| store.state().into_iter().filter_map(|it| read(of, &it)));
            let mut all = MovedWorkloads::new();
            for moved in found {
                all.entry(moved.namespace.clone()).or_default().insert(moved.uid.clone(), moved);
            }
            all
        })
    }

    /// The kinds that an admin lists are watched from when the policy says so, and where the API server has them: nothing else waits
    /// for them. Ends with the process.
    pub(super) async fn follow_listed(
        self: Arc<Self>,
        policy: impl Fn() -> Arc<Policy>,
        mut changes: Changes,
        signals: Signals,
        common: Common,
    ) {
        let mut known: Vec<_> =
            built_in().into_iter().map(|(_, of)| GroupResource::new(&of.group, &of.plural)).collect();
        let follow_all = async {
            loop {
                let mut are_missing = false;
                for kind in &policy().platform().workload_kinds {
                    if !kind.owns_pods() || known.contains(&kind.of) {
                        continue;
                    }
                    match served(&common.client, &kind.of).await {
                        Ok(Some(of)) => {
                            known.push(kind.of.clone());
                            self.clone().follow_one(of, &signals, &common);
                        }
                        Ok(None) => are_missing = true,
                        Err(error) => {
                            let error: &dyn std::error::Error = &error;
                            tracing::debug!(kind = %kind.of, error, "cannot see how a kind is served; asking again");
                            are_missing = true;
                        }
                    }
                }
                tokio::select! {
                    () = changes.changed() => {}
                    () = sleep(UNTIL_ASKED_AGAIN), if are_missing => {}
                }
            }
        };
        let _ended: Option<()> = common.shutdown.run_until_cancelled(follow_all).await;
    }

    fn follow_one(self: Arc<Self>, of: ApiResource, signals: &Signals, common: &Common) {
        let (outdate, signals) = (self.outdate(), signals.clone());
        let changed = move |_: crate::watch::Change<'_, DynamicMeta>| {
            outdate();
            signals.give(Topic::MovedWorkloads);
        };
        let (store, watch) = follow(followed("moved workloads", of.clone()), changed, common);
        let kind = GroupResource::new(&of.group, &of.plural);
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).push((kind, watch));
        self.add(of, store);
    }

    /// The kinds that the policy lists and that the API server does not let us read.
    pub(super) fn unreadable(&self, policy: &Policy) -> Vec<GroupResource> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let refused =
            listed.iter().filter(|(kind, watch)| watch.is_refused() && policy.platform().workload_kind(kind).is_some());
        refused.map(|(kind, _)| kind.clone()).collect()
    }
}

/// The kinds that are listed without anyone listing them, by what metrics call their caches.
pub(super) fn built_in() -> [(&'static str, ApiResource); 8] {
    [
        ("moved workspaces", ApiResource::erase::<Workspace>(&())),
        ("moved deployments", ApiResource::erase::<Deployment>(&())),
        ("moved replicasets", ApiResource::erase::<ReplicaSet>(&())),
        ("moved statefulsets", ApiResource::erase::<StatefulSet>(&())),
        ("moved daemonsets", ApiResource::erase::<DaemonSet>(&())),
        ("moved jobs", ApiResource::erase::<Job>(&())),
        ("moved cronjobs", ApiResource::erase::<CronJob>(&())),
        ("moved replicationcontrollers", ApiResource::erase::<ReplicationController>(&())),
    ]
}

/// What is watched of one kind.
pub(super) fn followed(name: &'static str, kind: ApiResource) -> Followed<DynamicMeta> {
    let which = watcher::Config::default().labels(contract::MOVED_TO);
    let keep = |object: &mut DynamicMeta| keep::least(&mut object.metadata);
    // A kind that an admin lists may go away with what defines it.
    Followed { name, kind, which, keep, may_be_missing: true }
}

fn read(of: &ApiResource, object: &DynamicMeta) -> Option<MovedWorkload> {
    let meta = &object.metadata;
    // Whoever does not heed label selectors brings others, too.
    let queue = meta.labels.as_ref()?.get(contract::MOVED_TO)?.clone();
    Some(MovedWorkload {
        api_version: of.api_version.clone(),
        kind: of.kind.clone(),
        namespace: meta.namespace.clone()?,
        name: meta.name.clone()?,
        uid: meta.uid.clone()?,
        queue,
    })
}

#[cfg(test)]
mod tests {
    use policy_engine::policy::workload;
    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    #[test]
    fn every_built_in_kind_that_owns_pods_is_watched() {
        let making = workload::built_in().into_iter().filter(workload::WorkloadKind::owns_pods).map(|kind| kind.of);
        let watched = built_in().into_iter().map(|(_, of)| GroupResource::new(&of.group, &of.plural));
        assert_eq!(watched.collect::<Vec<_>>(), making.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_workload_is_known_by_the_label_of_the_platform() {
        let of = |name: &str, labels| {
            let meta = json!({"namespace": "lab", "name": name, "uid": format!("u-{name}"), "labels": labels});
            (format!("/apis/batch/v1/namespaces/lab/cronjobs/{name}"), json!({"metadata": meta}))
        };
        let moved = of("nightly", json!({"platform-go/moved-to": "batch"}));
        let server = ApiServer::with_collections([moved, of("other", json!({}))]);
        let world = server.world(&[Topic::MovedWorkloads]).await;
        let known = world.moved();
        let [MovedWorkload { api_version, kind, name, queue, .. }] =
            &known["lab"].values().cloned().collect::<Vec<_>>()[..]
        else {
            panic!("one was moved: {known:?}");
        };
        assert_eq!([api_version, kind, name, queue], ["batch/v1", "CronJob", "nightly", "batch"]);
    }
}
