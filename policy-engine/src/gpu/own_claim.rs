//! Templates of claims that the platform makes for Pods: which one a Pod is to have, and what it says.
//!
//! A Pod that asks for devices by labels, or for extended resources, names a template whose name ends in a hash of its
//! content. The content stands in an annotation of the Pod: whoever makes the template, or counts what it costs before
//! there is one, needs no plan and no labels for it, and nothing that changes later gives the name another content.

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use sha2::{Digest, Sha256};

use crate::admission::rules;
use crate::admission::rules::extended_resource;
use crate::claims::told::binary;
use crate::claims::{Ask, INLINE, Vram, allowed_models_in, candidates, spec_of};
use crate::contract;
use crate::gpu::attachments::Users;
use crate::object::Object;
use crate::policy::model::Model;
use crate::policy::platform::LabelsAlone;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::devices::{hex, is_platform_template};
use crate::submission::pod::Pod;

/// The value of `dra-sharing-mode` on Pods that have a claim of their own.
pub const MODE: &str = INLINE;
/// How many bytes of the hash of its content the name of a template carries; in digits twice as many.
const HASHED: usize = 5;
/// A model's name is longer than this nowhere, and Kubernetes takes no name of more than 253 characters.
const LONGEST_MODEL: usize = 180;

/// A template that the platform makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// `gpu-<model>-cnt<devices>-sm<percent>-mem<size or max>-<hash of its content>`
    pub name: String,
    /// Its content: a ResourceClaimSpec in JSON, as it was hashed.
    pub text: String,
    /// The same, read.
    pub spec: ResourceClaimSpec,
}

impl Template {
    /// The template with this content; what else the name says is for people.
    pub(crate) fn of(spec: ResourceClaimSpec, ask: &Ask<'_>, devices: u64, models: &[&Model]) -> Option<Self> {
        let text = serde_json::to_string(&spec).ok()?;
        let model = match models {
            [only] => only.name.as_str().get(..LONGEST_MODEL).unwrap_or(only.name.as_str()),
            [] | [_, ..] => "any",
        };
        let memory = match ask.vram {
            Vram::Elastic => "max".to_owned(),
            Vram::HardCap(bytes) => binary(bytes).to_ascii_lowercase(),
        };
        let name = format!("gpu-{model}-cnt{devices}-sm{}-mem{memory}-{}", ask.sm_percent, hash(&text));
        Some(Self { name, text, spec })
    }

    /// What a Pod says of a template that it names; `None` where the text is not that template's.
    pub fn recorded(text: &str, name: &str) -> Option<Self> {
        let ours = is_platform_template(name) && name.rsplit('-').next() == Some(&hash(text));
        let spec = ours.then(|| serde_json::from_str(text).ok()).flatten()?;
        Some(Self { name: name.to_owned(), text: text.to_owned(), spec })
    }
}

/// What a template costs and asks that a Pod names, though it may not be made yet.
pub fn recorded(pod: Object<'_>, name: &str) -> Option<Template> {
    Template::recorded(pod.annotation(contract::CLAIM_TEMPLATE)?, name)
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text), HASHED)
}

/// The template that a new Pod is to have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The rule that wants it.
    pub(crate) rule: RuleId,
    pub(crate) template: Template,
    /// Who uses the claim.
    pub(crate) users: Users,
}

/// The template that a new Pod is to have.
pub(crate) fn wanted<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> Option<&'p Wanted> {
    case.new_pod()?;
    made_for(case, pod)
}

/// The template that a Pod is to have, or the Pods of a pod template: for extended resources, else for labels.
pub(crate) fn made_for<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> Option<&'p Wanted> {
    pod.found.made.get_or_init(|| find(case, pod)).as_ref()
}

fn find(case: &Case<'_>, pod: &Pod<'_>) -> Option<Wanted> {
    if let Some(wanted) = extended_resource::wanted(case, pod) {
        return Some(wanted);
    }
    let ask = asked(case, pod)?;
    let allowed = allowed(case, pod);
    let spec = spec_of(&ask, &allowed)?;
    let template = Template::of(spec, &ask, ask.count, &candidates(&ask, &allowed))?;
    let alone = !has_claims(case, pod, Some(&template.name));
    alone.then_some(Wanted { rule: RuleId::InlineClaim, template, users: Users::Everybody })
}

/// The models that a Pod may have: those of the plan that its queue takes too.
pub(crate) fn allowed<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Vec<&'a Model> {
    let asked = pod.object.label(contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE);
    let queue = case.policy.queue_asked(asked).unwrap_or_else(|| case.policy.default_queue());
    allowed_models_in(case, Some(queue))
}

/// What labels ask that are enough for a claim.
fn asked<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Option<Ask<'a>> {
    let inline = match (pod.object.label(contract::SHARING_MODE), case.policy.platform().labels_alone) {
        (Some(mode), _) => mode == INLINE,
        (None, LabelsAlone::Claim) => true,
        (None, LabelsAlone::Warn) => false,
    };
    if inline { Ask::of_labels(pod.object, case.policy).ok().flatten() } else { None }
}

/// Whether a Pod has claims, or asks for such as are there already, besides those of the platform's own template.
pub(crate) fn has_claims(case: &Case<'_>, pod: &Pod<'_>, own: Option<&str>) -> bool {
    let listed = pod.spec.resource_claims.iter().flatten();
    let mut others = listed.filter(|it| own.is_none() || it.resource_claim_template_name.as_deref() != own);
    others.next().is_some() || !rules::slot::wanted(case, pod).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_text_is_believed_only_under_the_name_that_it_gives() {
        let text = r#"{"devices":{"requests":[]}}"#;
        let name = format!("gpu-h100-cnt1-sm50-memmax-{}", hash(text));
        assert!(is_platform_template(&name), "{name}");
        assert_eq!(Template::recorded(text, &name).expect("its own text").name, name);
        for (text, name) in [(text, "gpu-h100-cnt1-sm50-memmax-0123456789"), ("{}", &name), (text, "mine")] {
            assert_eq!(Template::recorded(text, name), None, "{text} as {name}");
        }
        let no_spec = "[]";
        assert_eq!(Template::recorded(no_spec, &format!("gpu-h100-cnt1-sm50-memmax-{}", hash(no_spec))), None);
    }
}
