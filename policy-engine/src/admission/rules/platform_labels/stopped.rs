//! The annotation that says why a workspace was stopped. Who stops it says `running: false`, and is named; what the platform stops
//! it says itself, in the same write.

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::workspace::Workspace;

pub(super) fn write(case: &Case<'_>, say: &mut Findings) {
    let Some(object) = case.object().filter(|_| case.is_workspace()) else { return };
    let said = object.annotation(contract::STOPPED_BECAUSE);
    let stood = case.old().and_then(|old| old.annotation(contract::STOPPED_BECAUSE));
    let is_stopped_now =
        case.old().is_some_and(|old| Workspace::is_to_run(old.0)) && case.submission.act == Act::Update;
    let because = match Workspace::is_to_run(object.0) {
        true => None,
        false if is_stopped_now => Some(format!("Stopped by {}", stopper(case))),
        false => stood.map(str::to_owned),
    };
    let place = Place::of(["metadata", "annotations", contract::STOPPED_BECAUSE]);
    match because {
        Some(because) if said == Some(&because) => {}
        Some(because) => say.put_back(place, because),
        None if said.is_some() => say.discard(place),
        None => {}
    }
}

fn stopper<'a>(case: &Case<'a>) -> &'a str {
    match case.caller.acts_as() {
        Some(user) => user.name.as_str(),
        None => case.submission.requester.username,
    }
}
