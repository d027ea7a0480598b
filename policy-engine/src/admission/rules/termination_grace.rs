//! # termination-grace: how long a Pod may live on after it was told to end
//!
//! A Pod holds its devices and its quota until it has ended, not until somebody wants it to. So the platform refuses Pods
//! and pod templates whose `terminationGracePeriodSeconds` is longer than the plan allows
//! (`ResourcePlan.spec.maxTerminationGrace`; an hour if the plan says nothing, and without a plan).
//!
//! A Pod that has devices ends with a grace of one second at the least: the platform writes
//! `terminationGracePeriodSeconds: 1` where such a Pod asks 0. With 0 every deletion would be a forced one, after which
//! the devices go to the next Pod while the process still runs. Templates stay as they are.
//!
//! Who deletes a Pod may ask for as long as the Pod itself does, or for an hour; not for 0 while the Pod runs.

use crate::admission::findings::Findings;
use crate::gpu::attachments::attachments;
use crate::policy::plan::USUAL_GRACE_LIMIT;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    // What a Pod asks is fixed when it is made.
    for pod in case.pods.iter().filter(|_| !case.is_living_pod()) {
        too_long(case, pod, say);
    }
    if let Some(pod) = case.new_pod() {
        too_short(case, pod, say);
    }
}

fn too_long(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let plan = case.plan();
    let most = plan.map_or(USUAL_GRACE_LIMIT, |plan| plan.max_termination_grace).as_secs();
    let asked = pod.spec.termination_grace_period_seconds.unwrap_or_default();
    if u64::try_from(asked).is_ok_and(|asked| asked > most) {
        let by = plan.map_or_else(|| "the platform".to_owned(), |plan| format!("plan {}", plan.name));
        let why = format!(
            "asked {asked} seconds; {by} allows {most}, since a Pod holds what it has until it ends; ask for less, and save your work more often"
        );
        say.deny(pod.at(["spec", "terminationGracePeriodSeconds"]), why);
    }
}

fn too_short(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let has_devices = pod.spec.resource_claims.iter().flatten().next().is_some() || !attachments(case, pod).is_empty();
    // One second may be what an earlier call wrote.
    if has_devices && matches!(pod.spec.termination_grace_period_seconds, Some(0 | 1)) {
        say.impose(pod.at(["spec", "terminationGracePeriodSeconds"]), 1);
    }
}
