//! Device claims, their templates and classes, as far as a decision needs them: from caches that keep no more than that.
//! What they do not know is asked of the API server once before it is believed that there is none.

mod given;
mod inventory;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use kube::core::{ObjectMeta, Resource};
use kube::{Api, Client};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::devices::{
    ClaimTemplate, Devices as Facts, KnownClaim, MOST_CANDIDATES, MOST_NAMED, Names, ReservingPod, is_shared,
    newly_reserved,
};
use policy_engine::submission::identity::Caller;
use policy_engine::submission::inventory::Inventory;
use policy_engine::{Submission, contract};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::volumes::{born, is_older};
use super::{Answers, answers, each_page, is_missing};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::{Topic, World, is_of_pod};

/// Answers what claims, templates and classes there are. Clones share what they know.
#[derive(Clone)]
pub struct Devices {
    client: Client,
    world: Option<World>,
    all_classes: Answers<(), Arc<DeviceClasses>>,
    claims: ByName<ResourceClaim>,
    templates: ByName<ResourceClaimTemplate>,
    classes: ByName<DeviceClass>,
    inventory: Answers<(), Arc<Inventory>>,
}

/// What was asked of the API server a moment ago, by Namespace and name.
type ByName<K> = Answers<(String, String), Option<Arc<K>>>;

impl Devices {
    /// Answers from the caches. Until one is filled, each object that it lacks is asked for.
    pub fn start(world: &World) -> Self {
        Self { world: Some(world.clone()), ..Self::asking(world.client().clone()) }
    }

    /// Asks for everything.
    pub fn asking(client: Client) -> Self {
        Self {
            client,
            world: None,
            all_classes: answers(),
            claims: answers(),
            templates: answers(),
            classes: answers(),
            inventory: answers(),
        }
    }

    /// What the decision about a submission needs to know, but for reservations. Nothing is asked for one that names no
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
        let mut named = Names::by(submission, policy);
        if !named.devices {
            return Ok(facts);
        }
        let namespace = submission.namespace;
        facts.classes = self.all_classes(deadline).await?;
        if Caller::of_submission(submission, policy).is_read_by_people() {
            facts.inventory = self.inventory(deadline).await;
        }
        if named.len() <= MOST_NAMED {
            let claims = Api::namespaced(self.client.clone(), namespace);
            for name in named.claims {
                let known = self.cached(Topic::ResourceClaims, |world| world.claim(namespace, &name));
                if let Some(claim) = find(&claims, known, &self.claims, namespace, &name, deadline).await? {
                    facts.claims.insert(name, known_claim(&claim));
                }
            }
            if named.slots {
                let (claims, more) = self.managed(namespace, deadline).await?;
                facts.claims.extend(claims.iter().filter_map(|it| Some((it.metadata.name.clone()?, known_claim(it)))));
                facts.more_claims = more;
            }
            let templates = Api::namespaced(self.client.clone(), namespace);
            for name in named.templates {
                let known = self.cached(Topic::ResourceClaimTemplates, |world| world.template(namespace, &name));
                if let Some(template) = find(&templates, known, &self.templates, namespace, &name, deadline).await? {
                    let template = known_template(&template);
                    named.classes.extend(Names::classes_of(&template.spec));
                    facts.templates.insert(name, template);
                }
            }
            named.classes.extend(facts.claims.values().flat_map(|claim| Names::classes_of(&claim.spec)));
            let classes = Api::all(self.client.clone());
            for name in named.classes.into_iter().take(MOST_NAMED) {
                if !facts.classes.contains_key(&name)
                    && let Some(class) = find(&classes, None, &self.classes, "", &name, deadline).await?
                {
                    Arc::make_mut(&mut facts.classes).insert(name, class.spec.clone().unwrap_or_default());
                }
            }
        }
        Ok(facts)
    }

    /// What the reservation of a claim needs to know: the classes by which it is priced, and the Pods for which it is being
    /// reserved and was not made.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn reserving(&self, submission: &Submission<'_>, deadline: Instant) -> Result<Facts, LookupFailed> {
        let mut facts = Facts::default();
        let claim = submission.object.and_then(born);
        // All of them: Kubernetes reserves a claim for 256 Pods at the most.
        for (name, uid) in newly_reserved(submission) {
            let found = self.pod(submission.namespace, &name, &uid, deadline).await?;
            facts.reserving.push(ReservingPod {
                name,
                uid,
                is_there: found.is_some(),
                user_id: found.as_ref().and_then(|meta| value(&meta.labels, contract::USER_ID)).map(UserId::new),
                queue: found.as_ref().and_then(|meta| value(&meta.labels, contract::QUEUE_NAME)),
                claim_is_older: found.as_ref().is_some_and(|pod| is_older(claim, pod)),
            });
        }
        if !facts.reserving.is_empty() {
            facts.classes = self.all_classes(deadline).await?;
        }
        facts.given = self.given(submission);
        Ok(facts)
    }

    /// The metadata of the Pod of this UID.
    async fn pod(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        deadline: Instant,
    ) -> Result<Option<ObjectMeta>, LookupFailed> {
        if let Some(pod) = self.world.as_ref().and_then(|world| world.pod_of_uid(namespace, name, uid)) {
            return Ok(Some(pod.metadata.clone()));
        }
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("pod {namespace}/{name}");
        let api = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let found = in_time(deadline, what, api.get_metadata_opt(name)).await?;
        let found = found.map_err(|error| LookupFailed::api(what, error))?;
        Ok(found.map(|pod| pod.metadata).filter(|meta| meta.uid.as_deref() == Some(uid)))
    }

    /// What a cache says, if its watch was heard lately.
    fn cached<T>(&self, topic: Topic, ask: impl FnOnce(&World) -> Option<T>) -> Option<T> {
        ask(self.world.as_ref().filter(|world| world.is_fresh(topic))?)
    }

    /// What is known of everything there is, if that is known.
    fn complete(&self, topic: Topic) -> Option<&World> {
        self.world.as_ref().filter(|world| world.fit(&[topic]).is_ok())
    }

    /// The claims of a Namespace that are no single Pod's, the first by name, and whether there are more.
    async fn managed(
        &self,
        namespace: &str,
        deadline: Instant,
    ) -> Result<(Vec<Arc<ResourceClaim>>, bool), LookupFailed> {
        if let Some(world) = self.complete(Topic::ResourceClaims) {
            return Ok(world.managed_claims(namespace, MOST_CANDIDATES));
        }
        let api = Api::<ResourceClaim>::namespaced(self.client.clone(), namespace);
        let what = || format!("resourceclaims of {namespace}");
        let managed = |claim| Some(claim).filter(|claim| !is_of_pod(claim));
        let mut all = each_page(&api, deadline, what, managed).await?;
        all.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
        let more = all.len() > MOST_CANDIDATES;
        all.truncate(MOST_CANDIDATES);
        Ok((all.into_iter().map(Arc::new).collect(), more))
    }

    /// All classes as the watch knows them; where it is not to be believed, as the API server lists them.
    async fn all_classes(&self, deadline: Instant) -> Result<Arc<DeviceClasses>, LookupFailed> {
        if let Some(world) = self.complete(Topic::DeviceClasses) {
            return Ok(world.device_classes());
        }
        let what = || String::from("deviceclasses");
        let ask = async {
            let api = Api::<DeviceClass>::all(self.client.clone());
            let class = |class: DeviceClass| Some((class.metadata.name?, class.spec?));
            let all = match each_page(&api, deadline, what, class).await {
                Err(LookupFailed::Api { source, .. }) if is_missing(&source) => Vec::new(),
                all => all?,
            };
            Ok(Arc::new(all.into_iter().collect()))
        };
        let answer = in_time(deadline, what, self.all_classes.try_get_with((), ask)).await?;
        answer.map_err(|failed: Arc<LookupFailed>| LookupFailed::clone(&failed))
    }
}

/// What no cache knows may have been made a moment ago: the API server is asked.
async fn find<K>(
    api: &Api<K>,
    known: Option<Arc<K>>,
    asked: &ByName<K>,
    namespace: &str,
    name: &str,
    deadline: Instant,
) -> Result<Option<Arc<K>>, LookupFailed>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    if known.is_some() {
        return Ok(known);
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
    answer.map_err(|source: Arc<kube::Error>| LookupFailed::api(what, source))
}

/// A claim as the engine knows it.
pub fn known_claim(claim: &ResourceClaim) -> KnownClaim {
    let meta = &claim.metadata;
    let pod = meta.owner_references.iter().flatten().find(|it| it.controller == Some(true) && it.kind == "Pod");
    KnownClaim {
        uid: meta.uid.clone().unwrap_or_default(),
        user_id: value(&meta.labels, contract::USER_ID).map(UserId::new),
        shared: is_shared(value(&meta.annotations, contract::SHARE).as_deref()),
        slot: value(&meta.labels, contract::SLOT),
        pod_uid: pod.map(|pod| pod.uid.clone()),
        terminating: meta.deletion_timestamp.is_some(),
        allocated: claim.status.as_ref().is_some_and(|status| status.allocation.is_some()),
        spec: Arc::new(claim.spec.clone().unwrap_or_default()),
    }
}

/// A template of claims as the engine knows it.
pub fn known_template(template: &ResourceClaimTemplate) -> ClaimTemplate {
    let user_id = value(&template.metadata.labels, contract::USER_ID).map(UserId::new);
    let spec = template.spec.as_ref().and_then(|it| it.spec.clone()).unwrap_or_default();
    ClaimTemplate { user_id, labels: labels_of_claims(template).cloned().unwrap_or_default(), spec: Arc::new(spec) }
}

/// The labels of the claims that are made from a template.
pub(crate) fn labels_of_claims(template: &ResourceClaimTemplate) -> Option<&BTreeMap<String, String>> {
    template.spec.as_ref()?.metadata.as_ref()?.labels.as_ref()
}

fn value(keys: &Option<BTreeMap<String, String>>, key: &str) -> Option<String> {
    keys.as_ref()?.get(key).cloned()
}

#[cfg(test)]
mod tests;
