//! Controllers that act on what a person wrote: on whose objects they may.

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::facts::{Autoscaler, Scaled};
use crate::submission::identity::{ControllerOwner, Owner, is_autoscaling};

fn owners() -> Place {
    Place::of(["metadata", "ownerReferences"])
}

/// A controller deletes, counts and rolls back to what names it, whoever wrote that: a Pod more than it wants makes it delete
/// another, a ReplicaSet is a revision to go back to, a Job that is done is its own.
pub(super) fn controller(case: &Case<'_>, say: &mut Findings) {
    let Some(controller) = case.named_controller else { return };
    let why = match controller {
        ControllerOwner::Stamped { kind, name, user_id } => {
            let whose = Owner::stamped(user_id.as_ref(), case.policy);
            if may_be_given_to(case, whose) {
                return;
            }
            format!(
                "asked to be controlled by {kind} {name}, which is {whose}'s; a controller counts and deletes what names it; leave the reference out, or have its owner or a Manager make this"
            )
        }
        ControllerOwner::Unlisted { api_version, kind, resource: _ } => format!(
            "asked to be controlled by a {kind} ({api_version}), a kind that nobody listed, so that whose it is cannot be known; leave the reference out, or ask an admin to list the kind under PlatformPolicy.spec.workloadKinds"
        ),
        ControllerOwner::Several { claimants } => {
            format!("asked to be controlled by one of {}; leave the reference out", claimants.join(", "))
        }
        ControllerOwner::Gone { kind, name } => format!(
            "asked to be controlled by {kind} {name}, and none has that name and UID; leave the reference out, as in a manifest that is applied anew"
        ),
    };
    say.deny(owners(), why);
}

/// Whether what is asked may go to a controller of this owner: to one's own, and to anybody's for those who manage.
fn may_be_given_to(case: &Case<'_>, controller: Owner<'_>) -> bool {
    let manages = case.caller.user().is_some_and(|user| case.manages(user));
    manages || case.owner.as_ref().is_ok_and(|owner| owner.id().is_some() && owner.id() == controller.id())
}

/// Controllers take over what their selectors match, so that whoever writes a selector could delete and displace what a
/// colleague made. What is nobody's may be taken.
pub(super) fn adoption(case: &Case<'_>, say: &mut Findings) {
    let (Some(ControllerOwner::Stamped { kind, name, user_id }), Ok(owner)) = (case.adopter, &case.owner) else {
        return;
    };
    if owner.id().is_some() && !owner.is(user_id.as_ref()) {
        let whose = user_id.as_ref().map_or("nobody in particular", |id| case.policy.user_name(id));
        let why = format!(
            "{kind} {name} is {whose}'s and asked to take over what is {owner}'s; a selector reaches its owner's own work only; select by other labels"
        );
        say.deny(owners(), why);
    }
}

/// The autoscaler's controller scales whatever an autoscaler names, so that whoever writes one could scale what a colleague
/// made. It is judged when it scales: what it names may have come later. One from before the platform goes on.
///
/// The controller does not say for which autoscaler it scales, but asks no number of replicas that this one does not give. So
/// what a colleague's autoscaler asks is refused, and it does not stand in the way of the owner's own.
pub(super) fn autoscaling(case: &Case<'_>, say: &mut Findings) {
    let (true, Ok(owner)) = (is_autoscaling(case.submission), &case.owner) else { return };
    let replicas = Place::of(["spec", "replicas"]);
    let asked = case.object().and_then(|scale| scale.at(&["spec", "replicas"])).and_then(Value::as_i64);
    let gives = |it: &Autoscaler| asked.is_some_and(|asked| it.replicas.contains(&asked));
    let (theirs, foreign): (Vec<_>, Vec<_>) = case.autoscalers.iter().partition(|it| may_scale(case, owner, it));
    if theirs.iter().any(|it| gives(it)) {
        return;
    }
    for Autoscaler { name, user_id, .. } in &foreign {
        let whose = Owner::stamped(user_id.as_ref(), case.policy);
        let why = format!(
            "HorizontalPodAutoscaler {name} is {whose}'s and asked to scale what is {owner}'s; a Member scales their own; have its owner or a Manager make the autoscaler"
        );
        say.deny(replicas.clone(), why);
    }
    if case.autoscalers.is_empty() {
        let why = "asked to scale what no HorizontalPodAutoscaler names any more; make one anew if it is to be scaled";
        say.deny(replicas, why);
    }
}

/// Whether what is `owner`'s may be scaled on the word of this autoscaler.
fn may_scale(case: &Case<'_>, owner: &Owner<'_>, autoscaler: &Autoscaler) -> bool {
    let Some(id) = &autoscaler.user_id else { return true };
    let manages = || case.policy.user_by_id(id).is_some_and(|user| case.manages(user));
    owner.is(Some(id)) || manages()
}

/// What an autoscaler names is judged when it is written, too, so that its maker hears of it.
pub(super) fn target(case: &Case<'_>, say: &mut Findings) {
    let (Some(Scaled { kind, name, user_id }), Ok(owner)) = (case.scaled, &case.owner) else { return };
    let target = Owner::stamped(user_id.as_ref(), case.policy);
    let is_own = owner.id().is_some() && owner.id() == target.id();
    let manages = match owner {
        Owner::User(user) => case.manages(user),
        // From before the platform, or an Admin's.
        Owner::Project => true,
        Owner::Former(_) => false,
    };
    if !is_own && !manages {
        let why = format!(
            "asked to scale {kind} {name}, which is {target}'s; a Member scales their own; have its owner or a Manager make the autoscaler"
        );
        say.deny(Place::of(["spec", "scaleTargetRef"]), why);
    }
}
