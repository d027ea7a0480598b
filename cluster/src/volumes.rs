//! Whose volumes are. PersistentVolumeClaims are known from a cache of their labels; what it does not know, VolumeSnapshots,
//! and what only the making of a claim needs are asked of the API server.

mod makers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client};
use policy_engine::object::kinds::SNAPSHOT_GROUP;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::submission::volume_claim::VolumeClaim;
use policy_engine::submission::volumes::{Known, MOST_NAMED, Named, Standing, Volumes as Facts, Waiting};
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::watch::{Cache, Caches, Common, OLDEST, follow_some};

/// How long an answer of the API server about one claim saves it from the same question.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
const MOST_ANSWERS: u64 = 10_000;
/// How many objects one page of a list has.
pub(crate) const PAGE: u32 = 500;
const NOT_FOUND: u16 = 404;
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// Pods that will mount nothing any more are left out.
pub(crate) const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

type ClaimMeta = PartialObjectMeta<PersistentVolumeClaim>;

/// Answers whose volumes are. Clones share what they know.
#[derive(Clone)]
pub struct Volumes {
    client: Client,
    cache: Option<Arc<Cache<ClaimMeta>>>,
    asked: moka::future::Cache<(String, String), Known>,
}

impl Volumes {
    /// Starts to watch PersistentVolumeClaims. Returns at once; the watch ends with that of the caches.
    ///
    /// Until the cache is filled, each claim is asked for.
    pub fn start(caches: &Caches) -> Self {
        let common = Common {
            client: caches.client().clone(),
            shutdown: caches.shutdown().clone(),
            kinds_missing: Arc::default(),
        };
        let all = watcher::Config::default();
        let cache = follow_some(
            "persistentvolumeclaims",
            Api::all,
            (),
            all,
            |it: &mut ClaimMeta| our_labels(&mut it.metadata),
            || {},
            &common,
        );
        Self { cache: Some(Arc::new(cache)), ..Self::asking(caches.client().clone()) }
    }

    /// Asks for each claim.
    pub fn asking(client: Client) -> Self {
        let asked = moka::future::Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(ANSWER_HOLDS).build();
        Self { client, cache: None, asked }
    }

    /// What the decision about a submission needs to know, but for who waits. Nothing is asked for one that names no
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
        let named = Named::by(submission, policy);
        if named.len() <= MOST_NAMED {
            for claim in named.claims {
                let known = self.claim(namespace, &claim, deadline).await?;
                facts.claims.insert(claim, known);
            }
            for snapshot in named.snapshots {
                let known = self.snapshot(namespace, &snapshot, deadline).await?;
                facts.snapshots.insert(snapshot, known);
            }
        }
        if is_new_claim(submission) && is_classed_beside_a_lane(submission, policy) {
            facts.default_classes = self.default_classes(deadline).await?;
        }
        Ok(facts)
    }

    /// A cache that has heard nothing for long is not believed, and a claim that it does not know may have been made a moment ago: the API server is asked before it is
    /// believed that there is none.
    async fn claim(&self, namespace: &str, name: &str, deadline: Instant) -> Result<Known, LookupFailed> {
        let fresh = |cache: &&Arc<Cache<_>>| cache.last_heard().is_some_and(|heard| heard.elapsed() <= OLDEST);
        let cache = self.cache.as_ref().filter(fresh);
        let cached = cache.and_then(|cache| cache.store.get(&ObjectRef::new(name).within(namespace)));
        if let Some(claim) = cached {
            return Ok(Known::There(standing(&claim.metadata)));
        }
        if !is_path_segment(name) {
            return Ok(Known::Missing);
        }
        let what = || format!("persistentvolumeclaim {namespace}/{name}");
        let ask = async {
            let api = Api::<ClaimMeta>::namespaced(self.client.clone(), namespace);
            let found = api.get_opt(name).await?;
            Ok::<_, kube::Error>(found.map_or(Known::Missing, |claim| Known::There(standing(&claim.metadata))))
        };
        let key = (namespace.to_owned(), name.to_owned());
        let answer = in_time(deadline, what, self.asked.try_get_with(key, ask)).await?;
        answer.map_err(|source: Arc<kube::Error>| LookupFailed::Api { what: what(), source })
    }

    async fn snapshot(&self, namespace: &str, name: &str, deadline: Instant) -> Result<Known, LookupFailed> {
        if !is_path_segment(name) {
            return Ok(Known::Missing);
        }
        let what = || format!("volumesnapshot {namespace}/{name}");
        let kind = GroupVersionKind::gvk(SNAPSHOT_GROUP, "v1", "VolumeSnapshot");
        let resource = ApiResource::from_gvk_with_plural(&kind, "volumesnapshots");
        let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(self.client.clone(), namespace, &resource);
        match in_time(deadline, what, api.get_opt(name)).await? {
            Ok(found) => Ok(found.map_or(Known::Missing, |snapshot| Known::There(standing(&snapshot.metadata)))),
            // By code: where not even the group exists, the answer is plain text and has no reason.
            Err(kube::Error::Api(status)) if status.code == NOT_FOUND => Ok(Known::Missing),
            Err(error) => Err(LookupFailed::Api { what: what(), source: Arc::new(error) }),
        }
    }

    /// The unfinished Pods that name the claim which a submission makes.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn waiting(&self, submission: &Submission<'_>, deadline: Instant) -> Result<Vec<Waiting>, LookupFailed> {
        let Submission { namespace, name: claim, .. } = *submission;
        // A name that is still to be generated is nobody's to wait for.
        if !is_new_claim(submission) || claim.is_empty() {
            return Ok(Vec::new());
        }
        let api = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let what = || format!("pods of {namespace}");
        let pods = each_page(&api, &ListParams::default().fields(UNFINISHED), deadline, what).await?;
        Ok(pods.into_iter().filter_map(|pod| waits_for(pod, claim)).collect())
    }

    async fn default_classes(&self, deadline: Instant) -> Result<BTreeSet<String>, LookupFailed> {
        let api = Api::<PartialObjectMeta<StorageClass>>::all(self.client.clone());
        let classes = each_page(&api, &ListParams::default(), deadline, || "storageclasses".into()).await?;
        let is_default = |meta: &ObjectMeta| {
            meta.annotations.as_ref().and_then(|it| it.get(DEFAULT_CLASS)).is_some_and(|it| it == "true")
        };
        Ok(classes.into_iter().map(|it| it.metadata).filter(is_default).filter_map(|meta| meta.name).collect())
    }
}

/// The whole of a list, page by page, until the deadline.
pub(crate) async fn each_page<K>(
    api: &Api<K>,
    which: &ListParams,
    deadline: Instant,
    what: impl Fn() -> String,
) -> Result<Vec<K>, LookupFailed>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut all = Vec::new();
    let mut which = which.clone().limit(PAGE);
    loop {
        let page = in_time(deadline, &what, api.list(&which)).await?;
        let page = page.map_err(|error| LookupFailed::Api { what: what(), source: Arc::new(error) })?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => which = which.continue_token(&token),
            None => return Ok(all),
        }
    }
}

fn standing(meta: &ObjectMeta) -> Standing {
    let none = BTreeMap::new();
    let labels = meta.labels.as_ref().unwrap_or(&none);
    Standing::of(|key| labels.get(key).map(String::as_str))
}

/// All that the cache keeps of a claim besides its name.
fn our_labels(meta: &mut ObjectMeta) {
    let mut labels = meta.labels.take().unwrap_or_default();
    labels.retain(|key, _| key.starts_with(contract::PREFIX));
    *meta = ObjectMeta {
        name: meta.name.take(),
        namespace: meta.namespace.take(),
        resource_version: meta.resource_version.take(),
        labels: Some(labels),
        ..ObjectMeta::default()
    };
}

fn waits_for(pod: Pod, claim: &str) -> Option<Waiting> {
    let volumes = pod.spec.and_then(|spec| spec.volumes).unwrap_or_default();
    let mut named = volumes.into_iter().filter_map(|it| it.persistent_volume_claim).filter(|it| it.claim_name == claim);
    let read_only = named.next()?.read_only == Some(true) && named.all(|it| it.read_only == Some(true));
    let user_id = pod.metadata.labels.and_then(|mut labels| labels.remove(contract::USER_ID));
    Some(Waiting { pod: pod.metadata.name.unwrap_or_default(), user_id, read_only })
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
