//! The decision on one submission, as each of the two webhook calls says it.

use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::admission::decision::MOST_KEPT;
use policy_engine::admit;
use policy_engine::object::Unreadable;
use policy_engine::policy::Policy;
use policy_engine::{Decision, Denial, Facts, Submission};

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
    let decision = admit(submission, facts, policy, now)?;
    let patch = match submission.object {
        Some(object) if decision.allowed() => patch::of(&decision.mutations, object),
        Some(_) | None => Patch(Vec::new()),
    };
    Ok((decision, patch))
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
