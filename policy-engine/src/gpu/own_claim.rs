//! The template of a claim that the platform makes for a Pod: which one a Pod is to have.

use k8s_openapi::api::core::v1::PodResourceClaim;

use crate::claims::template::{self, Template, is_platform_template};
use crate::claims::{INLINE, Understood, spec_of};
use crate::gpu::labels::{self, Asked, Given};
use crate::gpu::{extended, slots};
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::found::{Consumers, Wanted};
use crate::submission::pod::Pod;

/// The value of `dra-sharing-mode` on Pods that have a claim of their own.
pub const MODE: &str = INLINE;

/// The template that a new Pod is to have.
pub(crate) fn wanted<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> Option<&'p Wanted> {
    case.new_pod()?;
    made_for(case, pod)
}

/// The template that a Pod is to have, or the Pods of a pod template: for extended resources, else for labels.
pub(crate) fn made_for<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> Option<&'p Wanted> {
    pod.found.made.get_or_init(|| find(case, pod)).as_ref()
}

/// The templates that the platform makes for the Pods of a submission, now or once a controller makes them.
pub(crate) fn templates(case: &Case<'_>) -> Vec<Template> {
    let platform = case.policy.platform();
    let is_on = |wanted: &&Wanted| platform.mode_of(wanted.rule, Some(case.project)) != RuleMode::Off;
    let pods = case.pods.iter().filter(|_| !case.is_living_pod());
    pods.filter_map(|pod| made_for(case, pod)).filter(is_on).map(|wanted| wanted.template.clone()).collect()
}

fn find(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    if let Some(wanted) = extended::wanted(case, pod) {
        return Some(wanted);
    }
    let by_labels = || if extended::leaves_gpus(case, pod) { None } else { by_labels(case, pod) };
    by_labels().or_else(|| copied(case, pod))
}

fn by_labels(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    let Asked::Claim(Given { ask, models, .. }) = labels::asked(case, pod) else { return None };
    let template = Template::of(spec_of(&ask, &models)?, &ask, ask.count, &models)?;
    let alone = !has_claims(case, pod, Some(&template.name));
    alone.then_some(Wanted { rule: RuleId::InlineClaim, template, consumers: Consumers::Everybody })
}

/// A template of the platform's that a new Pod names, and nothing else. `kubectl debug` copies the spec of a Pod, and neither the
/// labels nor the annotations that say what was asked.
fn copied(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    let named =
        |it: &PodResourceClaim| it.resource_claim_template_name.clone().filter(|name| is_platform_template(name));
    let name = pod.spec.resource_claims.iter().flatten().find_map(named).filter(|_| case.new_pod().is_some())?;
    let known = || serde_json::to_string(&*case.devices.templates.get(&name)?.spec).ok();
    let template = template::recorded(pod.object(), &name).or_else(|| Template::recorded(&known()?, &name))?;
    let alone = !has_claims(case, pod, Some(&name));
    alone.then_some(Wanted { rule: RuleId::InlineClaim, template, consumers: Consumers::Everybody })
}

/// Whether a Pod has claims, or asks for such as are there already, besides those of the platform's own template, and
/// besides those that are known to be of no GPUs.
pub(crate) fn has_claims(case: &Case<'_>, pod: &Pod<'_>, own: Option<&str>) -> bool {
    let is_own = |it: &PodResourceClaim| own.is_some() && it.resource_claim_template_name.as_deref() == own;
    let of_others = |it: &PodResourceClaim| {
        let claim = it.resource_claim_name.as_ref().and_then(|name| Some(&case.devices.claims.get(name)?.spec));
        let template = it.resource_claim_template_name.as_ref();
        let template = template.and_then(|name| Some(&case.devices.templates.get(name)?.spec));
        let spec = claim.or(template);
        spec.is_some_and(|spec| !Understood::of(spec, &case.devices.classes, case.policy).counts())
    };
    let mut listed = pod.spec.resource_claims.iter().flatten();
    listed.any(|it| !is_own(it) && !of_others(it)) || !slots::wanted(case, pod).is_empty()
}
