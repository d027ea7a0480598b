//! # platform-labels: the platform writes whose a Pod is
//!
//! On Pods, the platform writes `platform-go/project-id`, `group-id`, `user-id` and `plan-id`. It overwrites what a
//! client sends there, puts back later changes, and removes labels that only the platform writes.
//!
//! On a Pod with claims, the platform also writes what the claims amount to: `dra-effective-gpu` (devices × percent /
//! 100) and `dra-gpu-count` (devices held); `dra-gpu-model`, `dra-sm-pct`, `vram-policy` and `dra-pinned-mem`, each
//! only if it is the same for all claims; `dra-claim-name`, if there is one claim; and `dra-sharing-mode`. It cannot
//! write the amounts while a claim does not exist yet.
//!
//! On PersistentVolumeClaims and ResourceClaims, the platform writes the first three labels. On a workload, Service
//! or ResourceClaimTemplate that a person creates, it writes `user-id`, in the object's own metadata and never in a
//! template.
//!
//! On all of these, the annotation `platform-go/made-by` says who made them, by their username: by it the API server refuses
//! deletions by others while Sluice is away (see *Security*).
//!
//! A Pod does not change after it was made. So on UPDATE, the platform puts back what it wrote, and accepts a manifest
//! that asks for the same as at creation. Labels that ask for something (`dra-gpu-model`, `dra-gpu-count`, …) are fixed:
//! asking for something else is refused. The queue alone may change, by the annotation `platform-go/switch-queue` (rule `queue`):
//! then the platform writes the labels `queue-name` and `preemptible` anew. What somebody writes into `queue-name` itself is put
//! back, with a warning that says so. Where a workload was moved by the same annotation, the platform writes to which queue into the
//! label `platform-go/moved-to` of the workload's own metadata.
//!
//! What the platform replaced on a Pod, and the labels that it wrote where nobody asked for anything, stand in the annotation
//! `platform-go/asked`. So a Pod or ResourceClaim that is exported, edited and made again, under this plan or another, is judged by
//! what it asked at first. What a container asked stays with the container of that name, wherever it stands in the list. A label that
//! was changed since is an ask.
//!
//! On a workspace that somebody stops, the annotation `platform-go/stopped-because` says who, until it runs again.
//!
//! Finalizers of Kubernetes and of the platform stay, also where somebody replaces an object by a manifest that says
//! nothing of them. (Who takes one off and changes nothing else is refused by the API server itself: see *Security*.)
//! Nobody writes a new one into a Pod or a pod template: no controller would take it off, and the Pods would never end.
//!
//! A key with the prefix that is none of the platform's stays as it is, and so does a label that is read as an annotation only, or the
//! other way round. Whoever adds one is warned, with the key that is most like it: `platform-go/dra-gpu-modle` asks for nothing.
//!
//! The platform refuses a workload whose selector names a `platform-go/` key. The selector would never match the
//! workload's Pods, and the controller would make Pods for ever.

mod finalizers;
mod gpu;
mod maker;
mod put_back;
mod stopped;
mod unknown;

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::contract;
use crate::gpu::own_claim;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Owner;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if matches!(case.submission.act, Act::Create | Act::Update) {
        finalizers::judge(case, say);
        unknown::tell(case, say);
    }
    let is_claim = case.is_volume_claim() || case.is_snapshot() || case.is_claim();
    let stamped = case.is_pod() || case.is_workload() || case.is_claim_template() || case.is_service();
    if (is_claim || stamped) && matches!(case.submission.act, Act::Create | Act::Update | Act::Status) {
        maker::write(case, say);
    }
    if is_claim {
        return claim(case, say);
    }
    let Some(object) = case.object().filter(|_| stamped) else { return };
    match (case.submission.act, case.is_pod()) {
        (Act::Create, true) => new_pod(case, say),
        (Act::Create, false) => new_workload(case, object, say),
        (Act::Update | Act::Status, true) => put_back::pod(case, object, say),
        (Act::Update | Act::Status, false) => put_back::workload(case, object, say),
        (Act::Touch | Act::Bind | Act::Delete | Act::Connect, _) => {}
    }
    stopped::write(case, say);
    let selector_of = |object: Object<'_>| object.at(&["spec", "selector"]).cloned();
    let stands = case.old().is_some_and(|old| selector_of(old) == selector_of(object));
    let makes_pods = case
        .policy
        .platform()
        .workload_kind(&case.submission.resource)
        .is_some_and(|kind| !kind.pod_templates.is_empty());
    if makes_pods && matches!(case.submission.act, Act::Create | Act::Update) && !stands {
        selector(object, say);
    }
}

/// What an ownership label says of an object that is made now.
fn ownership<'a>(case: &'a Case<'a>, key: &str) -> Option<&'a str> {
    match key {
        contract::PROJECT_ID => Some(case.project.id.as_str()),
        contract::GROUP_ID => case.policy.owning_group(case.project).map(|group| group.id.as_str()),
        contract::USER_ID => case.owner.as_ref().ok().and_then(Owner::id),
        contract::PLAN_ID => case.plan().map(|plan| plan.id.as_str()),
        _ => None,
    }
}

fn label(key: &'static str) -> Place {
    Place::of(["metadata", "labels", key])
}

fn new_pod(case: &Case<'_>, say: &mut Findings) {
    for key in contract::OWNERSHIP_LABELS {
        match ownership(case, key) {
            Some(value) => say.set(label(key), value),
            None => say.remove(label(key)),
        }
    }
    gpu::write(case, say);
    for key in contract::PLATFORM_ANNOTATIONS {
        let made =
            key == contract::CLAIM_TEMPLATE && case.new_pod().is_some_and(|pod| own_claim::wanted(case, pod).is_some());
        if !made {
            say.remove(Place::of(["metadata", "annotations", key]));
        }
    }
}

fn new_workload(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    put_back::moved(case, object, say);
    for key in contract::OWNERSHIP_LABELS {
        match ownership(case, key) {
            Some(value) if key == contract::USER_ID || object.label(key).is_some() => say.set(label(key), value),
            Some(_) => {}
            None => say.remove(label(key)),
        }
    }
}

/// Claims of either kind, and snapshots.
fn claim(case: &Case<'_>, say: &mut Findings) {
    match case.submission.act {
        Act::Create => {
            for key in [contract::PROJECT_ID, contract::GROUP_ID, contract::USER_ID] {
                match ownership(case, key) {
                    Some(value) => say.set(label(key), value),
                    None => say.remove(label(key)),
                }
            }
            say.remove(label(contract::PLAN_ID));
        }
        Act::Update | Act::Status => put_back::claim(case, say),
        Act::Touch | Act::Bind | Act::Delete | Act::Connect => {}
    }
}

fn selector(object: Object<'_>, say: &mut Findings) {
    let Some(selector) = object.at(&["spec", "selector"]) else { return };
    let here = Place::of(["spec", "selector"]);
    // A ReplicationController's selector is a plain map of labels.
    let labels = [(here.clone(), Some(selector)), (here.clone().key("matchLabels"), selector.get("matchLabels"))];
    for (place, map) in labels {
        for key in map.and_then(Value::as_object).into_iter().flat_map(|map| map.keys()) {
            refuse_key(place.clone().key(key.to_owned()), key, say);
        }
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    for (index, expression) in expressions.enumerate() {
        if let Some(key) = expression.get("key").and_then(Value::as_str) {
            refuse_key(here.clone().key("matchExpressions").index(index).key("key"), key, say);
        }
    }
}

fn refuse_key(field: Place, key: &str, say: &mut Findings) {
    if key.starts_with(contract::PREFIX) {
        let why = format!(
            "asked to select Pods by {key}, which the platform writes; Pods would never match and be made for ever; select by a label of your own"
        );
        say.deny(field, why);
    }
}
