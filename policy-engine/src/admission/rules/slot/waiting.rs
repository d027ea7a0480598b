//! A new claim under a name that a Pod waits for.

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::identity::Owner;

/// The Pod was admitted with another claim of that name, or before there was any; it would use this one, and its owner pay.
pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let Some(object) = case.object() else { return };
    let shared = object.annotation(contract::SHARE) == Some("project");
    let Ok(owner) = case.owner else { return };
    let others = case.devices.waiting.iter().filter(|pod| !owner.is(pod.user_id.as_ref()));
    for pod in others.filter(|_| !shared) {
        let whose = Owner::stamped(pod.user_id.as_ref(), case.policy);
        let why = format!(
            "Pod {} of {whose} waits for a ResourceClaim of this name and would use it; choose another name, or annotate it with {}: project",
            pod.pod,
            contract::SHARE
        );
        say.deny(Place::of(["metadata", "name"]), why);
    }
}
