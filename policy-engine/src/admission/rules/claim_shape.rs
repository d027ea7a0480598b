//! # claim-shape: what a claim of devices may look like
//!
//! The platform refuses a claim that
//!
//! * asks for `adminAccess`, because it looks into other people's devices;
//! * asks for `allocationMode: All` of devices that cost something, because nobody can say how much;
//! * has a request that asks for no device;
//! * asks for more devices than the plan allows in one claim (`ResourcePlan.spec.maxDevicesPerClaim`; if the plan says
//!   nothing, it sets no limit), or for more than the 32 that Kubernetes gives to one claim.
//!
//! Every request counts. Where a request has several alternatives (`firstAvailable`), the platform judges each of them,
//! and the most expensive one counts.
//!
//! The label `platform-go/dra-gpu-count` on a ResourceClaim says how many devices the claim holds. The platform writes
//! it where it is absent, and refuses the claim where it says another number. The platform also writes
//! `platform-go/dra-effective-gpu`: devices × percent / 100.
//!
//! The platform gives every ResourceClaim the finalizer `resource.kubernetes.io/delete-protection`, as Kubernetes itself
//! does as soon as a claim is allocated. So a claim cannot go while the scheduler allocates it. Kubernetes takes the
//! finalizer off when you delete a claim that no Pod uses.
//!
//! The platform adds one toleration to every request: that of the claim's own hold (`platform-go/hold`). No claim
//! tolerates the hold of another.
//!
//! Kubernetes never changes a claim's spec after it was made. So applying the same manifest again changes nothing, and
//! the labels by which a claim asked for devices cannot be changed.

mod protection;

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::claims::{Ask, Gpus, MOST_DEVICES, is_narrowing, price_when_told};
use crate::contract;
use crate::gpu::hold;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::device_claim::DeviceClaim;

/// Kubernetes takes 32 selectors in a request, and one of them is the platform's.
const MOST_SELECTORS: usize = 31;
/// It takes 16 tolerations in a request, and one of them is the platform's.
const MOST_TOLERATIONS: usize = 15;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for claim in &case.device_claims {
        new_claim(case, claim, say);
    }
    for pod in case.pods.iter().filter(|_| !case.is_living_pod()) {
        if let Err(misread) = Ask::of_labels(pod.object(), case.policy) {
            let ours = misread.into_iter().filter(|it| it.key == contract::GPU_COUNT);
            ours.for_each(|it| say.deny(pod.label_at(it.key), it.why));
        }
    }
    if case.is_claim() {
        protection::protect(case, say);
        if case.submission.act == Act::Update {
            put_back(case, say);
        }
    }
}

fn new_claim(case: &Case<'_>, claim: &DeviceClaim<'_>, say: &mut Findings) {
    for alternative in claim.understood.alternatives() {
        let place = claim.in_spec(&alternative.place);
        if alternative.admin_access {
            let why = "asked adminAccess, which looks into other people's devices; it is for admins outside of projects; leave it out";
            say.deny(place.clone().key("adminAccess"), why);
        }
        if alternative.count.is_none() && alternative.milli_gpu > 0 {
            let why = "asked All devices that match; a number of devices is allowed, so that it is known what they cost; ask ExactCount with a count";
            say.deny(place.clone().key("allocationMode"), why);
        }
        if case.is_claim() {
            tolerate(case, &place, say);
        }
        room(case, &place, say);
    }
    let devices = claim.understood.price.devices;
    let requests = claim.at(["spec", "devices", "requests"]);
    if let Some(request) =
        claim.understood.requests.iter().find(|it| it.alternatives.iter().all(|it| it.count == Some(0)))
    {
        let why = format!("request {:?} asks for no device; ask for 1 or more, or leave it out", request.name);
        return say.deny(requests.clone(), why);
    }
    if devices > MOST_DEVICES {
        let why = format!(
            "asked {devices} devices in one claim; Kubernetes gives a claim {MOST_DEVICES} at most; make several claims"
        );
        return say.deny(requests, why);
    }
    let most = case.plan().and_then(|plan| plan.max_devices_per_claim);
    if let Some((most, plan)) = most.filter(|most| devices > *most).zip(case.plan()) {
        let why = format!(
            "asked {devices} devices in one claim; plan {} of project {} allows {most}; ask for fewer, or make several claims",
            plan.name, case.project.name
        );
        say.deny(requests, why);
    }
    labels(case, claim, devices, say);
}

/// Whether there is room for what the platform adds.
fn room(case: &Case<'_>, place: &Place, say: &mut Findings) {
    let ours = |it: &Value| {
        it.get("key").and_then(Value::as_str) == Some(contract::HOLD)
            || it.pointer("/cel/expression").and_then(Value::as_str).is_some_and(is_narrowing)
    };
    for (key, most) in [("selectors", MOST_SELECTORS), ("tolerations", MOST_TOLERATIONS)] {
        let asked = list(case, &place.clone().key(key)).iter().filter(|it| !ours(it)).count();
        if asked > most {
            let why =
                format!("asked {asked} {key}; at most {most} are allowed beside the platform's own; leave out some");
            say.deny(place.clone().key(key), why);
        }
    }
}

fn list(case: &Case<'_>, place: &Place) -> Vec<Value> {
    let object = case.submission.object.unwrap_or(&Value::Null);
    place.resolve(object).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn tolerate(case: &Case<'_>, place: &Place, say: &mut Findings) {
    let Some(hold) = hold::hold(case).and_then(|hold| serde_json::to_value(hold).ok()) else { return };
    let place = place.clone().key("tolerations");
    let mut tolerations = list(case, &place);
    if !tolerations.contains(&hold) {
        tolerations.push(hold);
        say.fill_in(place, tolerations);
    }
}

fn labels(case: &Case<'_>, claim: &DeviceClaim<'_>, devices: u64, say: &mut Findings) {
    let ask = match Ask::of_labels(claim.object, case.policy) {
        Ok(ask) => ask,
        Err(misread) => {
            let ours = misread.into_iter().filter(|it| it.key == contract::GPU_COUNT);
            return ours.for_each(|it| say.deny(claim.label_at(it.key), it.why));
        }
    };
    let label = claim.label_at(contract::GPU_COUNT);
    if claim.object.label(contract::GPU_COUNT).is_some() && ask.as_ref().is_some_and(|ask| ask.count != devices) {
        let asked = ask.map_or(0, |ask| ask.count);
        let why =
            format!("asked {asked} devices beside requests for {devices}; make both the same, or leave out the label");
        return say.deny(label, why);
    }
    if case.is_claim() && claim.understood.counts() {
        let Gpus(milli) = price_when_told(&claim.understood, ask.as_ref()).gpus();
        say.set(label, devices.to_string());
        say.set(claim.label_at(contract::EFFECTIVE_GPU), Gpus(milli).to_string());
    }
}

/// Labels on a claim that are fixed with it.
const FIXED: [&str; 6] = [
    contract::GPU_MODEL,
    contract::GPU_COUNT,
    contract::SM_PERCENT,
    contract::VRAM_POLICY,
    contract::PINNED_MEMORY,
    contract::EFFECTIVE_GPU,
];

fn put_back(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    for key in FIXED {
        let place = Place::of(["metadata", "labels", key]);
        match (old.label(key), object.label(key)) {
            (before, after) if before == after => {}
            (Some(before), None) => say.put_back(place, before),
            (Some(before), Some(_)) if key == contract::EFFECTIVE_GPU => say.set(place, before),
            (None, Some(_)) if key == contract::EFFECTIVE_GPU => say.remove(place),
            (before, after) => {
                let (before, after) = (before.unwrap_or("nothing"), after.unwrap_or("nothing"));
                let why = format!(
                    "asked {after}; what a claim asks for is fixed when it is made, here as {before}; make another claim"
                );
                say.deny(place, why);
            }
        }
    }
    let (Some(new), Some(stored)) = (devices(object), devices(old)) else { return };
    // Where something else is asked, Kubernetes itself says that the field is immutable.
    if new != stored && as_asked(&new, &stored) == as_asked(&stored, &stored) {
        say.put_back(Place::of(["spec", "devices"]), stored);
    }
}

fn devices(object: Object<'_>) -> Option<Value> {
    object.at(&["spec", "devices"]).cloned()
}

/// What a claim asks but for what the platform wrote into the stored one.
fn as_asked(devices: &Value, stored: &Value) -> Value {
    let mut asked = devices.clone();
    let ours = |it: &Value| {
        it.get("key").and_then(Value::as_str) == Some(contract::HOLD)
            || it.pointer("/cel/expression").and_then(Value::as_str).is_some_and(is_narrowing)
    };
    let clean = |alternative: &mut Value| {
        let Some(alternative) = alternative.as_object_mut() else { return };
        for key in ["selectors", "tolerations"] {
            if let Some(list) = alternative.get_mut(key).and_then(Value::as_array_mut) {
                list.retain(|it| !ours(it));
            }
            if alternative.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
                alternative.remove(key);
            }
        }
        alternative.remove("capacity");
    };
    for request in asked.get_mut("requests").and_then(Value::as_array_mut).into_iter().flatten() {
        request.get_mut("exactly").into_iter().for_each(clean);
        request.get_mut("firstAvailable").and_then(Value::as_array_mut).into_iter().flatten().for_each(clean);
    }
    // Parameters may be the labels'; those that are written out are compared.
    if let (Some(map), Some(config)) = (asked.as_object_mut(), stored.get("config"))
        && !map.contains_key("config")
    {
        map.insert("config".into(), config.clone());
    }
    asked
}
