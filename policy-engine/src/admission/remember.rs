//! What was asked where the platform wrote something else.
//!
//! On a Pod or claim it is kept in the annotation `platform-go/asked`, so that the same manifest can be applied again: a client that
//! asks on UPDATE what it asked at creation gets the same answer. So is what the platform wrote where nothing was asked, so that
//! whoever exports the object and makes it again asks for no more than they did.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::admission::decision::{Decision, MOST_KEPT, Mutation, Told};
use crate::contract;
use crate::object::Object;
use crate::object::named::Elements;
use crate::object::place::Place;
use crate::policy::rule_id::RuleId;
use crate::sentence::one_line;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Caller;
use crate::submission::remembered::{self, Remembered};

/// What is longer is no value that Kubernetes would take, and is not kept.
const LONGEST_KEPT: usize = 1024;

/// Labels that ask for devices: where the platform writes one that nobody wrote, it is no ask when the object is made again.
/// A queue is not among them: to ask for `default` is to ask for nothing.
const UNASKED_IF_ABSENT: [&str; 7] = [
    contract::CLAIM_NAME,
    contract::GPU_MODEL,
    contract::GPU_COUNT,
    contract::SM_PERCENT,
    contract::VRAM_POLICY,
    contract::PINNED_MEMORY,
    contract::SHARING_MODE,
];

/// Tells people what is replaced, and on a new Pod or claim keeps it in the annotation. `said` is what the object says already.
pub(crate) fn remember(case: &Case<'_>, object: Object<'_>, said: Vec<Mutation>, decision: &mut Decision) {
    let keeps = keeps(case);
    // On what is new an earlier call has kept it in the object itself, whatever else the review carries.
    let before = remembered::recall(case.old().filter(|_| !keeps).unwrap_or(object));
    let mut elements = Elements::of(object.0);
    let mut replaced = Map::new();
    let mut told = 0;
    let own_memory = Place::of(["metadata", "annotations", contract::ASKED]);
    let unasked = UNASKED_IF_ABSENT.map(|key| Place::of(["metadata", "labels", key]));
    for mutation in decision.mutations.iter().filter(|mutation| !mutation.unasked && mutation.at != own_memory) {
        let Some(asked) = mutation.at.resolve(object.0) else {
            if let Some(written) = mutation.value.as_ref().filter(|_| unasked.contains(&mutation.at)) {
                replaced.insert(elements.key(&mutation.at), remembered::nothing_but(written));
            }
            continue;
        };
        let key = elements.key(&mutation.at);
        if before.get(&key).map(|it| &it.asked) != Some(asked) && told < MOST_KEPT {
            told += 1;
            decision.warnings.extend(tell(mutation, asked, Becomes::Now));
        }
        // What a claim asks stands in its spec, which nobody replaces.
        let is_kept = case.is_pod() && asked.as_str().map_or_else(|| asked.to_string().len(), str::len) <= LONGEST_KEPT;
        if is_kept {
            replaced.insert(key, asked.clone());
        }
    }
    if !keeps {
        return;
    }
    // A reinvocation, or the validating call, finds what an earlier call kept. Whatever else is there, a client made up.
    let said = said.iter().filter(|_| !before.is_empty()).map(|mutation| elements.key(&mutation.at));
    let said: HashSet<_> = said.collect();
    // Some labels are written only where there is none.
    let stands = |it: &Remembered| it.unasked().is_some_and(|written| it.at.resolve(object.0) == Some(written));
    let before = before.into_iter().filter(|(key, it)| said.contains(key) || stands(it));
    let mut memory: Map<_, _> = before.map(|(key, it)| (key, it.asked)).collect();
    memory.extend(replaced);
    let value = (!memory.is_empty()).then(|| Value::String(Value::Object(memory).to_string()));
    if object.annotation(contract::ASKED) != value.as_ref().and_then(Value::as_str) {
        decision.mutations.push(Mutation {
            rule: RuleId::PlatformLabels,
            at: own_memory,
            value,
            unasked: true,
            told: Told::Plainly,
        });
    }
}

/// Whether the object is new and carries the annotation: a Pod, or a claim that somebody made. Those that controllers make are
/// never made again by anybody else.
fn keeps(case: &Case<'_>) -> bool {
    let is_made_for_a_pod = matches!(case.caller, Caller::Controller | Caller::ControlPlane);
    let is_claim = case.is_claim() && case.submission.act == Act::Create && !is_made_for_a_pod;
    case.new_pod().is_some() || is_claim
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
