//! Scheduling gates of the platform.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::closed::{InDefault, NotYours, TooEarly, closed};
use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

/// Writes the gate, and removes those that only the platform sets.
pub(super) fn written(pod: &Pod<'_>, gated: bool, say: &mut Findings) {
    let here = pod.at(["spec", "schedulingGates"]);
    for (index, gate) in gates(pod.object()).enumerate().filter(|(_, gate)| is_ours(gate)) {
        let gate = name(gate).unwrap_or_default();
        if !(gated && gate == contract::PLAN_WINDOW_GATE) {
            let at = here.clone().index(index);
            say.warn(format_args!("{at}: asked the gate {gate}, which is the platform's to set; removed"));
            say.discard(at);
        }
    }
    if gated && !gates(pod.object()).any(|gate| name(gate) == Some(contract::PLAN_WINDOW_GATE)) {
        let gate = json!({"name": contract::PLAN_WINDOW_GATE});
        match gates(pod.object()).count() {
            0 => say.impose(here, json!([gate])),
            others => say.impose(here.index(others), gate),
        }
    }
}

/// The platform's gates of a living Pod stay as they are.
pub(super) fn kept(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    let names = |object| gates(object).map(name).collect::<HashSet<_>>();
    let (asked, before) = (names(object), names(old));
    let lifted = gates(old).find(|gate| is_ours(gate) && !asked.contains(&name(gate)));
    let added = gates(object).any(|gate| is_ours(gate) && !before.contains(&name(gate)));
    let here = Place::of(["spec", "schedulingGates"]);
    match lifted.and_then(name) {
        Some(gate) if is_stamped_as(object, old) => {
            say.deny(here, NotYours { gate, closed: closed(case, old), default: InDefault::of_living(case, old) });
        }
        None if !added => starts_a_closed_queue(case, object, old, say),
        // A manifest from before the platform wrote on it, as people keep it.
        Some(_) | None => {
            let stay = gates(old).filter(|gate| is_ours(gate) || asked.contains(&name(gate)));
            let come = gates(object).filter(|gate| !is_ours(gate) && !before.contains(&name(gate)));
            let gates: Vec<_> = stay.chain(come).cloned().collect();
            if gates.is_empty() { say.discard(here) } else { say.put_back(here, gates) }
        }
    }
}

/// Whether a Pod waits for its queue.
pub(super) fn waits(pod: Object<'_>) -> bool {
    gates(pod).any(|gate| name(gate) == Some(contract::PLAN_WINDOW_GATE))
}

/// A Pod whose last gate is taken away starts now, whoever set the gate and whatever was open when the Pod was made.
fn starts_a_closed_queue(case: &Case<'_>, object: Object<'_>, old: Object<'_>, say: &mut Findings) {
    let Some(gate) = gates(old).find_map(name).filter(|_| gates(object).next().is_none()) else { return };
    if let Some(closed) = closed(case, old) {
        say.deny(
            Place::of(["spec", "schedulingGates"]),
            TooEarly { gate, closed, default: InDefault::of_living(case, old) },
        );
    }
}

/// Whether the object carries all that the platform alone writes on labels, as one does that was read from the cluster.
fn is_stamped_as(object: Object<'_>, old: Object<'_>) -> bool {
    contract::PLATFORM_LABELS.iter().all(|key| old.label(key).is_none() || object.label(key).is_some())
}

fn gates(object: Object<'_>) -> impl Iterator<Item = &Value> {
    object.at(&["spec", "schedulingGates"]).and_then(Value::as_array).into_iter().flatten()
}

fn name(gate: &Value) -> Option<&str> {
    gate.get("name")?.as_str()
}

fn is_ours(gate: &Value) -> bool {
    name(gate).is_some_and(|name| name.starts_with(contract::PREFIX))
}
