//! What was asked where the platform wrote something else.
//!
//! On a Pod it is kept in the annotation `platform-go/asked`, so that the same manifest can be applied again:
//! a client that asks on UPDATE what it asked at creation gets the same answer.

use serde_json::{Map, Value};

use crate::case::Case;
use crate::contract;
use crate::decision::{Decision, Mutation};
use crate::object::Object;
use crate::place::Place;

/// What is in the annotation: JSON Pointer to value. Text that is no such map is nobody's memory.
pub(crate) fn recall(object: Object<'_>) -> Map<String, Value> {
    object.annotation(contract::ASKED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Tells people what is replaced, and on a new Pod keeps it in the annotation.
pub(crate) fn remember(case: &Case<'_>, object: Object<'_>, decision: &mut Decision) {
    let replaced: Vec<_> = decision
        .mutations
        .iter()
        .filter(|mutation| !mutation.unasked && !is_own_memory(mutation))
        .filter_map(|mutation| Some((mutation, mutation.at.pointer().resolve(object.0).ok()?)))
        .collect();
    if replaced.is_empty() {
        return;
    }
    let again = recall(case.old().unwrap_or(object));
    let news = replaced.iter().filter(|(mutation, asked)| again.get(mutation.at.pointer().as_str()) != Some(asked));
    decision.warnings.extend(news.map(|(mutation, asked)| tell(mutation, asked)));
    if let Some(pod) = case.new_pod() {
        let mut memory = again;
        memory.extend(replaced.iter().map(|(mutation, asked)| (mutation.at.pointer().to_string(), (*asked).clone())));
        decision.mutations.push(Mutation {
            rule: crate::rules::PLATFORM_LABELS,
            at: pod.annotation_at(contract::ASKED),
            value: Some(Value::String(Value::Object(memory).to_string())),
            unasked: true,
        });
    }
}

fn is_own_memory(mutation: &Mutation) -> bool {
    mutation.at == Place::of(["metadata", "annotations", contract::ASKED])
}

fn tell(mutation: &Mutation, asked: &Value) -> String {
    let Mutation { rule, at, value, .. } = mutation;
    match value {
        Some(value) => format!("{rule}: {at}: asked {asked}, set to {value}"),
        None => format!("{rule}: {at}: asked {asked}, removed"),
    }
}
