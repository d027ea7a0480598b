//! A claim that is being reserved for a Pod.

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::submission::case::Case;
use crate::submission::devices::is_shared;
use crate::submission::identity::Owner;

/// The Pod named it when there was none of that name, or another one. Now it is this one, whoever made it.
pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let Some(claim) = case.object() else { return };
    let shared = is_shared(claim.annotation(contract::SHARE));
    let stamp = claim.label(contract::USER_ID).map(UserId::new);
    for pod in &case.devices.reserving {
        let owner = Owner::stamped(pod.user_id.as_ref(), case.policy);
        let field = || Place::of(["status", "reservedFor"]);
        // An Admin's Pod carries no stamp, and was admitted with what was there.
        let was_judged = pod.user_id.is_none() && pod.claim_is_older;
        if !pod.is_there {
            let why =
                format!("asked to be reserved for Pod {}, which does not exist any more; nothing starts", pod.name);
            say.deny(field(), why);
        } else if !shared && !was_judged && !owner.is(stamp.as_ref()) {
            let whose = Owner::stamped(stamp.as_ref(), case.policy);
            let why = format!(
                "Pod {} is {owner}'s, and ResourceClaim {} is {whose}'s and not shared; the Pod waits until {owner} makes a claim of this name, or {whose} annotates theirs with {}: project",
                pod.name,
                case.submission.name,
                contract::SHARE
            );
            say.deny(field(), why);
        }
    }
}
