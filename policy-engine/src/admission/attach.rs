//! Writes the claims that a Pod is to have: `spec.resourceClaims`, and `resources.claims` of its containers.
//!
//! Several rules add to the same lists: each writes its own part.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

use crate::admission::findings::Findings;
use crate::contract;
use crate::gpu::attachments::{attachments, is_name_of_ours, names_of_ours, uses};
use crate::gpu::{own_claim, slots};
use crate::object::place::Place;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::devices::MOST_NAMED;
use crate::submission::found::{Attachment, Consumer, Consumers};
use crate::submission::pod::Pod;

/// Writes what the rule that speaks wants.
pub(crate) fn write(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let wanted = attachments(case, pod);
    // What names more than is looked up is refused, and not read to the end.
    if case.device_names.len() > MOST_NAMED || !wanted.iter().any(|it| it.rule == say.rule) {
        return;
    }
    let mut plan = Plan::of(pod);
    wanted.iter().for_each(|it| plan.add(case, pod, it));
    plan.write(pod, say);
    let made = own_claim::wanted(case, pod).filter(|it| it.rule == say.rule);
    if let Some(made) = made {
        say.set(pod.annotation_at(contract::CLAIM_TEMPLATE), made.template.text.clone());
    }
}

/// An element to be added to a list, with the rule that adds it.
struct Added {
    rule: RuleId,
    element: Value,
}

struct Plan {
    /// Names that are taken in `spec.resourceClaims`.
    names: Vec<String>,
    /// Names of the platform's that containers use and nobody lists: the Pod says who is to have the claim that comes.
    expected: Vec<String>,
    claims: Vec<Added>,
    /// For each container, by list and index.
    uses: BTreeMap<(&'static str, usize), Vec<Added>>,
}

impl Plan {
    fn of(pod: &Pod<'_>) -> Self {
        let names: Vec<_> = pod.spec.resource_claims.iter().flatten().map(|it| it.name.clone()).collect();
        let containers = pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers);
        let used = containers.filter_map(|it| it.resources.as_ref()?.claims.as_ref()).flatten().map(|it| &it.name);
        let expected = used.filter(|name| is_name_of_ours(name) && !names.contains(name)).cloned().collect();
        Self { names, expected, claims: Vec::new(), uses: BTreeMap::new() }
    }

    fn add(&mut self, case: &Case<'_>, pod: &Pod<'_>, wanted: &Attachment) {
        let (key, source) = wanted.source.key();
        let listed = pod.object().at(&["spec", "resourceClaims"]).and_then(Value::as_array).into_iter().flatten();
        let text = |it: &'_ Value, key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
        // A slot that stands in the list is replaced where it stands.
        let resolved = slots::resolver(case, pod);
        let is_it = |it: &&Value| text(it, key).is_some_and(|name| resolved(&name) == source);
        let found = listed.filter(is_it).find_map(|it| text(it, "name"));
        let name = match found {
            Some(name) => name,
            None => {
                let name = self.free_name();
                let mut element = json!({"name": name});
                element[key] = source.into();
                self.claims.push(Added { rule: wanted.rule, element });
                self.names.push(name.clone());
                name
            }
        };
        let (init, app) = (pod.spec.init_containers.as_deref().unwrap_or_default(), &pod.spec.containers[..]);
        let consumers = match &wanted.consumers {
            Consumers::Everybody if init.iter().chain(app).any(|it| uses(it, &name)) => Vec::new(),
            Consumers::Everybody => {
                (0..app.len()).map(|index| Consumer { list: "containers", index, request: None }).collect()
            }
            Consumers::Each(consumers) => consumers.clone(),
        };
        for consumer in consumers {
            let list = if consumer.list == "containers" { app } else { init };
            if list.get(consumer.index).is_some_and(|it| uses_request(it, &name, consumer.request.as_deref())) {
                continue;
            }
            let mut element = json!({"name": name});
            if let Some(request) = &consumer.request {
                element["request"] = request.as_str().into();
            }
            self.uses.entry((consumer.list, consumer.index)).or_default().push(Added { rule: wanted.rule, element });
        }
    }

    fn free_name(&self) -> String {
        let mut names = self.expected.iter().cloned().chain(names_of_ours());
        names.find(|name| !self.names.contains(name)).unwrap_or_default()
    }

    fn write(self, pod: &Pod<'_>, say: &mut Findings) {
        append(pod.at(["spec", "resourceClaims"]), &self.claims, pod, say);
        for ((list, index), uses) in &self.uses {
            append(pod.at(["spec", list]).index(*index).key("resources").key("claims"), uses, pod, say);
        }
    }
}

fn uses_request(container: &Container, claim: &str, request: Option<&str>) -> bool {
    let claims = container.resources.as_ref().and_then(|it| it.claims.as_ref());
    claims.is_some_and(|claims| claims.iter().any(|it| it.name == claim && it.request.as_deref() == request))
}

/// Adds to the end of a list. One that is missing is made whole, by the rule that adds first.
fn append(list: Place, added: &[Added], pod: &Pod<'_>, say: &mut Findings) {
    let stands = list.below(&pod.at([])).and_then(|at| at.resolve(pod.written)?.as_array()).map(Vec::len);
    match (stands, added.first()) {
        (Some(length), _) => {
            let rule = say.rule;
            for (index, it) in added.iter().enumerate().filter(|(_, it)| it.rule == rule) {
                say.set(list.clone().index(length + index), it.element.clone());
            }
        }
        (None, Some(first)) if first.rule == say.rule => {
            say.set(list, added.iter().map(|it| it.element.clone()).collect::<Vec<_>>());
        }
        (None, _) => {}
    }
}
