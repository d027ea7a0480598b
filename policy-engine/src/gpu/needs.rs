//! What Pods and claims need of the nodes: how many devices at once, and of which models.

use std::collections::BTreeSet;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;

use crate::claims::{Alternative, Ask, Request, Understood, Vram, must_be_told};
use crate::gpu::{own_claim, slots};
use crate::policy::model::Model;
use crate::policy::modes::RuleMode;
use crate::submission::case::Case;
use crate::submission::device_claim::DeviceClaim;
use crate::submission::inventory::Inventory;
use crate::submission::pod::Pod;

/// What is needed at once, on one node.
pub(crate) struct Needs<'a> {
    /// `Pod` or `claim`.
    pub(crate) of: &'static str,
    /// Those of its requests that only GPUs can fulfil.
    pub(crate) requests: Vec<Need<'a>>,
}

/// A request.
pub(crate) struct Need<'a> {
    /// The fewest devices with which it is fulfilled.
    pub(crate) devices: u64,
    /// The models that it may get, each once.
    pub(crate) models: Vec<&'a Model>,
    /// The lowest ceiling of memory with which it is fulfilled; `None` where it may have none.
    pub(crate) memory: Option<u64>,
}

impl<'a> Needs<'a> {
    /// How many devices.
    pub(crate) fn devices(&self) -> u64 {
        self.requests.iter().map(|it| it.devices).fold(0, u64::saturating_add)
    }

    /// All models of all requests, each once.
    pub(crate) fn models(&self) -> Vec<&'a Model> {
        once(self.requests.iter().flat_map(|it| &it.models).copied())
    }
}

/// What the Pods, templates and claims of a submission need, where somebody reads of it and it is known what nodes have.
/// People read the mutating call: by the validating one they have been told.
pub(crate) fn told<'c, 'a>(case: &'c Case<'a>) -> Option<(&'c Inventory, Vec<Needs<'a>>)> {
    let inventory = case.devices.inventory.as_deref()?;
    if !case.is_read_by_people() || case.is_allocated || case.is_living_pod() {
        return None;
    }
    let claims = case.device_claims.iter().map(|claim| of_claim(case, claim));
    let pods = case.pods.iter().map(|pod| of_pod(case, pod));
    Some((inventory, claims.chain(pods).filter(|needs| !needs.requests.is_empty()).collect()))
}

fn of_claim<'a>(case: &Case<'a>, claim: &DeviceClaim<'a>) -> Needs<'a> {
    let ask = Ask::of_labels(claim.object, case.policy).ok().flatten();
    let requests = claim.understood.requests.iter().filter_map(|it| need(it, &claim.allowed, ask.as_ref())).collect();
    Needs { of: "claim", requests }
}

fn of_pod<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Needs<'a> {
    let platform = case.policy.platform();
    let is_on = |rule| platform.mode_of(rule, Some(case.project)) != RuleMode::Off;
    let made = own_claim::made_for(case, pod).filter(|made| is_on(made.rule)).map(|made| &made.template);
    let references = pod.spec.resource_claims.as_deref().unwrap_or_default();
    let claims = references.iter().filter_map(|it| it.resource_claim_name.as_ref());
    let claims: BTreeSet<_> = claims.chain(slots::wanted(case, pod)).collect();
    let claims = claims.into_iter().filter_map(|name| Some(&*case.devices.claims.get(name)?.spec));
    let templates = references.iter().filter_map(|it| it.resource_claim_template_name.as_ref());
    let templates = templates.filter(|name| made.is_none_or(|made| made.name != **name));
    let templates = templates.filter_map(|name| Some(&*case.devices.templates.get(name)?.spec));
    let allowed = case.allowed_models_for(pod);
    let of_spec = |spec: &ResourceClaimSpec| {
        let understood = Understood::of(spec, &case.devices.classes, case.policy);
        understood.requests.iter().filter_map(|it| need(it, &allowed, None)).collect::<Vec<_>>()
    };
    let specs = made.map(|made| &made.spec).into_iter().chain(claims).chain(templates);
    Needs { of: "Pod", requests: specs.flat_map(of_spec).collect() }
}

/// What a request needs, if only GPUs of the allowed models can fulfil it.
fn need<'a>(request: &Request<'a>, allowed: &[&Model], ask: Option<&Ask<'_>>) -> Option<Need<'a>> {
    let alternatives = &request.alternatives;
    let of_gpus = |it: &Alternative<'_>| it.others.is_none() && !it.admin_access;
    let is_allowed = |model: &&Model| allowed.iter().any(|it| it.name == model.name);
    let models = once(alternatives.iter().flat_map(|it| &it.models).copied().filter(is_allowed));
    if !alternatives.iter().all(of_gpus) || models.is_empty() {
        return None;
    }
    let ceiling = |it: &Alternative<'_>| match ask.filter(|ask| must_be_told(ask, it)) {
        Some(ask) => bytes(ask.vram),
        None => it.told.as_ref().ok().and_then(|told| bytes(told.vram)),
    };
    let memory = alternatives.iter().map(ceiling).collect::<Option<Vec<_>>>();
    Some(Need {
        devices: alternatives.iter().map(|it| it.count.unwrap_or(1)).min()?,
        models,
        memory: memory.and_then(|all| all.into_iter().min()),
    })
}

fn bytes(vram: Vram) -> Option<u64> {
    match vram {
        Vram::Elastic => None,
        Vram::HardCap(bytes) => Some(bytes),
    }
}

fn once<'a>(models: impl Iterator<Item = &'a Model>) -> Vec<&'a Model> {
    let mut models: Vec<_> = models.collect();
    models.sort_by(|one, other| one.name.cmp(&other.name));
    models.dedup_by(|one, other| one.name == other.name);
    models
}
