//! # selector: budgets and Services reach their user's Pods
//!
//! A PodDisruptionBudget keeps whatever it selects from being evicted, and a Service sends traffic to whatever it
//! selects: today's Pods and tomorrow's. Selected by labels that anybody may write, that could be colleagues'.
//!
//! So the platform writes the user of a PodDisruptionBudget or Service into its selector (`platform-go/user-id`). A
//! budget never holds up a colleague's Pod, a Service sends nobody else's traffic anywhere, and no Pod joins a colleague's
//! Service by its labels.
//!
//! A Service whose annotation says `platform-go/share: project` selects Pods of the whole project, whoever made them:
//! whoever may make Pods there can then answer what is sent to it.
//!
//! This rule refuses nothing.

use serde_json::{Map, Value};

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::{Caller, Owner};

const SELECTOR: [&str; 2] = ["spec", "selector"];

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Act::Create | Act::Update) = (case.object(), case.submission.act) else { return };
    if !say.imposes() {
        return;
    }
    // What is from before the platform selects what it did.
    let Some(user) = case.owner.as_ref().ok().and_then(Owner::id) else { return };
    let Some(selector) = object.at(&SELECTOR).and_then(Value::as_object) else { return };
    let here = Place::of(SELECTOR);
    if case.submission.resource.is_budget() {
        say.set(here.key("matchLabels").key(contract::USER_ID), user);
        disown(object, say);
    } else if case.is_service() && !selector.is_empty() {
        let here = here.key(contract::USER_ID);
        if object.annotation(contract::SHARE) == Some("project") {
            say.discard(here);
            return;
        }
        say.set(here, user);
        disown(object, say);
    } else {
        return;
    }
    foretell(case, selector, say);
}

/// Who manages a project may mean colleagues' Pods.
fn foretell(case: &Case<'_>, selector: &Map<String, Value>, say: &mut Findings) {
    let Caller::Person(user) = case.caller else { return };
    let is_narrowed = selector.contains_key(contract::USER_ID)
        || selector.get("matchLabels").is_some_and(|it| it.get(contract::USER_ID).is_some());
    if !is_narrowed && case.manages(user) {
        let owner = case.owner.as_ref().ok().and_then(Owner::id).unwrap_or_default();
        let kind = case.submission.kind;
        let else_do = if case.is_service() {
            format!("for everybody's annotate it with {}: project", contract::SHARE)
        } else {
            "whoever has Pods to keep makes one for them".to_owned()
        };
        say.warn(format_args!("this {kind} selects the Pods of {owner} alone, whatever their labels are; {else_do}"));
    }
}

/// A selector is one value to server-side apply, which would let nobody apply the same manifest again under another manager's
/// name: what they ask is not what stands there. So nobody is said to manage it; what is asked is what was asked.
fn disown(object: Object<'_>, say: &mut Findings) {
    let entries = object.at(&["metadata", "managedFields"]).and_then(Value::as_array).into_iter().flatten();
    for (index, entry) in entries.enumerate() {
        let Some(spec) = entry.get("fieldsV1").and_then(|it| it.get("f:spec")).and_then(Value::as_object) else {
            continue;
        };
        if spec.contains_key("f:selector") {
            let spec_at = Place::of(["metadata", "managedFields"]).index(index).key("fieldsV1").key("f:spec");
            // An empty set of fields would mean the whole.
            let is_all = spec.len() == 1;
            say.discard(if is_all { spec_at } else { spec_at.key("f:selector") });
        }
    }
}
