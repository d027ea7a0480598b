//! What the labels of a Pod ask of a claim of its own, and what it is given for it.
//!
//! A rule that is not enforced refuses nothing. What it would have refused is given as it was asked where a driver can give it; else
//! as the nearest that one can give, and never as less: all of a device instead of a share that is none. What nobody can give at all
//! is said, since the Pod then starts without a GPU.

use std::collections::BTreeSet;

use crate::claims::{Ask, INLINE, Misread, SHARED, Vram, candidates};
use crate::contract;
use crate::policy::model::Model;
use crate::policy::platform::LabelsAlone;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

/// What labels ask, as far as it can be given.
pub(crate) enum Asked<'a> {
    /// No claim of the Pod's own, or one that an enforced rule refuses.
    Nothing,
    /// It can be given like this.
    Claim(Given<'a>),
    /// Nobody can give it.
    Impossible(Misread),
}

/// What is given for what labels ask.
pub(crate) struct Given<'a> {
    pub(crate) ask: Ask<'a>,
    pub(crate) models: Vec<&'a Model>,
    /// The labels of which another thing is given than they say.
    pub(crate) instead: BTreeSet<&'static str>,
}

/// Whether labels are enough for a claim of the Pod's own.
pub(crate) fn ask_for_own(case: &Case<'_>, pod: &Pod<'_>) -> bool {
    match (pod.object().label(contract::SHARING_MODE), case.policy.platform().labels_alone) {
        (Some(INLINE), _) | (None, LabelsAlone::Claim) => true,
        (Some(SHARED), _) | (None, LabelsAlone::Warn) => false,
        (Some(_), _) => !case.enforces(RuleId::InlineClaim),
    }
}

/// What the labels say beside anything that asks for devices; `None` where they say nothing, an error where an enforced rule refuses
/// what they say.
pub(crate) fn read<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Result<Option<(Ask<'a>, Vec<Misread>)>, ()> {
    let Some((ask, misread)) = Ask::read(pod.object(), case.policy) else { return Ok(None) };
    let refused = misread.iter().any(|it| case.enforces(rule_of(it.key)));
    if refused { Err(()) } else { Ok(Some((ask, misread))) }
}

/// What labels ask of a claim of the Pod's own.
pub(crate) fn asked<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Asked<'a> {
    if !ask_for_own(case, pod) {
        return Asked::Nothing;
    }
    let Ok(Some((ask, misread))) = read(case, pod) else { return Asked::Nothing };
    let mut instead: BTreeSet<_> = misread.iter().map(|it| it.key).collect();
    if let Some(first) = misread.into_iter().find(|it| is_impossible(it.key)) {
        return Asked::Impossible(first);
    }
    let mode = pod.object().label(contract::SHARING_MODE);
    instead.extend(mode.filter(|mode| *mode != INLINE).map(|_| contract::SHARING_MODE));
    let allowed = allowed(case, pod, &ask);
    let (given, models) = nearest(case, ask, &allowed);
    if given.sm_percent != ask.sm_percent {
        instead.insert(contract::SM_PERCENT);
    }
    if given.vram != ask.vram {
        instead.insert(contract::VRAM_POLICY);
    }
    if !models.is_empty() {
        return Asked::Claim(Given { ask: given, models, instead });
    }
    // Whoever is left with none of the models that there are is refused.
    if case.enforces(RuleId::GpuModel) || !allowed.is_empty() {
        return Asked::Nothing;
    }
    let why = "asked a GPU, and there is no GPU model; ask an admin to make one".to_owned();
    Asked::Impossible(Misread { key: contract::GPU_MODEL, why })
}

/// What is given of some models for an ask: where none of their drivers can give a part, and no rule refuses who asks for one, all of
/// the device.
pub(crate) fn nearest<'a>(case: &Case<'_>, ask: Ask<'a>, allowed: &[&'a Model]) -> (Ask<'a>, Vec<&'a Model>) {
    let models = candidates(&ask, allowed);
    if !models.is_empty() || case.enforces(RuleId::SmShare) {
        return (ask, models);
    }
    let whole = Ask { sm_percent: 100, vram: Vram::Elastic, ..ask };
    (whole, candidates(&whole, allowed))
}

/// The models of plan and queue. Where no rule refuses others: the one that is asked; and any, if plan and queue have none.
pub(crate) fn allowed<'a>(case: &Case<'a>, pod: &Pod<'_>, ask: &Ask<'a>) -> Vec<&'a Model> {
    let allowed = case.allowed_models_for(pod);
    match ask.model {
        _ if case.enforces(RuleId::GpuModel) => allowed,
        Some(model) => vec![model],
        None if allowed.is_empty() => case.policy.records().models.values().collect(),
        None => allowed,
    }
}

/// Whether there is nothing near to what a label says.
fn is_impossible(key: &str) -> bool {
    [contract::GPU_MODEL, contract::GPU_COUNT].contains(&key)
}

/// The rule that refuses what a label cannot say.
fn rule_of(key: &str) -> RuleId {
    match key {
        contract::GPU_MODEL => RuleId::GpuModel,
        contract::GPU_COUNT => RuleId::ClaimShape,
        contract::SM_PERCENT => RuleId::SmShare,
        _ => RuleId::Vram,
    }
}
