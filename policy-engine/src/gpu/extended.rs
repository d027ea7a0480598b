//! The claim for what a Pod asks as extended resources: one request for each container that asked.

mod asks;
mod layers;

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{DeviceClaim, ResourceClaimSpec};

use crate::claims::template::Template;
use crate::claims::{Ask, MOST_DEVICES, Price, REQUEST, Vram, spec_of};
use crate::gpu::labels;
use crate::policy::model::Model;
use crate::policy::modes::RuleMode;
use crate::policy::plan::ExtendedResources;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::found::{Consumer, Consumers, Wanted};
use crate::submission::pod::Pod;

use layers::{Layer, Layers};

pub(crate) use asks::{Asked, Meaning, NoClass, means_gpu, of_pod, price_of_names};

/// Whether a Pod or template asks for GPUs as an extended resource, or for what is refused.
pub(crate) fn asks_any(case: &Case<'_>, pod: &Pod<'_>) -> bool {
    !of_pod(case, pod).is_empty()
}

/// What the labels say beside the number.
pub(crate) fn ask<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Result<Ask<'a>, ()> {
    let whole = Ask { model: None, count: 1, sm_percent: 100, vram: Vram::Elastic };
    Ok(labels::read(case, pod)?.map_or(whole, |(ask, _)| ask))
}

/// The allowed ones among the models that a name means, and what is given of them.
pub(crate) fn given<'a>(
    case: &Case<'_>,
    ask: Ask<'a>,
    meant: &[&'a Model],
    allowed: &[&'a Model],
) -> (Ask<'a>, Vec<&'a Model>) {
    let both: Vec<_> = allowed.iter().filter(|it| meant.iter().any(|meant| meant.name == it.name)).copied().collect();
    labels::nearest(case, ask, &both)
}

/// The models of plan and queue, or the one that a label names though they do not have it, where no rule refuses that.
pub(crate) fn allowed<'a>(case: &Case<'a>, pod: &Pod<'_>, ask: &Ask<'a>) -> Vec<&'a Model> {
    if ask.model.is_some() { labels::allowed(case, pod, ask) } else { case.allowed_models_for(pod) }
}

/// Whether requests stand as they are, and the scheduler makes the claim.
fn are_left(case: &Case<'_>) -> bool {
    case.policy.platform().mode_of(RuleId::ExtendedResource, Some(case.project)) != RuleMode::Enforce
}

/// Whether a Pod asks for GPUs that the scheduler gives it by itself. Labels beside them describe them, and ask for no others.
pub(crate) fn leaves_gpus(case: &Case<'_>, pod: &Pod<'_>) -> bool {
    are_left(case) && of_pod(case, pod).iter().any(|it| matches!(it.meaning, Meaning::Models(_)))
}

/// What the claims cost at the most that the scheduler makes by itself.
pub(crate) fn price_of_left(case: &Case<'_>, pod: &Pod<'_>) -> Price {
    if !are_left(case) {
        return Price::default();
    }
    let asked = of_pod(case, pod);
    let meant = asked.iter().filter_map(|it| match &it.meaning {
        Meaning::Models(models) => Some(models),
        Meaning::Share(_) | Meaning::Accelerator(_) | Meaning::Refused(_) | Meaning::Class(..) => None,
    });
    let each = meant.flatten().map(|model| model.milli_gpu).max().unwrap_or_default();
    Price::of_each(each, devices(&asked), 100)
}

/// The claim for all requests of a Pod. Where the rule is not enforced they stand as they are.
pub(crate) fn wanted(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    if are_left(case) { None } else { would_be(case, pod) }
}

/// The claim for all requests of a Pod, where the rule is enforced.
pub(crate) fn would_be(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    let asked = of_pod(case, pod);
    if asked.is_empty() || case.plan().is_some_and(|plan| plan.extended_resources == ExtendedResources::Deny) {
        return None;
    }
    let mut labels = ask(case, pod).ok()?;
    let allowed = allowed(case, pod, &labels);
    let (mut claim, mut consumers, mut models) = (DeviceClaim::default(), Vec::new(), Vec::<&Model>::new());
    let resources = by_meaning(&asked)?;
    // Layers are as many as the devices: they are made for no more than one claim may have.
    let devices = Some(total(&resources)).filter(|devices| *devices <= MOST_DEVICES)?;
    let layers: Vec<_> =
        resources.into_iter().enumerate().map(|(nth, it)| (it.asked, layers_of(nth, &it.asks))).collect();
    let alone = layers.iter().map(|(_, it)| it.requests.len()).sum::<usize>() == 1;
    let named = |layer: &Layer| if alone { REQUEST.to_owned() } else { layer.name.clone() };
    for (asked, layers) in &layers {
        let Meaning::Models(meant) = &asked.first()?.meaning else { return None };
        for layer in &layers.requests {
            let (ask, given) = given(case, Ask { count: layer.count, ..labels }, meant, &allowed);
            labels = Ask { count: labels.count, ..ask };
            add(&mut claim, spec_of(&ask, &given)?.devices?, &named(layer));
            models.extend(given);
        }
        for (it, uses) in asked.iter().zip(&layers.uses) {
            let request = |at: &usize| (!alone).then(|| named(&layers.requests[*at]));
            consumers.extend(uses.iter().map(|at| Consumer { list: it.list, index: it.index, request: request(at) }));
        }
    }
    consumers.sort_by_key(|it| (it.list == "containers", it.index));
    models.sort_by_key(|it| &it.name);
    models.dedup_by_key(|it| &it.name);
    let template = Template::of(ResourceClaimSpec { devices: Some(claim) }, &labels, devices, &models)?;
    Some(Wanted { rule: RuleId::ExtendedResource, template, consumers: Consumers::Each(consumers) })
}

/// How many devices a Pod has of what it asks, by Kubernetes' arithmetic.
pub(crate) fn devices(asked: &[Asked<'_>]) -> u64 {
    let is_devices = |it: &&Asked<'_>| it.count.is_ok() && matches!(it.meaning, Meaning::Models(_));
    let countable: Vec<_> = asked.iter().filter(is_devices).cloned().collect();
    total(&by_meaning(&countable).unwrap_or_default())
}

fn layers_of(nth: usize, asks: &[layers::Ask]) -> Layers {
    let for_init = if nth == 0 { "init".to_owned() } else { format!("init-{nth}") };
    layers::of(asks, &for_init)
}

fn total(resources: &[Resource<'_, '_>]) -> u64 {
    resources.iter().map(|it| layers::total(&it.asks)).fold(0, u64::saturating_add)
}

/// What is asked of the same models, in the order in which containers begin.
struct Resource<'a, 'p> {
    asked: Vec<&'p Asked<'a>>,
    asks: Vec<layers::Ask>,
}

/// Names that mean the same are one resource; `None` where something says no number.
fn by_meaning<'a, 'p>(asked: &'p [Asked<'a>]) -> Option<Vec<Resource<'a, 'p>>> {
    let mut by_meaning: BTreeMap<Vec<&str>, Vec<&Asked<'_>>> = BTreeMap::new();
    for it in asked {
        let meant = match &it.meaning {
            Meaning::Models(models) => models.iter().map(|model| model.name.as_str()).collect(),
            Meaning::Share(_) | Meaning::Accelerator(_) | Meaning::Refused(_) | Meaning::Class(..) => {
                vec![it.name.as_str()]
            }
        };
        by_meaning.entry(meant).or_default().push(it);
    }
    let resources = by_meaning.into_values().map(|asked| {
        let asks = asked.iter().map(|it| layers::Ask::of(it)).collect::<Option<Vec<_>>>()?;
        Some(Resource { asked, asks })
    });
    resources.collect()
}

/// Adds the requests of one claim to another under a name of their own.
fn add(claim: &mut DeviceClaim, one: DeviceClaim, name: &str) {
    let renamed = |of: &str| match of.split_once('/') {
        Some((_, alternative)) => format!("{name}/{alternative}"),
        None => name.to_owned(),
    };
    for mut request in one.requests.into_iter().flatten() {
        request.name = name.to_owned();
        claim.requests.get_or_insert_default().push(request);
    }
    for mut config in one.config.into_iter().flatten() {
        config.requests = config.requests.map(|of| of.iter().map(|of| renamed(of)).collect());
        claim.config.get_or_insert_default().push(config);
    }
}
