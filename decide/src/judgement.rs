//! The decision on one submission, as each of the two webhook calls says it.

use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::admission::decision::MOST_KEPT;
use policy_engine::admission::moved::{self, AsAsked};
use policy_engine::admit;
use policy_engine::object::Unreadable;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::{Act, Decision, Denial, Facts, Mutation, Submission, contract};
use serde_json::Value;

use crate::patch;

/// What the mutating call says: the decision, and the patch where it is admitted.
///
/// # Errors
/// Where the object is not what its kind says.
pub fn mutate(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Decision, Patch), Unreadable> {
    if let Some(again) = made_again(submission, facts, policy, now)? {
        return Ok(again);
    }
    let decision = admit(submission, facts, policy, now)?;
    let patch = match submission.object {
        Some(object) if decision.allowed() => patch::of(&decision.mutations, object),
        Some(_) | None => Patch(Vec::new()),
    };
    Ok((decision, patch))
}

/// The same of an object that the platform wrote in before, and that is made again: by what was asked then. `None` where nothing of
/// it shows what that was.
fn made_again(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<(Decision, Patch)>, Unreadable> {
    let Some(object) = submission.object.filter(|_| submission.act == Act::Create) else { return Ok(None) };
    let Some(AsAsked { object: mut asked, own_claim }) = moved::as_asked(&submission.resource, object) else {
        return Ok(None);
    };
    let judge = |asked: &Value| admit(&Submission { object: Some(asked), ..submission.clone() }, facts, policy, now);
    let mut decision = judge(&asked)?;
    let is_made = |it: &Mutation| it.at == Place::of(["metadata", "annotations", contract::CLAIM_TEMPLATE]);
    if decision.allowed() && own_claim.of_labels && !decision.mutations.iter().any(is_made) {
        // Nothing else says what it is to have, as where `kubectl debug` copied the Pod: it names the template that it has.
        asked = moved::without_own_labels(object.clone());
        decision = judge(&asked)?;
    }
    if !decision.allowed() {
        return Ok(Some((decision, Patch(Vec::new()))));
    }
    decision.warnings.extend(own_claim.warnings);
    let patch = patch::of(&decision.mutations, &asked);
    let written = json_patch::patch(&mut asked, &patch);
    Ok(written.is_ok().then(|| (decision, json_patch::diff(object, &asked))))
}

/// What the validating call says: the final object must need no mutation any more.
///
/// # Errors
/// Where the object is not what its kind says.
pub fn validate(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Unreadable> {
    let mut decision = admit(submission, facts, policy, now)?;
    // What is still to be written was taken back after the mutating call, by another webhook or by the API server.
    let undone = std::mem::take(&mut decision.mutations);
    decision.more += undone.len().saturating_sub(MOST_KEPT);
    decision.denials.extend(undone.into_iter().take(MOST_KEPT).map(|mutation| Denial {
        rule: mutation.rule,
        field: mutation.at.to_string(),
        message:
            "something changed this after Sluice wrote it; look for another mutating webhook, and try again".into(),
    }));
    // People have read the warnings in the mutating call.
    decision.warnings.clear();
    Ok(decision)
}
