//! Device claims, their templates and classes, as far as a decision needs them: from caches that keep no more than that.
//! What they do not know is asked of the API server once before it is believed that there is none.

mod keep;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use kube::api::ListParams;
use kube::core::Resource;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::policy::Policy;
use policy_engine::submission::devices::{Devices as Facts, KnownClaim, MOST_NAMED, Named, Waiter};
use policy_engine::submission::identity::makes_for_pod;
use policy_engine::{Act, Submission, contract};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use keep::{known_claim, known_template};

use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::volumes::{UNFINISHED, each_page};
use crate::watch::{Cache, Caches, Common, OLDEST, follow_some};

/// How long an answer of the API server saves it from the same question.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
/// So many claims of a namespace could be what a slot means; more are not looked at.
const MOST_CANDIDATES: usize = 1024;
const MOST_ANSWERS: u64 = 10_000;
const NOT_FOUND: u16 = 404;

/// Answers what claims, templates and classes there are. Clones share what they know.
#[derive(Clone)]
pub struct Devices {
    client: Client,
    watched: Option<Arc<Watched>>,
    classes_asked: moka::future::Cache<(), Arc<DeviceClasses>>,
    claims: Answers<ResourceClaim>,
    templates: Answers<ResourceClaimTemplate>,
    class: Answers<DeviceClass>,
}

struct Watched {
    claims: Cache<ResourceClaim>,
    templates: Cache<ResourceClaimTemplate>,
    classes: Cache<DeviceClass>,
    all_classes: ArcSwap<DeviceClasses>,
    classes_changed: Arc<AtomicBool>,
}

/// What was asked of the API server a moment ago, by namespace and name.
type Answers<K> = moka::future::Cache<(String, String), Option<Arc<K>>>;

impl Devices {
    /// Starts to watch. Returns at once; the watches end with those of the caches.
    ///
    /// Until a cache is filled, each object is asked for.
    pub fn start(caches: &Caches) -> Self {
        let common = Common {
            client: caches.client().clone(),
            shutdown: caches.shutdown().clone(),
            kinds_missing: Arc::default(),
        };
        let all = watcher::Config::default;
        let classes_changed = Arc::new(AtomicBool::new(true));
        let changed = classes_changed.clone();
        let changed = move || changed.store(true, Ordering::Release);
        let watched = Watched {
            claims: follow_some("resourceclaims", Api::all, (), all(), keep::claim, || {}, &common),
            templates: follow_some("resourceclaimtemplates", Api::all, (), all(), keep::template, || {}, &common),
            classes: follow_some("deviceclasses", Api::all, (), all(), keep::class, changed, &common),
            all_classes: ArcSwap::default(),
            classes_changed,
        };
        Self { watched: Some(Arc::new(watched)), ..Self::asking(caches.client().clone()) }
    }

    /// Asks for everything.
    pub fn asking(client: Client) -> Self {
        Self {
            client,
            watched: None,
            classes_asked: moka::future::Cache::builder().max_capacity(1).time_to_live(ANSWER_HOLDS).build(),
            claims: answers(),
            templates: answers(),
            class: answers(),
        }
    }

    /// What the decision about a submission needs to know, but for who waits. Nothing is asked for one that names no
    /// claim.
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
        let mut named = Named::by(submission, policy);
        if !named.devices {
            return Ok(facts);
        }
        let namespace = submission.namespace;
        let watched = self.watched.as_deref();
        facts.classes = self.classes(deadline).await?;
        if named.len() <= MOST_NAMED {
            let (claims, asked) = (Api::namespaced(self.client.clone(), namespace), &self.claims);
            for name in named.claims {
                let cache = watched.map(|it| &it.claims);
                if let Some(claim) = find(&claims, cache, asked, namespace, &name, deadline).await? {
                    facts.claims.insert(name, keep::known_claim(&claim));
                }
            }
            if named.slots {
                facts.claims.extend(self.project_managed(namespace, deadline).await?);
            }
            let (templates, asked) = (Api::namespaced(self.client.clone(), namespace), &self.templates);
            for name in named.templates {
                let cache = watched.map(|it| &it.templates);
                if let Some(template) = find(&templates, cache, asked, namespace, &name, deadline).await? {
                    let template = keep::known_template(&template);
                    named.classes.extend(Named::classes_of(&template.spec));
                    facts.templates.insert(name, template);
                }
            }
            named.classes.extend(facts.claims.values().flat_map(|claim| Named::classes_of(&claim.spec)));
            let classes = Api::all(self.client.clone());
            for name in named.classes.into_iter().take(MOST_NAMED) {
                if !facts.classes.contains_key(&name)
                    && let Some(class) = find(&classes, None, &self.class, "", &name, deadline).await?
                {
                    Arc::make_mut(&mut facts.classes).insert(name, class.spec.clone().unwrap_or_default());
                }
            }
        }
        Ok(facts)
    }

    /// The claims of a namespace that are no single Pod's.
    async fn project_managed(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Vec<(String, KnownClaim)>, LookupFailed> {
        let cache = self.watched.as_deref().map(|it| &it.claims).filter(|it| it.is_filled() && is_fresh(it));
        let claims: Vec<_> = match cache {
            Some(cache) => cache.store.state(),
            None => {
                let api = Api::<ResourceClaim>::namespaced(self.client.clone(), namespace);
                let what = || format!("resourceclaims of {namespace}");
                each_page(&api, &ListParams::default(), deadline, what).await?.into_iter().map(Arc::new).collect()
            }
        };
        let here = |claim: &&Arc<ResourceClaim>| claim.metadata.namespace.as_deref() == Some(namespace);
        let known =
            claims.iter().filter(here).filter_map(|it| Some((it.metadata.name.clone()?, keep::known_claim(it))));
        let managed = known.filter(|(_, claim)| claim.pod_uid.is_none());
        Ok(managed.take(MOST_CANDIDATES).collect())
    }

    /// All classes as the watch knows them; where it is not to be believed, as the API server lists them.
    async fn classes(&self, deadline: Instant) -> Result<Arc<DeviceClasses>, LookupFailed> {
        if let Some(watched) = self.watched.as_deref().filter(|it| it.classes.is_filled() && is_fresh(&it.classes)) {
            if watched.classes_changed.swap(false, Ordering::AcqRel) {
                let all = watched.classes.store.state();
                let all = all.iter().filter_map(|it| Some((it.metadata.name.clone()?, it.spec.clone()?)));
                watched.all_classes.store(Arc::new(all.collect()));
            }
            return Ok(watched.all_classes.load_full());
        }
        let what = || String::from("deviceclasses");
        let ask = async {
            let api = Api::<DeviceClass>::all(self.client.clone());
            let all = match each_page(&api, &ListParams::default(), deadline, what).await {
                Err(LookupFailed::Api { source, .. }) if is_missing(&source) => Vec::new(),
                all => all?,
            };
            Ok(Arc::new(all.into_iter().filter_map(|it| Some((it.metadata.name?, it.spec?))).collect()))
        };
        let answer = in_time(deadline, what, self.classes_asked.try_get_with((), ask)).await?;
        answer.map_err(|failed: Arc<LookupFailed>| LookupFailed::clone(&failed))
    }

    /// The unfinished Pods that name the claim which a submission makes.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn waiting(&self, submission: &Submission<'_>, deadline: Instant) -> Result<Vec<Waiter>, LookupFailed> {
        let Submission { namespace, name: claim, .. } = *submission;
        let is_new_claim =
            submission.act == Act::Create && submission.resource.is_claim() && !makes_for_pod(submission);
        // A name that is still to be generated is nobody's to wait for.
        if !is_new_claim || claim.is_empty() {
            return Ok(Vec::new());
        }
        let api = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let unfinished = ListParams::default().fields(UNFINISHED);
        let pods = each_page(&api, &unfinished, deadline, || format!("pods of {namespace}")).await?;
        Ok(pods.into_iter().filter_map(|pod| waits_for(pod, claim)).collect())
    }
}

/// A cache that has heard nothing for long is not believed, and what it does not know may have been made a moment ago.
async fn find<K>(
    api: &Api<K>,
    cache: Option<&Cache<K>>,
    asked: &Answers<K>,
    namespace: &str,
    name: &str,
    deadline: Instant,
) -> Result<Option<Arc<K>>, LookupFailed>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let object = || ObjectRef::new(name).within(namespace);
    if let Some(object) = cache.filter(|it| is_fresh(it)).and_then(|cache| cache.store.get(&object())) {
        return Ok(Some(object));
    }
    if !is_path_segment(name) {
        return Ok(None);
    }
    let what = || format!("{} {namespace}/{name}", K::plural(&()));
    let ask = async {
        match api.get_opt(name).await {
            Err(error) if is_missing(&error) => Ok(None),
            found => Ok::<_, kube::Error>(found?.map(Arc::new)),
        }
    };
    let answer = in_time(deadline, what, asked.try_get_with((namespace.to_owned(), name.to_owned()), ask)).await?;
    answer.map_err(|source: Arc<kube::Error>| LookupFailed::Api { what: what(), source })
}

fn answers<K: Send + Sync + 'static>() -> Answers<K> {
    moka::future::Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(ANSWER_HOLDS).build()
}

fn is_fresh<K>(cache: &Cache<K>) -> bool
where
    K: Resource + Clone + 'static,
    K::DynamicType: Hash + Eq + Clone,
{
    cache.last_heard().is_some_and(|heard| heard.elapsed() <= OLDEST)
}

/// By code: where not even the group exists, the answer is plain text and has no reason.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == NOT_FOUND)
}

fn waits_for(pod: Pod, claim: &str) -> Option<Waiter> {
    let claims = pod.spec.and_then(|spec| spec.resource_claims).unwrap_or_default();
    claims.iter().find(|it| it.resource_claim_name.as_deref() == Some(claim))?;
    let user_id = pod.metadata.labels.and_then(|mut labels| labels.remove(contract::USER_ID));
    Some(Waiter { pod: pod.metadata.name.unwrap_or_default(), user_id })
}

#[cfg(test)]
mod tests;
