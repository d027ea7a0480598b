//! A new claim under a name that a Pod waits for.

use super::permission::Party;
use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::policy::storage::Permission;
use crate::submission::case::Case;
use crate::submission::volumes::Ownership;

/// The Pod was admitted with another claim of that name, or before the platform; it would mount this one unjudged.
pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Ok(owner)) = (case.object(), &case.owner) else { return };
    let ownership = Ownership { user_id: owner.id().map(UserId::new), ..Ownership::of(|key| object.label(key)) };
    for waiting in &case.volumes.waiting {
        let party = Party::stamped(case, waiting.user_id.as_ref());
        let needed = if waiting.read_only { Permission::ReadOnly } else { Permission::ReadWrite };
        if party.may(case, &ownership) < needed {
            let why = format!(
                "Pod {} of {party} waits for a PersistentVolumeClaim of this name and would mount it, and {party} may not; choose another name, or have the Pod deleted first",
                waiting.pod
            );
            say.deny(Place::of(["metadata", "name"]), why);
        }
    }
}
