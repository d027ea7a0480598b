//! # storage: who may use a volume
//!
//! The platform labels every PersistentVolumeClaim that is made in a project with the user who made it
//! (`platform-go/user-id`). Who may use the claim depends on two more labels:
//! * Labelled `platform-go/group-storage: <group>.<name>`: the people of the group, as `Group.spec.storage` says; no
//!   project overrides that. Other members of the project, as `Project.spec.storage` says of the name in the claim's
//!   `platform-go/storage`, or else of the same name.
//! * Labelled `platform-go/storage: <name>`: the members of the project, as `Project.spec.storage` says.
//! * With neither label: the user who made the claim, and the project's Managers. A claim from before the platform has
//!   no maker: Managers may use it, and work that has no recorded user either.
//!
//! If a label names a volume that nobody lists, only the project's Managers may use the claim. Platform Admins may use
//! every volume.
//!
//! A Pod or pod template may name a claim if its owner may use the claim, and on a change, if the editor may as well.
//! So nobody reaches a claim through a colleague's workload, nor through a container that `kubectl debug` adds. For
//! somebody with `ReadOnly`, the platform makes the Pod's mounts read-only (it writes `persistentVolumeClaim.readOnly`
//! and `readOnly` of every mount; templates stay as they are) and refuses block devices.
//!
//! A Pod may name a claim that does not exist yet, and a clone its source: they wait. Whose it is that came is judged
//! once more when the scheduler binds the Pod to a node, and when the control plane tells a storage driver to make the
//! copy: what somebody else made under that name is not given to them. Waiting keeps nobody else from the name. Only
//! while a copy is being filled, nobody makes a source under its source's name that the copy's user may not read. Only the
//! control plane says that one is: the platform takes its annotation (`volume.kubernetes.io/storage-provisioner`) off
//! what is made by hand.
//!
//! Who may use a colleague's volume only because they manage the project, or are a platform Admin, has not agreed to use
//! what somebody puts under the name that their work asks for. Their own Pods, clones and snapshots use such a volume
//! where their annotation `platform-go/use-volumes` names its UID.
//!
//! The source of a clone, a VolumeSnapshot and the source of a VolumeSnapshot are judged like a mount; the right to
//! read is enough. A snapshot belongs to who takes it, and is shared as its source is. The platform refuses other kinds
//! of sources, sources in other namespaces, and `volumeSnapshotContentName`.
//!
//! Only those who manage the storage may set, change or remove the two labels, resize a claim that carries one, delete
//! it, or give it an owner with which it would be deleted: the Admins of the group, which must list the volume first, or
//! the project's Managers. Who made it is not asked: it is no longer theirs alone. (Who took a snapshot may delete it.) Only platform Admins may write
//! `volumeName` and `selector`, because they could take any volume of the cluster. (Kubernetes binds a claim to any free volume of its class. A volume that
//! is meant for one claim is reserved for it by `claimRef`, as below.) Claim templates of StatefulSets and of ephemeral volumes
//! are judged like claims.
//!
//! A PersistentVolume whose `claimRef` names a claim without its UID goes to whoever makes a claim of that name. In a
//! project's namespace that is for the project's Managers, platform Admins, and the user whom the volume's annotation
//! `platform-go/reserved-for` names (by the id that `platform-go/user-id` has); the platform refuses the name to everybody
//! else, whatever else the claim asks. A controller makes the claim for the owner of what it controls, who counts. With the
//! UID of the claim in `claimRef`, Kubernetes gives the volume to no other claim.
//!
//! The platform refuses volume types that `PlatformPolicy.spec.volumeTypes` does not list (by default it lists those of
//! the Pod Security Standard *restricted* for Kubernetes 1.37), and inline CSI drivers that `csiDrivers` does not list:
//! both would be ways around this rule. The rule `privilege` judges host paths.

mod claims;
mod mounts;
mod permission;
mod reserved;
mod snapshots;
mod starting;
mod types;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::{Caller, Owner};
use crate::submission::volumes::MOST_NAMED;
use permission::Party;

/// The labels that share a volume. Where both stand, the group lists it.
const SHARED_AS: [&str; 2] = [contract::GROUP_STORAGE, contract::STORAGE];

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if case.volume_count > MOST_NAMED {
        let why = format!(
            "asked {} claims and snapshots; at most {MOST_NAMED} are looked up for one object; split it",
            case.volume_count
        );
        return say.deny(Place::of(["spec"]), why);
    }
    if case.submission.act == Act::Bind {
        return starting::judge(case, say);
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
        (true, _, Act::Create) => {
            case.object().into_iter().for_each(|claim| starting::untold(claim, say));
            starting::copies(case, say);
            reserved::judge(case, say);
        }
        (true, _, Act::Update | Act::Status) => claims::change(case, say),
        (_, _, Act::Delete) if case.is_volume_claim() || case.is_snapshot() => claims::deletion(case, say),
        (_, true, Act::Create) => {
            snapshots::creation(case, say);
            starting::copies(case, say);
        }
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
        (_, Caller::Deputy(user)) => Some(Party::owning(case, Owner::User(user))),
        (_, Caller::Admin | Caller::Controller | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger) => None,
    }
}

fn owner<'a>(case: &Case<'a>) -> Party<'a> {
    // Whose nobody knows is refused by `project`; where that only warns, it has what nobody's work has.
    Party::owning(case, case.owner.as_ref().ok().copied().unwrap_or(Owner::Project))
}
