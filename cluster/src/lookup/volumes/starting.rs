//! What a Pod would mount that is being bound: what has the names now, and not what a cache had under them.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod as FullPod;
use kube::Api;
use kube::core::ObjectMeta;
use policy_engine::contract;
use policy_engine::object::Object;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::volumes::{Found, MOST_NAMED, Mount, StartingPod};
use policy_engine::{Act, Submission};
use serde_json::Value;
use tokio::time::Instant;

use super::{Volumes, ownership};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::pod::Spec;

/// So many claims of a Pod are asked for at a time: all that one may name, so that they are those of one moment.
const AT_A_TIME: usize = MOST_NAMED;

impl Volumes {
    /// The Pod that is being bound, with what it mounts. One that mounts no claim costs no question where it is cached.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn starting(&self, submission: &Submission<'_>, deadline: Instant) -> Result<StartingPod, LookupFailed> {
        if submission.act != Act::Bind {
            return Ok(StartingPod::default());
        }
        let (namespace, name) = (submission.namespace, submission.name);
        let uid = submission.object.and_then(|binding| Object(binding).at(&["metadata", "uid"])?.as_str());
        let Some((meta, spec)) = self.pod(namespace, name, uid, deadline).await? else {
            return Ok(StartingPod::default());
        };
        let named = spec.volumes.into_iter().map(|(claim, read_only)| (claim, read_only, false));
        let ephemeral = spec.ephemeral.into_iter().map(|volume| (format!("{name}-{volume}"), false, true));
        let found = named.chain(ephemeral).map(async |(claim, read_only, is_ephemeral)| {
            let found = self.found(namespace, &claim, &meta, deadline).await?;
            Ok::<_, LookupFailed>(Mount { claim, read_only, is_ephemeral, found })
        });
        let mounts = stream::iter(found).buffered(AT_A_TIME).try_collect().await?;
        let text = |keys: &Option<std::collections::BTreeMap<String, String>>, key| keys.as_ref()?.get(key).cloned();
        Ok(StartingPod {
            user_id: text(&meta.labels, contract::USER_ID).map(UserId::new),
            named: text(&meta.annotations, contract::USE_VOLUMES).unwrap_or_default(),
            mounts,
        })
    }

    /// The Pod, of this UID where the binding says one.
    async fn pod(
        &self,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
        deadline: Instant,
    ) -> Result<Option<(ObjectMeta, Spec)>, LookupFailed> {
        let cached = self.world.as_ref().zip(uid).and_then(|(world, uid)| world.pod_of_uid(namespace, name, uid));
        if let Some(pod) = cached {
            return Ok(Some((pod.metadata.clone(), pod.spec.clone())));
        }
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("pod {namespace}/{name}");
        let api = Api::<FullPod>::namespaced(self.client.clone(), namespace);
        let found = in_time(deadline, what, api.get_opt(name)).await?;
        let found = found.map_err(|error| LookupFailed::api(what, error))?;
        Ok(found.and_then(|pod| Some((pod.metadata, pod.spec?.into()))))
    }

    async fn found(
        &self,
        namespace: &str,
        claim: &str,
        pod: &ObjectMeta,
        deadline: Instant,
    ) -> Result<Found, LookupFailed> {
        Ok(match self.claim_meta(namespace, claim, deadline).await? {
            None => Found::Nothing,
            Some(meta) if meta.deletion_timestamp.is_some() => Found::Ending,
            Some(meta) => {
                let made = meta.creation_timestamp.as_ref().map(|time| time.0);
                Found::Claim { ownership: ownership(&meta), is_older: is_older(made, pod) }
            }
        })
    }
}

/// Whether what was made then was there before a Pod. The API server writes whole seconds: of the same second nobody knows.
pub(crate) fn is_older(made: Option<Timestamp>, pod: &ObjectMeta) -> bool {
    made.zip(pod.creation_timestamp.as_ref()).is_some_and(|(made, pod)| made < pod.0)
}

/// When the object of a review was made.
pub(crate) fn born(object: &Value) -> Option<Timestamp> {
    Object(object).at(&["metadata", "creationTimestamp"])?.as_str()?.parse().ok()
}
