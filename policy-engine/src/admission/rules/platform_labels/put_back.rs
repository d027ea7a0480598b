//! UPDATE: what the platform wrote at creation stays.

mod attached;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{label, ownership};
use crate::admission::findings::Findings;
use crate::admission::rules::affinity;
use crate::contract;
use crate::object::Object;
use crate::object::named::{Elements, stands_still};
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::remembered::{self, Remembered};
use crate::submission::switch::{self, Switch};

pub(super) fn workload(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let Some(old) = case.old() else { return };
    moved(case, object, say);
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

/// Where a workload is moved, the rule `queue` writes where to.
pub(super) fn moved(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let (said, stands) = (object.label(contract::MOVED_TO), switch::still_moved_to(case));
    let moves = Switch::of_workload(case).is_some_and(|switch| switch.queue.is_some());
    match stands {
        _ if moves || said == stands => {}
        Some(stands) => say.put_back(label(contract::MOVED_TO), stands),
        None => say.discard(label(contract::MOVED_TO)),
    }
}

pub(super) fn claim(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    let change = Change::of(object, old);
    for key in contract::OWNERSHIP_LABELS {
        change.restore(label(key), say);
    }
    if case.is_claim() {
        change.restore(annotation(contract::ASKED), say);
    }
}

pub(super) fn pod(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let Some(old) = case.old() else { return };
    let is_its_own = object.annotation(contract::ASKED) == old.annotation(contract::ASKED);
    let brought = if is_its_own { BTreeMap::new() } else { remembered::recall(object) };
    let mut change = Change { asked: remembered::recall(old), brought, ..Change::of(object, old) };
    // Where a Pod moves to another queue, the rule `queue` writes what follows.
    let moves = Switch::of(case).is_some_and(|switch| switch.queue.is_some());
    for key in contract::PLATFORM_LABELS.into_iter().filter(|key| !(moves && *key == contract::PREEMPTIBLE)) {
        change.restore(label(key), say);
    }
    if !moves {
        change.keep_queue(say);
    }
    for key in contract::PLATFORM_ANNOTATIONS.into_iter().chain([contract::ASKED]) {
        change.restore(annotation(key), say);
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
    let written = written_in_spec(old, object, case.submission.subresource).into_iter().chain(read_only(old));
    let written: BTreeSet<_> = written.chain(replaced(&mut change)).collect();
    for place in written {
        // Where something else is asked, Kubernetes itself says that the field is immutable.
        change.restore_if_not_asked_anew(place, say);
    }
    attached::put_back(&mut change, say);
    copied(&mut change).into_iter().for_each(|place| say.discard(place));
}

fn annotation(key: &'static str) -> Place {
    Place::of(["metadata", "annotations", key])
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "nothing".into(), |value| format!("{value:?}"))
}

/// What is stored, and what is to take its place. The containers of both are told apart by their names: what puts one in before the
/// others moves them all.
struct Change<'a> {
    object: Object<'a>,
    old: Object<'a>,
    asked: BTreeMap<String, Remembered>,
    /// What a manifest says of itself that was read from another Pod, from which this one was made.
    brought: BTreeMap<String, Remembered>,
    elements: Elements<'a>,
    old_elements: Elements<'a>,
}

impl<'a> Change<'a> {
    fn of(object: Object<'a>, old: Object<'a>) -> Self {
        let (elements, old_elements) = (Elements::of(object.0), Elements::of(old.0));
        Self { object, old, asked: BTreeMap::new(), brought: BTreeMap::new(), elements, old_elements }
    }

    /// Where what stands at a place of the stored object is now; `None` where the list that it is in has no such element any more:
    /// what would be put back would be no container.
    fn now(&mut self, place: &Place) -> Option<Place> {
        if stands_still(place, self.old.0, self.object.0) {
            return Some(place.clone());
        }
        self.elements.place(&self.old_elements.key(place))
    }

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
    fn keep_queue(&mut self, say: &mut Findings) {
        let at = label(contract::QUEUE_NAME);
        let (asked, stands) = (self.object.label(contract::QUEUE_NAME), self.old.label(contract::QUEUE_NAME));
        if asked == stands {
            return;
        }
        let at_creation = self.old_elements.key(&at);
        let at_creation = self.asked.get(&at_creation).and_then(|it| it.asked.as_str());
        if let Some(asked) = asked.filter(|asked| at_creation != Some(asked)) {
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

    /// Puts back the old value of a place where nothing is asked, or what was asked at creation. Says whether the old value holds now.
    fn restore_if_not_asked_anew(&mut self, place: Place, say: &mut Findings) -> bool {
        let Some(now) = self.now(&place) else { return true };
        let (asked, old) = (now.resolve(self.object.0), place.resolve(self.old.0));
        if asked == old {
            return true;
        }
        let key = self.old_elements.key(&place);
        let before = self.asked.get(&key).map(|it| &it.asked);
        let brought = self.brought.get(&key);
        // The platform wrote it into what was read, or put it there in place of the same ask.
        let is_no_ask = brought.is_some_and(|it| it.unasked().is_some_and(|written| Some(written) == asked));
        let is_the_same = brought.is_some_and(|it| Some(&it.asked) == before);
        let anew = asked.is_some() && asked != before && !is_no_ask && !is_the_same;
        match old {
            _ if anew => {}
            Some(old) => say.set(now, old.clone()),
            None => say.remove(now),
        }
        !anew
    }
}

/// The places of a Pod's spec that the platform may have written when the Pod was made.
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
        for (container, _) in containers(old) {
            let requests = container.key("resources").key("requests");
            places.extend(["cpu", "memory"].map(|resource| requests.clone().key(resource)));
        }
    }
    places.extend(affinity::written(old, object));
    places
}

/// The containers that may use devices and volumes, with their places.
fn containers(object: Object<'_>) -> impl Iterator<Item = (Place, &Value)> {
    ["initContainers", "containers"].into_iter().flat_map(move |list| elements(object, list))
}

fn elements<'a>(object: Object<'a>, list: &'static str) -> impl Iterator<Item = (Place, &'a Value)> {
    let all = object.at(&["spec", list]).and_then(Value::as_array).into_iter().flatten().enumerate();
    all.map(move |(index, it)| (Place::of(["spec", list]).index(index), it))
}

/// Whatever else was replaced when the Pod was made, wherever slots and extended resources may stand. Where the list is
/// missing now, there is nothing to put it back into.
fn replaced(change: &mut Change<'_>) -> Vec<Place> {
    const WRITTEN: [&str; 5] = [
        "/spec/resourceClaims/",
        "/spec/initContainers/",
        "/spec/containers/",
        "/metadata/labels/",
        "/metadata/annotations/",
    ];
    let ours = |at: &str| at.contains("/platform-go~1");
    let judged = |at: &&String| WRITTEN.iter().any(|begin| at.starts_with(begin)) && !ours(at);
    let places: Vec<_> = change.asked.iter().filter(|(key, _)| judged(key)).map(|(_, it)| it.at.clone()).collect();
    let mut there = |place: &Place| {
        let now = change.now(place)?.pointer();
        now.parent()?.resolve(change.object.0).ok().map(drop)
    };
    places.into_iter().filter(|place| there(place).is_some()).collect()
}

/// The requests that the API server copies from limits which were replaced when the Pod was made.
fn copied(change: &mut Change<'_>) -> Vec<Place> {
    let asked: Vec<_> = change.asked.values().cloned().collect();
    let mut copy = |Remembered { at, asked }: Remembered| {
        let at = at.pointer();
        let (limits, name) = at.split_back()?;
        let (resources, _) = limits.split_back().filter(|(_, kind)| kind.encoded() == "limits")?;
        let place = Place::from(resources.to_buf()).key("requests").key(name.decoded().into_owned());
        let now = change.now(&place)?;
        let is_new = place.resolve(change.old.0).is_none();
        (is_new && now.resolve(change.object.0) == Some(&asked)).then_some(now)
    };
    asked.into_iter().filter_map(&mut copy).collect()
}

/// The mounts that were made read-only.
fn read_only(old: Object<'_>) -> Vec<Place> {
    let name = |it: &Value| it.get("name").and_then(Value::as_str).map(str::to_owned);
    let forced = |it: &Value| it.pointer("/persistentVolumeClaim/readOnly") == Some(&Value::Bool(true));
    let (mut places, mut volumes) = (Vec::new(), BTreeSet::new());
    for (place, volume) in elements(old, "volumes").filter(|(_, it)| forced(it)) {
        places.push(place.key("persistentVolumeClaim").key("readOnly"));
        volumes.extend(name(volume));
    }
    for (container, it) in containers(old).chain(elements(old, "ephemeralContainers")) {
        let mounts = it.get("volumeMounts").and_then(Value::as_array).into_iter().flatten().enumerate();
        for (mount, _) in mounts.filter(|(_, it)| name(it).is_some_and(|name| volumes.contains(&name))) {
            places.push(container.clone().key("volumeMounts").index(mount).key("readOnly"));
        }
    }
    places
}
