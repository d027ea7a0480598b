//! # slot: Pods use their own user's claims, and shared ones
//!
//! A manifest can name a ResourceClaim without knowing which one it will be. The expression
//! `{{ gpuClaimName "train-a" }}` stands for the claim of the slot `train-a`; `{{ gpuClaimName }}` alone is the slot
//! `default`. It can stand in the label or annotation `platform-go/dra-claim-name`, in `spec.resourceClaims`, in
//! labels, and in `env`, `args` and `command` of containers. The platform does not touch other templates, such as those
//! of Helm.
//!
//! The annotation `platform-go/claim-slots: train-a=my-claim,eval=other-claim` on the Pod, the pod template or the
//! workload says which claim a slot means. Without it, the slot means the user's own claim that is labelled
//! `platform-go/slot: train-a`. A colleague's shared claim never fills a slot by itself: name it in the annotation. The
//! platform refuses a slot that means no claim, and lists the claims that the user could use, shared ones too.
//!
//! The platform resolves slots in what a person submits, in every kind that has a pod template. It replaces the
//! expression, and adds `spec.resourceClaims` and the containers' `resources.claims` where the template does not name
//! the claim yet. Applying the manifest again resolves the slot again, to the same claim.
//!
//! A claim is for its owner. Its owner can let the other members of the project use it, by the annotation
//! `platform-go/share: project`; the owner still pays. When somebody changes a colleague's workload, a claim in it that
//! is not shared must belong to the workload's owner, and the editor must be that owner or manage the project. A claim
//! that was made for one Pod from a template cannot be used by another Pod.
//!
//! A Pod may name a claim that does not exist yet, and waits for it. Whose claim it gets is judged once more when the
//! scheduler reserves the claim for the Pod: whatever else came under that name is not given to it. Waiting keeps nobody
//! else from the name.

mod claims;
mod reserved;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::admission::attach;
use crate::admission::findings::Findings;
use crate::gpu::slots::{Mapping, meant, resolver, texts};
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::devices::MOST_NAMED;
use crate::submission::pod::Pod;
use crate::submission::remembered::{self, Remembered};
use crate::submission::slots;
use crate::submission::slots::texts::{Text, of_metadata};
use claims::NotMapped;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.device_names.len() > MOST_NAMED {
        let why = format!(
            "asked {} claims, templates and classes of devices; at most {MOST_NAMED} are looked up for one object; split it",
            case.device_names.len()
        );
        return say.deny(Place::of(["spec"]), why);
    }
    if case.is_claim() && case.submission.act == Act::Status {
        return reserved::judge(case, say);
    }
    // What a Pod uses is fixed when it is made.
    if case.is_living_pod() || !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    let mut told = BTreeSet::new();
    for pod in &case.pods {
        claims::named(case, pod, say);
        if !pod.takes_claims() && !texts(case, pod).is_empty() {
            let why = "asked a slot in a list of containers, which has no place to name a claim; name the claim where the Pod is described, or ask an admin to list this kind with the pointer to its PodSpec";
            say.deny(pod.at([]), why);
            continue;
        }
        resolve(case, Some(pod), texts(case, pod), &mut told, say);
        attach::write(case, pod, say);
    }
    if let Some(pod) = case.new_pod() {
        stand_by(case, pod, say);
    }
    if let Some(object) = case.object().filter(|_| case.is_workload()) {
        resolve(case, case.pods.first(), of_metadata(object, &Place::root()), &mut told, say);
    }
}

/// An earlier call has resolved slots of this Pod and kept what was asked: what it wrote is what this one would write.
fn stand_by(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let resolved = resolver(case, pod);
    for Remembered { at, asked } in remembered::recall(pod.object()).into_values() {
        let Some(asked) = asked.as_str().filter(|asked| slots::mentions(asked)) else { continue };
        let written = resolved(asked);
        if at.resolve(pod.written).and_then(Value::as_str) == Some(&written) {
            say.set(at, written);
        }
    }
}

/// Replaces what can be, and says why the rest cannot: of each slot once, wherever else it stands.
fn resolve<'a>(
    case: &Case<'a>,
    pod: Option<&Pod<'a>>,
    texts: Vec<Text<'a>>,
    told: &mut BTreeSet<&'a str>,
    say: &mut Findings,
) {
    if texts.is_empty() {
        return;
    }
    let mapping = match Mapping::of(case, pod) {
        Ok(mapping) => mapping,
        Err((field, broken)) => return say.deny(field, format_args!("asked a mapping that cannot be read, {broken}")),
    };
    for Text { at, text } in texts {
        let slots = match slots::all(text) {
            Ok(slots) => slots,
            Err(broken) => {
                let why = format!(
                    "asked {text:?}, which has an expression that cannot be read, {broken}; write {{{{ gpuClaimName \"train-a\" }}}}"
                );
                say.deny(at, why);
                continue;
            }
        };
        let mut claims = BTreeMap::new();
        for slot in &slots {
            match meant(case, slot.name, mapping.claim(slot.name)) {
                Ok(claim) => drop(claims.insert(slot.name, claim)),
                Err(why) if told.insert(slot.name) => say.deny(at.clone(), NotMapped { case, slot: slot.name, why }),
                Err(_) => {}
            }
        }
        let known = |slot: &str| claims.get(slot).copied();
        if let Ok(resolved) = slots::resolve(text, known)
            && resolved != text
        {
            say.set(at, resolved);
        }
    }
}
