//! Claims and templates of claims: what fills them, what they bind, and the labels that share them.

use std::fmt::Display;

use super::permission::{Party, Refused};
use super::{SHARED_AS, actor, owner, parties};
use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::storage::Permission;
use crate::submission::case::Case;
use crate::submission::identity::{ControllerOwner, Owner};
use crate::submission::volume_claim::{Source, VolumeClaim};
use crate::submission::volumes::{Known, Ownership, provisioning_begins};

/// The fields by which a claim takes a volume that exists.
const BINDING: [&str; 2] = ["volumeName", "selector"];

/// What is new about a claim or a template of one.
pub(super) fn content(case: &Case<'_>, claim: &VolumeClaim<'_>, say: &mut Findings) {
    for party in parties(case) {
        for key in SHARED_AS {
            if let Some(value) = claim.object.label(key) {
                listed(case, &party, key, value, claim.label_at(key), say);
            }
        }
        for key in BINDING {
            if claim.object.at(&["spec", key]).is_some() {
                binding(&party, key, claim.at(["spec", key]), say);
            }
        }
        for (field, source) in claim.sources() {
            judge_source(case, (&party, claim.object), source, field, false, say);
        }
    }
}

/// A storage driver is told to make a volume: from now on it takes what has the name of the source.
fn provisioning(case: &Case<'_>, claim: &VolumeClaim<'_>, say: &mut Findings) {
    let party = owner(case);
    for (field, source) in claim.sources() {
        judge_source(case, (&party, claim.object), source, field, true, say);
    }
}

/// A claim that exists changes. Most of its spec is fixed; what shares it, and what it is bound to, is not.
pub(super) fn change(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    if let Some(Ok(claim)) = provisioning_begins(case.submission).map(|it| VolumeClaim::read(it, Place::root())) {
        provisioning(case, &claim, say);
    }
    adoption(case, old, say);
    owners(case, object, old, say);
    if let Some(party) = actor(case) {
        resize(case, &party, object, old, say);
        for key in SHARED_AS {
            let field = Place::of(["metadata", "labels", key]);
            match (old.label(key), object.label(key)) {
                (before, after) if before == after => {}
                (before, after) => {
                    if let Some(before) = before {
                        managed(case, &party, key, before, field.clone(), say);
                    }
                    if let Some(after) = after.filter(|_| before.is_none_or(|it| may_manage(case, &party, key, it))) {
                        listed(case, &party, key, after, field, say);
                    }
                }
            }
        }
        for key in BINDING {
            let asked = |object: Object<'_>| object.at(&["spec", key]).cloned();
            if asked(object).is_some() && asked(object) != asked(old) {
                binding(&party, key, Place::of(["spec", key]), say);
            }
        }
    }
}

/// What is shared goes with the word of those who share it; a snapshot also with its maker's.
pub(super) fn deletion(case: &Case<'_>, say: &mut Findings) {
    let is_own = case.is_snapshot()
        && case.caller.acts_as().map(|user| user.id.as_str()) == case.owner.as_ref().ok().and_then(Owner::id);
    if let (Some(old), Some(party)) = (case.old().filter(|_| !is_own), actor(case)) {
        shared(case, &party, old, "delete", Place::of(["metadata", "labels"]), say);
    }
}

/// What is shared goes with no single object: the garbage collector deletes what lost its owner, and is not judged.
pub(super) fn owners(case: &Case<'_>, object: Object<'_>, old: Object<'_>, say: &mut Findings) {
    let (now, before) = (object.owner_references(), old.owner_references());
    let field = Place::of(["metadata", "ownerReferences"]);
    if shared_as(old).is_none() && shared_as(object).is_some() && !now.is_empty() {
        let why = "asked to share what goes with its owner; take its ownerReferences off first, or share another";
        return say.deny(field, why);
    }
    if now.iter().all(|it| before.contains(it)) {
        return;
    }
    let adopter = match case.adopter {
        Some(ControllerOwner::Stamped { user_id, .. }) => Some(Party::stamped(case, user_id.as_ref())),
        _ => None,
    };
    if let Some(party) = actor(case).or(adopter) {
        shared(case, &party, old, "give an owner to", field, say);
    }
}

fn resize(case: &Case<'_>, party: &Party<'_>, object: Object<'_>, old: Object<'_>, say: &mut Findings) {
    const SIZE: [&str; 2] = ["spec", "resources"];
    if object.at(&SIZE) != old.at(&SIZE) {
        shared(case, party, old, "resize", Place::of(SIZE), say);
    }
}

/// The label by which a volume is shared, and its value.
fn shared_as(object: Object<'_>) -> Option<(&'static str, &str)> {
    SHARED_AS.into_iter().find_map(|key| Some((key, object.label(key)?)))
}

/// Refuses what is done to a shared volume by somebody who does not manage it.
fn shared(case: &Case<'_>, party: &Party<'_>, old: Object<'_>, does: &str, field: Place, say: &mut Findings) {
    let Some((key, value)) = shared_as(old) else { return };
    if !may_manage(case, party, key, value) {
        let by = managers(case, key, value);
        say.deny(field, format_args!("{party} asked to {does} what is shared as {value}; only {by} do; ask one"));
    }
}

/// What is nobody's may be taken over, but a volume would go with its new owner: that is deleting it.
fn adoption(case: &Case<'_>, old: Object<'_>, say: &mut Findings) {
    let Some(ControllerOwner::Stamped { kind, name, user_id: Some(user_id) }) = case.adopter else { return };
    let party = Party::stamped(case, Some(user_id));
    if old.label(contract::USER_ID).is_none() && !party.manages_project(case) {
        let why = format!(
            "{kind} {name} is {party}'s and asked to take over a claim from before the platform, to be deleted with it; only Managers of project {} do; name it otherwise",
            case.project.name
        );
        say.deny(Place::of(["metadata", "ownerReferences"]), why);
    }
}

fn binding(party: &Party<'_>, key: &str, field: Place, say: &mut Findings) {
    if !party.admin {
        let why = format!(
            "asked {key}, which takes a volume of the cluster that may be anybody's; only platform Admins do; leave it out, or ask one"
        );
        say.deny(field, why);
    }
}

fn may_manage(case: &Case<'_>, party: &Party<'_>, key: &str, value: &str) -> bool {
    match key {
        contract::GROUP_STORAGE => {
            case.policy.group_storage(value).map_or(party.admin, |named| party.manages_group(named.group))
        }
        _ => party.manages_project(case),
    }
}

/// Whoever takes a label away opens or closes the volume for others.
fn managed(case: &Case<'_>, party: &Party<'_>, key: &str, value: &str, field: Place, say: &mut Findings) {
    if !may_manage(case, party, key, value) {
        let why = format!("{party} asked to share otherwise what is {value}; only {} do", managers(case, key, value));
        say.deny(field, why);
    }
}

/// A label that names what its managers list, set by one of them.
fn listed(case: &Case<'_>, party: &Party<'_>, key: &str, value: &str, field: Place, say: &mut Findings) {
    let exists = match key {
        contract::GROUP_STORAGE => case.policy.group_storage(value).is_some_and(|it| it.storage.is_some()),
        _ => case.project.storage.contains_key(value),
    };
    if !may_manage(case, party, key, value) {
        let why = format!("{party} asked to share it as {value}; only {} do; ask one", managers(case, key, value));
        say.deny(field, why);
    } else if !exists {
        let (record, example) = match key {
            contract::GROUP_STORAGE => ("Group.spec.storage", "<group>.<name>"),
            _ => ("Project.spec.storage", "<name>"),
        };
        let why = format!("asked {value:?}, which is not listed; list it under {record} first, and write {example}");
        say.deny(field, why);
    }
}

fn managers(case: &Case<'_>, key: &str, value: &str) -> String {
    match key {
        contract::GROUP_STORAGE => case
            .policy
            .group_storage(value)
            .map_or_else(|| "platform Admins".into(), |named| format!("Admins of group {}", named.group.name)),
        _ => format!("Managers of project {}", case.project.name),
    }
}

/// `begins` is when the copy is made, and not only asked for.
fn judge_source(
    case: &Case<'_>,
    (party, copy): (&Party<'_>, Object<'_>),
    source: Source<'_>,
    field: Place,
    begins: bool,
    say: &mut Findings,
) {
    let (kind, name, known) = match source {
        Source::Claim(name) => ("PersistentVolumeClaim", name, case.volumes.claim(name)),
        Source::Snapshot(name) => ("VolumeSnapshot", name, case.volumes.snapshot(name)),
        Source::Elsewhere(namespace) if namespace == case.submission.namespace => {
            let why = format!("asked a source in namespace {namespace}; it is this one; leave out the namespace");
            return say.deny(field.key("namespace"), why);
        }
        Source::Elsewhere(namespace) => {
            let why = format!("asked a source in namespace {namespace}; volumes are copied within a namespace only");
            return say.deny(field.key("namespace"), why);
        }
        Source::Other(kind) => {
            let why = format!(
                "asked to be filled from a {kind}; a PersistentVolumeClaim or a VolumeSnapshot of this namespace may be the source; use one of them"
            );
            return say.deny(field.key("kind"), why);
        }
    };
    match known {
        Known::Missing if begins => {
            say.deny(field.key("name"), format_args!("{kind} {name} does not exist; the copy waits for it"));
        }
        // Whose it is that comes is judged when the copy is made.
        Known::Missing => {}
        _ => readable(case, (party, copy), (kind, name), known, field.key("name"), say),
    }
}

/// Whether a party may read what it asks to copy.
pub(super) fn readable(
    case: &Case<'_>,
    (party, copy): (&Party<'_>, Object<'_>),
    volume: (&str, &str),
    known: &Known,
    field: Place,
    say: &mut Findings,
) {
    let (kind, name) = volume;
    match known {
        Known::There(ownership) => refuse_unless(case, (party, copy), volume, ownership, field, say),
        Known::Missing => {
            let why = format!("asked a copy of {kind} {name}, which does not exist; create it first");
            say.deny(field, why);
        }
        Known::Untold => say.warn(untold(kind, name)),
    }
}

fn refuse_unless(
    case: &Case<'_>,
    (party, copy): (&Party<'_>, Object<'_>),
    volume: (&str, &str),
    ownership: &Ownership,
    field: Place,
    say: &mut Findings,
) {
    let may = party.uses(case, ownership, copy.annotation(contract::USE_VOLUMES).unwrap_or_default());
    if may < Permission::ReadOnly {
        say.deny(field, Refused { case, volume, ownership, party: *party, may });
    }
}

fn untold(kind: &str, name: &str) -> impl Display {
    format!("whose {kind} {name} is cannot be told here; submit it too, or ask with --policy cluster")
}
