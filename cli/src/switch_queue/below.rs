//! The Pods below a workload, and why one of them stays where it is. All is asked with a person's own rights.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, gvk::GroupVersion};
use kube::{Api, Client, ResourceExt as _};
use policy_engine::daemons::switch_queue::{STAYS, why_it_stays};

/// A Pod of a Job of a JobSet of a TrainJob is three hops below what a person wrote.
const MOST_HOPS: usize = 5;

/// What owns what, as far as it was asked.
pub(super) struct Owners {
    client: Client,
    namespace: String,
    above: BTreeMap<String, Option<OwnerReference>>,
}

impl Owners {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned(), above: BTreeMap::new() }
    }

    /// The Pods that have not ended and are below the object of this UID, by name.
    pub(super) async fn pods_below(&mut self, uid: &str) -> Result<Vec<Pod>, kube::Error> {
        let all = Api::<Pod>::namespaced(self.client.clone(), &self.namespace).list(&ListParams::default()).await?;
        let mut below = Vec::new();
        for pod in all.items {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let has_ended = matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some();
            if !has_ended && self.is_below(controller(pod.owner_references()), uid).await? {
                below.push(pod);
            }
        }
        Ok(below)
    }

    async fn is_below(&mut self, owner: Option<OwnerReference>, uid: &str) -> Result<bool, kube::Error> {
        let mut next = owner;
        for _ in 0..MOST_HOPS {
            match next {
                Some(owner) if owner.uid == uid => return Ok(true),
                Some(owner) => next = self.above(owner).await?,
                None => break,
            }
        }
        Ok(false)
    }

    /// The controller owner of an owner. What may not be looked at has none that is known.
    async fn above(&mut self, of: OwnerReference) -> Result<Option<OwnerReference>, kube::Error> {
        if let Some(known) = self.above.get(&of.uid) {
            return Ok(known.clone());
        }
        let Ok(GroupVersion { group, version }) = of.api_version.parse() else { return Ok(None) };
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(&group, &version, &of.kind));
        let objects = Api::<DynamicObject>::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let above = match objects.get_metadata_opt(&of.name).await {
            Ok(found) => found.and_then(|object| controller(object.owner_references())),
            Err(kube::Error::Api(status)) if status.code == 403 => None,
            Err(error) => return Err(error),
        };
        Ok(self.above.entry(of.uid).or_insert(above).clone())
    }
}

fn controller(owners: &[OwnerReference]) -> Option<OwnerReference> {
    owners.iter().find(|owner| owner.controller == Some(true)).cloned()
}

/// Why a Pod stays where it is though its workload was moved to this queue, if Sluice has said so.
pub(super) async fn why(client: &Client, pod: &Pod, queue: &str) -> Option<String> {
    let (namespace, uid) = (pod.namespace()?, pod.uid()?);
    let which = ListParams::default().fields(&format!("involvedObject.uid={uid},reason={STAYS}"));
    let events = Api::<Event>::namespaced(client.clone(), &namespace).list(&which).await.ok()?;
    let mut said = events.items.into_iter().rev().filter_map(|event| event.message);
    said.find_map(|said| why_it_stays(&said, queue).map(str::to_owned))
}
