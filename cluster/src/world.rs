//! What this process knows of the cluster: one cache for each kind, with one watch, one size, one age and one signal of
//! its changes. Look-ups and daemons' views are functions over it.
//!
//! Records are watched as untyped objects: one that cannot be understood is a problem of its own and of nothing else.
//! Until all records and Namespaces were read once, nothing is *synced*, and the policy says nothing about the cluster.

mod ended;
mod expected;
mod fitness;
mod gathered;
mod keep;
mod managed;
mod moved;
pub(crate) mod placing;
pub mod pod;
mod reservations;
mod slices;
mod snapshot;
mod start;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::RoleBinding;
use k8s_openapi::api::resource::v1::{
    DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice,
};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::Client;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::submission::facts::{self, PriorityClasses};
use policy_engine::submission::inventory::Inventory;
use records::Kind;
use records::convert::Problem;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::watch::Watch;
pub use ended::End;
use ended::Ended;
use expected::Expected;
pub use fitness::{CacheHealth, OLDEST, Stopped, Unfit, Unusable};
use gathered::Gathered;
pub(crate) use keep::{slice as keep_slice, source_of};
use managed::Managed;
pub(crate) use managed::is_of_pod;
use moved::Moved;
pub use moved::{MovedWorkload, MovedWorkloads};
use pod::Pod;
use reservations::Reservations;
pub(crate) use reservations::reservations;
pub(crate) use slices::{current, inventory, product, profile};
pub use snapshot::Snapshot;
use topic::Signals;
pub use topic::{Changes, Topic};

/// A Namespace as it is cached: its metadata.
pub type NamespaceMeta = PartialObjectMeta<Namespace>;

/// What a process knows. Clones are cheap and share everything.
#[derive(Clone)]
pub struct World(Arc<Known>);

struct Known {
    client: Client,
    shutdown: CancellationToken,
    watches: Vec<(Topic, Watch)>,
    signals: Signals,
    snapshot: Arc<ArcSwap<Snapshot>>,
    synced: watch::Receiver<bool>,
    records: Arc<[Store<DynamicObject>; 7]>,
    namespaces: Store<NamespaceMeta>,
    // What this process does not watch is `None`.
    pods: Option<Store<Pod>>,
    claims: Option<Store<ResourceClaim>>,
    managed: Arc<Managed>,
    templates: Option<Store<ResourceClaimTemplate>>,
    classes: Option<Store<DeviceClass>>,
    class_specs: Gathered<DeviceClasses>,
    slices: Option<Store<ResourceSlice>>,
    inventory: Gathered<Inventory>,
    device_taint_rules: Option<Store<DeviceTaintRule>>,
    volume_claims: Option<Store<PersistentVolumeClaim>>,
    volumes: Option<Store<PersistentVolume>>,
    reserved: Gathered<Reservations>,
    role_bindings: Option<Store<RoleBinding>>,
    resource_quotas: Option<Store<ResourceQuota>>,
    priority_classes: Option<Store<PriorityClass>>,
    priorities: Gathered<PriorityClasses>,
    nodes: Option<Store<Node>>,
    budgets: Option<Store<PodDisruptionBudget>>,
    moved: Arc<Moved>,
    volcano_queues: Option<Store<DynamicObject>>,
    workspaces: Option<Store<DynamicObject>>,
    passed: Passed,
    ended: Ended,
    expected: Expected,
}

/// UIDs of Pods and claims that the watches spoke of since they were last taken.
type Passed = Arc<Mutex<BTreeSet<String>>>;

/// The UIDs of the Pods that a claim is reserved for.
pub(crate) fn reserved_for(claim: &ResourceClaim) -> impl Iterator<Item = &str> {
    let reserved = claim.status.iter().flat_map(|status| status.reserved_for.iter().flatten());
    reserved.filter(|it| it.resource == "pods").map(|it| it.uid.as_str())
}

impl World {
    /// The policy as the records say now.
    pub fn policy(&self) -> Arc<Policy> {
        self.0.snapshot.load().policy.clone()
    }

    /// What in the records could not be understood.
    pub fn problems(&self) -> Arc<Vec<Problem>> {
        self.0.snapshot.load().problems.clone()
    }

    /// Records, policy and problems of the same instant.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    /// The records of a kind as they were written; for daemons, which write their status.
    pub fn records(&self, kind: Kind) -> Vec<Arc<DynamicObject>> {
        start::of_all_kinds(&self.0.records).filter(|(of, _)| *of == kind).map(|(_, record)| record).collect()
    }

    /// All Namespaces.
    pub fn namespaces(&self) -> Vec<Arc<NamespaceMeta>> {
        self.0.namespaces.state()
    }

    /// A Namespace, if the cache knows it.
    pub fn namespace(&self, name: &str) -> Option<Arc<NamespaceMeta>> {
        self.0.namespaces.get(&ObjectRef::new(name))
    }

    /// The project id of every bound Namespace.
    pub fn bindings(&self) -> BTreeMap<String, ProjectId> {
        let bindings = self.namespaces().into_iter().filter_map(|namespace| {
            let project = namespace.metadata.labels.as_ref()?.get(contract::PROJECT_ID)?;
            Some((namespace.metadata.name.clone()?, ProjectId::new(project)))
        });
        bindings.collect()
    }

    /// All Pods.
    pub fn pods(&self) -> Vec<Arc<Pod>> {
        all(&self.0.pods)
    }

    /// A Pod, if the cache knows it.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        let kind = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        self.0.pods.as_ref()?.get(&ObjectRef::new_with(name, kind).within(namespace))
    }

    /// The Pod of this UID, if the cache knows it. Whose it is, and what it mounts, never changes: about those the cache is
    /// right, however old it is.
    pub fn pod_of_uid(&self, namespace: &str, name: &str, uid: &str) -> Option<Arc<Pod>> {
        self.pod(namespace, name).filter(|pod| pod.metadata.uid.as_deref() == Some(uid))
    }

    /// All ResourceClaims.
    pub fn claims(&self) -> Vec<Arc<ResourceClaim>> {
        all(&self.0.claims)
    }

    /// A ResourceClaim, if the cache knows it.
    pub fn claim(&self, namespace: &str, name: &str) -> Option<Arc<ResourceClaim>> {
        one(&self.0.claims, namespace, name)
    }

    /// At most so many ResourceClaims of a Namespace that are no single Pod's, the first by name, and whether there are more.
    pub fn managed_claims(&self, namespace: &str, most: usize) -> (Vec<Arc<ResourceClaim>>, bool) {
        self.0.managed.first(namespace, most)
    }

    /// All ResourceClaimTemplates.
    pub fn templates(&self) -> Vec<Arc<ResourceClaimTemplate>> {
        all(&self.0.templates)
    }

    /// A ResourceClaimTemplate, if the cache knows it.
    pub fn template(&self, namespace: &str, name: &str) -> Option<Arc<ResourceClaimTemplate>> {
        one(&self.0.templates, namespace, name)
    }

    /// The specs of all DeviceClasses, by name. The same value until one of them changes.
    pub fn device_classes(&self) -> Arc<DeviceClasses> {
        self.0.class_specs.get(|| {
            let classes = all(&self.0.classes);
            classes.iter().filter_map(|it| Some((it.metadata.name.clone()?, it.spec.clone()?))).collect()
        })
    }

    /// All ResourceSlices.
    pub fn slices(&self) -> Vec<Arc<ResourceSlice>> {
        all(&self.0.slices)
    }

    /// The devices that there are; `None` while not all ResourceSlices are known. The same value until one of them changes.
    pub(crate) fn inventory(&self) -> Option<Arc<Inventory>> {
        self.fit(&[Topic::ResourceSlices]).ok()?;
        Some(self.0.inventory.get(|| inventory(self.slices().iter().map(AsRef::as_ref))))
    }

    /// All DeviceTaintRules.
    pub fn device_taint_rules(&self) -> Vec<Arc<DeviceTaintRule>> {
        all(&self.0.device_taint_rules)
    }

    /// Whether the API server has the kind DeviceTaintRule, as far as is known. Where it has not, there are none, and none can
    /// be made.
    pub fn has_device_taint_rules(&self) -> bool {
        self.has_kind_of(Topic::DeviceTaintRules)
    }

    /// All of Volcano's Queues; `None` where the API server does not have the kind, as far as is known.
    pub(crate) fn volcano_queues(&self) -> Option<Vec<Arc<DynamicObject>>> {
        self.has_kind_of(Topic::VolcanoQueues).then(|| {
            let store = self.0.volcano_queues.as_ref();
            store.map(Store::state).unwrap_or_default()
        })
    }

    /// All workspaces, as they were written.
    pub(crate) fn workspaces(&self) -> Vec<Arc<DynamicObject>> {
        self.0.workspaces.as_ref().map(Store::state).unwrap_or_default()
    }

    /// What the PriorityClasses of queues give to Pods, by name. The same value until a class changes.
    pub fn priorities(&self) -> Arc<PriorityClasses> {
        self.0.priorities.get(|| {
            let classes = all(&self.0.priority_classes).into_iter();
            let of_queues = classes.filter_map(|class| {
                let name =
                    class.metadata.name.clone().filter(|name| name.starts_with(contract::PRIORITY_CLASS_PREFIX))?;
                // Kubernetes fills in the default of the policy when a class is written.
                let preemption_policy = class.preemption_policy.clone()?;
                Some((name, facts::PriorityClass { value: class.value?, preemption_policy }))
            });
            of_queues.collect()
        })
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        all(&self.0.nodes)
    }

    /// All PodDisruptionBudgets.
    pub(crate) fn budgets(&self) -> Vec<Arc<PodDisruptionBudget>> {
        all(&self.0.budgets)
    }

    /// The workloads that were moved to a queue, as far as they are watched. The same value until one of them changes.
    pub fn moved(&self) -> Arc<MovedWorkloads> {
        self.0.moved.get()
    }

    /// The kinds of workload that the policy lists and that the API server does not let Sluice read: of those nobody knows which were
    /// moved. They are watched where [`Topic::MovedWorkloads`] is.
    pub fn unreadable_kinds(&self) -> Vec<GroupResource> {
        self.0.moved.unreadable(&self.policy())
    }

    /// A PersistentVolumeClaim, if the cache knows it.
    pub(crate) fn volume_claim(&self, namespace: &str, name: &str) -> Option<Arc<PersistentVolumeClaim>> {
        one(&self.0.volume_claims, namespace, name)
    }

    /// All PersistentVolumeClaims.
    pub(crate) fn volume_claims(&self) -> Vec<Arc<PersistentVolumeClaim>> {
        all(&self.0.volume_claims)
    }

    /// The volumes that are reserved for a claim, by its Namespace and name. The same value until a volume changes.
    pub(crate) fn reservations(&self) -> Arc<Reservations> {
        self.0.reserved.get(|| reservations(all(&self.0.volumes).iter().map(AsRef::as_ref)))
    }

    /// RoleBindings that carry the platform's mark.
    pub fn role_bindings(&self) -> Vec<Arc<RoleBinding>> {
        all(&self.0.role_bindings)
    }

    /// ResourceQuotas that carry the platform's mark.
    pub fn resource_quotas(&self) -> Vec<Arc<ResourceQuota>> {
        all(&self.0.resource_quotas)
    }

    /// All PriorityClasses.
    pub fn priority_classes(&self) -> Vec<Arc<PriorityClass>> {
        all(&self.0.priority_classes)
    }

    /// UIDs of Pods and claims that the watches spoke of since they were last taken; also of what came and went in between.
    pub fn take_passed(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.passed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What ended since this was last asked, as far as Pods and claims are watched; at most the last thousand.
    pub fn take_ended(&self) -> Vec<End> {
        self.0.ended.take()
    }

    /// Hears of what changes from now on, of these topics.
    pub fn changes(&self, topics: &[Topic]) -> Changes {
        self.0.signals.listen(topics)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }
}

fn all<K>(store: &Option<Store<K>>) -> Vec<Arc<K>>
where
    K: kube::Resource + Clone + 'static,
    K::DynamicType: std::hash::Hash + Eq + Clone,
{
    store.as_ref().map(Store::state).unwrap_or_default()
}

fn one<K>(store: &Option<Store<K>>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: kube::Resource<DynamicType = ()> + Clone + 'static,
{
    store.as_ref()?.get(&ObjectRef::new(name).within(namespace))
}

#[cfg(test)]
mod tests;
