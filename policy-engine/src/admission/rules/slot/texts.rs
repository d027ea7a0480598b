//! The texts in which slots are resolved.

use serde_json::Value;

use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::pod::Pod;
use crate::submission::slots::mentions;

/// A text that may have a slot in it.
pub(super) struct Text<'a> {
    pub(super) at: Place,
    pub(super) text: &'a str,
}

pub(super) fn texts<'a>(case: &Case<'_>, pod: &Pod<'a>) -> Vec<Text<'a>> {
    // All of it has been read once, to know what is named.
    if !case.device_names.slots {
        return Vec::new();
    }
    let here = pod.at([]);
    let mut texts = of_metadata(pod.object, &here);
    texts.extend(of_spec(pod.object, &here));
    texts
}

/// Labels, and the one annotation that names a claim: others are the business of those who wrote them.
pub(super) fn of_metadata<'a>(object: Object<'a>, here: &Place) -> Vec<Text<'a>> {
    let at = |kind: &'static str, key: &str| here.clone().key("metadata").key(kind).key(key.to_owned());
    let labels = object.labels().into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| text(value.as_str(), || at("labels", key)));
    let annotation = || at("annotations", contract::CLAIM_NAME);
    labels.chain(text(object.annotation(contract::CLAIM_NAME), annotation)).collect()
}

pub(super) fn of_spec<'a>(object: Object<'a>, here: &Place) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    let list_at = |list: &'static str| here.clone().key("spec").key(list);
    for (index, claim) in each(object, "resourceClaims") {
        let name = claim.get("resourceClaimName").and_then(Value::as_str);
        texts.extend(text(name, || list_at("resourceClaims").index(index).key("resourceClaimName")));
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (index, container) in each(object, list) {
            let words = |key: &str| container.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
            let at = |key: &'static str, word: usize| list_at(list).index(index).key(key).index(word);
            let value = |it: &'a Value| it.get("value").and_then(Value::as_str);
            texts.extend(words("env").filter_map(|(word, it)| text(value(it), || at("env", word).key("value"))));
            for key in ["args", "command"] {
                texts.extend(words(key).filter_map(|(word, it)| text(it.as_str(), || at(key, word))));
            }
        }
    }
    texts
}

/// Few texts have slots, and only theirs have to be pointed at.
fn text(text: Option<&str>, at: impl FnOnce() -> Place) -> Option<Text<'_>> {
    text.filter(|text| mentions(text)).map(|text| Text { at: at(), text })
}

fn each<'a>(object: Object<'a>, list: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    object.at(&["spec", list]).and_then(Value::as_array).into_iter().flatten().enumerate()
}
