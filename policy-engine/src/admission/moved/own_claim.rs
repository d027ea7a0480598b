//! The claim that the platform made for a Pod, taken out of it again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{remove_from, remove_keys};
use crate::claims::template;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::sentence::one_line;
use crate::submission::remembered;

/// What became of a claim that the platform had made for a Pod.
#[derive(Clone, Debug, Default)]
pub struct OwnClaim {
    /// It was made for what labels ask, and is taken out: without another one the Pod would have nothing.
    pub of_labels: bool,
    /// Which containers used it and ask for nothing themselves.
    pub warnings: Vec<String>,
}

const LISTS: [&str; 2] = ["initContainers", "containers"];

/// A container by its list and its name.
type Name = (&'static str, String);

/// Takes out the claim that the platform made for a Pod. What extended resources it stood for is asked again by the containers of
/// that name; where it was made for labels, who used it still says so.
pub(super) fn take_out(pod: &mut Value) -> OwnClaim {
    let Some(made) = made(pod) else { return OwnClaim::default() };
    remove_from(pod, "/spec/resourceClaims", |it| it.get("name").and_then(Value::as_str) == Some(&made));
    remove_keys(pod, "/metadata/annotations", &[contract::CLAIM_TEMPLATE]);
    remove_keys(pod, "/metadata/labels", &contract::PLATFORM_LABELS);
    let mut asked = Asked::of(pod);
    if asked.0.is_empty() {
        return OwnClaim { of_labels: true, warnings: Vec::new() };
    }
    let users = release(pod, &made);
    asked.follow_renamed(pod, &users);
    for ((list, name), resources) in &asked.0 {
        for container in containers(pod, list).filter(|it| is_called(it, name)) {
            put_back(container, resources);
        }
    }
    let idle = users.iter().filter(|user| !asked.0.contains_key(*user));
    OwnClaim { of_labels: false, warnings: idle.map(|user| uses_nothing(pod, user)).collect() }
}

/// What the Pod calls the claim from the platform's template.
pub(super) fn made(pod: &Value) -> Option<String> {
    let is_made = |it: &&Value| {
        let name = it.get("resourceClaimTemplateName").and_then(Value::as_str);
        name.is_some_and(|name| template::recorded(Object(pod), name).is_some())
    };
    let mut listed = pod.pointer("/spec/resourceClaims").and_then(Value::as_array)?.iter();
    Some(listed.find(is_made)?.get("name")?.as_str()?.to_owned())
}

/// Takes a claim from the containers, and says whose it was.
fn release(pod: &mut Value, claim: &str) -> BTreeSet<Name> {
    let is_it = |it: &Value| it.get("name").and_then(Value::as_str) == Some(claim);
    let mut users = BTreeSet::new();
    for list in LISTS {
        for container in containers(pod, list) {
            if remove_from(container, "/resources/claims", is_it) > 0 {
                users.extend(container.get("name").and_then(Value::as_str).map(|name| (list, name.to_owned())));
            }
        }
    }
    users
}

/// The extended resources that containers asked for: the list of `resources`, the resource's name, and how many.
#[derive(Debug)]
struct Asked(BTreeMap<Name, Vec<(String, String, Value)>>);

impl Asked {
    fn of(pod: &Value) -> Self {
        let mut asked = BTreeMap::<_, Vec<_>>::new();
        for (key, value) in remembered::recall_all(Object(pod)) {
            let tokens: Vec<_> = key.tokens().map(|token| token.decoded().into_owned()).collect();
            let ["spec", list, container, "resources", kind, resource] =
                &tokens.iter().map(String::as_str).collect::<Vec<_>>()[..]
            else {
                continue;
            };
            let list = LISTS.into_iter().find(|it| it == list);
            let name = container.strip_prefix("name=");
            if let (Some(list), Some(name), "limits" | "requests", true) = (list, name, *kind, resource.contains('/')) {
                let of_container = asked.entry((list, name.to_owned())).or_default();
                of_container.push(((*kind).to_owned(), (*resource).to_owned(), value));
            }
        }
        Self(asked)
    }

    /// If of those that asked one is gone, and of those that used the claim one never asked, it is the same under another name.
    fn follow_renamed(&mut self, pod: &Value, users: &BTreeSet<Name>) {
        let is_gone = |(list, name): &&Name| !elements(pod, list).any(|it| is_called(it, name));
        let gone: Vec<_> = self.0.keys().filter(is_gone).cloned().collect();
        let new: Vec<_> = users.iter().filter(|user| !self.0.contains_key(*user)).collect();
        if let ([gone], [new]) = (&gone[..], &new[..])
            && gone.0 == new.0
            && let Some(asked) = self.0.remove(gone)
        {
            self.0.insert((*new).clone(), asked);
        }
    }
}

fn put_back(container: &mut Value, resources: &[(String, String, Value)]) {
    for (kind, resource, amount) in resources {
        let Some(container) = container.as_object_mut() else { continue };
        let all = container.entry("resources").or_insert_with(|| Map::new().into());
        let Some(all) = all.as_object_mut() else { continue };
        let of_kind = all.entry(kind).or_insert_with(|| Map::new().into());
        if let Some(of_kind) = of_kind.as_object_mut() {
            of_kind.entry(resource).or_insert_with(|| amount.clone());
        }
    }
}

fn uses_nothing(pod: &Value, (list, name): &Name) -> String {
    let index = elements(pod, list).position(|it| is_called(it, name)).unwrap_or_default();
    let at = Place::of(["spec"]).key(*list).index(index).key("resources").key("claims");
    one_line(format_args!(
        "extended-resource: {at}: asked the claim that the platform made for what other containers ask; it is for those alone; \
         ask for nvidia.com/gpu in this container too, or name a ResourceClaim of your own in both"
    ))
}

fn containers<'v>(pod: &'v mut Value, list: &str) -> impl Iterator<Item = &'v mut Value> {
    pod.pointer_mut("/spec").and_then(|spec| spec.get_mut(list)?.as_array_mut()).into_iter().flatten()
}

fn elements<'v>(pod: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    pod.pointer("/spec").and_then(|spec| spec.get(list)?.as_array()).into_iter().flatten()
}

fn is_called(container: &Value, name: &str) -> bool {
    container.get("name").and_then(Value::as_str) == Some(name)
}
