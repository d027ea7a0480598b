//! The texts in which slots are resolved.

use serde_json::Value;

use super::mentions;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;

/// A text that may have a slot in it.
pub(crate) struct Text<'a> {
    pub(crate) at: Place,
    pub(crate) text: &'a str,
}

/// Labels, and the one annotation that names a claim: others are the business of those who wrote them.
pub(crate) fn of_metadata<'a>(object: Object<'a>, here: &Place) -> Vec<Text<'a>> {
    let at = |kind: &'static str, key: &str| here.clone().key("metadata").key(kind).key(key.to_owned());
    let labels = object.labels().into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| text(value.as_str(), || at("labels", key)));
    let annotation = || at("annotations", contract::CLAIM_NAME);
    labels.chain(text(object.annotation(contract::CLAIM_NAME), annotation)).collect()
}

/// `list_at` says where a list of the spec stands.
pub(crate) fn of_spec<'a>(object: Object<'a>, list_at: impl Fn(&'static str) -> Place) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
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

/// Whether somewhere in a Pod, a template or a workload's metadata a slot may stand. Nothing is parsed.
pub(crate) fn may_have_slots(pod: &Value) -> bool {
    !of_metadata(Object(pod), &Place::root()).is_empty() || !of_spec(Object(pod), |_| Place::root()).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn slots_are_looked_for_where_they_are_resolved_and_nowhere_else() {
        let slot = "{{ gpuClaimName }}";
        let places = [
            json!({"metadata": {"labels": {"a": slot}}}),
            json!({"metadata": {"annotations": {"platform-go/dra-claim-name": slot}}}),
            json!({"spec": {"resourceClaims": [{"resourceClaimName": slot}]}}),
            json!({"spec": {"containers": [{"env": [{"name": "A", "value": slot}]}]}}),
            json!({"spec": {"initContainers": [{"args": ["x", slot]}]}}),
            json!({"spec": {"containers": [{"command": [slot]}]}}),
        ];
        for pod in places {
            assert!(may_have_slots(&pod), "{pod}");
        }
        // kubectl keeps the whole manifest in an annotation.
        let applied = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": slot}}});
        assert!(!may_have_slots(&applied) && !may_have_slots(&json!({"spec": {"hostname": slot}})));
    }
}
