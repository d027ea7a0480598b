//! Patches: they apply, what was to be said is said, what was to go is gone, and saying it again changes nothing.

use decide::patch;
use jsonptr::PointerBuf;
use policy_engine::Mutation;
use policy_engine::admission::decision::Told;
use policy_engine::policy::rule_id::RuleId;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::text;
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    let object = json!({"metadata": {"labels": null, "name": "web"}, "spec": {"volumes": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "a"}]}], "priority": 0}});
    let set = [
        ["/metadata/labels/platform-go~1user-id", "alice"],
        ["/metadata/labels/platform-go~1plan-id", "gold"],
        ["/spec/containers/0/resources/requests/cpu", "1"],
        ["/spec/securityContext/runAsNonRoot", "true"],
        ["/spec/priority", "7"],
    ];
    let remove = ["/spec/volumes/0", "/spec/volumes/2", "/spec/containers/0/volumeMounts/0", "/spec/nothing"];
    vec![json!({"object": object, "set": set, "remove": remove})]
}

pub(super) fn holds(input: &Value) -> Held {
    let object = &input["object"];
    let pointer = |value: &Value| text(value).and_then(|text| PointerBuf::parse(text).ok()).filter(|at| !at.is_root());
    let set = input["set"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pair| Some((pointer(&pair[0])?, Some(pair[1].clone()))));
    let removed = input["remove"].as_array().into_iter().flatten().filter_map(|at| Some((pointer(at)?, None)));
    let mutations: Vec<_> = set
        .chain(removed)
        .map(|(at, value)| Mutation { rule: RuleId::Image, at: at.into(), value, unasked: false, told: Told::Plainly })
        .collect();
    if !is_what_rules_find(&mutations, object) {
        return Ok(());
    }
    let operations = patch::of(&mutations, object);
    let mut patched = object.clone();
    let applied = json_patch::patch(&mut patched, &operations);
    prop_assert!(applied.is_ok(), "{:?}: {}", applied, serde_json::to_string(&operations).unwrap_or_default());
    let said: Vec<_> = mutations.iter().filter(|mutation| mutation.value.is_some()).cloned().collect();
    for mutation in &said {
        prop_assert_eq!(mutation.at.resolve(&patched), mutation.value.as_ref(), "{}", mutation.at);
    }
    prop_assert!(patch::of(&said, &patched).0.is_empty());
    Ok(())
}

/// A rule writes below maps, and no place twice or within another; it removes what it has seen there.
fn is_what_rules_find(mutations: &[Mutation], object: &Value) -> bool {
    let below_maps = mutations.iter().filter(|mutation| mutation.value.is_some()).all(|mutation| {
        let at = mutation.at.pointer();
        let mut parents = std::iter::successors(at.parent(), |parent| parent.parent());
        let nearest = parents.find_map(|parent| Some((parent, parent.resolve(object).ok()?)));
        nearest.is_some_and(|(parent, value)| value.is_object() || value.is_null() && !parent.is_root())
            || at.resolve(object).is_ok()
    });
    let apart = mutations.iter().enumerate().all(|(index, one)| {
        mutations[..index].iter().all(|other| {
            let (one, other) = (one.at.pointer(), other.at.pointer());
            !one.starts_with(&other) && !other.starts_with(&one)
        })
    });
    below_maps && apart
}
