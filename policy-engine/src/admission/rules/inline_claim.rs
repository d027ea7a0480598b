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
//! the Pod is refused. Who exports a Pod and takes the platform's annotations out of it is warned where the template is gone by then.
//!
//! A Pod that has a claim, or that asks for one by `dra-claim-name` or a slot, gets no other. GPU labels without
//! `dra-sharing-mode` attach no GPU, and a warning says what is missing. With `PlatformPolicy.spec.labelsAlone: Claim`
//! they are enough.
//!
//! If a container names a claim `gpu` that the Pod does not list, the claim is for that container, and for no other.
//!
//! Where a rule that refuses what labels ask (`gpu-model`, `sm-share`, `vram`, `claim-shape`, this one) only warns or is off, the Pod
//! is given what its labels ask: a model that the plan does not have as well. What no driver can give becomes the nearest that one
//! can: all of a device instead of a share that is none, no ceiling of memory instead of one without a size. A model that does not
//! exist, or a number of devices that is none, cannot be given, and a warning says that the Pod starts without a GPU.
//!
//! The platform writes nothing into a workload's pod template. Each of the workload's Pods gets a claim of its own.

use std::fmt;

use crate::admission::attach;
use crate::admission::findings::Findings;
use crate::claims::template::is_platform_template;
use crate::claims::{INLINE, Misread, SHARED};
use crate::contract;
use crate::gpu::extended;
use crate::gpu::labels::{self, Asked, Given};
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
        carried_out(case, pod, say);
        missing_templates(case, pod, say);
    }
    if let Some(pod) = case.new_pod() {
        attach::write(case, pod, say);
        squatted(case, pod, say);
    }
}

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
    let Ok(Some(_)) = labels::read(case, pod) else { return };
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

/// Says what is given for labels that no enforced rule refuses and nobody can carry out as they are written.
fn carried_out(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    if matches!(case.caller, Caller::Controller) || has_claims(case, pod, None) || extended::asks_any(case, pod) {
        return;
    }
    match labels::asked(case, pod) {
        Asked::Nothing => {}
        Asked::Claim(Given { instead, .. }) => {
            for key in instead {
                let asked = pod.object().label(key).unwrap_or_default();
                say.warn(format_args!("{}: asked {asked:?}; {}", pod.label_at(key), Instead(key)));
            }
        }
        Asked::Impossible(Misread { key, why }) => {
            say.warn(format_args!("{}: the Pod starts without a GPU: {why}", pod.label_at(key)));
        }
    }
}

/// What is given where a label asks for what no driver gives.
struct Instead(&'static str);

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            contract::SHARING_MODE => write!(f, "the Pod is given a claim of its own; ask for {INLINE}"),
            contract::SM_PERCENT => f.write_str(
                "the Pod is given all of each device; ask for 1 to 100 percent, of a model whose driver can give parts",
            ),
            _ => f.write_str(
                "the Pod is given devices without a ceiling of memory; ask for hard_cap with a size such as 20Gi, of a model whose driver takes one",
            ),
        }
    }
}

/// Templates that are nobody's to wait for: those that the platform makes it makes by itself.
fn missing_templates(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    if matches!(case.caller, Caller::Controller) {
        return;
    }
    let own = wanted(case, pod).map(|it| &it.template.name);
    for (index, claim) in pod.spec.resource_claims.iter().flatten().enumerate() {
        let Some(name) = &claim.resource_claim_template_name else { continue };
        if !case.devices.lacks_template(name) || own == Some(name) {
            continue;
        }
        let at = pod.at(["spec", "resourceClaims"]).index(index).key("resourceClaimTemplateName");
        if is_platform_template(name) {
            say.warn(format_args!(
                "{at}: ResourceClaimTemplate {name}, which the platform made for another Pod, does not exist any more, and nobody else may \
                 create it, so that this one waits for ever; leave {} out here and in the containers, and ask for GPUs by the label {}: \
                 {INLINE}",
                claim.name,
                contract::SHARING_MODE
            ));
        } else {
            say.warn(format_args!(
                "{at}: ResourceClaimTemplate {name} does not exist; Pods wait until somebody creates it"
            ));
        }
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
