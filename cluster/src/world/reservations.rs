//! Volumes of the cluster that are reserved for a claim which is still to come.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolume;
use policy_engine::contract;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::volumes::Reserved;

/// The volumes that are reserved for a claim, by its Namespace and name.
pub(crate) type Reservations = BTreeMap<(String, String), Vec<Reserved>>;

/// What these volumes are reserved for.
pub(crate) fn reservations<'a>(volumes: impl IntoIterator<Item = &'a PersistentVolume>) -> Reservations {
    let mut reservations = Reservations::new();
    for volume in volumes {
        let claim = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
        let Some(claim) = claim.filter(|claim| claim.uid.as_ref().is_none_or(String::is_empty)) else { continue };
        let (Some(namespace), Some(name)) = (claim.namespace.clone(), claim.name.clone()) else { continue };
        let user_id = volume.metadata.annotations.as_ref().and_then(|it| it.get(contract::RESERVED_FOR));
        let volume = volume.metadata.name.clone().unwrap_or_default();
        let reserved = Reserved { volume, user_id: user_id.map(UserId::new) };
        reservations.entry((namespace, name)).or_default().push(reserved);
    }
    reservations
}
