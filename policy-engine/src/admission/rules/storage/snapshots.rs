//! VolumeSnapshots: whoever may read a volume may take one, and it is shared as its source is.

use serde_json::Value;

use super::claims::{owners, readable};
use super::{SHARED_AS, parties};
use crate::admission::findings::Findings;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::volumes::{Known, Ownership};

/// What a new snapshot is taken of, or one that exists would be.
pub(super) fn creation(case: &Case<'_>, say: &mut Findings) {
    let Some(object) = case.object() else { return };
    let Some(source) = object.at(&["spec", "source"]) else { return };
    let asked = |key: &str| source.get(key).and_then(Value::as_str);
    let field = |key| Place::of(["spec", "source", key]);
    let parties = parties(case);
    if asked("volumeSnapshotContentName").is_some() && !parties.iter().all(|party| party.admin) {
        let why = "asked the content of a snapshot of the cluster, which may be anybody's; only platform Admins do; name a persistentVolumeClaimName";
        say.deny(field("volumeSnapshotContentName"), why);
    }
    let Some(name) = asked("persistentVolumeClaimName") else { return };
    let known = case.volumes.claim(name);
    for party in &parties {
        let here = field("persistentVolumeClaimName");
        readable(case, (party, object), ("PersistentVolumeClaim", name), known, here, say);
    }
    if let Known::There(ownership) = known {
        let Ownership { group_storage, storage, .. } = ownership;
        for (key, value) in SHARED_AS.into_iter().zip([group_storage.as_deref(), storage.as_deref()]) {
            let label = Place::of(["metadata", "labels", key]);
            match value {
                Some(value) => say.set(label, value),
                None => say.remove(label),
            }
        }
    }
}

/// What was written stays, whatever is asked. Another source makes it another snapshot.
pub(super) fn change(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    owners(case, object, old, say);
    const SOURCE: [&str; 2] = ["spec", "source"];
    if object.at(&SOURCE) != old.at(&SOURCE) {
        return creation(case, say);
    }
    for key in SHARED_AS {
        let label = Place::of(["metadata", "labels", key]);
        match old.label(key) {
            same if same == object.label(key) => {}
            Some(value) => say.set(label, value),
            None => say.remove(label),
        }
    }
}
