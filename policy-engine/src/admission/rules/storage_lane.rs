//! # storage-lane: a new volume says what it is for, and the platform knows how to make it
//!
//! The label `platform-go/storage-lane` on a new PersistentVolumeClaim names a lane of
//! `PlatformPolicy.spec.storageLanes` (`shared-rwx`, `legacy-rwx` and `fast-rwo`, unless the admin lists others). The
//! platform writes the lane's StorageClass and access mode where the claim names none, and in place of the cluster's
//! default class. It refuses a claim that names another class or access mode beside a lane, also by the old annotation
//! `volume.beta.kubernetes.io/storage-class`.
//!
//! Claim templates of StatefulSets and ephemeral volumes are judged in the same way. The platform writes only on the
//! claims that are made from them. (Kubernetes wants an access mode in an ephemeral volume's template: name the
//! lane's.)
//!
//! A claim keeps the lane with which it was made. Applying the same manifest again changes nothing.
//!
//! Whoever asks for a lane whose StorageClass does not exist is warned: the volume waits until an admin creates the class.

use serde_json::{Value, json};

use crate::admission::findings::Findings;
use crate::contract::STORAGE_LANE;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::storage::Lane;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::volume_claim::VolumeClaim;

/// The annotation that named a class before there was a field for it.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    for claim in &case.volume_claims {
        let Some(asked) = claim.object.label(STORAGE_LANE) else { continue };
        match case.policy.platform().storage_lanes.get(asked) {
            Some(lane) => new(case, claim, (asked, lane), say),
            None => {
                let lanes: Vec<_> = case.policy.platform().storage_lanes.keys().map(String::as_str).collect();
                let lanes = if lanes.is_empty() { "none".into() } else { lanes.join(", ") };
                let why =
                    format!("asked lane {asked:?}; the lanes are {lanes}; name one of them, or leave out the label");
                say.deny(claim.label_at(STORAGE_LANE), why);
            }
        }
    }
    if case.is_read_by_people() && say.denials.is_empty() {
        without_class(case, say);
    }
    if case.is_volume_claim() && matches!(case.submission.act, Act::Update | Act::Status) {
        put_back(case, say);
    }
}

fn new(case: &Case<'_>, claim: &VolumeClaim<'_>, (name, lane): (&str, &Lane), say: &mut Findings) {
    let Lane { storage_class, access_mode } = lane;
    let made = case.is_volume_claim();
    let class = claim.at(["spec", "storageClassName"]);
    let other_class = |asked: &str| {
        format!("asked class {asked} beside lane {name}, whose class is {storage_class}; leave out one of the two")
    };
    // Kubernetes reads the older spelling first.
    if let Some(asked) = claim.object.annotation(BETA_CLASS).filter(|asked| asked != storage_class) {
        say.deny(claim.at(["metadata", "annotations", BETA_CLASS]), other_class(asked));
    }
    match claim.spec.storage_class_name.as_deref() {
        None if made => say.set(class, storage_class.as_str()),
        Some(asked) if asked == storage_class => {}
        // The API server fills in the default class before it asks; nobody can tell that from a wish.
        Some(asked) if made && case.volumes.default_classes.contains(asked) => {
            say.fill_in(class, storage_class.as_str())
        }
        Some(asked) => say.deny(class, other_class(asked)),
        None => {}
    }
    let modes = claim.at(["spec", "accessModes"]);
    match claim.spec.access_modes.as_deref().unwrap_or_default() {
        [] if made => say.set(modes, json!([access_mode.as_str()])),
        [] => {}
        [asked] if asked == access_mode.as_str() => {}
        asked => {
            let asked = asked.join(", ");
            let why = format!(
                "asked {asked} beside lane {name}, whose access mode is {access_mode}; leave out one of the two"
            );
            say.deny(modes, why);
        }
    }
}

/// Says the first lane whose class does not exist.
fn without_class(case: &Case<'_>, say: &mut Findings) {
    let lanes = &case.policy.platform().storage_lanes;
    let missing = |class: &str| case.volumes.missing_classes.contains(class);
    let asked = case.volume_claims.iter().filter_map(|claim| claim.object.label(STORAGE_LANE));
    let asked = asked.filter_map(|name| Some((name, lanes.get(name)?)));
    let Some((name, lane)) = asked.into_iter().find(|(_, lane)| missing(&lane.storage_class)) else { return };
    let class = &lane.storage_class;
    say.warn(format_args!(
        "asked lane {name}; its StorageClass {class} does not exist today; name another lane, or the volume waits until an admin \
         creates the class"
    ));
}

fn put_back(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    let label = Place::of(["metadata", "labels", STORAGE_LANE]);
    match (old.label(STORAGE_LANE), object.label(STORAGE_LANE)) {
        (before, after) if before == after => {}
        (Some(before), None) => say.set(label, before),
        (before, Some(after)) => {
            let stands = before.map_or_else(|| "no lane".into(), |lane| format!("lane {lane}"));
            let why =
                format!("asked lane {after}; a claim keeps what it was made with, here {stands}; make another claim");
            return say.deny(label, why);
        }
        (None, None) => {}
    }
    if old.label(STORAGE_LANE).is_none() {
        return;
    }
    let spec = |object: Object<'_>, key: &str| object.at(&["spec", key]).cloned();
    for key in ["storageClassName", "accessModes"] {
        // Where something else is asked, Kubernetes itself says that the field is immutable.
        let asks = spec(object, key).is_some_and(|it| it != Value::Array(Vec::new()));
        if let (false, Some(before)) = (asks, spec(old, key)) {
            say.set(Place::of(["spec", key]), before);
        }
    }
}
