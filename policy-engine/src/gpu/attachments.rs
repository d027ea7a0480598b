//! What is added to a Pod or template so that it has its claims: `spec.resourceClaims`, and `resources.claims` of containers.
//!
//! Several rules add to the same lists, so that all is found in one place and each rule writes its own part.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

use crate::admission::findings::Findings;
use crate::admission::rules;
use crate::contract;
use crate::gpu::own_claim;
use crate::object::place::Place;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::devices::MOST_NAMED;
use crate::submission::pod::Pod;

/// A claim that a Pod is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// The rule that wants it.
    pub(crate) rule: RuleId,
    /// Where it comes from.
    pub(crate) source: Source,
    /// The containers that use it.
    pub(crate) users: Users,
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It exists, or will.
    Claim(String),
    /// It is made from a template.
    Template(String),
}

/// Who uses a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// Every app container uses all of it, unless the Pod says who does.
    Everybody,
    /// These containers.
    Each(Vec<User>),
}

/// A container that uses a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// `containers` or `initContainers`.
    pub(crate) list: &'static str,
    /// Its place in the list.
    pub(crate) index: usize,
    /// The request that it uses; absent means all of the claim.
    pub(crate) request: Option<String>,
}

impl Source {
    fn key(&self) -> (&'static str, &str) {
        match self {
            Self::Claim(name) => ("resourceClaimName", name),
            Self::Template(name) => ("resourceClaimTemplateName", name),
        }
    }
}

/// Everything that a Pod or template is to have, in the order of the rules; nothing of a rule that is off.
pub(crate) fn attachments<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> &'p [Attachment] {
    pod.found.attachments.get_or_init(|| find(case, pod))
}

fn find(case: &Case<'_>, pod: &Pod<'_>) -> Vec<Attachment> {
    let made = own_claim::wanted(case, pod).map(|wanted| Attachment {
        rule: wanted.rule,
        source: Source::Template(wanted.template.name.clone()),
        users: wanted.users.clone(),
    });
    let of_slots = rules::slot::wanted(case, pod).iter().map(|claim| Attachment {
        rule: RuleId::Slot,
        source: Source::Claim(claim.clone()),
        users: Users::Everybody,
    });
    let platform = case.policy.platform();
    let is_on = |it: &Attachment| platform.mode_of(it.rule, Some(case.project)) != RuleMode::Off;
    made.into_iter().chain(of_slots).filter(is_on).collect()
}

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
    claims: Vec<Added>,
    /// For each container, by list and index.
    uses: BTreeMap<(&'static str, usize), Vec<Added>>,
}

impl Plan {
    fn of(pod: &Pod<'_>) -> Self {
        let names = pod.spec.resource_claims.iter().flatten().map(|it| it.name.clone()).collect();
        Self { names, claims: Vec::new(), uses: BTreeMap::new() }
    }

    fn add(&mut self, case: &Case<'_>, pod: &Pod<'_>, wanted: &Attachment) {
        let (key, source) = wanted.source.key();
        let listed = pod.object.at(&["spec", "resourceClaims"]).and_then(Value::as_array).into_iter().flatten();
        let text = |it: &'_ Value, key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
        // A slot that stands in the list is replaced where it stands.
        let resolved = rules::slot::resolver(case, pod);
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
        let users = match &wanted.users {
            Users::Everybody if init.iter().chain(app).any(|it| uses(it, &name)) => Vec::new(),
            Users::Everybody => (0..app.len()).map(|index| User { list: "containers", index, request: None }).collect(),
            Users::Each(users) => users.clone(),
        };
        for user in users {
            let list = if user.list == "containers" { app } else { init };
            if list.get(user.index).is_some_and(|it| uses_request(it, &name, user.request.as_deref())) {
                continue;
            }
            let mut element = json!({"name": name});
            if let Some(request) = &user.request {
                element["request"] = request.as_str().into();
            }
            self.uses.entry((user.list, user.index)).or_default().push(Added { rule: wanted.rule, element });
        }
    }

    fn free_name(&self) -> String {
        let mut names = (1..).map(|count| if count == 1 { "gpu".to_owned() } else { format!("gpu-{count}") });
        names.find(|name| !self.names.contains(name)).unwrap_or_default()
    }

    fn write(self, pod: &Pod<'_>, say: &mut Findings) {
        append(pod.at(["spec", "resourceClaims"]), &self.claims, pod, say);
        for ((list, index), uses) in &self.uses {
            append(pod.at(["spec", list]).index(*index).key("resources").key("claims"), uses, pod, say);
        }
    }
}

/// Whether a container uses something of the claim that the Pod calls so.
pub(crate) fn uses(container: &Container, claim: &str) -> bool {
    let claims = container.resources.as_ref().and_then(|it| it.claims.as_ref());
    claims.is_some_and(|claims| claims.iter().any(|it| it.name == claim))
}

fn uses_request(container: &Container, claim: &str, request: Option<&str>) -> bool {
    let claims = container.resources.as_ref().and_then(|it| it.claims.as_ref());
    claims.is_some_and(|claims| claims.iter().any(|it| it.name == claim && it.request.as_deref() == request))
}

/// Adds to the end of a list. One that is missing is made whole, by the rule that adds first.
fn append(list: Place, added: &[Added], pod: &Pod<'_>, say: &mut Findings) {
    let stands = list.below(&pod.at([])).and_then(|at| at.resolve(pod.object.0)?.as_array()).map(Vec::len);
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
