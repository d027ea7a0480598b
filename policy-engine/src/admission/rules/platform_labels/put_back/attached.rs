//! What gives a Pod its claims of devices. The manifest that it was made from has a list without the platform's elements where it
//! has one of its own: kubectl and whoever replaces the Pod send that list.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Change, containers};
use crate::admission::findings::Findings;
use crate::claims::template;
use crate::gpu::attachments::is_name_of_ours;
use crate::object::Object;
use crate::object::place::Place;

/// Puts back the lists in which nothing but the platform's own elements is missing.
pub(super) fn put_back(change: &mut Change<'_>, say: &mut Findings) {
    let ours: BTreeSet<_> = listed(change.old).filter(|it| is_ours(change.old, it)).filter_map(name).collect();
    let brought: BTreeSet<_> = listed(change.object).filter(|it| is_brought(change.old, it)).filter_map(name).collect();
    let uses = containers(change.old).map(|(container, _)| container.key("resources").key("claims"));
    let lists: Vec<_> = uses.chain([Place::of(["spec", "resourceClaims"])]).collect();
    for list in lists {
        let Some(now) = change.now(&list) else { continue };
        let Some(old) = list.resolve(change.old.0).filter(|old| old.is_array()) else { continue };
        let asked = now.resolve(change.object.0);
        if asked != Some(old) && is_the_rest(asked, old, &ours, &brought) {
            say.put_back(now, old.clone());
        }
    }
}

/// Whether a list is the stored one without some of the platform's elements, and besides those `brought` from elsewhere. Where
/// something else is asked, Kubernetes itself says that the field is immutable.
fn is_the_rest(asked: Option<&Value>, old: &Value, ours: &BTreeSet<&str>, brought: &BTreeSet<&str>) -> bool {
    let Some(asked) = asked.filter(|asked| !asked.is_null()) else { return true };
    let (Some(asked), Some(old)) = (asked.as_array(), old.as_array()) else { return false };
    let of_elsewhere = |it: &&Value| name(it).is_some_and(|name| brought.contains(name));
    let mut left = asked.iter().filter(|it| !of_elsewhere(it)).peekable();
    let mut is_there = |it: &Value| left.next_if(|asked| *asked == it).is_some();
    let stands = old.iter().all(|it| is_there(it) || name(it).is_some_and(|name| ours.contains(name)));
    stands && left.next().is_none()
}

fn listed(pod: Object<'_>) -> impl Iterator<Item = &Value> {
    pod.at(&["spec", "resourceClaims"]).and_then(Value::as_array).into_iter().flatten()
}

/// Whether the platform may have added an element: for a template of its own, or for a claim that labels or slots name.
fn is_ours<'a>(pod: Object<'a>, claim: &'a Value) -> bool {
    let text = |key: &str| claim.get(key).and_then(Value::as_str);
    let is_made = text("resourceClaimTemplateName").is_some_and(|name| template::recorded(pod, name).is_some());
    let is_named = text("resourceClaimName").is_some() && text("name").is_some_and(is_name_of_ours);
    is_made || is_named
}

/// Whether it stands for another template of the platform's: the manifest was read from a Pod elsewhere, and this Pod was made from it
/// with a template of its own.
fn is_brought(old: Object<'_>, claim: &Value) -> bool {
    let template = claim.get("resourceClaimTemplateName").and_then(Value::as_str);
    template.is_some_and(template::is_platform_template) && !listed(old).any(|it| it == claim)
}

fn name(element: &Value) -> Option<&str> {
    element.get("name").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_platforms_elements_may_be_missing() {
        let ours = BTreeSet::from(["gpu", "gpu-2"]);
        let old = json!([{"name": "mine"}, {"name": "gpu", "request": "a"}, {"name": "other"}, {"name": "gpu-2"}]);
        let none = BTreeSet::new();
        let rest = |asked: Value| is_the_rest(Some(&asked), &old, &ours, &none);
        assert!(rest(json!([{"name": "mine"}, {"name": "other"}])));
        assert!(rest(json!([{"name": "mine"}, {"name": "gpu", "request": "a"}, {"name": "other"}])));
        assert!(rest(Value::Null) && is_the_rest(None, &old, &ours, &none));
        for asked in [
            json!([{"name": "mine"}]),
            json!([]),
            json!([{"name": "other"}, {"name": "mine"}]),
            json!([{"name": "mine"}, {"name": "other"}, {"name": "more"}]),
            json!([{"name": "mine"}, {"name": "gpu", "request": "b"}, {"name": "other"}]),
            json!("mine"),
        ] {
            assert!(!rest(asked.clone()), "{asked}");
        }
    }
}
