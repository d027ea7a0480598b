//! Whose volumes are. PersistentVolumeClaims are known from a cache of their labels; what it does not know, VolumeSnapshots,
//! and what only the making of a claim needs are asked of the API server.

mod copies;
mod makers;
mod reserved;
mod starting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::{Api, Client};
use policy_engine::object::kinds::SNAPSHOT_GROUP;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::submission::identity::Caller;
use policy_engine::submission::volume_claim::VolumeClaim;
use policy_engine::submission::volumes::{Known, MOST_NAMED, Names, Ownership, Volumes as Facts};
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

pub(crate) use starting::{born, is_older};

use super::{Answers, DynamicMeta, answers, each_page, is_missing, resource};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::{Topic, World};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Answers whose volumes are. Clones share what they know.
#[derive(Clone)]
pub struct Volumes {
    client: Client,
    world: Option<World>,
    asked: Answers<(String, String), Known>,
    classes: Answers<(), Arc<BTreeMap<String, bool>>>,
}

impl Volumes {
    /// Answers from the cache of PersistentVolumeClaims. Until it is filled, each claim that it lacks is asked for.
    pub fn start(world: &World) -> Self {
        Self { world: Some(world.clone()), ..Self::asking(world.client().clone()) }
    }

    /// Asks for each claim.
    pub fn asking(client: Client) -> Self {
        Self { client, world: None, asked: answers(), classes: answers() }
    }

    /// What the decision about a submission needs to know, but for copies that wait. Nothing is asked for one that names no
    /// volume.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn facts(
        &self,
        submission: &Submission<'_>,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Facts, LookupFailed> {
        let mut facts = Facts::default();
        let namespace = submission.namespace;
        let named = Names::by(submission, policy);
        if named.len() <= MOST_NAMED {
            for claim in named.claims {
                // Nobody judges a snapshot again when it is taken: what is remembered for a moment is too old for it.
                let known = match submission.resource.is_snapshot() {
                    true => self.claim_now(namespace, &claim, deadline).await?,
                    false => self.claim(namespace, &claim, deadline).await?,
                };
                facts.claims.insert(claim, known);
            }
            for snapshot in named.snapshots {
                let known = self.snapshot(namespace, &snapshot, deadline).await?;
                facts.snapshots.insert(snapshot, known);
            }
        }
        if is_new_claim(submission) && is_classed_beside_a_lane(submission, policy) {
            let classes = self.classes(deadline).await?;
            let defaults = classes.iter().filter(|(_, is_default)| **is_default);
            facts.default_classes = defaults.map(|(name, _)| name.clone()).collect();
        }
        // Only new claims get a class.
        let is_new = submission.act == Act::Create || !submission.resource.is_core("persistentvolumeclaims");
        if is_new && Caller::of_submission(submission, policy).is_read_by_people() {
            facts.missing_classes = self.missing_classes(&named.lanes, policy, deadline).await;
        }
        Ok(facts)
    }

    /// A cache that has heard nothing for long is not believed, and a claim that it does not know may have been made a moment
    /// ago: the API server is asked before it is believed that there is none.
    async fn claim(&self, namespace: &str, name: &str, deadline: Instant) -> Result<Known, LookupFailed> {
        let world = self.world.as_ref().filter(|world| world.is_fresh(Topic::VolumeClaims));
        if let Some(claim) = world.and_then(|world| world.volume_claim(namespace, name)) {
            return Ok(Known::There(ownership(&claim.metadata)));
        }
        let what = || format!("persistentvolumeclaim {namespace}/{name}");
        let key = (namespace.to_owned(), name.to_owned());
        let ask = self.claim_now(namespace, name, deadline);
        let answer = in_time(deadline, what, self.asked.try_get_with(key, ask)).await?;
        answer.map_err(|failed: Arc<LookupFailed>| LookupFailed::clone(&failed))
    }

    async fn claim_now(&self, namespace: &str, name: &str, deadline: Instant) -> Result<Known, LookupFailed> {
        let found = self.claim_meta(namespace, name, deadline).await?;
        Ok(found.map_or(Known::Missing, |meta| Known::There(ownership(&meta))))
    }

    /// What the API server has under a name now.
    async fn claim_meta(
        &self,
        namespace: &str,
        name: &str,
        deadline: Instant,
    ) -> Result<Option<ObjectMeta>, LookupFailed> {
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("persistentvolumeclaim {namespace}/{name}");
        let found = in_time(deadline, what, self.claims(namespace).get_metadata_opt(name)).await?;
        Ok(found.map_err(|error| LookupFailed::api(what, error))?.map(|claim| claim.metadata))
    }

    fn claims(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn snapshot(&self, namespace: &str, name: &str, deadline: Instant) -> Result<Known, LookupFailed> {
        if !is_path_segment(name) {
            return Ok(Known::Missing);
        }
        let what = || format!("volumesnapshot {namespace}/{name}");
        let resource = resource(SNAPSHOT_GROUP, "v1", "volumesnapshots");
        let api = Api::<DynamicMeta>::namespaced_with(self.client.clone(), namespace, &resource);
        match in_time(deadline, what, api.get_opt(name)).await? {
            Ok(found) => Ok(found.map_or(Known::Missing, |snapshot| Known::There(ownership(&snapshot.metadata)))),
            Err(error) if is_missing(&error) => Ok(Known::Missing),
            Err(error) => Err(LookupFailed::api(what, error)),
        }
    }

    /// The classes of these lanes that do not exist. Where nobody says which there are, none is missing: nobody is refused for
    /// what is only a warning.
    async fn missing_classes(&self, lanes: &BTreeSet<String>, policy: &Policy, deadline: Instant) -> BTreeSet<String> {
        let lanes = lanes.iter().filter_map(|lane| policy.platform().storage_lanes.get(lane));
        let named: BTreeSet<_> = lanes.map(|lane| lane.storage_class.clone()).collect();
        if named.is_empty() {
            return named;
        }
        match self.classes(deadline).await {
            Ok(classes) => named.into_iter().filter(|name| !classes.contains_key(name)).collect(),
            Err(failed) => {
                let error: &dyn std::error::Error = &failed;
                tracing::debug!(error, "whether the classes of lanes exist is not known");
                BTreeSet::new()
            }
        }
    }

    /// The StorageClasses that there are, and whether the API server fills in each where a claim names none. On the heap: few ask
    /// for them, and it would make every call larger.
    fn classes(&self, deadline: Instant) -> BoxFuture<'_, Result<Arc<BTreeMap<String, bool>>, LookupFailed>> {
        let what = || String::from("storageclasses");
        let ask = async move {
            let api = Api::<PartialObjectMeta<StorageClass>>::all(self.client.clone());
            let is_default = |meta: &ObjectMeta| {
                meta.annotations.as_ref().and_then(|it| it.get(DEFAULT_CLASS)).is_some_and(|it| it == "true")
            };
            let class = |class: PartialObjectMeta<StorageClass>| {
                let is_default = is_default(&class.metadata);
                Some((class.metadata.name?, is_default))
            };
            Ok(Arc::new(each_page(&api, deadline, what, class).await?.into_iter().collect()))
        };
        let answer = async move {
            let answer = in_time(deadline, what, self.classes.try_get_with((), ask)).await?;
            answer.map_err(|failed: Arc<LookupFailed>| LookupFailed::clone(&failed))
        };
        answer.boxed()
    }
}

fn ownership(meta: &ObjectMeta) -> Ownership {
    let none = BTreeMap::new();
    let labels = meta.labels.as_ref().unwrap_or(&none);
    Ownership::of(meta.uid.as_deref().unwrap_or_default(), |key| labels.get(key).map(String::as_str))
}

fn is_new_claim(submission: &Submission<'_>) -> bool {
    submission.act == Act::Create && submission.resource.is_core("persistentvolumeclaims")
}

/// Whether a new claim names a lane and a class that is not the lane's.
fn is_classed_beside_a_lane(submission: &Submission<'_>, policy: &Policy) -> bool {
    let claim = submission.object.and_then(|object| VolumeClaim::read(object, Place::root()).ok());
    claim.is_some_and(|claim| {
        let lane = claim.object.label(contract::STORAGE_LANE);
        let lane = lane.and_then(|lane| policy.platform().storage_lanes.get(lane));
        let class = claim.spec.storage_class_name.as_ref();
        lane.zip(class).is_some_and(|(lane, class)| lane.storage_class != *class)
    })
}

#[cfg(test)]
mod tests;
