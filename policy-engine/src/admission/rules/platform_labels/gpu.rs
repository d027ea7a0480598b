//! What a Pod's claims come to, on its labels.

use k8s_openapi::api::resource::v1::ResourceClaimSpec;

use super::label;
use crate::admission::findings::Findings;
use crate::claims::driver_config::{Told, binary};
use crate::claims::template::Template;
use crate::claims::{INLINE, MOST_DEVICES, Price, Understood, Vram};
use crate::contract;
use crate::gpu::attachments::{attachments, uses};
use crate::gpu::own_claim;
use crate::gpu::slots::resolver;
use crate::policy::model::Model;
use crate::submission::case::Case;
use crate::submission::devices::MOST_NAMED;
use crate::submission::found::Source;
use crate::submission::pod::Pod;

/// Kubernetes takes no longer label value.
const LONGEST: usize = 63;

pub(super) fn write(case: &Case<'_>, say: &mut Findings) {
    let Some(pod) = case.new_pod() else { return };
    let own = own_claim::wanted(case, pod).map(|it| &it.template);
    // What names more than is looked up is refused, and not read to the end.
    let sources = if case.device_names.len() > MOST_NAMED { Vec::new() } else { sources(case, pod, own) };
    if sources.is_empty() {
        return say.remove(label(contract::EFFECTIVE_GPU));
    }
    let specs: Option<Vec<_>> = sources.iter().map(|it| spec(case, own, it)).collect();
    let Some(specs) = specs else {
        origin(pod, &sources, say);
        return say.remove(label(contract::EFFECTIVE_GPU));
    };
    let all = specs.iter().map(|spec| Understood::of(spec, &case.devices.classes, case.policy)).zip(sources);
    // Claims of NICs and their like are not what these labels are about.
    let (understood, sources): (Vec<_>, Vec<_>) = all.filter(|(understood, _)| understood.counts()).unzip();
    if sources.is_empty() {
        return say.remove(label(contract::EFFECTIVE_GPU));
    }
    origin(pod, &sources, say);
    let price = understood.iter().fold(Price::default(), |sum, it| sum.and(it.price));
    say.set(label(contract::EFFECTIVE_GPU), price.gpus().to_string());
    if (1..=MOST_DEVICES).contains(&price.devices) {
        say.set(label(contract::GPU_COUNT), price.devices.to_string());
    }
    match only_model(case, pod, &understood) {
        Some(model) => say.set(label(contract::GPU_MODEL), model.id.as_str()),
        // Of claims that are there by themselves it asks nothing, and nobody knows whether it is true.
        None if own.is_none() => say.remove(label(contract::GPU_MODEL)),
        None => {}
    }
    if let Some(told) = only_told(&understood) {
        say.set(label(contract::SM_PERCENT), told.sm_percent.to_string());
        match told.vram {
            Vram::Elastic => say.set(label(contract::VRAM_POLICY), "elastic"),
            Vram::HardCap(bytes) => {
                say.set(label(contract::VRAM_POLICY), "hard_cap");
                let asked = pod.object().label(contract::PINNED_MEMORY);
                if asked.is_none() {
                    say.set(label(contract::PINNED_MEMORY), binary(bytes));
                }
            }
        }
    }
}

/// Where the claims of a new Pod come from, those that it is to have among them.
fn sources(case: &Case<'_>, pod: &Pod<'_>, own: Option<&Template>) -> Vec<Source> {
    let resolved = resolver(case, pod);
    let is_own = |name: Option<&String>| own.map(|it| &it.name) == name;
    let mut sources: Vec<_> = attachments(case, pod).iter().map(|it| it.source.clone()).collect();
    for claim in pod.spec.resource_claims.iter().flatten() {
        let source = match (&claim.resource_claim_name, &claim.resource_claim_template_name) {
            (Some(name), _) => Source::Claim(resolved(name)),
            (None, Some(name)) => Source::Template(name.clone()),
            (None, None) => continue,
        };
        // A Pod that names one template twice gets two claims. The platform's own template makes one claim, whether an
        // earlier call has listed it already or not.
        let once = claim.resource_claim_name.is_some() || is_own(claim.resource_claim_template_name.as_ref());
        let counted = once && sources.contains(&source);
        if !counted {
            sources.push(source);
        }
    }
    sources
}

fn origin(pod: &Pod<'_>, sources: &[Source], say: &mut Findings) {
    let named = |it: &&Source| matches!(it, Source::Claim(_));
    match sources.iter().filter(named).count() {
        0 => say.set(label(contract::SHARING_MODE), INLINE),
        count if count == sources.len() => say.set(label(contract::SHARING_MODE), "shared-claim"),
        _ => {}
    }
    let asked = pod.object().label(contract::CLAIM_NAME);
    // Asked by this label, a claim that no container uses would be given to them all.
    if let ([Source::Claim(name)], None) = (sources, asked)
        && name.len() <= LONGEST
        && is_used(pod, name)
    {
        say.set(label(contract::CLAIM_NAME), name.as_str());
    }
}

fn is_used(pod: &Pod<'_>, claim: &str) -> bool {
    let init = pod.spec.init_containers.iter().flatten();
    let mut listed = pod.spec.resource_claims.iter().flatten();
    // One that is not listed is about to be, for all of them.
    listed
        .find(|it| it.resource_claim_name.as_deref() == Some(claim))
        .is_none_or(|listed| pod.spec.containers.iter().chain(init).any(|container| uses(container, &listed.name)))
}

fn spec(case: &Case<'_>, own: Option<&Template>, source: &Source) -> Option<ResourceClaimSpec> {
    match source {
        Source::Claim(name) => case.devices.claims.get(name).map(|it| ResourceClaimSpec::clone(&it.spec)),
        Source::Template(name) => {
            let own = own.filter(|it| it.name == *name);
            let there = || case.devices.templates.get(name).map(|it| ResourceClaimSpec::clone(&it.spec));
            own.map(|it| it.spec.clone()).or_else(there)
        }
    }
}

/// The one allowed model that all claims come to.
fn only_model<'a>(case: &Case<'a>, pod: &Pod<'_>, understood: &[Understood<'a>]) -> Option<&'a Model> {
    let allowed = case.allowed_models_for(pod);
    let is_allowed = |model: &&&Model| allowed.iter().any(|it| it.name == model.name);
    let mut models = understood.iter().flat_map(Understood::gpus).flat_map(|it| &it.models).filter(is_allowed);
    let first = *models.next()?;
    models.all(|model| model.name == first.name).then_some(first)
}

/// What all drivers are told alike.
fn only_told(understood: &[Understood<'_>]) -> Option<Told> {
    let mut told = understood.iter().flat_map(Understood::gpus).map(|it| it.told.as_ref().ok().copied());
    let first = told.next()??;
    told.all(|it| it == Some(first)).then_some(first)
}
