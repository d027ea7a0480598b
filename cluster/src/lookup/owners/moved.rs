//! Which workload above a Pod was moved to a queue: its controller owner, or what owns that. Of owners only metadata is asked for, and
//! only in a Namespace in which something was moved.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use tokio::time::Instant;

use super::memory::{Memory, WHILE};
use super::{MOST_STAMPS, Named, Owners, UNUSED_STAMP, is_stamped_kind};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::lookup::DynamicMeta;
use crate::world::{MovedWorkload, MovedWorkloads};

/// A Pod of a Job of a JobSet of a TrainJob is three hops below what a person wrote.
const MOST_HOPS: usize = 5;

/// What is above an object, and whether it was moved itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Above {
    controller: Option<Arc<OwnerReference>>,
    moved_to: Option<String>,
}

/// An object keeps its controller owner; one that has none may be given one.
pub(super) fn memory() -> Memory<Named, Above> {
    Memory::forgetting(MOST_STAMPS, UNUSED_STAMP, |above| above.controller.is_some(), WHILE)
}

impl Owners {
    /// The nearest workload that was moved, from `owner` upwards. `known` has all that were; where it is not given, the API server is
    /// asked about each.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn moved(
        &self,
        policy: &Policy,
        namespace: &str,
        owner: &OwnerReference,
        known: Option<&MovedWorkloads>,
        deadline: Instant,
    ) -> Result<Option<MovedWorkload>, LookupFailed> {
        let known = match known.map(|known| known.get(namespace)) {
            Some(None) => return Ok(None),
            Some(known @ Some(_)) => known,
            None => None,
        };
        let mut next = Some(Arc::new(owner.clone()));
        for _ in 0..MOST_HOPS {
            let Some(owner) = next else { break };
            if let Some(moved) = known.and_then(|known| known.get(&owner.uid)) {
                return Ok(Some(moved.clone()));
            }
            let what = || format!("{} {namespace}/{}", owner.kind, owner.name);
            let above = in_time(deadline, what, self.above(policy, namespace, &owner)).await?;
            let Above { controller, moved_to } = above.map_err(|error| LookupFailed::api(what, error))?;
            if let Some(queue) = moved_to.filter(|_| known.is_none()) {
                let OwnerReference { api_version, kind, name, uid, .. } = owner.as_ref().clone();
                return Ok(Some(MovedWorkload { api_version, kind, namespace: namespace.into(), name, uid, queue }));
            }
            next = controller;
        }
        Ok(None)
    }

    /// What is above an object. Of a kind that nobody listed nothing is believed, and what is gone has nothing above it.
    async fn above(&self, policy: &Policy, namespace: &str, of: &OwnerReference) -> Result<Above, Arc<kube::Error>> {
        let OwnerReference { api_version, kind, name, uid, .. } = of.clone();
        let Some(served) = self.kinds.find(&api_version, &kind).await? else { return Ok(Above::default()) };
        let is_listed = is_stamped_kind(policy, &GroupResource::new(&served.resource.group, &served.resource.plural));
        if !is_listed || !is_path_segment(&name) {
            return Ok(Above::default());
        }
        let objects = served.api(&self.client, namespace);
        let named = Named { namespace: namespace.into(), api_version, kind, name: name.clone(), uid: uid.clone() };
        let ask = async { Ok(read(objects.get_opt(&name).await?, &uid)) };
        self.above.recall(named, ask).await
    }
}

fn read(found: Option<DynamicMeta>, uid: &str) -> Above {
    let Some(meta) = found.map(|object| object.metadata).filter(|meta| meta.uid.as_deref() == Some(uid)) else {
        return Above::default();
    };
    let mut owners = meta.owner_references.into_iter().flatten();
    Above {
        controller: owners.find(|owner| owner.controller == Some(true)).map(Arc::new),
        moved_to: meta.labels.and_then(|mut labels| labels.remove(contract::MOVED_TO)),
    }
}
