//! # storage: a volume is used by those whom it belongs to, or who were given it
//!
//! Every PersistentVolumeClaim made in a project is labelled with its maker (`platform-go/user-id`). Whoever may use it:
//! * labelled `platform-go/group-storage: <group>.<name>`: the group's people, as `Group.spec.storage` says; no project
//!   overrides that. Others of the project, as `Project.spec.storage` says of the claim's `platform-go/storage`, or of the
//!   same name.
//! * labelled `platform-go/storage: <name>`: as `Project.spec.storage` says.
//! * not labelled: its maker, and the project's Managers. One from before the platform has no maker: work that has none
//!   either, and Managers.
//!
//! A label that names what nobody lists leaves the claim to the project's Managers. Platform Admins may use every volume.
//!
//! A Pod or pod template that names a claim needs its owner's permission, and on a change the editor's as well: nobody
//! reaches through a colleague's workload, nor through a container that `kubectl debug` adds. `ReadOnly` makes the mounts
//! of Pods read-only (`persistentVolumeClaim.readOnly` and `readOnly` of every mount are written; templates stay as they
//! are) and block devices are refused. A Pod that names a claim which does not exist is refused: somebody else could make
//! it. For the same reason a claim is refused under a name that somebody's unfinished Pod waits for who may not use it.
//!
//! The source of a clone, a VolumeSnapshot and the source of one are judged like a mount; reading is enough. A snapshot
//! keeps whose its source was. Other sources, other namespaces and `volumeSnapshotContentName` are refused.
//!
//! The two labels are set, changed and removed by those who manage the storage: the group's Admins, who must list it
//! first; the project's Managers. `volumeName` and `selector` would take any volume of the cluster: platform Admins only.
//! (Kubernetes binds a claim to any free volume of its class: one that is meant for a claim says so in its `claimRef`.)
//! Claim templates of StatefulSets and of ephemeral volumes are judged like claims.
//!
//! Volume types that `PlatformPolicy.spec.volumeTypes` does not list (it lists those of the Pod Security Standard
//! *restricted* for Kubernetes 1.37), and inline CSI drivers that `csiDrivers` does not, would walk around all this.
//! Host paths are for the rule `privilege`.

mod claims;
mod mounts;
mod permission;
mod snapshots;
mod types;
mod waiting;

use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::submission::case::{Act, Case};
use crate::submission::identity::{Caller, Owner};
use crate::submission::volumes::MOST_NAMED;
use permission::Party;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.names > MOST_NAMED {
        let why = format!(
            "asked {} claims and snapshots; at most {MOST_NAMED} are looked up for one object; split it",
            case.names
        );
        return say.deny(Place::of(["spec"]), why);
    }
    for pod in &case.pods {
        mounts::judge(case, pod, say);
        if !case.is_living_pod() {
            types::judge(case, pod, say);
        }
    }
    for claim in &case.volume_claims {
        claims::content(case, claim, say);
    }
    match (case.is_volume_claim(), case.is_snapshot(), case.submission.act) {
        (true, _, Act::Create) => waiting::judge(case, say),
        (true, _, Act::Update | Act::Status) => claims::change(case, say),
        (_, true, Act::Create) => snapshots::creation(case, say),
        (_, true, Act::Update | Act::Status) => snapshots::change(case, say),
        (_, _, _) => {}
    }
}

/// Those whose permission an act needs: of a new object its owner; of a change its owner and its editor.
///
/// A living Pod holds what it mounts; only who changes it now is in question.
fn parties<'a>(case: &Case<'a>) -> Vec<Party<'a>> {
    let actor = actor(case);
    let editor =
        (case.submission.act != Act::Create && !matches!(case.caller, Caller::Client)).then_some(actor).flatten();
    let of_owner = !case.is_living_pod() && !matches!((case.submission.act, case.caller), (Act::Update, Caller::Admin));
    let owner = if of_owner { Some(owner(case)) } else { actor };
    let owner = owner.filter(|owner| !editor.is_some_and(|editor| editor.is(owner)));
    owner.into_iter().chain(editor).collect()
}

/// The one who does it, as far as that is known: a controller and a dashboard do it for the owner.
fn actor<'a>(case: &Case<'a>) -> Option<Party<'a>> {
    match (case.submission.act, case.caller) {
        (Act::Create, _) | (_, Caller::Client) => Some(owner(case)),
        (_, Caller::Person(user)) => Some(Party::asking(case, Owner::User(user))),
        (_, Caller::Admin | Caller::Controller | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger) => None,
    }
}

fn owner<'a>(case: &Case<'a>) -> Party<'a> {
    // Whose nobody knows is refused by `project`; where that only warns, it has what nobody's work has.
    Party::owning(case, case.owner.as_ref().ok().copied().unwrap_or(Owner::Project))
}
