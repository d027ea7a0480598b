//! The annotation that says who made an object, by the name that the API server knows: what it decides by itself, while Sluice
//! is away, it decides by this. It knows the account of a Pod, and not the user for whom the account acts.

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::deputy::ServiceAccount;
use crate::submission::identity::{Caller, Owner};

pub(super) fn write(case: &Case<'_>, say: &mut Findings) {
    let Some(object) = case.object() else { return };
    let is_new = case.submission.act == Act::Create;
    // Deployments hand their annotations down to their ReplicaSets, again and again.
    if !is_new && matches!(case.caller, Caller::Controller | Caller::ControlPlane | Caller::Node(_)) {
        return;
    }
    let maker = match &case.owner {
        _ if is_new && is_own_account(case) => Some(case.submission.requester.username),
        _ if !is_new => case.old().and_then(|old| old.annotation(contract::MADE_BY)),
        Ok(Owner::User(user)) => Some(user.username.as_str()),
        Ok(Owner::Former(_) | Owner::Project) | Err(_) => None,
    };
    let place = Place::of(["metadata", "annotations", contract::MADE_BY]);
    match (maker, object.annotation(contract::MADE_BY)) {
        (Some(maker), None) => say.put_back(place, maker),
        (Some(maker), Some(_)) => say.set(place, maker),
        (None, Some(_)) => say.remove(place),
        (None, None) => {}
    }
}

/// Whether the account of a Pod asks, which lives here. From those of other namespaces the API server withholds nothing, so that what
/// they make needs no word of who they are; it is their user's to delete.
fn is_own_account(case: &Case<'_>) -> bool {
    let account = ServiceAccount::of(case.submission.requester.username);
    matches!(case.caller, Caller::Deputy(_)) && account.is_some_and(|it| it.namespace == case.submission.namespace)
}
