//! What was asked where an object is made again that the platform wrote in: exported and created anew, under the same records or
//! others, or copied by `kubectl debug`.

use serde_json::Value;

use crate::claims::is_narrowing;
use crate::claims::template;
use crate::contract;
use crate::object::Object;
use crate::object::kinds::GroupResource;

/// The object as it was asked for, without what the platform adds by the records; `None` where it added nothing.
///
/// What was asked and taken out stands in the annotation [`contract::ASKED`], where the rules read it.
pub fn as_asked(resource: &GroupResource, object: &Value) -> Option<Value> {
    let is_written = contract::OWNERSHIP_LABELS.iter().any(|key| Object(object).label(key).is_some());
    let claim = match (resource.is_claim(), resource.is_claim_template()) {
        (true, _) => Some("/spec/devices/requests"),
        (_, true) => Some("/spec/spec/devices/requests"),
        (false, false) => None,
    };
    match claim {
        Some(requests) if is_written => without_additions(object, requests),
        None if resource.is_core("pods") => without_own_claim(object),
        Some(_) | None => None,
    }
}

fn without_own_claim(pod: &Value) -> Option<Value> {
    let listed = pod.pointer("/spec/resourceClaims").and_then(Value::as_array)?;
    let is_made = |it: &&Value| {
        let name = it.get("resourceClaimTemplateName").and_then(Value::as_str);
        name.is_some_and(|name| template::recorded(Object(pod), name).is_some())
    };
    let made = listed.iter().find(is_made)?.get("name")?.clone();
    let mut asked = pod.clone();
    remove_from(&mut asked, "/spec/resourceClaims", |it| it.get("name") == Some(&made));
    for list in ["/spec/containers", "/spec/initContainers"] {
        for container in asked.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            remove_from(container, "/resources/claims", |it| it.get("name") == Some(&made));
        }
    }
    remove_keys(&mut asked, "/metadata/annotations", &[contract::CLAIM_TEMPLATE]);
    remove_keys(&mut asked, "/metadata/labels", &contract::PLATFORM_LABELS);
    Some(asked)
}

fn without_additions(claim: &Value, requests: &str) -> Option<Value> {
    let narrows = |it: &Value| it.pointer("/cel/expression").and_then(Value::as_str).is_some_and(is_narrowing);
    // It says for which claim a device is held, and this is another one.
    let holds = |it: &Value| it.get("key").and_then(Value::as_str) == Some(contract::HOLD);
    let mut asked = claim.clone();
    let mut added = 0;
    for request in asked.pointer_mut(requests).and_then(Value::as_array_mut).into_iter().flatten() {
        added += remove_from(request, "/exactly/selectors", narrows);
        added += remove_from(request, "/exactly/tolerations", holds);
        for alternative in request.get_mut("firstAvailable").and_then(Value::as_array_mut).into_iter().flatten() {
            added += remove_from(alternative, "/selectors", narrows);
            added += remove_from(alternative, "/tolerations", holds);
        }
    }
    remove_keys(&mut asked, "/metadata/labels", &contract::PLATFORM_LABELS);
    (added > 0).then_some(asked)
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
