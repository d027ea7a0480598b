//! The claim for what a Pod asks as extended resources: one request for each container that asked.

mod asks;

use k8s_openapi::api::resource::v1::{DeviceClaim, ResourceClaimSpec};

use crate::claims::template::Template;
use crate::claims::{Ask, REQUEST, Vram, candidates, spec_of};
use crate::policy::model::Model;
use crate::policy::modes::RuleMode;
use crate::policy::plan::ExtendedResources;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::found::{Consumer, Consumers, Wanted};
use crate::submission::pod::Pod;

pub(crate) use asks::{Asked, Meaning, means_gpu, of_pod};

/// Whether a Pod or template asks for GPUs as an extended resource.
pub(crate) fn asks_any(case: &Case<'_>, pod: &Pod<'_>) -> bool {
    !of_pod(case, pod).is_empty()
}

/// What the labels say beside the number.
pub(crate) fn ask<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Result<Ask<'a>, ()> {
    let whole = Ask { model: None, count: 1, sm_percent: 100, vram: Vram::Elastic };
    Ok(Ask::of_labels(pod.object, case.policy).map_err(drop)?.unwrap_or(whole))
}

/// The allowed ones among the models that a name means.
pub(crate) fn given<'a>(ask: &Ask<'a>, meant: &[&'a Model], allowed: &[&'a Model]) -> Vec<&'a Model> {
    let both: Vec<_> = allowed.iter().filter(|it| meant.iter().any(|meant| meant.name == it.name)).copied().collect();
    candidates(ask, &both)
}

/// The claim for all requests of a Pod. Where the rule is not enforced they stand as they are, and the scheduler makes the claim.
pub(crate) fn wanted(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    let asked = of_pod(case, pod);
    let mode = case.policy.platform().mode_of(RuleId::ExtendedResource, Some(case.project));
    if mode != RuleMode::Enforce
        || asked.is_empty()
        || case.plan().is_some_and(|plan| plan.extended_resources == ExtendedResources::Deny)
    {
        return None;
    }
    let labels = ask(case, pod).ok()?;
    let allowed = case.allowed_models_for(pod);
    let after: u64 = asked.iter().filter(|it| !it.before).filter_map(|it| it.count.as_ref().ok()).sum();
    let own = |it: &&Asked<'_>| !it.before || it.count.as_ref().is_ok_and(|count| *count > after);
    let alone = asked.iter().filter(own).count() == 1;
    let (mut claim, mut consumers, mut models) = (DeviceClaim::default(), Vec::new(), Vec::<&Model>::new());
    let mut devices = 0_u64;
    for it in &asked {
        let mut consumer = Consumer { list: it.list, index: it.index, request: None };
        if own(&it) {
            let Meaning::Models(meant) = &it.meaning else { return None };
            let ask = Ask { count: *it.count.as_ref().ok()?, ..labels };
            let given = given(&ask, meant, &allowed);
            let one = spec_of(&ask, &given)?.devices?;
            let name = if alone { REQUEST.to_owned() } else { it.request_name() };
            add(&mut claim, one, &name);
            consumer.request = (!alone).then_some(name);
            devices = devices.saturating_add(ask.count);
            models.extend(given);
        }
        consumers.push(consumer);
    }
    models.sort_by_key(|it| &it.name);
    models.dedup_by_key(|it| &it.name);
    let template = Template::of(ResourceClaimSpec { devices: Some(claim) }, &labels, devices, &models)?;
    Some(Wanted { rule: RuleId::ExtendedResource, template, consumers: Consumers::Each(consumers) })
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
