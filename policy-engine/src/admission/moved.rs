//! What was asked where an object is made again that the platform wrote in: exported, perhaps edited, and created anew, under the same
//! records or others; or judged again in one request, because another webhook changed it.

mod own_claim;

use serde_json::Value;

use crate::contract;
use crate::object::Object;
use crate::object::kinds::GroupResource;
use crate::object::place::Place;
use crate::submission::remembered;

pub use own_claim::OwnClaim;

/// The object as it was asked for.
#[derive(Clone, Debug)]
pub struct AsAsked {
    /// Without what the platform added by the records.
    pub object: Value,
    /// What became of a claim that the platform had made for a Pod.
    pub own_claim: OwnClaim,
}

/// The object as it was asked for, without what the platform adds by the records; `None` where it added nothing.
///
/// What was asked and replaced stands in the annotation [`contract::ASKED`]. Labels by which the platform said what a Pod or claim
/// was given are no asks, unless somebody changed them since.
pub fn as_asked(resource: &GroupResource, object: &Value) -> Option<AsAsked> {
    let requests = match (resource.is_claim(), resource.is_claim_template()) {
        (true, _) => Some("/spec/devices/requests"),
        (_, true) => Some("/spec/spec/devices/requests"),
        (false, false) if resource.is_core("pods") => None,
        (false, false) => return None,
    };
    let is_ours = match requests {
        Some(_) => is_narrowed(object),
        None => own_claim::made(object).is_some(),
    };
    if !is_ours && Object(object).annotation(contract::ASKED).is_none() {
        return None;
    }
    let mut asked = object.clone();
    let own_claim = match requests {
        Some(requests) => {
            without_additions(&mut asked, requests);
            OwnClaim::default()
        }
        None => own_claim::take_out(&mut asked),
    };
    asked = without_own_labels(asked);
    (asked != *object).then_some(AsAsked { object: asked, own_claim })
}

/// The object without the labels that the platform wrote where nobody asked for anything.
pub fn without_own_labels(mut object: Value) -> Value {
    let stands =
        |it: &remembered::Remembered| it.unasked().is_some_and(|written| it.at.resolve(&object) == Some(written));
    let ours = remembered::recall(Object(&object)).into_values().filter(stands);
    let ours: Vec<_> = ours.filter_map(|it| it.at.pointer().back().map(|key| key.decoded().into_owned())).collect();
    ours.iter().for_each(|key| remove_keys(&mut object, "/metadata/labels", &[key]));
    object
}

/// The labels by which somebody asked for something and that the platform replaced, each with what was asked. Whose an object is
/// nobody asks.
pub fn replaced_labels(object: &Value) -> Vec<(Place, Value)> {
    let is_label = |at: &Place| {
        let tokens: Vec<_> = at.pointer().tokens().map(|token| token.decoded().into_owned()).collect();
        matches!(tokens.as_slice(), [metadata, labels, key]
            if metadata == "metadata" && labels == "labels" && !contract::OWNERSHIP_LABELS.contains(&key.as_str()))
    };
    let asked = remembered::recall(Object(object)).into_values().filter(|it| it.unasked().is_none());
    let labels = asked.filter(|it| is_label(&it.at) && it.asked.is_string() && it.at.resolve(object).is_some());
    labels.map(|it| (it.at, it.asked)).collect()
}

/// Whether it shows that the platform may have narrowed what a claim asks.
fn is_narrowed(claim: &Value) -> bool {
    contract::OWNERSHIP_LABELS.iter().any(|key| Object(claim).label(key).is_some())
}

fn without_additions(claim: &mut Value, requests: &str) {
    if !is_narrowed(claim) {
        return;
    }
    let narrows =
        |it: &Value| it.pointer("/cel/expression").and_then(Value::as_str).is_some_and(crate::claims::is_narrowing);
    // It says for which claim a device is held, and this is another one.
    let holds = |it: &Value| it.get("key").and_then(Value::as_str) == Some(contract::HOLD);
    let mut added = 0;
    for request in claim.pointer_mut(requests).and_then(Value::as_array_mut).into_iter().flatten() {
        added += remove_from(request, "/exactly/selectors", narrows);
        added += remove_from(request, "/exactly/tolerations", holds);
        for alternative in request.get_mut("firstAvailable").and_then(Value::as_array_mut).into_iter().flatten() {
            added += remove_from(alternative, "/selectors", narrows);
            added += remove_from(alternative, "/tolerations", holds);
        }
    }
    if added > 0 {
        remove_keys(claim, "/metadata/labels", &contract::PLATFORM_LABELS);
    }
}

/// Removes elements of a list, and the list with its last one; answers how many.
fn remove_from(object: &mut Value, list: &str, is_gone: impl Fn(&Value) -> bool) -> usize {
    let Some(elements) = object.pointer_mut(list).and_then(Value::as_array_mut) else { return 0 };
    let before = elements.len();
    elements.retain(|it| !is_gone(it));
    let gone = before - elements.len();
    if elements.is_empty()
        && gone > 0
        && let Some((parent, key)) = list.rsplit_once('/')
    {
        remove_keys(object, parent, &[key]);
    }
    gone
}

fn remove_keys(object: &mut Value, map: &str, keys: &[&str]) {
    if let Some(map) = object.pointer_mut(map).and_then(Value::as_object_mut) {
        keys.iter().for_each(|key| drop(map.remove(*key)));
    }
}
