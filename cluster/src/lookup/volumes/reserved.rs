//! Which volumes of the cluster are reserved for a claim, from a cache of them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::Api;
use policy_engine::Submission;
use policy_engine::submission::volumes::Reserved;
use tokio::time::Instant;

use super::{Volumes, is_new_claim};
use crate::client::LookupFailed;
use crate::lookup::each_page;
use crate::world::{Topic, reservations};

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

#[cfg(test)]
mod tests;
