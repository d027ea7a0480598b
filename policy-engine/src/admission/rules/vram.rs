//! # vram: how a claim uses the memory of its devices
//!
//! The label `platform-go/vram-policy` is `elastic` or `hard_cap`. `elastic` is the default: the claim shares the
//! memory with whatever else uses the device. `hard_cap` is a strict limit. The plan says which of them may be used
//! (`ResourcePlan.spec.vramPolicies`; a plan that lists none allows both).
//!
//! `hard_cap` needs a size in `platform-go/dra-pinned-mem`, a quantity of at least 1Mi. The platform turns it into the
//! driver's pinned memory limit, or into `memory` in `capacity.requests` if the model is shared by capacity. The rule
//! `sm-share` says which models' drivers can be told. `elastic` sets no limit.
//!
//! Where somebody wrote a limit in the driver's parameters, the platform writes the labels that it amounts to. It
//! refuses labels and parameters that disagree.
//!
//! Whoever asks for a ceiling that is higher than the memory of every device of the model, as the ResourceSlices say it today,
//! is warned.

use std::fmt;

use crate::admission::findings::Findings;
use crate::claims::driver_config::binary;
use crate::claims::{Ask, Vram, must_be_told};
use crate::contract;
use crate::gpu::needs::{self, Need};
use crate::object::place::Place;
use crate::policy::model::{Model, Sharing};
use crate::policy::plan::VramPolicy;
use crate::sentence;
use crate::submission::case::Case;
use crate::submission::device_claim::DeviceClaim;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for claim in &case.device_claims {
        new_claim(case, claim, say);
    }
    for pod in case.pods.iter().filter(|_| !case.is_living_pod()) {
        // What other labels fail to say is other rules' to refuse, and they may only warn.
        let Some((ask, misread)) = Ask::read(pod.object(), case.policy) else { continue };
        let (ours, _): (Vec<_>, Vec<_>) = misread.into_iter().partition(|it| is_ours(it.key));
        if ours.is_empty() {
            allowed(case, ask.vram, pod.label_at(contract::VRAM_POLICY), say);
        }
        ours.into_iter().for_each(|it| say.deny(pod.label_at(it.key), it.why));
    }
    if say.denials.is_empty() {
        today(case, say);
    }
}

/// Says the first ceiling that no device reaches.
fn today(case: &Case<'_>, say: &mut Findings) {
    let Some((inventory, all)) = needs::told(case) else { return };
    let too_large = |need: &Need<'_>| {
        let (asked, largest) = need.memory.zip(inventory.largest_memory(&need.models))?;
        (asked > largest).then_some((asked, largest))
    };
    let found = all.iter().flat_map(|needs| &needs.requests).find_map(|need| Some((need, too_large(need)?)));
    if let Some((need, (asked, largest))) = found {
        say.warn(TooLarge { asked, largest, models: &need.models });
    }
}

fn is_ours(key: &str) -> bool {
    [contract::VRAM_POLICY, contract::PINNED_MEMORY].contains(&key)
}

/// What is asked, where it can be read.
fn read<'a>(
    ask: Result<Option<Ask<'a>>, Vec<crate::claims::Misread>>,
    at: impl Fn(&'static str) -> Place,
    say: &mut Findings,
) -> Option<Option<Ask<'a>>> {
    match ask {
        Ok(ask) => Some(ask),
        Err(misread) => {
            let ours = misread.into_iter().filter(|it| is_ours(it.key));
            ours.for_each(|it| say.deny(at(it.key), it.why));
            None
        }
    }
}

fn new_claim(case: &Case<'_>, claim: &DeviceClaim<'_>, say: &mut Findings) {
    let Some(ask) = read(Ask::of_labels(claim.object, case.policy), |key| claim.label_at(key), say) else { return };
    let label = claim.label_at(contract::VRAM_POLICY);
    let labelled = claim.object.label(contract::VRAM_POLICY).is_some();
    let mut used = Vec::new();
    for alternative in claim.understood.gpus() {
        let Ok(told) = alternative.told else { return };
        match &ask {
            Some(ask) if must_be_told(ask, alternative) => used.push(ask.vram),
            Some(ask) if labelled && told.vram != ask.vram => {
                let why = format!(
                    "asked {} where the driver is told {}; what the driver is told is what counts; make both the same, or leave out one",
                    Said(ask.vram),
                    Said(told.vram)
                );
                return say.deny(label, why);
            }
            Some(_) | None => used.push(told.vram),
        }
    }
    used.sort_by_key(|it| it.policy());
    used.dedup();
    for vram in &used {
        allowed(case, *vram, label.clone(), say);
    }
    if let ([Vram::HardCap(bytes)], true, false) = (&used[..], case.is_claim(), labelled) {
        say.set(label, "hard_cap");
        say.set(claim.label_at(contract::PINNED_MEMORY), binary(*bytes));
    }
}

fn allowed(case: &Case<'_>, vram: Vram, label: Place, say: &mut Findings) {
    let Some(plan) = case.plan() else { return };
    if plan.vram_policies.is_empty() || plan.vram_policies.contains(&vram.policy()) {
        return;
    }
    let policies: Vec<_> = plan.vram_policies.iter().map(|it| name(*it)).collect();
    let why = format!(
        "asked {}; plan {} of project {} allows {}; set the label to that, or ask an admin for another plan",
        Said(vram),
        plan.name,
        case.project.name,
        policies.join(", "),
    );
    say.deny(label, why);
}

fn name(policy: VramPolicy) -> &'static str {
    match policy {
        VramPolicy::Elastic => "elastic",
        VramPolicy::HardCap => "hard_cap",
    }
}

struct Said(Vram);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Vram::Elastic => f.write_str("elastic"),
            Vram::HardCap(bytes) => write!(f, "hard_cap of {}", binary(bytes)),
        }
    }
}

/// A ceiling above what every device has.
struct TooLarge<'a> {
    asked: u64,
    largest: u64,
    models: &'a [&'a Model],
}

impl fmt::Display for TooLarge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, largest, models } = self;
        let largest = binary(*largest);
        write!(f, "asked a ceiling of {} on each device of ", binary(*asked))?;
        sentence::list(f, &models.iter().map(|model| &model.id).collect::<Vec<_>>())?;
        write!(f, "; the largest today has {largest}; ask for at most {largest}, or ")?;
        // A driver that hands out parts looks for a device that has as much. NVIDIA's only bounds what is used of the one that it has.
        match models.iter().all(|model| model.sharing == Sharing::Capacity) {
            true => f.write_str("Pods wait until a node with a larger one joins"),
            false => f.write_str("the ceiling limits nothing"),
        }
    }
}
