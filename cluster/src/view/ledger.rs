//! What exists of what the daemon `ledger` compares: Pods and device claims, and what they are charged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::resource::v1::{DeviceRequestAllocationResult, ResourceClaim, ResourceClaimTemplate};
use kube::ResourceExt;
use kube::core::ObjectMeta;
use policy_engine::charge::{self, Identity, KnownPrice};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::contract;
use policy_engine::daemons::common::is_exempt;
use policy_engine::ledger::{
    AdmitPod, Allocated, Amounts, ClaimMade, Device, ForPod, Got, Life, Limits, LiveClaim, LivePod, Sight, Tags, View,
};
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::UserId;
use policy_engine::policy::names::QueueName;
use policy_engine::policy::project::{Holder, Project};
use policy_engine::submission::devices::{self, made_for_reference};
use serde_json::json;

use super::label;
use crate::lookup::devices::labels_of_claims;
use crate::world::pod::{Pod, life, queue};
use crate::world::{End, Topic, World, reserved_for};

/// What the charge of a Pod with claims rests on, beside the Pod.
const PRICED_BY: &[Topic] = &[Topic::ResourceClaims, Topic::ResourceClaimTemplates, Topic::DeviceClasses];
/// What a claim costs is asked of the engine once.
const MOST_PRICES: usize = 100_000;

/// What claims cost, by their UIDs: their specs never change. It holds until the policy or a DeviceClass changes. Clones share
/// it.
#[derive(Clone, Debug, Default)]
pub struct Prices(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    policy: String,
    classes: Arc<DeviceClasses>,
    of: HashMap<String, Amounts>,
}

/// What one comparison rests on.
struct Reading<'a> {
    world: &'a World,
    prices: &'a Prices,
    policy: &'a Policy,
    classes: Arc<DeviceClasses>,
    /// Who pays, and which of their limits counts.
    payers: fn(&Policy, &Project, Option<UserId>, Timestamp) -> Limits,
    now: Timestamp,
}

/// What is there and is charged to a project.
pub fn view(world: &World, prices: &Prices, policy: &Policy, own_namespace: &str) -> View {
    let reading = Reading::of(world, prices, policy);
    let mut view = View { at: reading.now, passed: world.take_passed(), ..View::default() };
    // Claims before Pods: a Pod that is seen to have ended holds no claim of the same moment.
    let claims = world.claims();
    let pods = world.pods();
    let governed = |namespace: Option<&str>| {
        namespace.is_some_and(|namespace| !is_exempt(own_namespace, policy.platform(), namespace))
    };
    // Of the Pods that hold what is reserved for them.
    let mut queues = HashMap::new();
    for pod in pods.iter().filter(|pod| governed(pod.metadata.namespace.as_deref())) {
        let life = life(pod);
        let Some(charge) = reading.pod(pod) else { continue };
        if life == Life::Scheduled {
            queues.insert(charge.uid.clone(), queue(pod).to_owned());
        }
        view.pods.insert(charge.uid.clone(), LivePod { charge, life });
    }
    for claim in claims.iter().filter(|claim| governed(claim.metadata.namespace.as_deref())) {
        let Some(charge) = reading.claim(claim) else { continue };
        let bound = reading.bound(claim, |pod| queues.get(pod).cloned());
        let got = reading.got(claim, |pod| queues.contains_key(pod)).filter(|_| bound.is_some());
        view.claims.insert(charge.uid.clone(), LiveClaim { charge, bound, got });
    }
    view
}

/// What ended since this was last asked, as the ledger is to see it: Pods, claims, and claims that such Pods held. It only
/// lowers: what is held is for the daemon to say, whose view another process need not have yet.
pub fn ended(world: &World, prices: &Prices, policy: &Policy) -> Vec<Sight> {
    let ends = world.take_ended();
    if ends.is_empty() {
        return Vec::new();
    }
    let reading = Reading::of(world, prices, policy);
    let at = reading.now;
    let pods = world.pods();
    let scheduled = pods.iter().filter(|pod| life(pod) == Life::Scheduled);
    let holders: HashSet<&str> = scheduled.filter_map(|pod| pod.metadata.uid.as_deref()).collect();
    let (mut sights, mut released) = (Vec::new(), HashSet::new());
    for end in ends {
        match end {
            End::Pod(uid) => {
                released.insert(uid.clone());
                sights.push(Sight::PodGone { uid, at });
            }
            // What is gone under a Pod that runs, the daemon looks into.
            End::Claim(_, users) if users.iter().any(|pod| holders.contains(pod.as_str())) => {}
            End::Claim(uid, _) => sights.push(Sight::ClaimGone { uid, at }),
            End::Released(uid) => drop(released.insert(uid)),
        }
    }
    let is_released = |claim: &&Arc<ResourceClaim>| {
        let uid = claim.metadata.uid.as_deref();
        uid.into_iter().chain(reserved_for(claim)).any(|uid| released.contains(uid))
            && !reserved_for(claim).any(|pod| holders.contains(pod))
    };
    let charge = |claim: &Arc<ResourceClaim>| Some(LiveClaim { charge: reading.claim(claim)?, bound: None, got: None });
    let claims = world.claims();
    sights.extend(claims.iter().filter(is_released).filter_map(charge).map(|claim| claim.sight(at)));
    sights
}

/// Effective GPU in thousandths that claims have which Pods hold, by the queue of a Pod that does.
pub(super) fn held_by_queue<'a>(
    world: &World,
    prices: &Prices,
    policy: &Policy,
    queue_of_pod: &'a HashMap<String, QueueName>,
) -> impl Iterator<Item = (QueueName, u64)> + use<'a> {
    let milli_gpu = milli_gpu(world, prices, policy);
    let held = world.claims().into_iter().filter(|claim| is_allocated(claim)).filter_map(|claim| {
        let queue = reserved_for(&claim).find_map(|pod| queue_of_pod.get(pod))?;
        Some((queue.clone(), milli_gpu(&claim)))
    });
    held.collect::<Vec<_>>().into_iter()
}

/// The effective GPU in thousandths that claims count for: by what they got, else at their dearest.
pub(super) fn milli_gpu<'a>(
    world: &'a World,
    prices: &'a Prices,
    policy: &'a Policy,
) -> impl Fn(&ResourceClaim) -> u64 + use<'a> {
    let reading = Reading::of(world, prices, policy);
    move |claim| reading.got_price(claim).unwrap_or_else(|| reading.claim_price(claim)).milli_gpu
}

/// The claims that hold devices for themselves, also those of no project: a device is held whoever holds it. One watch has
/// them all, so that a device which goes from one claim to another is never seen at both.
pub fn holders(world: &World) -> Vec<Allocated> {
    let holder = |claim: &ResourceClaim| {
        let allocation = claim.status.as_ref()?.allocation.as_ref()?;
        let results = allocation.devices.iter().flat_map(|devices| devices.results.iter().flatten());
        let alone = results.filter(|it| it.share_id.is_none() && it.admin_access != Some(true));
        let device = |it: &DeviceRequestAllocationResult| Device {
            driver: it.driver.clone(),
            pool: it.pool.clone(),
            name: it.device.clone(),
        };
        Some(Allocated {
            uid: claim.metadata.uid.clone()?,
            namespace: claim.metadata.namespace.clone()?,
            name: claim.metadata.name.clone()?,
            devices: alone.map(device).collect(),
        })
    };
    world.claims().iter().filter_map(|claim| holder(claim)).collect()
}

/// What a Pod is charged that waits behind a gate; `None` for one that is not known, is another by now, or whose claims are
/// not known yet.
pub fn pod(
    world: &World,
    prices: &Prices,
    policy: &Policy,
    (namespace, name, uid): (&str, &str, &str),
) -> Option<AdmitPod> {
    let pod = world.pod(namespace, name)?;
    if !pod.spec.claims.is_empty() && world.fit(PRICED_BY).is_err() {
        return None;
    }
    // What would start is asked of what there is at this moment; of what runs nobody says that it has too much because a plan closed.
    let reading = Reading { payers: charge::payers, ..Reading::of(world, prices, policy) };
    reading.pod(&pod).filter(|charge| charge.uid == uid)
}

/// The project that a Namespace is bound to.
fn project<'a>(world: &World, policy: &'a Policy, namespace: &str) -> Option<&'a Project> {
    let namespace = world.namespace(namespace)?;
    policy.project_by_id(label(&namespace.metadata, contract::PROJECT_ID)?)
}

/// The user who is stamped on a Pod or claim.
fn owner(meta: &ObjectMeta) -> Option<UserId> {
    label(meta, contract::USER_ID).map(UserId::new)
}

/// What a Pod's labels ask.
fn labels_ask(meta: &ObjectMeta, policy: &Policy) -> Amounts {
    let object = json!({"metadata": {"labels": meta.labels}});
    charge::labels_ask(Object(&object), policy)
}

fn is_allocated(claim: &ResourceClaim) -> bool {
    claim.status.as_ref().is_some_and(|status| status.allocation.is_some())
}

fn is_shared(claim: &ResourceClaim) -> bool {
    devices::is_shared(claim.annotations().get(contract::SHARE).map(String::as_str))
}

impl<'a> Reading<'a> {
    fn of(world: &'a World, prices: &'a Prices, policy: &'a Policy) -> Self {
        let (classes, now) = (world.device_classes(), Timestamp::now());
        Self { world, prices, policy, classes, payers: charge::payers_while_open, now }
    }

    fn pod(&self, pod: &Pod) -> Option<AdmitPod> {
        let meta = &pod.metadata;
        let namespace = meta.namespace.as_deref()?;
        let project = project(self.world, self.policy, namespace)?;
        let payers = |user: Option<UserId>| (self.payers)(self.policy, project, user, self.now);
        let named = Identity { uid: meta.uid.as_deref()?, namespace, name: meta.name.as_deref()? };
        let uses = charge::uses(
            &pod.spec.claims,
            |template| match self.world.template(namespace, template) {
                Some(template) => self.template_price(&template),
                None => labels_ask(meta, self.policy),
            },
            |claim| {
                let claim = self.world.claim(namespace, claim)?;
                // What came under the name and is a colleague's alone is not given to the Pod.
                let is_theirs = owner(&claim.metadata) == owner(meta) || is_shared(&claim);
                let is_held = reserved_for(&claim).any(|uid| Some(uid) == meta.uid.as_deref());
                let uid = claim.metadata.uid.clone().filter(|_| is_theirs || is_held)?;
                let (price, payers) = (self.claim_price(&claim), payers(owner(&claim.metadata)));
                Some(KnownPrice { uid, price, payers, shared: is_shared(&claim) })
            },
        );
        let of_names = charge::of_names(&pod.spec.counted, &self.classes, self.policy);
        let amounts = pod.spec.amounts(self.policy.platform().charge)?.plus(of_names);
        Some(AdmitPod { uses, ..charge::pod(named, amounts, payers(owner(meta))) })
    }

    fn claim(&self, claim: &ResourceClaim) -> Option<ClaimMade> {
        let namespace = claim.metadata.namespace.clone()?;
        let project = project(self.world, self.policy, &namespace)?;
        let pod = claim.owner_references().iter().find(|it| it.controller == Some(true) && it.kind == "Pod");
        let reference = made_for_reference(|key| claim.annotations().get(key).map(String::as_str));
        Some(ClaimMade {
            uid: claim.metadata.uid.clone()?,
            namespace,
            name: claim.metadata.name.clone()?,
            price: self.claim_price(claim),
            payers: (self.payers)(self.policy, project, owner(&claim.metadata), self.now),
            shared: is_shared(claim),
            for_pod: pod
                .zip(reference)
                .map(|(pod, reference)| ForPod { uid: pod.uid.clone(), reference: reference.to_owned() }),
        })
    }

    /// Whose resource-hours a claim spends: of a claim that is allocated, and reserved for a Pod that holds what it has.
    fn bound(&self, claim: &ResourceClaim, queue: impl Fn(&str) -> Option<String>) -> Option<Tags> {
        let queue = reserved_for(claim).find_map(queue).filter(|_| is_allocated(claim))?;
        let project = project(self.world, self.policy, claim.metadata.namespace.as_deref()?)?;
        Some(self.tags(claim, project, queue))
    }

    /// What a claim with a choice got.
    fn got(&self, claim: &ResourceClaim, is_scheduled: impl Fn(&str) -> bool) -> Option<Got> {
        let holders = || reserved_for(claim).filter(|pod| is_scheduled(pod)).map(str::to_owned).collect();
        Some(Got { price: self.got_price(claim)?, holders: holders() })
    }

    /// What an allocated claim with a choice costs.
    fn got_price(&self, claim: &ResourceClaim) -> Option<Amounts> {
        let (spec, allocation) = (claim.spec.as_ref()?, claim.status.as_ref()?.allocation.as_ref()?);
        let requests = spec.devices.iter().flat_map(|devices| devices.requests.iter().flatten());
        if !requests.into_iter().any(|request| request.first_available.is_some()) {
            return None;
        }
        let results = allocation.devices.iter().flat_map(|devices| devices.results.iter().flatten());
        let got: Vec<_> = results.map(|it| it.request.as_str()).collect();
        let known_as = format!("{} {}", claim.metadata.uid.as_deref()?, got.join(" "));
        Some(self.price(Some(&known_as), || charge::price_of_allocated(spec, &got, &self.classes, self.policy)))
    }

    fn claim_price(&self, claim: &ResourceClaim) -> Amounts {
        let Some(spec) = &claim.spec else { return Amounts::NOTHING };
        self.price(claim.metadata.uid.as_deref(), || charge::price(spec, &self.classes, self.policy))
    }

    fn template_price(&self, template: &ResourceClaimTemplate) -> Amounts {
        let Some(spec) = template.spec.as_ref().and_then(|spec| spec.spec.as_ref()) else { return Amounts::NOTHING };
        let nothing = BTreeMap::new();
        let labels = labels_of_claims(template).unwrap_or(&nothing);
        let price = || charge::template_price(spec, labels, &self.classes, self.policy);
        self.price(template.metadata.uid.as_deref(), price)
    }

    /// The price that is known under a UID; else what it is reckoned to be.
    fn price(&self, uid: Option<&str>, reckon: impl FnOnce() -> Amounts) -> Amounts {
        let Some(uid) = uid else { return Amounts::NOTHING };
        let mut known = self.prices.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = known.policy == self.policy.version() && Arc::ptr_eq(&known.classes, &self.classes);
        if !holds || known.of.len() >= MOST_PRICES {
            *known =
                Known { policy: self.policy.version().to_owned(), classes: self.classes.clone(), of: HashMap::new() };
        }
        *known.of.entry(uid.to_owned()).or_insert_with(reckon)
    }

    fn tags(&self, claim: &ResourceClaim, project: &Project, queue: String) -> Tags {
        let group = match &project.holder {
            Holder::Group(group) => self.policy.records().groups.get(group).map(|group| group.id.clone()),
            Holder::User(_) => None,
        };
        Tags {
            project: project.id.clone(),
            user: owner(&claim.metadata).unwrap_or_default(),
            group: group.unwrap_or_default(),
            queue,
            model: claim.labels().get(contract::GPU_MODEL).cloned().unwrap_or_default(),
        }
    }
}
