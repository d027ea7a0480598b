//! # gpu-model: a claim gets the GPU models of plan and queue, and no other
//!
//! The allowed models are those of the project's plan (`ResourcePlan.spec.gpuModels`) that the Pod's queue takes too
//! (`PlatformQueue.spec.gpuModels`; a queue that lists none takes all). A project without a plan in force is allowed
//! the models of `PlatformPolicy.spec.withoutPlan.gpuModels`.
//!
//! The label `platform-go/dra-gpu-model` asks for one model, on Pods, pod templates and ResourceClaims.
//!
//! The platform *narrows* every ResourceClaim when it is made: it adds a selector for the allowed models to each
//! request, and to each alternative of `firstAvailable`. It does so whatever devices the cluster has at that moment, so
//! nothing that happens later gives the claim another model. The platform judges a ResourceClaimTemplate in the same
//! way and does not change it; it narrows the claims that are made from the template.
//!
//! A claim that a person makes is narrowed to the plan's models. A Pod that names it in a queue which takes fewer
//! models is refused.
//!
//! The platform compares a claim's DeviceClass and selectors with the GPU models that it knows. It refuses a request
//! that can match none of the allowed models, and a Pod that names such a claim. If a selector cannot be compared, the
//! platform narrows the claim, admits it, and warns.
//!
//! A model can be a MIG profile (`GpuModel.spec.profile`). Then a claim of its DeviceClass is narrowed to the profile, and each
//! device costs what the model says (`GpuModel.spec.price`). Who names no model gets whole devices.
//!
//! **Devices that are no GPUs**, such as NICs: a DeviceClass is of no GPUs if its selectors let none of a GPU's driver through
//! (`device.driver == 'net.example.com'`), or if an admin says so (`PlatformPolicy.spec.deviceClasses`). NVIDIA's classes of
//! compute domains are of no GPUs either. Such a request costs no GPU, unless the admin gives it a price, and it is narrowed *away*
//! from GPUs: the selector that the platform adds lets no device of their drivers through, whatever else the request asks. If an
//! admin lists any class in `deviceClasses`, only the listed ones may be asked for. A class that does not exist is treated in the
//! same way, and a warning names it. A class whose selectors say nothing of a driver, only of an attribute, may have GPUs: it is
//! narrowed to the allowed models, with a warning, until an admin lists it.
//!
//! Where the rule `extended-resource` only warns or is off, the scheduler chooses a device for an extended resource and knows of no
//! plan. If it chooses one of a model that is not allowed, it may not give it: the Pod waits, and its Event says why.
//!
//! Clusters grow, so what no node has today is no reason to refuse anything. Whoever writes a workload, a Pod, a claim or a
//! template of claims that asks for a model that no node has, or for more devices at once than any one node has, is warned:
//! their Pods wait until a node joins that has them. The platform compares with the ResourceSlices that drivers publish.

mod scheduled;
mod today;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::admission::findings::Findings;
use crate::admission::whose_plan::{NO_GPU, WhosePlan};
use crate::claims::classes::Kinds;
use crate::claims::{Alternative, Ask, Request, Understood, narrowing, narrowing_away};
use crate::contract;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::model::Model;
use crate::policy::queue::Queue;
use crate::sentence;
use crate::submission::case::Case;
use crate::submission::device_claim::DeviceClaim;
use crate::submission::devices::named_by;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for claim in &case.device_claims {
        new_claim(case, claim, say);
    }
    for pod in case.pods.iter().filter(|_| !case.is_living_pod()) {
        new_pod(case, pod, say);
    }
    scheduled::judge(case, say);
    today::tell(case, say);
}

fn new_claim(case: &Case<'_>, claim: &DeviceClaim<'_>, say: &mut Findings) {
    let planned = case.allowed_models_in(None);
    if let Err(why) = labelled(case, claim.object.label(contract::GPU_MODEL), &planned) {
        return say.deny(claim.label_at(contract::GPU_MODEL), why);
    }
    let allowed = only(&claim.understood, &claim.allowed).map_or_else(
        || claim.allowed.clone(),
        |only| {
            if case.is_claim() {
                say.set(claim.label_at(contract::GPU_MODEL), only.id.as_str());
            }
            vec![only]
        },
    );
    let mut narrowed = false;
    let (mut missing, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
    let kinds = Kinds::new(&case.devices.classes, case.policy);
    for request in &claim.understood.requests {
        for alternative in &request.alternatives {
            if alternative.others.is_some_and(|others| !others.may_be_asked) {
                say.deny(claim.in_spec(&alternative.place), NotListed { case, class: &alternative.class });
            }
            if !case.devices.classes.contains_key(&alternative.class) {
                missing.insert(alternative.class.as_str());
            } else if alternative.others.is_none() && kinds.may_be_others(&alternative.class) {
                doubtful.insert(alternative.class.as_str());
            }
        }
        if let Some(unmatched) = unmatched(request, &allowed) {
            let place = claim.in_spec(&unmatched);
            let asked = Asked::Request(request);
            say.deny(place, NotAllowed { case, asked, allowed: &claim.allowed, queue: None });
            continue;
        }
        for alternative in &request.alternatives {
            if let Some(why) = &alternative.unclear {
                let place = claim.in_spec(&alternative.place);
                say.warn(format_args!("{place}: its selectors are not compared with the known models, because {why}; it gets the allowed ones only"));
            }
            narrowed |= alternative.models.iter().any(|model| !contains(&allowed, model));
        }
        if case.is_claim() {
            narrow(case, claim, request, &allowed, say);
        }
    }
    if !case.devices.untold && !missing.is_empty() {
        let classes = missing.into_iter().collect::<Vec<_>>().join(", ");
        say.warn(format_args!("DeviceClass {classes} does not exist; Pods wait until an admin creates it"));
    }
    if !doubtful.is_empty() && say.imposes() && case.is_read_by_people() && say.denials.is_empty() {
        let classes = doubtful.into_iter().collect::<Vec<_>>().join(", ");
        return say.warn(format_args!(
            "nothing in the selectors of DeviceClass {classes} says whose devices it has, so that they are taken for GPUs, narrowed to {}, and charged as such; if they are none, ask an admin to list it in PlatformPolicy.spec.deviceClasses",
            Names(&allowed)
        ));
    }
    // Who names a model is not told that they get it.
    let is_asked = claim.object.label(contract::GPU_MODEL).is_some();
    if narrowed && !is_asked && case.is_claim() && say.denials.is_empty() {
        let would = if say.imposes() { "" } else { "would be " };
        say.warn(format_args!("{would}narrowed to {}, which are the models allowed here", Names(&allowed)));
    }
}

/// The one allowed model that all requests come to, where there is one.
fn only<'a>(understood: &Understood<'a>, allowed: &[&'a Model]) -> Option<&'a Model> {
    let mut given = understood.alternatives().flat_map(|it| &it.models).filter(|model| contains(allowed, model));
    let first = *given.next()?;
    given.all(|model| model.name == first.name).then_some(first)
}

/// Adds the selector for the allowed models where it is not there.
fn narrow(case: &Case<'_>, claim: &DeviceClaim<'_>, request: &Request<'_>, allowed: &[&Model], say: &mut Findings) {
    for alternative in &request.alternatives {
        let expression = match alternative.others {
            Some(_) => narrowing_away(&case.devices.classes, case.policy),
            None => narrowing(&narrowed_to(case, alternative, allowed)),
        };
        let selector = json!({"cel": {"expression": expression}});
        let place = claim.in_spec(&alternative.place).key("selectors");
        let object = case.submission.object.unwrap_or(&Value::Null);
        let mut selectors = place.resolve(object).and_then(Value::as_array).cloned().unwrap_or_default();
        if say.imposes() && !selectors.contains(&selector) {
            selectors.push(selector);
            say.fill_in(place, selectors);
        }
    }
}

/// The models that a request gets: of a class that models name, those of the class. Where they have several prices, those that the
/// request's own selectors leave, which is what it is charged for.
fn narrowed_to<'a>(case: &Case<'a>, alternative: &Alternative<'a>, allowed: &[&'a Model]) -> Vec<&'a Model> {
    let is_models = case.policy.records().models.values().any(|it| it.device_class_name == alternative.class);
    let of_class = |model: &&&Model| !is_models || model.device_class_name == alternative.class;
    let mut given: Vec<_> = allowed.iter().filter(of_class).copied().collect();
    let prices: BTreeSet<_> = given.iter().map(|model| model.milli_gpu).collect();
    if prices.len() > 1 {
        given.retain(|model| contains(&alternative.models, model));
    }
    given
}

fn new_pod(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let queue = case.queue_of(pod);
    let (planned, allowed) = (case.allowed_models_in(None), case.allowed_models_in(queue));
    let label = pod.label_at(contract::GPU_MODEL);
    if let Err(why) = labelled(case, pod.object().label(contract::GPU_MODEL), &allowed) {
        return say.deny(label, why);
    }
    if allowed.is_empty() && Ask::read(pod.object(), case.policy).is_some() {
        let what = Asked::Any;
        say.deny(label, NotAllowed { case, asked: what, allowed: &allowed, queue });
    }
    for named in named_by(pod, case.devices) {
        let understood = Understood::of(named.spec, &case.devices.classes, case.policy);
        for request in understood.requests.iter().filter(|it| is_outside(it, &planned, &allowed)) {
            let asked = Asked::Request(request);
            say.deny(named.place.clone(), NotAllowed { case, asked, allowed: &allowed, queue });
        }
    }
}

/// Whether a request may give what a queue does not take. Its claim is narrowed to the plan's models when it is made, and knows of no
/// queue.
fn is_outside(request: &Request<'_>, planned: &[&Model], allowed: &[&Model]) -> bool {
    let given = request.alternatives.iter().flat_map(|it| &it.models).filter(|model| contains(planned, model));
    let given: Vec<_> = given.copied().collect();
    let has_others = request.alternatives.iter().any(|it| it.others.is_some());
    (given.is_empty() && !has_others) || given.iter().any(|model| !contains(allowed, model))
}

/// The model that a label asks for, if it is allowed.
fn labelled<'a>(case: &Case<'a>, asked: Option<&str>, allowed: &[&'a Model]) -> Result<Option<&'a Model>, String> {
    let Some(asked) = asked else { return Ok(None) };
    match case.policy.model_asked(asked) {
        Some(model) if contains(allowed, model) => Ok(Some(model)),
        model => {
            let asked = Asked::Label(asked, model.is_some());
            Err(NotAllowed { case, asked, allowed, queue: None }.to_string())
        }
    }
}

fn contains(models: &[&Model], model: &Model) -> bool {
    models.iter().any(|it| it.name == model.name)
}

/// Where a request stands that none of the allowed models can fulfil.
fn unmatched(request: &Request<'_>, allowed: &[&Model]) -> Option<Place> {
    let first = request.alternatives.first()?;
    let can = |it: &Alternative<'_>| it.others.is_some() || it.models.iter().any(|model| contains(allowed, model));
    (!request.alternatives.iter().any(can)).then(|| first.place.clone())
}

enum Asked<'a> {
    /// A label, and whether there is such a model.
    Label(&'a str, bool),
    Request(&'a Request<'a>),
    Any,
}

struct NotAllowed<'a> {
    case: &'a Case<'a>,
    asked: Asked<'a>,
    allowed: &'a [&'a Model],
    queue: Option<&'a Queue>,
}

impl fmt::Display for NotAllowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, asked, allowed, queue } = self;
        match asked {
            Asked::Label(asked, true) => write!(f, "asked model {asked}")?,
            Asked::Label(asked, false) => write!(f, "asked model {asked:?}, which does not exist")?,
            Asked::Any => f.write_str("asked a GPU")?,
            Asked::Request(request) => {
                let mut models: Vec<_> = request.alternatives.iter().flat_map(|it| &it.models).copied().collect();
                models.sort_by_key(|model| &model.name);
                models.dedup_by_key(|model| &model.name);
                write!(f, "request {:?} ", request.name)?;
                if let Some(class) = classes_of_no_model(case.policy, request) {
                    write!(f, "of DeviceClass {class}, which no GPU model names, ")?;
                }
                f.write_str("can match ")?;
                if models.is_empty() { f.write_str("no known model")? } else { write!(f, "only {}", Names(&models))? }
            }
        }
        write!(f, "; {} ", WhosePlan(case))?;
        if let Some(queue) = queue.filter(|queue| !queue.gpu_models.is_empty()) {
            write!(f, "with queue {} ", queue.name)?;
        }
        if allowed.is_empty() {
            return f.write_str(NO_GPU);
        }
        write!(f, "allows {}; ask for one of those, or ask an admin for a plan with the model", Names(allowed))
    }
}

/// The classes of a request, where it asks for devices of none that a model names.
fn classes_of_no_model(policy: &Policy, request: &Request<'_>) -> Option<String> {
    let models = || policy.records().models.values();
    let named = |it: &Alternative<'_>| models().any(|model| model.device_class_name == it.class);
    let none = !request.alternatives.iter().any(named);
    none.then(|| request.alternatives.iter().map(|it| it.class.as_str()).collect::<Vec<_>>().join(", "))
}

/// A class of devices that are no GPUs.
struct NotListed<'a> {
    case: &'a Case<'a>,
    class: &'a str,
}

impl fmt::Display for NotListed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: Vec<_> = self.case.policy.platform().device_classes.keys().collect();
        write!(f, "asked DeviceClass {}, whose devices are no GPUs; of such the platform allows ", self.class)?;
        sentence::list(f, &listed)?;
        f.write_str("; ask for one of those, or ask an admin to list it in PlatformPolicy.spec.deviceClasses")
    }
}

struct Names<'a>(&'a [&'a Model]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence::list(f, &self.0.iter().map(|model| &model.id).collect::<Vec<_>>())
    }
}
