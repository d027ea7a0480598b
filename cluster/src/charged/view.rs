//! From caches to what the engine compares the ledger with.

use std::collections::HashSet;
use std::sync::PoisonError;

use jiff::Timestamp;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimSpec};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use policy_engine::charge::{self, Named};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::contract;
use policy_engine::daemons::common::is_exempt;
use policy_engine::ledger::{AdmitPod, Amounts, ClaimMade, ForPod, Life, LiveClaim, LivePod, Tags, View};
use policy_engine::policy::Policy;
use policy_engine::policy::project::{Holder, Project};
use policy_engine::policy::queue::DEFAULT_QUEUE;
use policy_engine::submission::devices::POD_CLAIM_NAME;

use super::sketch::{self, Sketch};
use super::{Charged, Prices};
use crate::governed::Unfit;

/// What a claim costs is asked of the engine once.
const MOST_PRICES: usize = 100_000;

/// What one comparison rests on.
struct Reading<'a> {
    charged: &'a Charged,
    policy: &'a Policy,
    classes: DeviceClasses,
    now: Timestamp,
}

impl Charged {
    /// What is there and is charged to a project.
    ///
    /// # Errors
    /// Where the cache is not [fit](Self::fit).
    pub fn view(&self, policy: &Policy, own_namespace: &str) -> Result<View, Unfit> {
        self.fit()?;
        let reading = self.reading(policy);
        let passed = std::mem::take(&mut *self.passed.lock().unwrap_or_else(PoisonError::into_inner));
        let mut view = View { at: reading.now, passed, ..View::default() };
        // Claims before Pods: a Pod that is seen to have ended holds no claim of the same moment.
        let claims = self.watched.claims.store.state();
        let pods = self.watched.pods.store.state();
        let governed = |namespace: Option<&str>| {
            namespace.is_some_and(|namespace| !is_exempt(own_namespace, policy.platform(), namespace))
        };
        let mut live = HashSet::new();
        let mut queues = std::collections::HashMap::new();
        for pod in pods.iter().filter(|pod| governed(pod.metadata.namespace.as_deref())) {
            let life = sketch::life(pod);
            let Some(charge) = reading.pod(pod) else { continue };
            if life == Life::Scheduled {
                live.insert(charge.uid.clone());
                let queue = pod.metadata.labels.as_ref().and_then(|labels| labels.get(contract::QUEUE_NAME));
                queues.insert(charge.uid.clone(), queue.cloned().unwrap_or_else(|| DEFAULT_QUEUE.to_owned()));
            }
            view.pods.insert(charge.uid.clone(), LivePod { charge, life });
        }
        for claim in claims.iter().filter(|claim| governed(claim.metadata.namespace.as_deref())) {
            let Some(charge) = reading.claim(claim) else { continue };
            let user = sketch::reserved_for(claim).find(|pod| live.contains(*pod));
            let bound = user.filter(|_| sketch::is_allocated(claim)).and_then(|pod| {
                let project = self.project(policy, &charge.namespace)?;
                Some(reading.tags(claim, project, queues.get(pod).cloned().unwrap_or_default()))
            });
            view.claims.insert(charge.uid.clone(), LiveClaim { charge, bound });
        }
        Ok(view)
    }

    /// What a Pod is charged that waits behind a gate; `None` for one that is not known, or is another by now.
    pub fn pod(&self, policy: &Policy, namespace: &str, name: &str, uid: &str) -> Option<AdmitPod> {
        let reference = ObjectRef::new_with(name, self.watched.pod.clone()).within(namespace);
        let pod = self.watched.pods.store.get(&reference)?;
        self.reading(policy).pod(&pod).filter(|charge| charge.uid == uid)
    }

    fn reading<'a>(&'a self, policy: &'a Policy) -> Reading<'a> {
        let classes = self.watched.classes.store.state();
        let classes = classes.iter().filter_map(|class| Some((class.metadata.name.clone()?, class.spec.clone()?)));
        Reading { charged: self, policy, classes: classes.collect(), now: Timestamp::now() }
    }

    /// The project that a Namespace is bound to.
    fn project<'a>(&self, policy: &'a Policy, namespace: &str) -> Option<&'a Project> {
        let namespace = self.caches.namespace(namespace)?;
        policy.project_by_id(namespace.metadata.labels.as_ref()?.get(contract::PROJECT_ID)?)
    }
}

impl Reading<'_> {
    fn pod(&self, pod: &Sketch) -> Option<AdmitPod> {
        let meta = &pod.metadata;
        let namespace = meta.namespace.as_deref()?;
        let project = self.charged.project(self.policy, namespace)?;
        let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
        let payers = |user: Option<&str>| charge::payers(self.policy, project, user, self.now);
        let named = Named { uid: meta.uid.as_deref()?, namespace, name: meta.name.as_deref()? };
        let watched = &self.charged.watched;
        let uses = charge::uses(
            &pod.spec.claims,
            |template| match watched.templates.store.get(&ObjectRef::new(template).within(namespace)) {
                Some(template) => self.price(
                    template.metadata.uid.as_deref(),
                    template.spec.as_ref().and_then(|spec| spec.spec.as_ref()),
                ),
                None => sketch::labels_ask(meta, self.policy),
            },
            |claim| {
                let claim = watched.claims.store.get(&ObjectRef::new(claim).within(namespace))?;
                let owner = claim.labels().get(contract::USER_ID).map(String::as_str);
                let uid = claim.metadata.uid.clone()?;
                Some((uid, self.price(claim.metadata.uid.as_deref(), claim.spec.as_ref()), payers(owner)))
            },
        );
        Some(AdmitPod { uses, ..charge::pod(named, pod.spec.amounts?, payers(label(contract::USER_ID))) })
    }

    fn claim(&self, claim: &ResourceClaim) -> Option<ClaimMade> {
        let namespace = claim.metadata.namespace.clone()?;
        let project = self.charged.project(self.policy, &namespace)?;
        let owner = claim.labels().get(contract::USER_ID).map(String::as_str);
        let pod = claim.owner_references().iter().find(|it| it.controller == Some(true) && it.kind == "Pod");
        let reference = claim.annotations().get(POD_CLAIM_NAME);
        Some(ClaimMade {
            uid: claim.metadata.uid.clone()?,
            namespace,
            name: claim.metadata.name.clone()?,
            price: self.price(claim.metadata.uid.as_deref(), claim.spec.as_ref()),
            payers: charge::payers(self.policy, project, owner, self.now),
            for_pod: pod
                .zip(reference)
                .map(|(pod, reference)| ForPod { uid: pod.uid.clone(), reference: reference.clone() }),
        })
    }

    fn price(&self, uid: Option<&str>, spec: Option<&ResourceClaimSpec>) -> Amounts {
        let (Some(uid), Some(spec)) = (uid, spec) else { return Amounts::NOTHING };
        let classes = *self.charged.watched.classes_changed.borrow();
        let mut prices = self.charged.prices.lock().unwrap_or_else(PoisonError::into_inner);
        if prices.policy != self.policy.version() || prices.classes != classes || prices.of.len() >= MOST_PRICES {
            *prices = Prices { policy: self.policy.version().to_owned(), classes, of: Default::default() };
        }
        *prices.of.entry(uid.to_owned()).or_insert_with(|| charge::price(spec, &self.classes, self.policy))
    }

    fn tags(&self, claim: &ResourceClaim, project: &Project, queue: String) -> Tags {
        let group = match &project.holder {
            Holder::Group(group) => self.policy.records().groups.get(group).map(|group| group.id.clone()),
            Holder::User(_) => None,
        };
        let user = claim.labels().get(contract::USER_ID).cloned().unwrap_or_default();
        Tags {
            project: project.id.clone(),
            user,
            group: group.unwrap_or_default(),
            queue,
            model: claim.labels().get(contract::GPU_MODEL).cloned().unwrap_or_default(),
        }
    }
}
