//! A story as people meet it: a manifest, and what the terminal says.

use std::fmt::Write as _;
use std::sync::LazyLock;

use policy_engine::Decision;
use policy_engine::admission::decision::Mutation;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::stories::Story;

/// Who does what, and what comes of it.
pub(super) fn show(story: &Story) -> String {
    let outcome = story.play().expect("a story that can be told");
    let decision = outcome.decision.expect("an example that can be read");
    let mut text = given(story);
    let who = story.username();
    match (&outcome.object, story.operation.as_str()) {
        (Some(object), "CREATE") if story.subresource.is_empty() => {
            let _infallible = write!(text, "{who} submits `web.yaml`:\n\n{}", fenced("yaml", &yaml(object)));
            let said = terminal(story, &decision, object);
            let _infallible = write!(text, "\nThe answer:\n\n{}", fenced("console", &said));
        }
        (object, _) => {
            let _infallible = write!(text, "{who} {}.", act(story));
            if let (Some(object), None) = (object, story.target()) {
                let _infallible = write!(text, " What is submitted:\n\n{}", fenced("yaml", &yaml(object)));
            }
            if !decision.allowed() {
                let _infallible = write!(text, "\n\nThe answer:\n\n{}", fenced("text", &refusal(story, &decision)));
            }
        }
    }
    text + &written(&decision, story.page.as_deref().unwrap_or_default())
}

/// What is different from the sample organisation, and when it happens.
fn given(story: &Story) -> String {
    let mut text = String::new();
    if !story.policy.is_empty() {
        let options = yaml(&Value::Object(story.policy.clone()));
        text = format!("The sample organisation has this besides:\n\n{}\n", fenced("yaml", &options));
    }
    let claims = [story.volumes.told(), story.devices.told()].concat();
    if !claims.is_empty() {
        let _infallible = writeln!(text, "{}\n", claims.join(" "));
    }
    if let Some(at) = story.at {
        let _infallible = writeln!(text, "It is {at}.\n");
    }
    text
}

/// What somebody does other than to create an object.
fn act(story: &Story) -> String {
    let (kind, owner) = story.target().unwrap_or((&story.sketch().kind, None));
    let whose = owner.map_or_else(String::new, |owner| format!(" of {owner}'s"));
    let namespace = &story.sketch().namespace;
    let what = match (story.operation.as_str(), story.subresource.as_str()) {
        ("CONNECT", how) => format!("opens `{how}` to a {kind}"),
        ("DELETE", _) => format!("deletes a {kind}"),
        (_, "") => format!("changes a {kind}"),
        (_, subresource) => format!("submits `{subresource}` of a {kind}"),
    };
    format!("{what}{whose} in `{namespace}`")
}

/// What kubectl prints.
fn terminal(story: &Story, decision: &Decision, object: &Value) -> String {
    let mut said = String::from("$ kubectl apply -f web.yaml\n");
    if decision.allowed() {
        for warning in &decision.warnings {
            let _infallible = writeln!(said, "Warning: sluice: {warning}");
        }
        let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/'));
        let group = group.map_or_else(String::new, |(group, _)| format!(".{group}"));
        let kind = story.sketch().kind.to_lowercase();
        let _infallible =
            write!(said, "{kind}{group}/{} created", object["metadata"]["name"].as_str().unwrap_or("web"));
    } else {
        let refusal = refusal(story, decision);
        let _infallible = write!(said, "Error from server (Forbidden): error when creating \"web.yaml\": {refusal}");
    }
    said
}

fn refusal(story: &Story, decision: &Decision) -> String {
    format!("admission webhook \"{}\" denied the request: {decision}", entry(story))
}

/// The first webhook that hears of it, in the chart as it is rendered: those that mutate come first there.
fn entry(story: &Story) -> String {
    static WEBHOOKS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/rendered/sluice.yaml");
        let text = std::fs::read_to_string(path).expect("the chart as it is rendered");
        let documents = serde_norway::Deserializer::from_str(&text).map(|it| Value::deserialize(it).expect("YAML"));
        let listed = |it: Value| it["webhooks"].as_array().cloned().unwrap_or_default();
        documents.flat_map(listed).collect()
    });
    let sketch = story.sketch();
    let target =
        story.target().map_or_else(|| sketch.resource(), |(kind, _)| crate::support::object::resource_of(kind, None));
    let resource = match story.subresource.as_str() {
        "" => target.resource.clone(),
        subresource => format!("{}/{subresource}", target.resource),
    };
    let any = format!("{}/*", target.resource);
    let has = |rule: &Value, key: &str, wanted: &[&str]| {
        rule[key].as_array().is_some_and(|all| all.iter().any(|it| wanted.iter().any(|wanted| it == wanted)))
    };
    let hears = |rule: &Value| {
        has(rule, "apiGroups", &[&target.group])
            && has(rule, "operations", &[&story.operation])
            && has(rule, "resources", &[&resource, if story.subresource.is_empty() { &resource } else { &any }])
    };
    let webhook = WEBHOOKS.iter().find(|webhook| webhook["rules"].as_array().is_some_and(|all| all.iter().any(hears)));
    webhook.and_then(|webhook| webhook["name"].as_str()).expect("an entry that hears of the example").to_owned()
}

/// What the platform writes on what passes; what the page is about comes first.
fn written(decision: &Decision, page: &str) -> String {
    if decision.mutations.is_empty() || !decision.allowed() {
        return String::new();
    }
    let mut mutations: Vec<&Mutation> = decision.mutations.iter().collect();
    mutations.sort_by_key(|mutation| (mutation.rule.as_str() != page, mutation.at.to_string()));
    let rows = mutations.into_iter().map(|Mutation { rule, at, value, unasked: _, told: _ }| {
        let value = value.as_ref().map_or_else(|| "removed".into(), |value| format!("`{value}`"));
        [format!("`{at}`"), value, format!("[`{rule}`]({rule}.md)")]
    });
    format!("\nWhat the platform writes:\n\n{}", manual::table(["field", "value", "by rule"], rows))
}

fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_end())
}

/// An object without maps that are empty.
fn yaml(object: &Value) -> String {
    let mut object = object.clone();
    prune(&mut object);
    serde_norway::to_string(&object).expect("YAML")
}

fn prune(value: &mut Value) {
    let keep = |map: &mut Map<String, Value>| {
        map.values_mut().for_each(prune);
        // An `emptyDir: {}` says something.
        map.retain(|key, value| {
            !(matches!(key.as_str(), "labels" | "annotations") && value == &Value::Object(Map::new()))
        });
    };
    match value {
        Value::Object(map) => keep(map),
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
