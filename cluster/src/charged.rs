//! What exists of what the ledger charges: Pods, and device claims.
//!
//! All Pods are watched, because those from before a project's time carry no label of ours, and of each little more than
//! what it costs is kept.

mod sketch;
mod view;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use kube::Api;
use kube::core::{ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher;
use policy_engine::ledger::{Amounts, Missing};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::governed::contents::resource;
use crate::governed::{Unfit, heard_lately};
use crate::watch::{Cache, Caches, Common, follow_some};

use sketch::Sketch;

/// How long one question may take.
const LOOK_UP: Duration = Duration::from_secs(2);

/// A cache of what is charged. Clones share it.
#[derive(Clone)]
pub struct Charged {
    caches: Caches,
    watched: Arc<Watched>,
    changes: watch::Receiver<u64>,
    prices: Arc<Mutex<Prices>>,
    passed: Passed,
}

/// UIDs of Pods and claims that the watches spoke of since they were last asked for.
type Passed = Arc<Mutex<BTreeSet<String>>>;

/// More than come between two comparisons. What is forgotten is looked for later.
const MOST_PASSED: usize = 100_000;

struct Watched {
    pod: ApiResource,
    pods: Cache<Sketch>,
    claims: Cache<ResourceClaim>,
    templates: Cache<ResourceClaimTemplate>,
    classes: Cache<DeviceClass>,
    classes_changed: watch::Receiver<u64>,
}

/// What claims cost, by their UIDs: their specs never change. Until the policy or a DeviceClass does.
#[derive(Default)]
struct Prices {
    policy: String,
    classes: u64,
    of: HashMap<String, Amounts>,
}

impl Charged {
    /// Starts to watch. Returns at once; the watch ends with `shutdown`.
    pub fn start(caches: Caches, shutdown: CancellationToken) -> Self {
        let (nudge, changes) = watch::channel(0_u64);
        let (count, classes_changed) = watch::channel(0_u64);
        let (nudge, common) =
            (Arc::new(nudge), Common { client: caches.client().clone(), shutdown, kinds_missing: Arc::default() });
        let nudged = || {
            let nudge = nudge.clone();
            move || nudge.send_modify(|count| *count = count.wrapping_add(1))
        };
        let all = watcher::Config::default;
        let passed = Passed::default();
        let pass = |passed: &Passed, meta: &ObjectMeta| {
            let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
            if passed.len() < MOST_PASSED {
                passed.extend(meta.uid.clone());
            }
        };
        let (pods_passed, claims_passed) = (passed.clone(), passed.clone());
        let keep_pod = move |pod: &mut Sketch| {
            pass(&pods_passed, &pod.metadata);
            sketch::pod(pod);
        };
        let keep_claim = move |claim: &mut ResourceClaim| {
            pass(&claims_passed, &claim.metadata);
            sketch::claim(claim);
        };
        let pod = ApiResource::erase::<Pod>(&());
        let api = |client| Api::all_with(client, &pod);
        let pods = follow_some("charged pods", api, pod.clone(), all(), keep_pod, nudged(), &common);
        let claims = follow_some("charged claims", Api::all, (), all(), keep_claim, nudged(), &common);
        let templates = follow_some("claim templates", Api::all, (), all(), sketch::template, nudged(), &common);
        let changed = move || count.send_modify(|count| *count = count.wrapping_add(1));
        let classes = follow_some("device classes", Api::all, (), all(), sketch::class, changed, &common);
        let watched = Arc::new(Watched { pod, pods, claims, templates, classes, classes_changed });
        Self { caches, watched, changes, prices: Arc::default(), passed }
    }

    /// Waits until something changed that was not [noticed](Self::notice) yet.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes note of everything that has changed so far.
    pub fn notice(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Whether the cache holds everything, and nothing that is old.
    ///
    /// # Errors
    /// Why not.
    pub fn fit(&self) -> Result<(), Unfit> {
        let Watched { pods, claims, templates, classes, .. } = &*self.watched;
        let filled = [
            ("records and namespaces", self.caches.synced()),
            ("pods", pods.is_filled()),
            ("resourceclaims", claims.is_filled()),
            ("resourceclaimtemplates", templates.is_filled()),
            ("deviceclasses", classes.is_filled()),
        ];
        if let Some((name, _)) = filled.into_iter().find(|(_, filled)| !filled) {
            return Err(Unfit::Cold(name));
        }
        heard_lately([self.caches.observed_at(), pods.last_heard(), claims.last_heard(), classes.last_heard()])
    }

    /// Whether the API server has the Pod or claim under this UID, now.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn exists(&self, missing: &Missing) -> Result<bool, LookupFailed> {
        let Missing { uid, namespace, name, claim } = missing;
        if !is_path_segment(name) {
            return Ok(false);
        }
        let (group, plural) = if *claim { ("resource.k8s.io", "resourceclaims") } else { ("", "pods") };
        let resource = resource(group, "v1", plural);
        let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(
            self.caches.client().clone(),
            namespace,
            &resource,
        );
        let what = || format!("{plural} {namespace}/{name}");
        let found = in_time(Instant::now() + LOOK_UP, what, api.get_metadata_opt(name)).await?;
        let found = found.map_err(|error| LookupFailed::Api { what: what(), source: Arc::new(error) })?;
        Ok(found.is_some_and(|found| found.metadata.uid.as_ref() == Some(uid)))
    }
}
