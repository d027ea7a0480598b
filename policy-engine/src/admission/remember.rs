//! What was asked where the platform wrote something else.
//!
//! On a Pod it is kept in the annotation `platform-go/asked`, so that the same manifest can be applied again:
//! a client that asks on UPDATE what it asked at creation gets the same answer.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::admission::decision::{Decision, MOST_KEPT, Mutation, Told};
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::rule_id::RuleId;
use crate::sentence::one_line;
use crate::submission::case::Case;
use crate::submission::remembered;

/// What is longer is no value that Kubernetes would take, and is not kept.
const LONGEST_KEPT: usize = 1024;

/// Tells people what is replaced, and on a new Pod keeps it in the annotation. `said` is what the object says already.
pub(crate) fn remember(case: &Case<'_>, object: Object<'_>, said: Vec<Mutation>, decision: &mut Decision) {
    // On a new Pod an earlier call has kept it in the object itself, whatever else the review carries.
    let before = remembered::recall(case.old().filter(|_| case.new_pod().is_none()).unwrap_or(object));
    let mut replaced = Map::new();
    let mut told = 0;
    let own_memory = Place::of(["metadata", "annotations", contract::ASKED]);
    for mutation in decision.mutations.iter().filter(|mutation| !mutation.unasked && mutation.at != own_memory) {
        let Some(asked) = mutation.at.resolve(object.0) else { continue };
        let at = mutation.at.pointer();
        if before.get(at.as_str()) != Some(asked) && told < MOST_KEPT {
            told += 1;
            decision.warnings.extend(tell(mutation, asked, Becomes::Now));
        }
        if asked.as_str().map_or_else(|| asked.to_string().len(), str::len) <= LONGEST_KEPT {
            replaced.insert(at.to_string(), asked.clone());
        }
    }
    let Some(pod) = case.new_pod() else { return };
    // A reinvocation, or the validating call, finds what an earlier call kept. Whatever else is there, a client made up.
    let said = said.iter().filter(|_| !before.is_empty()).map(|mutation| mutation.at.pointer().to_string());
    let said: HashSet<_> = said.collect();
    let mut memory: Map<_, _> = before.into_iter().filter(|(place, _)| said.contains(place)).collect();
    memory.extend(replaced);
    let value = (!memory.is_empty()).then(|| Value::String(Value::Object(memory).to_string()));
    if object.annotation(contract::ASKED) != value.as_ref().and_then(Value::as_str) {
        let at = pod.annotation_at(contract::ASKED);
        decision.mutations.push(Mutation {
            rule: RuleId::PlatformLabels,
            at,
            value,
            unasked: true,
            told: Told::Plainly,
        });
    }
}

/// When something is as a rule wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Becomes {
    /// From this request on.
    Now,
    /// Not while the rule only warns.
    OnceEnforced,
}

/// How people read of a change, unless they do so at another place.
pub(crate) fn tell(mutation: &Mutation, asked: &Value, becomes: Becomes) -> Option<String> {
    let Mutation { rule, at, value, told, .. } = mutation;
    let would_be = match becomes {
        Becomes::Now => "",
        Becomes::OnceEnforced => "would be ",
    };
    match (told, value) {
        (Told::As(words), _) => Some(one_line(format_args!("{rule}: {at}: {words}"))),
        (Told::Elsewhere, _) => None,
        (Told::Plainly, Some(value)) => {
            Some(one_line(format_args!("{rule}: {at}: asked {asked}, {would_be}set to {value}")))
        }
        (Told::Plainly, None) => Some(one_line(format_args!("{rule}: {at}: asked {asked}, {would_be}removed"))),
    }
}
