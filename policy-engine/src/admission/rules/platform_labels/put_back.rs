//! UPDATE: what the platform wrote at creation stays.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{label, ownership};
use crate::admission::findings::Findings;
use crate::admission::rules::affinity;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::remembered;
use crate::submission::switch::Switch;

pub(super) fn workload(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let Some(old) = case.old() else { return };
    for key in contract::OWNERSHIP_LABELS {
        let recorded = old.label(key);
        match object.label(key) {
            asked if asked == recorded => {}
            None if key != contract::USER_ID => {}
            _ => match recorded.or_else(|| ownership(case, key)) {
                Some(value) => say.set(label(key), value),
                None => say.remove(label(key)),
            },
        }
    }
}

pub(super) fn claim(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    let change = Change { object, old, asked: Map::new() };
    for key in contract::OWNERSHIP_LABELS {
        change.restore(label(key), say);
    }
}

pub(super) fn pod(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let Some(old) = case.old() else { return };
    let change = Change { object, old, asked: remembered::recall(old) };
    // Where a Pod moves to another queue, the rule `queue` writes what follows.
    let moves = Switch::of(case).is_some_and(|switch| switch.queue.is_some());
    for key in contract::PLATFORM_LABELS.into_iter().filter(|key| !(moves && *key == contract::PREEMPTIBLE)) {
        change.restore(label(key), say);
    }
    if !moves {
        change.keep_queue(say);
    }
    for key in contract::PLATFORM_ANNOTATIONS.into_iter().chain([contract::ASKED]) {
        change.restore(Place::of(["metadata", "annotations", key]), say);
    }
    for key in contract::ASKING_LABELS.into_iter().filter(|key| *key != contract::QUEUE_NAME) {
        if !change.restore_if_not_asked_anew(label(key), say) {
            let why = format!(
                "asked {}; what a Pod asks for is fixed when it is made, here as {}; delete the Pod and create it anew",
                shown(object.label(key)),
                shown(old.label(key)),
            );
            say.deny(label(key), why);
        }
    }
    let written = written_in_spec(old, object, case.submission.subresource).into_iter().chain(read_only(old, object));
    let written: BTreeSet<_> = written.chain(attached(old, object)).chain(replaced(&change)).collect();
    for place in written {
        // Where something else is asked, Kubernetes itself says that the field is immutable.
        change.restore_if_not_asked_anew(place, say);
    }
    copied(&change).into_iter().for_each(|place| say.discard(place));
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "nothing".into(), |value| format!("{value:?}"))
}

struct Change<'a> {
    object: Object<'a>,
    old: Object<'a>,
    asked: Map<String, Value>,
}

impl Change<'_> {
    /// Puts back the old value, whatever is asked.
    fn restore(&self, place: Place, say: &mut Findings) {
        let old = place.resolve(self.old.0);
        if place.resolve(self.object.0) == old {
            return;
        }
        match old {
            Some(old) => say.set(place, old.clone()),
            None => say.remove(place),
        }
    }

    /// A Pod that has moved may be applied again by the manifest that made it: what that says of the queue does not move it back.
    fn keep_queue(&self, say: &mut Findings) {
        let at = label(contract::QUEUE_NAME);
        let (asked, stands) = (self.object.label(contract::QUEUE_NAME), self.old.label(contract::QUEUE_NAME));
        if asked == stands {
            return;
        }
        let of_creation = || self.asked.get(at.pointer().as_str()).and_then(Value::as_str);
        if let Some(asked) = asked.filter(|asked| of_creation() != Some(asked)) {
            let (stands, key) = (stands.unwrap_or("none"), contract::SWITCH_QUEUE);
            say.warn(format_args!(
                "{at}: asked {asked:?}, and the Pod stays in queue {stands}; to move it, write its annotation {key}: {asked}"
            ));
        }
        match stands {
            Some(stands) => say.put_back(at, stands),
            None => say.discard(at),
        }
    }

    /// Puts back the old value where nothing is asked, or what was asked at creation. Says whether the old value holds now.
    fn restore_if_not_asked_anew(&self, place: Place, say: &mut Findings) -> bool {
        let asked = place.resolve(self.object.0);
        let old = place.resolve(self.old.0);
        let anew = asked.is_some() && asked != old && asked != self.asked.get(place.pointer().as_str());
        if !anew {
            self.restore(place, say);
        }
        !anew
    }
}

/// The places of a Pod's spec that the platform may have written when the Pod was made, as far as it has the containers
/// still.
fn written_in_spec(old: Object<'_>, object: Object<'_>, subresource: &str) -> Vec<Place> {
    let mut places = vec![
        Place::of(["spec", "priorityClassName"]),
        Place::of(["spec", "automountServiceAccountToken"]),
        Place::of(["spec", "terminationGracePeriodSeconds"]),
        Place::of(["spec", "securityContext", "runAsNonRoot"]),
        Place::of(["spec", "securityContext", "runAsUser"]),
    ];
    // A resize is there to change what containers ask for.
    if subresource != "resize" {
        for list in ["initContainers", "containers"] {
            for index in 0..still(old, object, list) {
                let requests = Place::of(["spec", list]).index(index).key("resources").key("requests");
                places.extend(["cpu", "memory"].map(|resource| requests.clone().key(resource)));
            }
        }
    }
    places.extend(affinity::written(old, object));
    places
}

/// What gives the Pod its claims of devices, as far as it has the containers still.
fn attached(old: Object<'_>, object: Object<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for list in ["initContainers", "containers"] {
        let uses = (0..still(old, object, list)).map(|at| Place::of(["spec", list]).index(at));
        let uses = uses.map(|container| container.key("resources").key("claims"));
        places.extend(uses.filter(|place| place.resolve(old.0).is_some()));
    }
    places.extend((length(old, "resourceClaims") > 0).then(|| Place::of(["spec", "resourceClaims"])));
    places
}

/// How many elements of a list of the spec both have. Of others nothing is put back: it would be no container.
fn still(old: Object<'_>, object: Object<'_>, list: &str) -> usize {
    length(old, list).min(length(object, list))
}

fn length(object: Object<'_>, list: &str) -> usize {
    object.at(&["spec", list]).and_then(Value::as_array).map_or(0, Vec::len)
}

/// Whatever else was replaced when the Pod was made, wherever slots and extended resources may stand. Where the list is
/// missing now, there is nothing to put it back into.
fn replaced(change: &Change<'_>) -> Vec<Place> {
    const WRITTEN: [&str; 5] = [
        "/spec/resourceClaims/",
        "/spec/initContainers/",
        "/spec/containers/",
        "/metadata/labels/",
        "/metadata/annotations/",
    ];
    let ours = |at: &str| at.contains("/platform-go~1");
    let judged = |at: &&String| WRITTEN.iter().any(|begin| at.starts_with(begin)) && !ours(at);
    let places = change.asked.keys().filter(judged).filter_map(|at| jsonptr::PointerBuf::parse(at).ok());
    let there = |at: &jsonptr::PointerBuf| at.parent().is_some_and(|list| list.resolve(change.object.0).is_ok());
    places.filter(there).map(Place::from).collect()
}

/// The requests that the API server copies from limits which were replaced when the Pod was made.
fn copied(change: &Change<'_>) -> Vec<Place> {
    let copy = |(at, asked): (&String, &Value)| {
        let at = jsonptr::PointerBuf::parse(at).ok()?;
        let (limits, name) = at.split_back()?;
        let (resources, _) = limits.split_back().filter(|(_, kind)| kind.encoded() == "limits")?;
        let mut place = resources.to_buf();
        place.push_back("requests");
        place.push_back(name);
        let is_new = place.resolve(change.old.0).is_err();
        let is_copy = is_new && place.resolve(change.object.0).ok() == Some(asked);
        is_copy.then(|| Place::from(place))
    };
    change.asked.iter().filter_map(copy).collect()
}

/// The mounts that were made read-only, as far as the Pod has them still.
fn read_only(old: Object<'_>, object: Object<'_>) -> Vec<Place> {
    let named = |it: &Value, name: &str| it.get("name").and_then(Value::as_str) == Some(name);
    let mut places = Vec::new();
    let list = |object: Object<'_>, key: &str| object.at(&["spec", key]).and_then(Value::as_array).cloned();
    let volumes = list(old, "volumes").unwrap_or_default();
    let forced = volumes
        .iter()
        .enumerate()
        .filter(|(_, it)| it.pointer("/persistentVolumeClaim/readOnly") == Some(&Value::Bool(true)));
    for (at, volume) in forced {
        let Some(name) = volume.get("name").and_then(Value::as_str) else { continue };
        let stands = list(object, "volumes").is_some_and(|it| it.get(at).is_some_and(|it| named(it, name)));
        if stands {
            places.push(Place::of(["spec", "volumes"]).index(at).key("persistentVolumeClaim").key("readOnly"));
        }
        for key in ["initContainers", "containers", "ephemeralContainers"] {
            for (container, it) in list(old, key).unwrap_or_default().iter().enumerate() {
                let mounts = it.get("volumeMounts").and_then(Value::as_array).into_iter().flatten().enumerate();
                for (mount, it) in mounts.filter(|(_, it)| named(it, name)) {
                    let here = Place::of(["spec", key]).index(container).key("volumeMounts").index(mount);
                    if here.resolve(object.0).is_some_and(|now| now.get("mountPath") == it.get("mountPath")) {
                        places.push(here.key("readOnly"));
                    }
                }
            }
        }
    }
    places
}
