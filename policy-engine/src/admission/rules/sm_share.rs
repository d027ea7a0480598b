//! # sm-share: a share of a GPU's compute, and what it means on which driver
//!
//! The label `platform-go/dra-sm-pct` asks for a whole percentage, 1 to 100, of the compute of each device; without it,
//! 100. Effective GPU is devices × percent / 100. The plan limits two numbers: the effective GPU, and the devices that
//! claims hold.
//!
//! What a percentage means depends on how the model is shared (`GpuModel.spec.sharing`):
//!
//! * **MPS** (NVIDIA's DRA driver): a GPU is shared *only inside one claim*, by the containers and Pods that name it. A
//!   claim of 25 % still holds a whole device: nobody else's claim gets the other 75 %. To put several Pods on one GPU,
//!   let them name one ResourceClaim. The platform tells the driver in a `GpuConfig`: strategy MPS,
//!   `defaultActiveThreadPercentage`.
//! * **Capacity** (drivers with consumable capacity): a device is shared *across claims*. The platform tells the driver
//!   in `capacity.requests`: `cores`, in percent.
//! * **TimeSlicing** and **None**: no driver can be told a percentage. Only 100 is allowed.
//!
//! On a ResourceClaim, and on a claim that is made from labels, the platform turns the label into the driver's
//! parameters. On a ResourceClaim whose parameters somebody wrote, or whose DeviceClass has some, it writes the label
//! that they amount to. It refuses a label and parameters that disagree, since what the driver is told is what is
//! charged. At 100 % it writes no parameters.

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde_json::Value;

use crate::admission::findings::Findings;
use crate::claims::driver_config::{self, Told};
use crate::claims::{Alternative, Ask, INLINE, Understood, can_give, candidates, must_be_told, tell};
use crate::contract;
use crate::gpu::labels;
use crate::gpu::own_claim::has_claims;
use crate::policy::model::Model;
use crate::submission::case::Case;
use crate::submission::device_claim::DeviceClaim;
use crate::submission::devices::named_by;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for claim in &case.device_claims {
        new_claim(case, claim, say);
    }
    for pod in case.pods.iter().filter(|_| !case.is_living_pod()) {
        new_pod(case, pod, say);
    }
}

fn new_claim(case: &Case<'_>, claim: &DeviceClaim<'_>, say: &mut Findings) {
    let label = claim.label_at(contract::SM_PERCENT);
    let ask = match Ask::of_labels(claim.object, case.policy) {
        Ok(ask) => ask,
        Err(misread) => {
            let ours = misread.into_iter().filter(|it| it.key == contract::SM_PERCENT);
            return ours.for_each(|it| say.deny(label.clone(), it.why));
        }
    };
    if let Some(why) = claim.understood.gpus().find_map(|it| it.told.as_ref().err()) {
        let why =
            format!("{why}; 1 to 100 percent and at least 1Mi are allowed; correct the parameters, or leave them out");
        return say.deny(claim.at(["spec", "devices"]), why);
    }
    let labelled = claim.object.label(contract::SM_PERCENT).is_some();
    if let Some(ask) = &ask {
        for alternative in claim.understood.gpus() {
            let told = alternative.told.as_ref().map_or(100, |told| told.sm_percent);
            let will_be = if must_be_told(ask, alternative) { ask.sm_percent } else { told };
            if labelled && will_be != ask.sm_percent {
                return say.deny(label, disagree(ask.sm_percent, told));
            }
            let given = given(claim, alternative);
            if must_be_told(ask, alternative) && !given.is_empty() && !given.iter().all(|it| can_give(ask, it.sharing))
            {
                return say.deny(label, not_shared(ask, &given));
            }
        }
        if case.is_claim() {
            write(case, claim, ask, say);
        }
    }
    let told = claim.understood.gpus().filter_map(|it| it.told.as_ref().ok());
    let dearest = told.map(|told| told.sm_percent).max().filter(|percent| *percent < 100);
    if let (true, false, Some(percent)) = (case.is_claim(), labelled, dearest) {
        say.set(label, percent.to_string());
    }
}

/// The allowed models that an alternative may match.
fn given<'a>(claim: &DeviceClaim<'a>, alternative: &Alternative<'a>) -> Vec<&'a Model> {
    alternative.models.iter().filter(|model| claim.allowed.iter().any(|it| it.name == model.name)).copied().collect()
}

/// Tells the driver what the labels ask.
fn write(case: &Case<'_>, claim: &DeviceClaim<'_>, ask: &Ask<'_>, say: &mut Findings) {
    let untold = claim.understood.gpus().filter(|it| must_be_told(ask, it));
    let untold: Vec<_> = untold.map(|it| (it, given(claim, it))).collect();
    let parameters = tell(ask, &untold);
    if let Some(config) = parameters.config.and_then(|config| serde_json::to_value(config).ok()) {
        let at = claim.at(["spec", "devices", "config"]);
        let object = case.submission.object.unwrap_or(&Value::Null);
        let mut all = at.resolve(object).and_then(Value::as_array).cloned().unwrap_or_default();
        all.push(config);
        say.fill_in(at, all);
    }
    for ((alternative, _), compute) in untold.iter().zip(parameters.capacity) {
        for (name, quantity) in compute.iter().flat_map(|compute| driver_config::capacity(ask, compute)) {
            let at = claim.in_spec(&alternative.place).key("capacity").key("requests").key(name);
            say.fill_in(at, quantity.0);
        }
    }
}

fn new_pod(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let label = pod.label_at(contract::SM_PERCENT);
    // What other labels fail to say is other rules' to refuse, and they may only warn.
    let Some((ask, misread)) = Ask::read(pod.object(), case.policy) else { return };
    if let Some(ours) = misread.into_iter().find(|it| it.key == contract::SM_PERCENT) {
        return say.deny(label, ours.why);
    }
    let named = named_by(pod, case.devices);
    if let [named] = &named[..]
        && pod.object().label(contract::SM_PERCENT).is_some()
    {
        if let Some(told) = told_by(case, named.spec).filter(|told| told.sm_percent != ask.sm_percent) {
            say.deny(label, disagree(ask.sm_percent, told.sm_percent));
        }
        return;
    }
    let allowed = labels::allowed(case, pod, &ask);
    let asked: Vec<_> =
        allowed.iter().filter(|it| ask.model.is_none_or(|asked| asked.name == it.name)).copied().collect();
    let inline = pod.object().label(contract::SHARING_MODE) == Some(INLINE);
    let own = inline || (labels::ask_for_own(case, pod) && !has_claims(case, pod, None));
    if own && named.is_empty() && !asked.is_empty() && candidates(&ask, &allowed).is_empty() {
        say.deny(label, not_shared(&ask, &asked));
    }
}

/// What the driver is told by the only request of a claim.
fn told_by(case: &Case<'_>, spec: &ResourceClaimSpec) -> Option<Told> {
    let understood = Understood::of(spec, &case.devices.classes, case.policy);
    let [request] = &understood.requests[..] else { return None };
    let [only] = &request.alternatives[..] else { return None };
    only.told.clone().ok()
}

fn disagree(asked: u64, told: u64) -> String {
    format!(
        "asked {asked} percent where the driver is told {told}; what the driver is told is what counts; \
         make both the same, or leave out one"
    )
}

fn not_shared(ask: &Ask<'_>, models: &[&Model]) -> String {
    let names: Vec<_> = models.iter().filter(|it| !can_give(ask, it.sharing)).map(|it| it.id.as_str()).collect();
    let part = if ask.sm_percent < 100 { format!("{} percent", ask.sm_percent) } else { "a ceiling of memory".into() };
    format!(
        "asked {part} of {}, of which no driver can give a part; 100 percent and elastic memory are allowed; \
         ask for that, or for another model",
        names.join(", ")
    )
}
