//! Who is stamped on an object that another object names: the controller owner of a submission, or the object that a
//! subresource belongs to. Only metadata is asked for.

mod autoscalers;
mod kinds;
mod memory;
mod moved;
mod pods;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::gvk::GroupVersionResource;
use kube::core::{ApiResource, DynamicObject, DynamicResourceScope, GroupVersionKind, ObjectMeta};
use kube::{Api, Client, Resource};
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::identity::ControllerOwner;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::DynamicMeta;
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::World;
use kinds::Kinds;
use memory::Memory;
use moved::Above;

const MOST_STAMPS: u64 = 50_000;
/// A stamp never changes; one that nobody asks for is forgotten after a day.
const UNUSED_STAMP: Duration = Duration::from_secs(24 * 3600);

/// Objects that are read as a whole at the same time, and how many values one may have that is kept.
const MOST_WHOLE: usize = 2;
const MOST_VALUES: usize = 4096;

/// Looks up stamps. Clones share what they know.
#[derive(Clone)]
pub struct Owners {
    whole: Arc<Semaphore>,
    client: Client,
    kinds: Kinds,
    stamps: Memory<Named, Seen>,
    above: Memory<Named, Above>,
}

/// An object as an owner reference names it. The UID alone would let a reference borrow the stamp of another object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named {
    namespace: String,
    api_version: String,
    kind: String,
    name: String,
    uid: String,
}

/// What was found under a name and UID.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Absent,
    Unstamped,
    Stamped(UserId),
}

impl Seen {
    fn of(found: Option<DynamicMeta>, uid: &str) -> Self {
        let found = found.map(|object| object.metadata).filter(|meta| meta.uid.as_deref() == Some(uid));
        match found.map(|meta| meta.labels.and_then(|mut labels| labels.remove(contract::USER_ID))) {
            None => Self::Absent,
            Some(None) => Self::Unstamped,
            Some(Some(id)) => Self::Stamped(UserId::new(id)),
        }
    }

    /// An absent object may not have reached every API server yet, and an unstamped one may be stamped any moment.
    fn lasts(&self) -> bool {
        match self {
            Self::Stamped(_) => true,
            Self::Absent | Self::Unstamped => false,
        }
    }
}

/// The metadata of an object that a review is about and does not carry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetMeta {
    /// UID.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Owner references.
    pub owner_references: Vec<OwnerReference>,
    /// When its deletion was asked for.
    pub deletion: Option<Timestamp>,
}

impl TargetMeta {
    /// The id of the user stamped on it.
    pub fn user_id(&self) -> Option<UserId> {
        self.labels.get(contract::USER_ID).map(UserId::new)
    }
}

impl From<ObjectMeta> for TargetMeta {
    fn from(meta: ObjectMeta) -> Self {
        Self {
            uid: meta.uid.unwrap_or_default(),
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            owner_references: meta.owner_references.unwrap_or_default(),
            deletion: meta.deletion_timestamp.map(|time| time.0),
        }
    }
}

impl Owners {
    /// Asks with this client.
    pub fn new(client: Client) -> Self {
        let stamps = Memory::new(MOST_STAMPS, UNUSED_STAMP, Seen::lasts);
        let whole = Arc::new(Semaphore::new(MOST_WHOLE));
        Self { whole, kinds: Kinds::new(client.clone()), stamps, above: moved::memory(), client }
    }

    /// Asks as the client of the world's watches.
    pub fn of(world: &World) -> Self {
        Self::new(world.client().clone())
    }

    /// Who is stamped on the controller owner that an object in `namespace` names.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn stamped(
        &self,
        policy: &Policy,
        namespace: &str,
        owner: &OwnerReference,
        deadline: Instant,
    ) -> Result<ControllerOwner, LookupFailed> {
        let what = || format!("{} {namespace}/{}", owner.kind, owner.name);
        let answer = in_time(deadline, what, self.look_up(policy, namespace, owner)).await?;
        answer.map_err(|source| LookupFailed::api(what, source))
    }

    async fn look_up(
        &self,
        policy: &Policy,
        namespace: &str,
        owner: &OwnerReference,
    ) -> Result<ControllerOwner, Arc<kube::Error>> {
        let OwnerReference { api_version, kind, name, uid, controller: _, block_owner_deletion: _ } = owner.clone();
        let Some(served) = self.kinds.find(&api_version, &kind).await? else {
            return Ok(ControllerOwner::Unlisted { api_version, kind, resource: None });
        };
        let resource = &served.resource;
        if !is_stamped_kind(policy, &GroupResource::new(&resource.group, &resource.plural)) {
            return Ok(ControllerOwner::Unlisted { api_version, kind, resource: Some(resource.plural.clone()) });
        }
        if !is_path_segment(&name) {
            return Ok(ControllerOwner::Gone { kind, name });
        }
        let named = Named { namespace: namespace.into(), api_version, kind: kind.clone(), name: name.clone(), uid };
        Ok(match self.seen(named, served.api(&self.client, namespace)).await? {
            Seen::Absent => ControllerOwner::Gone { kind, name },
            Seen::Unstamped => ControllerOwner::Stamped { kind, name, user_id: None },
            Seen::Stamped(id) => ControllerOwner::Stamped { kind, name, user_id: Some(id) },
        })
    }

    /// What is found under a name and UID, as it is remembered, or else among these objects.
    async fn seen(&self, named: Named, objects: Api<DynamicMeta>) -> Result<Seen, Arc<kube::Error>> {
        let (name, uid) = (named.name.clone(), named.uid.clone());
        let ask = async { Ok(Seen::of(objects.get_opt(&name).await?, &uid)) };
        self.stamps.recall(named, ask).await
    }

    /// The metadata of an object as it is now; `None` if there is none. `namespace` is empty for cluster-scoped ones.
    ///
    /// Nothing is remembered: it is judged whose the object is at this moment.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn target(
        &self,
        namespace: &str,
        resource: &GroupVersionResource,
        name: &str,
        deadline: Instant,
    ) -> Result<Option<TargetMeta>, LookupFailed> {
        let found: Option<DynamicMeta> = self.find(namespace, resource, name, deadline).await?;
        Ok(found.map(|object| object.metadata.into()))
    }

    /// The same object as a whole. `None` also where it is larger than what is worth a warning, or where two others are being read:
    /// nobody waits for a warning, and what a small request leads to is bounded.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn object(
        &self,
        namespace: &str,
        resource: &GroupVersionResource,
        name: &str,
        deadline: Instant,
    ) -> Result<Option<Value>, LookupFailed> {
        let Ok(_permit) = self.whole.try_acquire() else { return Ok(None) };
        let found: Option<DynamicObject> = self.find(namespace, resource, name, deadline).await?;
        // What came as JSON can be written as JSON.
        let object = found.and_then(|object| serde_json::to_value(object).ok());
        Ok(object.filter(|object| values(object) <= MOST_VALUES))
    }

    async fn find<K>(
        &self,
        namespace: &str,
        resource: &GroupVersionResource,
        name: &str,
        deadline: Instant,
    ) -> Result<Option<K>, LookupFailed>
    where
        K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope> + Clone + DeserializeOwned + Debug,
    {
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("{} {namespace}/{name}", resource.resource);
        let kind = GroupVersionKind::gvk(&resource.group, &resource.version, "");
        let served = ApiResource::from_gvk_with_plural(&kind, &resource.resource);
        let objects: Api<K> = api(&self.client, namespace, &served);
        let found = in_time(deadline, what, objects.get_opt(name)).await?;
        found.map_err(|error| LookupFailed::api(what, error))
    }
}

/// How many values an object has, at any depth.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(values).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(values).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// Whether the platform writes its stamp on objects of this resource: on listed workloads, and on Pods, which own
/// the claims and volume claims that controllers make for them.
fn is_stamped_kind(policy: &Policy, resource: &GroupResource) -> bool {
    let is_pod = resource.is_core("pods");
    is_pod || policy.platform().workload_kind(resource).is_some()
}

fn api<K>(client: &Client, namespace: &str, resource: &ApiResource) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    match namespace {
        "" => Api::all_with(client.clone(), resource),
        namespace => Api::namespaced_with(client.clone(), namespace, resource),
    }
}

#[cfg(test)]
mod tests;
