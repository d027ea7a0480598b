//! Places that stay the same when lists change around them: an element is found by its name, and not by its number.
//!
//! Such a place is written like a JSON Pointer in which elements stand as `name=app`:
//! `/spec/containers/name=app/resources/limits/nvidia.com~1gpu`. Neither a name nor a number has an equals sign. Elements without a
//! name of their own, such as words of a command, stand by their number.

use std::collections::HashMap;

use jsonptr::{PointerBuf, Token};
use serde_json::Value;

use crate::object::place::Place;

/// Fields by which elements of lists are told apart.
const NAME: &str = "name";
const MOUNT_PATH: &str = "mountPath";

/// The elements of an object's lists by their names. Each list is read once.
#[derive(Debug)]
pub struct Elements<'o> {
    object: &'o Value,
    /// By the pointer of a list: where the only element of each name is.
    lists: HashMap<String, HashMap<&'o str, Option<usize>>>,
}

impl<'o> Elements<'o> {
    /// Those of an object.
    pub fn of(object: &'o Value) -> Self {
        Self { object, lists: HashMap::new() }
    }

    /// How a place in this object is written by names.
    pub fn key(&mut self, place: &Place) -> String {
        let (mut key, mut at) = (PointerBuf::new(), PointerBuf::new());
        let mut here = Some(self.object);
        for token in place.pointer().tokens() {
            let text = token.decoded();
            let list = here.and_then(Value::as_array);
            let index = list.and_then(|_| text.parse().ok());
            let field = told_apart_by(&at);
            let name = list.zip(index).and_then(|(list, index): (_, usize)| name(list.get(index)?, field));
            let only = name.filter(|name| list.and_then(|list| self.only(&at, list, name)) == index);
            match only {
                Some(name) => key.push_back(Token::new(format!("{field}={name}"))),
                None => key.push_back(token.to_owned()),
            }
            here = below(here, &text);
            at.push_back(token.to_owned());
        }
        key.to_string()
    }

    /// Where in this object a place is that is written by names, or by numbers; `None` where there is no such element.
    pub fn place(&mut self, key: &str) -> Option<Place> {
        let (mut place, mut at) = (Place::root(), PointerBuf::new());
        let mut here = Some(self.object);
        for token in PointerBuf::parse(key).ok()?.tokens() {
            let text = token.decoded();
            let field = told_apart_by(&at);
            let asked = text.strip_prefix(field).and_then(|it| it.strip_prefix('='));
            let step = match here {
                Some(Value::Array(list)) => {
                    let index = match asked {
                        Some(name) => self.only(&at, list, name)?,
                        None => text.parse().ok().filter(|index| *index < list.len())?,
                    };
                    Token::from(index)
                }
                // The list itself is missing.
                Some(_) | None if asked.is_some() => return None,
                Some(_) | None => token.to_owned(),
            };
            let text = step.decoded();
            here = below(here, &text);
            place = place.key(text.clone().into_owned());
            at.push_back(step.to_owned());
        }
        Some(place)
    }

    fn only(&mut self, at: &PointerBuf, list: &'o [Value], wanted: &str) -> Option<usize> {
        if !self.lists.contains_key(at.as_str()) {
            let mut by_name = HashMap::new();
            for (index, element) in list.iter().enumerate() {
                if let Some(name) = name(element, told_apart_by(at)) {
                    by_name.entry(name).and_modify(|only| *only = None).or_insert(Some(index));
                }
            }
            self.lists.insert(at.to_string(), by_name);
        }
        *self.lists.get(at.as_str())?.get(wanted)?
    }
}

/// Whether a place is the same one in both objects: the elements on the way to it have the same names.
pub fn stands_still(place: &Place, one: &Value, other: &Value) -> bool {
    place.is_in_alike(one, other, |one, other| [NAME, MOUNT_PATH].iter().all(|key| one.get(key) == other.get(key)))
}

/// Several mounts may be of one volume.
fn told_apart_by(list: &PointerBuf) -> &'static str {
    let is_mounts = list.last().is_some_and(|last| last.encoded() == "volumeMounts");
    if is_mounts { MOUNT_PATH } else { NAME }
}

fn name<'v>(element: &'v Value, field: &str) -> Option<&'v str> {
    element.get(field)?.as_str()
}

fn below<'v>(here: Option<&'v Value>, text: &str) -> Option<&'v Value> {
    match here? {
        Value::Array(list) => list.get(text.parse::<usize>().ok()?),
        Value::Object(map) => map.get(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(names: &[&str]) -> Value {
        let mounts = json!([{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]);
        let containers: Vec<_> =
            names.iter().map(|name| json!({"name": name, "args": ["x"], "volumeMounts": mounts})).collect();
        json!({"metadata": {"labels": {"a/b": "c"}}, "spec": {"containers": containers}})
    }

    #[test]
    fn an_element_is_found_by_its_name_wherever_it_stands() {
        let (before, after) = (pod(&["app", "1"]), pod(&["1", "proxy", "app"]));
        for (before_at, key, after_at) in [
            (
                "/spec/containers/0/resources/limits/nvidia.com~1gpu",
                "/spec/containers/name=app/resources/limits/nvidia.com~1gpu",
                "/spec/containers/2/resources/limits/nvidia.com~1gpu",
            ),
            ("/spec/containers/1/args/0", "/spec/containers/name=1/args/0", "/spec/containers/0/args/0"),
            (
                "/spec/containers/0/volumeMounts/1/readOnly",
                "/spec/containers/name=app/volumeMounts/mountPath=~1b/readOnly",
                "/spec/containers/2/volumeMounts/1/readOnly",
            ),
            ("/metadata/labels/a~1b", "/metadata/labels/a~1b", "/metadata/labels/a~1b"),
        ] {
            let place = Place::from(PointerBuf::parse(before_at).expect("a pointer"));
            assert_eq!(Elements::of(&before).key(&place), key);
            assert_eq!(Elements::of(&before).place(key), Some(place.clone()), "{key}");
            let moved = Elements::of(&after).place(key).map(|it| it.pointer().to_string());
            assert_eq!(moved.as_deref(), Some(after_at));
            // As it was written before there were names.
            assert_eq!(Elements::of(&before).place(before_at), Some(place));
        }
    }

    #[test]
    fn who_has_no_name_of_their_own_is_found_by_number_and_who_is_gone_nowhere() {
        let twins = pod(&["app", "app"]);
        let second = Place::of(["spec", "containers"]).index(1).key("image");
        assert_eq!(Elements::of(&twins).key(&second), "/spec/containers/1/image");
        for gone in [
            "/spec/containers/name=app/image",
            "/spec/containers/name=other/image",
            "/spec/containers/2/image",
            "/spec/containers/-/image",
            "/spec/initContainers/name=app/image",
            "no pointer",
        ] {
            assert_eq!(Elements::of(&twins).place(gone), None, "{gone}");
        }
        assert_eq!(Elements::of(&twins).place("/spec/resourceClaims"), Some(Place::of(["spec", "resourceClaims"])));
    }
}
