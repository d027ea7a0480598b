//! Which entries the chart renders, and that each of them gets the judgement that its path stands for.

use std::collections::BTreeSet;

use cluster::dry_run::Served;
use decide::Entry as Judgement;
use decide::entry::{Namespace, judged_kinds};
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{organisation, review};
use crate::review::Request;

const RENDERED: &str = include_str!("../../../../manifests/rendered/sluice.yaml");

/// One combination that a rule of a webhook configuration has: what the API server sends where.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    pub(super) path: String,
    pub(super) mutates: bool,
    pub(super) operation: String,
    pub(super) group: String,
    /// With the subresource: `pods/exec`.
    pub(super) resource: String,
}

pub(super) fn entries() -> Vec<Rendered> {
    let documents = serde_norway::Deserializer::from_str(RENDERED).filter_map(|it| Value::deserialize(it).ok());
    let of = |document: &Value, kind: &str| document["kind"] == kind;
    let mut all = Vec::new();
    for document in documents {
        let mutates = of(&document, "MutatingWebhookConfiguration");
        if !mutates && !of(&document, "ValidatingWebhookConfiguration") {
            continue;
        }
        for webhook in document["webhooks"].as_array().expect("webhooks") {
            let path = webhook["clientConfig"]["service"]["path"].as_str().expect("a path");
            for rule in webhook["rules"].as_array().expect("rules") {
                for (operation, group, resource) in combinations(rule) {
                    all.push(Rendered { path: path.into(), mutates, operation, group, resource });
                }
            }
        }
    }
    all
}

fn combinations(rule: &Value) -> Vec<(String, String, String)> {
    let texts = |key: &str| -> Vec<String> {
        rule[key].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let mut all = Vec::new();
    for operation in texts("operations") {
        for group in texts("apiGroups") {
            for resource in texts("resources") {
                let subresources: &[&str] = match resource.as_str() {
                    "pods/*" => &["status", "binding", "ephemeralcontainers", "resize"],
                    text if text.ends_with("/*") => &["status", "scale"],
                    _ => &[],
                };
                let whole = resource.trim_end_matches("/*");
                if subresources.is_empty() {
                    all.push((operation.clone(), group.clone(), whole.to_owned()));
                }
                all.extend(subresources.iter().map(|it| (operation.clone(), group.clone(), format!("{whole}/{it}"))));
            }
        }
    }
    all
}

#[test]
fn every_rendered_entry_gets_the_judgement_of_its_path() {
    let (policy, entries) = (Policy::from(organisation().0), entries());
    assert!(entries.len() > 60, "{entries:?}");
    let paths: BTreeSet<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let known = [
        "/binding",
        "/connect",
        "/deletes",
        "/elsewhere",
        "/governed/mutate",
        "/governed/validate",
        "/records",
        "/reviews",
    ];
    assert_eq!(Vec::from_iter(paths), known);
    for entry in &entries {
        let (namespace, expected) = match entry.path.as_str() {
            "/elsewhere" => (Namespace::Free, Judgement::Ungoverned),
            "/binding" => (Namespace::Free, Judgement::Binding),
            "/records" | "/reviews" => (Namespace::Free, Judgement::Records),
            _ => (Namespace::Bound(ProjectId::new("p")), Judgement::Governed(ProjectId::new("p"))),
        };
        let request = request(entry);
        assert_eq!(Judgement::of(&request.submission(), namespace, &policy), expected, "{entry:?}");
    }
}

/// What the API server sends for an entry. The only Secrets that it sends ask for a token.
fn request(entry: &Rendered) -> Request {
    let (resource, subresource) = entry.resource.split_once('/').unwrap_or((&entry.resource, ""));
    let body = review(json!({
        "uid": "1", "operation": entry.operation, "name": "a", "namespace": "team", "subResource": subresource,
        "kind": {"group": entry.group, "version": "v1", "kind": "Any"},
        "resource": {"group": entry.group, "version": "v1", "resource": resource},
        "userInfo": {"username": "alice"}, "object": {"type": "kubernetes.io/service-account-token"},
    }));
    Request::read(body.as_bytes()).expect("a review")
}

#[test]
fn every_kind_that_is_judged_is_sent_when_it_is_created() {
    let sent: BTreeSet<_> = entries()
        .iter()
        .filter(|it| it.operation == "CREATE" && it.path.starts_with("/governed/"))
        .map(|it| GroupResource::new(&it.group, &it.resource).to_string())
        .collect();
    let kinds = judged_kinds(&Policy::from(organisation().0));
    assert!(kinds.len() > 12, "{kinds:?}");
    for kind in kinds {
        assert!(sent.contains(&kind.to_string()), "{kind} is judged, and the chart sends {sent:?}");
    }
}

/// The paths to which the API server sends a creation, in the order in which it does.
pub(super) fn paths(served: &Served, object: &Value, is_bound: bool) -> Vec<String> {
    let of = served.group_resource();
    let is_sent = |entry: &&Rendered| {
        let here = match entry.path.as_str() {
            "/elsewhere" => !is_bound,
            "/binding" => object["metadata"]["labels"]["platform-go/project-id"].is_string(),
            _ => is_bound,
        };
        let token = of.resource != "secrets" || object["type"] == "kubernetes.io/service-account-token";
        let this = entry.operation == "CREATE" && entry.group == of.group && entry.resource == of.resource;
        this && here && token
    };
    let entries = entries();
    let (mutating, validating): (Vec<_>, Vec<_>) = entries.iter().filter(is_sent).partition(|entry| entry.mutates);
    mutating.into_iter().chain(validating).map(|entry| entry.path.clone()).collect()
}
