//! Which volumes of the cluster are reserved for a claim, from a cache of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::Api;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::volumes::Reserved;
use policy_engine::{Submission, contract};
use tokio::time::Instant;

use super::{Volumes, is_new_claim};
use crate::client::LookupFailed;
use crate::lookup::each_page;
use crate::world::Topic;

impl Volumes {
    /// The volumes that are reserved for the claim which a submission makes. A cache that is not filled, or has heard
    /// nothing for long, is not believed.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn reserved(
        &self,
        submission: &Submission<'_>,
        deadline: Instant,
    ) -> Result<Vec<Reserved>, LookupFailed> {
        if !is_new_claim(submission) {
            return Ok(Vec::new());
        }
        let reserved = match &self.world {
            Some(world) if world.fit(&[Topic::Volumes]).is_ok() => world.reservations(),
            _ => {
                let api = Api::<PersistentVolume>::all(self.client.clone());
                let all = each_page(&api, deadline, || "persistentvolumes".into(), Some).await?;
                Arc::new(reservations(&all))
            }
        };
        let claim = (submission.namespace.to_owned(), submission.name.to_owned());
        Ok(reserved.get(&claim).cloned().unwrap_or_default())
    }
}

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

#[cfg(test)]
mod tests;
