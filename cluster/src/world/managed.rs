//! ResourceClaims that are no single Pod's, by Namespace: what a slot may mean. Kept as the watch goes, so that a Pod with
//! slots costs what its own Namespace holds and not what the cluster does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::core::ObjectMeta;

use crate::watch::Change;

type ByName = BTreeMap<String, Arc<ResourceClaim>>;

#[derive(Default)]
pub(super) struct Managed(RwLock<HashMap<String, ByName>>);

impl Managed {
    /// At most so many claims of a Namespace, the first by name, and whether there are more.
    pub(super) fn first(&self, namespace: &str, most: usize) -> (Vec<Arc<ResourceClaim>>, bool) {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let here = all.get(namespace);
        let first = here.into_iter().flatten().take(most).map(|(_, claim)| claim.clone()).collect();
        (first, here.is_some_and(|here| here.len() > most))
    }

    pub(super) fn note(&self, change: Change<'_, ResourceClaim>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Listed(store) => {
                all.clear();
                store.state().into_iter().for_each(|claim| add(&mut all, claim));
            }
            Change::Written { now, .. } => add(&mut all, Arc::new(now.clone())),
            Change::Gone(claim) => {
                let Some((namespace, name)) = names(&claim.metadata) else { return };
                if let Some(here) = all.get_mut(namespace) {
                    here.remove(name);
                    if here.is_empty() {
                        all.remove(namespace);
                    }
                }
            }
        }
    }
}

fn add(all: &mut HashMap<String, ByName>, claim: Arc<ResourceClaim>) {
    // A claim that is made for a Pod is so from its making on.
    let Some((namespace, name)) = names(&claim.metadata).filter(|_| !is_of_pod(&claim)) else { return };
    all.entry(namespace.to_owned()).or_default().insert(name.to_owned(), claim.clone());
}

fn names(meta: &ObjectMeta) -> Option<(&str, &str)> {
    meta.namespace.as_deref().zip(meta.name.as_deref())
}

/// Whether it was made for one Pod.
pub(crate) fn is_of_pod(claim: &ResourceClaim) -> bool {
    let owners = claim.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.controller == Some(true) && owner.kind == "Pod")
}
