//! Judges one submission.

use jiff::Timestamp;

use crate::admission::decision::{Decision, Mutation};
use crate::admission::findings::Findings;
use crate::admission::reserve;
use crate::admission::{mode, remember, rules, workspace_fields};
use crate::gpu::own_claim;
use crate::object::kinds::MIRROR;
use crate::object::{Object, Unreadable};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::facts::Facts;
use crate::submission::identity::Caller;
use crate::submission::{Act, Submission};

/// Judges one submission to a governed namespace.
///
/// # Expected flow
/// The mutating call applies the mutations; the validating call judges the result again, and finds no mutation left.
///
/// # Guarantees
/// Equal arguments give equal decisions. Every rule is heard, so that people see all reasons at once.
/// No mutation says what the object says already, and what is refused is not changed: the validating call sees what was
/// asked, and nobody reads of a change that never came about.
///
/// # Assumptions
/// `facts` are as fresh as the caller can have them; the engine does not ask again.
///
/// # Caveats
/// A kubelet's mirror Pod already runs. It is judged by its sender alone.
///
/// # Errors
/// [`Unreadable`] where the object is not what its kind says: it was neither allowed nor denied.
pub fn admit(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Unreadable> {
    if is_own_mirror_pod(submission, policy) {
        return Ok(Decision::default());
    }
    let Some(project) = policy.project_by_id(&facts.project_id) else {
        let mut found = Findings::of(RuleId::Project);
        rules::project::unbound(submission, facts, policy, &mut found);
        return Ok(merge([mode::apply(
            policy.platform().mode_of(RuleId::Project, None),
            found,
            submission.object.map(Object),
        )]));
    };
    let case = Case::read(submission, facts, policy, project, now)?;
    let mut decision = judge_rules(&case);
    if case.is_workspace() {
        workspace_fields::of_workspace(&mut decision);
    }
    if !decision.allowed() {
        // What is refused is not changed: the validating call sees what was asked.
        decision.mutations.clear();
        // Whoever starts one reads of every reason at once, and of a Pod that could never run it is said already.
        let is_said = decision.denials.iter().any(|denial| denial.rule == RuleId::Quota);
        if case.is_workspace() && !is_said {
            decision.reservation = reserve::of(&case).map(Box::new);
        }
        return Ok(decision);
    }
    if let Some(object) = case.object() {
        let settled = take_settled(&mut decision, object);
        // Last, because it tells people only of what is really replaced.
        remember::remember(&case, object, settled, &mut decision);
        decision.reservation = reserve::of(&case).map(Box::new);
        decision.templates = own_claim::templates(&case);
    }
    Ok(decision)
}

/// Every rule is heard, in its mode.
fn judge_rules(case: &Case<'_>) -> Decision {
    let mut of_amounts = Vec::new();
    let mut decision = merge(rules::ALL.iter().map(|rule| {
        let mode = case.policy.platform().mode_of(rule.id, Some(case.project));
        let mut found = Findings::in_mode(rule.id, mode);
        if mode != RuleMode::Off {
            (rule.judge)(case, &mut found);
        }
        of_amounts.append(&mut found.of_amounts);
        mode::apply(mode, found, case.object())
    }));
    // How many devices one may have goes before how many there are.
    if decision.denials.iter().any(|denial| matches!(denial.rule, RuleId::Quota | RuleId::ClaimShape)) {
        decision.warnings.retain(|warning| !of_amounts.contains(warning));
    }
    decision
}

/// Takes out the mutations that the object says already: an earlier call, or the person, has written them.
fn take_settled(decision: &mut Decision, object: Object<'_>) -> Vec<Mutation> {
    let is_settled = |mutation: &Mutation| mutation.at.resolve(object.0) == mutation.value.as_ref();
    decision.unimposed.retain(|mutation| !is_settled(mutation));
    let (settled, open) = std::mem::take(&mut decision.mutations).into_iter().partition(is_settled);
    decision.mutations = open;
    settled
}

fn merge(found: impl IntoIterator<Item = Findings>) -> Decision {
    found.into_iter().fold(Decision::default(), |mut decision, found| {
        decision.denials.extend(found.denials);
        decision.more += found.more;
        decision.mutations.extend(found.mutations);
        decision.warnings.extend(found.warnings);
        decision.unenforced.extend(found.unenforced);
        decision.unimposed.extend(found.unimposed);
        decision
    })
}

fn is_own_mirror_pod(submission: &Submission<'_>, policy: &Policy) -> bool {
    let Some(pod) = submission.object.map(Object) else { return false };
    submission.act == Act::Create
        && submission.resource.is_core("pods")
        && pod.annotation(MIRROR).is_some()
        && match Caller::of(submission.requester, policy) {
            Caller::Node(node) => pod.at(&["spec", "nodeName"]).and_then(|name| name.as_str()) == Some(node),
            Caller::Person(_)
            | Caller::Admin
            | Caller::Controller
            | Caller::Client
            | Caller::Deputy(_)
            | Caller::ControlPlane
            | Caller::Stranger => false,
        }
}
