//! Copies that are being filled from whatever has the name of their source.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec};
use kube::Api;
use kube::core::{DynamicObject, ObjectMeta};
use policy_engine::object::kinds::SNAPSHOT_GROUP;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::volumes::Copy;
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

use super::Volumes;
use crate::client::LookupFailed;
use crate::lookup::{each_page, is_missing, resource};
use crate::world::{Topic, source_of};

impl Volumes {
    /// The copies that are being filled from the name which a submission makes.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn copies(&self, submission: &Submission<'_>, deadline: Instant) -> Result<Vec<Copy>, LookupFailed> {
        let (namespace, name) = (submission.namespace, submission.name);
        let of_claim = submission.resource.is_core("persistentvolumeclaims");
        let makes = submission.act == Act::Create && (of_claim || submission.resource.is_snapshot());
        // A name that is still to be generated is nobody's source.
        if !makes || name.is_empty() {
            return Ok(Vec::new());
        }
        let kind = if of_claim { "PersistentVolumeClaim" } else { "VolumeSnapshot" };
        let copied = |spec: &PersistentVolumeClaimSpec, meta: &ObjectMeta| {
            is_filled_from(spec, kind, name).then(|| copy("PersistentVolumeClaim", meta))
        };
        let mut copies: Vec<_> = match self.world.as_ref().filter(|world| world.fit(&[Topic::VolumeClaims]).is_ok()) {
            // Only of what is being filled a spec is cached.
            Some(world) => {
                let claims = world.volume_claims().into_iter();
                let here = claims.filter(|claim| claim.metadata.namespace.as_deref() == Some(namespace));
                here.filter_map(|claim| copied(claim.spec.as_ref()?, &claim.metadata)).collect()
            }
            None => {
                let what = || format!("persistentvolumeclaims of {namespace}");
                let filled = |claim: PersistentVolumeClaim| copied(&source_of(&claim)?, &claim.metadata);
                each_page(&self.claims(namespace), deadline, what, filled).await?
            }
        };
        if of_claim {
            copies.extend(self.snapshots_being_taken(namespace, name, deadline).await?);
        }
        Ok(copies)
    }

    /// The snapshots that are being taken of a name: until one has its content, its controller looks for the source by name.
    /// No answer is remembered: a snapshot may be made, and its source deleted, the moment after.
    async fn snapshots_being_taken(
        &self,
        namespace: &str,
        of: &str,
        deadline: Instant,
    ) -> Result<Vec<Copy>, LookupFailed> {
        let resource = resource(SNAPSHOT_GROUP, "v1", "volumesnapshots");
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &resource);
        let what = || format!("volumesnapshots of {namespace}");
        let taken = |it: DynamicObject| {
            let source = it.data.pointer("/spec/source/persistentVolumeClaimName")?.as_str()?;
            let is_taken = it.data.pointer("/status/boundVolumeSnapshotContentName").is_some();
            (source == of && !is_taken).then(|| copy("VolumeSnapshot", &it.metadata))
        };
        match each_page(&api, deadline, what, taken).await {
            Err(LookupFailed::Api { source, .. }) if is_missing(&source) => Ok(Vec::new()),
            found => found,
        }
    }
}

fn is_filled_from(spec: &PersistentVolumeClaimSpec, kind: &str, name: &str) -> bool {
    let old = spec.data_source.as_ref().map(|it| (&it.kind, &it.name));
    let new = spec.data_source_ref.as_ref().map(|it| (&it.kind, &it.name));
    old.into_iter().chain(new).any(|(of, its)| of == kind && its == name)
}

fn copy(kind: &str, meta: &ObjectMeta) -> Copy {
    let stamp = meta.labels.as_ref().and_then(|labels| labels.get(contract::USER_ID));
    Copy { what: format!("{kind} {}", meta.name.as_deref().unwrap_or_default()), user_id: stamp.map(UserId::new) }
}
