//! A claim is protected for as long as it is there, and not only once it is allocated.

use crate::admission::findings::Findings;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::devices::made_for;
use crate::submission::identity::is_claim_maker;

/// The scheduler puts it on before it allocates, its controller takes it off after the claim was released, and off whatever is
/// being deleted and has no devices, allocated or not. The API server looks at finalizers once, when a deletion begins: one
/// that began before the scheduler wrote would end a claim that a Pod has by now.
const PROTECTION: &str = "resource.kubernetes.io/delete-protection";

pub(super) fn protect(case: &Case<'_>, say: &mut Findings) {
    let Some(object) = case.object().filter(|it| !is_protected(*it)) else { return };
    let stays = match case.submission.act {
        Act::Create => true,
        // An admin may take it off, and platform-labels puts it back for people. What was made for one Pod is used once.
        Act::Update => {
            is_claim_maker(case.submission.requester.username)
                && case.old().is_some_and(is_protected)
                && !object.is_terminating()
                && made_for(object).is_none()
        }
        Act::Touch | Act::Status | Act::Bind | Act::Delete | Act::Connect => false,
    };
    if stays {
        let all: Vec<_> = object.finalizers().iter().cloned().chain([PROTECTION.into()]).collect();
        say.put_back(Place::of(["metadata", "finalizers"]), all);
    }
}

fn is_protected(claim: Object<'_>) -> bool {
    claim.finalizers().iter().any(|it| it == PROTECTION)
}
