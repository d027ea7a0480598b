//! A Pod that is put on a node, and copies that are being filled: what was admitted by name is judged by identity.

use super::permission::{Party, Refused};
use crate::admission::findings::Findings;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::policy::storage::Permission;
use crate::submission::case::Case;
use crate::submission::volumes::{Found, Mount, Ownership, TOLD};

/// The Pod named its claims when there were none of those names, or others. Now it would mount these, whoever made them.
pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let pod = &case.volumes.starting;
    let party = Party::stamped(case, pod.user_id.as_ref());
    for Mount { claim, read_only, is_ephemeral, found } in &pod.mounts {
        let field = || Place::of(["spec", "volumes"]);
        match found {
            Found::Nothing => {
                say.deny(field(), format_args!("PersistentVolumeClaim {claim} does not exist; the Pod waits for it"));
            }
            Found::Ending => {
                say.deny(
                    field(),
                    format_args!("PersistentVolumeClaim {claim} is being deleted; the Pod waits for the next"),
                );
            }
            // An Admin's Pod carries no stamp, and was admitted with what was there.
            Found::Claim { is_older: true, .. } if pod.user_id.is_none() && !is_ephemeral => {}
            // Kubernetes believes an owner's UID, whoever wrote it there; what it makes for a Pod has the Pod's stamp.
            Found::Claim { ownership, .. } if *is_ephemeral && ownership.user_id == pod.user_id => {}
            Found::Claim { ownership, .. } => {
                let needed = if *read_only { Permission::ReadOnly } else { Permission::ReadWrite };
                let may = party.uses(case, ownership, &pod.named);
                if may < needed {
                    let volume = ("PersistentVolumeClaim", claim.as_str());
                    say.deny(field(), Refused { case, volume, ownership, party, may });
                }
            }
        }
    }
}

/// By what only the control plane writes, it tells a storage driver to look for the source now. Copied from another claim, or
/// by hand, that would say so before anybody has judged what has the name then.
pub(super) fn untold(claim: Object<'_>, say: &mut Findings) {
    for key in TOLD.into_iter().filter(|key| claim.annotation(key).is_some()) {
        say.discard(Place::of(["metadata", "annotations", key]));
    }
}

/// What is made under a name is not copied for those who wait for their own.
pub(super) fn copies(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Ok(owner)) = (case.object(), &case.owner) else { return };
    let ownership = Ownership { user_id: owner.id().map(UserId::new), ..Ownership::of("", |key| object.label(key)) };
    for copy in &case.volumes.copies {
        let party = Party::stamped(case, copy.user_id.as_ref());
        if party.uses(case, &ownership, "") < Permission::ReadOnly {
            let why = format!(
                "{} of {party} is being filled from what has this name, and {party} may not read it; choose another name, or have it deleted first",
                copy.what
            );
            say.deny(Place::of(["metadata", "name"]), why);
        }
    }
}
