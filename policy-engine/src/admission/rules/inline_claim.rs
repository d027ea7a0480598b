//! # inline-claim: labels become a claim
//!
//! The label `platform-go/dra-sharing-mode: inline` on a Pod asks for a claim of the Pod's own. The Pod's other labels
//! say what is in it: `dra-gpu-model`, `dra-gpu-count`, `dra-sm-pct`, `vram-policy`, `dra-pinned-mem`. The platform
//! adds `spec.resourceClaims` with a ResourceClaimTemplate to the Pod, and `resources.claims` to its containers, except
//! init containers. Kubernetes makes the claim once the Pod exists, and removes it with the Pod.
//!
//! The template's name is `gpu-<model>-cnt<devices>-sm<percent>-mem<size or max>-<hash>`. The hash is that of its
//! content, so Pods that ask for the same share one template. The daemon `templates` makes the template, makes it again
//! when it is missing, and removes it when no Pod names it any more. If a template of that name has another content,
//! the Pod is refused.
//!
//! A Pod that has a claim, or that asks for one by `dra-claim-name` or a slot, gets no other. GPU labels without
//! `dra-sharing-mode` attach no GPU, and a warning says what is missing. With `PlatformPolicy.spec.labelsAlone: Claim`
//! they are enough.
//!
//! The platform writes nothing into a workload's pod template. Each of the workload's Pods gets a claim of its own.

use crate::admission::attach;
use crate::admission::findings::Findings;
use crate::claims::{Ask, INLINE};
use crate::contract;
use crate::gpu::extended;
use crate::gpu::own_claim::{has_claims, wanted};
use crate::policy::platform::LabelsAlone;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Caller;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.is_living_pod() || !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    for pod in &case.pods {
        sharing_mode(pod, say);
        labels_alone(case, pod, say);
        missing_templates(case, pod, say);
    }
    if let Some(pod) = case.new_pod() {
        attach::write(case, pod, say);
        squatted(case, pod, say);
    }
}

/// The value of `dra-sharing-mode` that asks for no claim of one's own.
const SHARED: &str = "shared-claim";

fn sharing_mode(pod: &Pod<'_>, say: &mut Findings) {
    let Some(asked) = pod.object().label(contract::SHARING_MODE).filter(|it| ![INLINE, SHARED].contains(it)) else {
        return;
    };
    let why = format!("asked {asked:?}; {INLINE} and {SHARED} are allowed; name one of them");
    say.deny(pod.label_at(contract::SHARING_MODE), why);
}

/// The controllers' Pods have nobody to warn.
fn labels_alone(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    if matches!(case.caller, Caller::Controller) || has_claims(case, pod, None) {
        return;
    }
    let Ok(Some(_)) = Ask::of_labels(pod.object(), case.policy) else { return };
    let missing = match (pod.object().label(contract::SHARING_MODE), case.policy.platform().labels_alone) {
        (None, LabelsAlone::Warn) => format!("{}: {INLINE}", contract::SHARING_MODE),
        (Some(SHARED), _) => format!("{}: <claim>", contract::CLAIM_NAME),
        (Some(_), _) | (None, LabelsAlone::Claim) => return,
    };
    // In a template it is for the Pods that are made from it.
    let named = [pod.object().label(contract::CLAIM_NAME), pod.object().annotation(contract::CLAIM_NAME)];
    if named.iter().any(Option::is_some) || extended::asks_any(case, pod) {
        return;
    }
    say.warn(format_args!(
        "{}: GPU labels alone attach no GPU; add the label {missing}",
        pod.at(["metadata", "labels"])
    ));
}

/// Templates that are nobody's to wait for: those that the platform makes it makes by itself.
fn missing_templates(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    if matches!(case.caller, Caller::Controller) || case.devices.untold {
        return;
    }
    let own = wanted(case, pod).map(|it| &it.template.name);
    for (index, claim) in pod.spec.resource_claims.iter().flatten().enumerate() {
        let Some(name) = &claim.resource_claim_template_name else { continue };
        if case.devices.templates.contains_key(name) || own == Some(name) {
            continue;
        }
        let at = pod.at(["spec", "resourceClaims"]).index(index).key("resourceClaimTemplateName");
        say.warn(format_args!(
            "{at}: ResourceClaimTemplate {name} does not exist; Pods wait until somebody creates it"
        ));
    }
}

/// A template under the platform's name may be older than the project.
fn squatted(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let Some(wanted) = wanted(case, pod) else { return };
    let name = &wanted.template.name;
    if case.devices.templates.get(name).is_none_or(|it| *it.spec == wanted.template.spec) {
        return;
    }
    let listed = pod.spec.resource_claims.iter().flatten();
    for (index, _) in listed.enumerate().filter(|(_, it)| it.resource_claim_template_name.as_ref() == Some(name)) {
        let why = format!(
            "ResourceClaimTemplate {name} was made by somebody else and asks for something else than the platform's of this name; have a Manager of the project delete it, and the platform makes its own"
        );
        say.deny(pod.at(["spec", "resourceClaims"]).index(index).key("resourceClaimTemplateName"), why);
    }
}
