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

use std::fmt;

use serde_json::{Value, json};

use crate::admission::findings::Findings;
use crate::claims::{Ask, Request, Understood, narrowing};
use crate::contract;
use crate::object::place::Place;
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
    for request in &claim.understood.requests {
        if let Some(unmatched) = unmatched(request, &allowed) {
            let place = claim.in_spec(&unmatched);
            let asked = Asked::Request(request);
            say.deny(place, NotAllowed { case, asked, allowed: &allowed, queue: None });
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
    // Who names a model is not told that they get it.
    let is_asked = claim.object.label(contract::GPU_MODEL).is_some();
    if narrowed && !is_asked && case.is_claim() && say.denials.is_empty() {
        say.warn(format_args!("narrowed to {}, which are the models allowed here", Names(&allowed)));
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
    let expression = narrowing(allowed);
    let selector = json!({"cel": {"expression": expression}});
    for alternative in &request.alternatives {
        let place = claim.in_spec(&alternative.place).key("selectors");
        let object = case.submission.object.unwrap_or(&Value::Null);
        let mut selectors = place.resolve(object).and_then(Value::as_array).cloned().unwrap_or_default();
        if say.imposes() && !selectors.contains(&selector) {
            selectors.push(selector.clone());
            say.fill_in(place, selectors);
        }
    }
}

fn new_pod(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let queue = pod.object.label(contract::QUEUE_NAME).and_then(|asked| case.policy.queue_asked(asked));
    let (planned, allowed) = (case.allowed_models_in(None), case.allowed_models_in(queue));
    let label = pod.label_at(contract::GPU_MODEL);
    if let Err(why) = labelled(case, pod.object.label(contract::GPU_MODEL), &allowed) {
        return say.deny(label, why);
    }
    if allowed.is_empty()
        && let Ok(Some(_)) = Ask::of_labels(pod.object, case.policy)
    {
        let what = Asked::Any;
        say.deny(label, NotAllowed { case, asked: what, allowed: &allowed, queue });
    }
    for named in named_by(pod, case.devices) {
        let understood = Understood::of(named.spec, &case.devices.classes, case.policy);
        for request in &understood.requests {
            let asked = Asked::Request(request);
            let given = request.alternatives.iter().flat_map(|it| &it.models).filter(|model| contains(&planned, model));
            let given: Vec<_> = given.copied().collect();
            // The claim is narrowed to the plan's models when it is made, and knows of no queue.
            if given.is_empty() || given.iter().any(|model| !contains(&allowed, model)) {
                say.deny(named.place.clone(), NotAllowed { case, asked, allowed: &allowed, queue });
            }
        }
    }
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
    let can = request.alternatives.iter().flat_map(|it| &it.models).any(|model| contains(allowed, model));
    (!can).then(|| first.place.clone())
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
                write!(f, "request {:?} can match ", request.name)?;
                if models.is_empty() { f.write_str("no known model")? } else { write!(f, "only {}", Names(&models))? }
            }
        }
        match case.plan() {
            Some(plan) => write!(f, "; plan {} of project {} ", plan.name, case.project.name)?,
            None => write!(f, "; project {} without a plan in force ", case.project.name)?,
        }
        if let Some(queue) = queue.filter(|queue| !queue.gpu_models.is_empty()) {
            write!(f, "with queue {} ", queue.name)?;
        }
        if allowed.is_empty() {
            return f.write_str("allows no GPU; ask for none, or ask an admin for a plan with GPU models");
        }
        write!(f, "allows {}; ask for one of those, or ask an admin for a plan with the model", Names(allowed))
    }
}

struct Names<'a>(&'a [&'a Model]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence::list(f, &self.0.iter().map(|model| &model.id).collect::<Vec<_>>())
    }
}
