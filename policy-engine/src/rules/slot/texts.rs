//! The texts in which slots are resolved.

use serde_json::Value;

use crate::contract;
use crate::object::Object;
use crate::place::Place;
use crate::pod::Pod;
use crate::slots::mentions;

/// A text that may have a slot in it.
pub(super) struct Text<'a> {
    pub(super) at: Place,
    pub(super) text: &'a str,
}

pub(super) fn texts<'a>(pod: &Pod<'a>) -> Vec<Text<'a>> {
    let here = pod.at([]);
    let mut texts = of_metadata(pod.object, &here);
    texts.extend(of_spec(pod.object, &here));
    texts
}

/// Labels, and the one annotation that names a claim: others are the business of those who wrote them.
pub(super) fn of_metadata<'a>(object: Object<'a>, here: &Place) -> Vec<Text<'a>> {
    let at = |kind: &str, key: &str| here.clone().key("metadata").key(kind).key(key);
    let labels = object.labels().into_iter().flatten();
    let labels = labels.map(|(key, value)| (at("labels", key), value.as_str()));
    let annotation = (at("annotations", contract::CLAIM_NAME), object.annotation(contract::CLAIM_NAME));
    labels.chain([annotation]).filter_map(text).collect()
}

pub(super) fn of_spec<'a>(object: Object<'a>, here: &Place) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    let spec = here.clone().key("spec");
    for (index, claim) in each(object, "resourceClaims") {
        let at = spec.clone().key("resourceClaims").index(index).key("resourceClaimName");
        texts.extend(text((at, claim.get("resourceClaimName").and_then(Value::as_str))));
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (index, container) in each(object, list) {
            let here = spec.clone().key(list).index(index);
            let list = |key: &str| container.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
            let env = list("env").map(|(index, it)| {
                (here.clone().key("env").index(index).key("value"), it.get("value").and_then(Value::as_str))
            });
            texts.extend(env.filter_map(text));
            for key in ["args", "command"] {
                let words = list(key).map(|(index, it)| (here.clone().key(key).index(index), it.as_str()));
                texts.extend(words.filter_map(text));
            }
        }
    }
    texts
}

fn text((at, text): (Place, Option<&str>)) -> Option<Text<'_>> {
    text.filter(|text| mentions(text)).map(|text| Text { at, text })
}

fn each<'a>(object: Object<'a>, list: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    object.at(&["spec", list]).and_then(Value::as_array).into_iter().flatten().enumerate()
}
