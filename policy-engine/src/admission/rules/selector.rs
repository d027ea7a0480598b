//! # selector: budgets and Services reach their user's Pods
//!
//! A PodDisruptionBudget keeps whatever it selects from being evicted, and a Service sends traffic to whatever it
//! selects: today's Pods and tomorrow's. Selected by labels that anybody may write, that could be colleagues'.
//!
//! So the platform writes the user of a PodDisruptionBudget or Service into its selector (`platform-go/user-id`). A
//! budget never holds up a colleague's Pod, a Service sends nobody else's traffic anywhere, and no Pod joins a colleague's
//! Service by its labels.
//!
//! A Service whose annotation says `platform-go/share: project` selects Pods of the whole project, whoever made them:
//! whoever may make Pods there can then answer what is sent to it.
//!
//! This rule refuses nothing.

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Owner;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Act::Create | Act::Update) = (case.object(), case.submission.act) else { return };
    // What is from before the platform selects what it did.
    let Some(user) = case.owner.as_ref().ok().and_then(Owner::id) else { return };
    let Some(selector) = object.at(&["spec", "selector"]).and_then(|it| it.as_object()) else { return };
    let here = Place::of(["spec", "selector"]);
    if case.submission.resource.is_budget() {
        say.set(here.key("matchLabels").key(contract::USER_ID), user);
    } else if case.is_service() && !selector.is_empty() {
        let here = here.key(contract::USER_ID);
        match object.annotation(contract::SHARE) {
            Some("project") => say.discard(here),
            Some(_) | None => say.set(here, user),
        }
    }
}
