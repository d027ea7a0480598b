//! The decision on one submission, as each of the two webhook calls says it.

use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::admission::decision::{MOST_KEPT, Told};
use policy_engine::admission::moved::{self, AsAsked};
use policy_engine::admit;
use policy_engine::object::Unreadable;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::policy::modes::RuleMode;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::submission::facts::MovedTo;
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
    if let Some(moved) = made_for_moved(submission, facts, policy, now)? {
        return Ok(moved);
    }
    let decision = admit(submission, facts, policy, now)?;
    let patch = match submission.object {
        Some(object) if decision.allowed() => patch::of(&decision.mutations, object),
        Some(_) | None => Patch(Vec::new()),
    };
    Ok((decision, patch))
}

/// The same of a Pod that is made for a workload that was moved to another queue than its pod template names: it is judged as if that
/// named the queue, and says so from then on. `None` for every other.
fn made_for_moved(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<(Decision, Patch)>, Unreadable> {
    let is_new_pod = submission.act == Act::Create && submission.resource.is_core("pods");
    let (Some(object), Some(MovedTo { queue, .. }), true) = (submission.object, &facts.moved_to, is_new_pod) else {
        return Ok(None);
    };
    let is_judged = policy
        .project_by_id(&facts.project_id)
        .is_some_and(|project| policy.platform().mode_of(RuleId::Queue, Some(project)) != RuleMode::Off);
    let Some(moves) = in_queue(object, queue).filter(|_| is_judged) else { return Ok(None) };
    let mut moved = object.clone();
    let first = patch::of(&[moves], object);
    if json_patch::patch(&mut moved, &first).is_err() {
        return Ok(None);
    }
    let decision = admit(&Submission { object: Some(&moved), ..submission.clone() }, facts, policy, now)?;
    if !decision.allowed() {
        return Ok(Some((decision, Patch(Vec::new()))));
    }
    let Patch(then) = patch::of(&decision.mutations, &moved);
    Ok(Some((decision, Patch(first.0.into_iter().chain(then).collect()))))
}

/// What puts a Pod into a queue that it does not name; `None` where it does.
fn in_queue(object: &Value, queue: &str) -> Option<Mutation> {
    let at = Place::of(["metadata", "labels", contract::QUEUE_NAME]);
    let says_so = at.resolve(object).and_then(Value::as_str) == Some(queue);
    let value = Some(Value::from(queue));
    (!says_so).then_some(Mutation { rule: RuleId::Queue, at, value, unasked: true, told: Told::Plainly })
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

#[cfg(test)]
mod tests {
    use policy_engine::object::kinds::GroupResource;
    use policy_engine::policy::ids::ProjectId;
    use policy_engine::submission::Requester;
    use policy_engine::submission::identity::ControllerOwner;
    use serde_json::json;

    use super::*;

    /// A project whose plan-less members have `default`, where there is another queue besides.
    fn policy() -> Policy {
        crate::testing::policy([
            ("Project", "lab", json!({"owner": "alice", "images": ["**"]})),
            ("PlatformQueue", "default", json!({"id": "q-default", "priority": 0})),
            ("PlatformQueue", "night", json!({"id": "q-night", "priority": 0})),
        ])
    }

    /// What becomes of a Pod whose pod template names `asked`, of a workload that was moved to `moved_to`.
    fn made(asked: Option<&str>, moved_to: Option<&str>) -> (Decision, Value) {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "lab", "name": "owl", "labels": {"app": "owl"}},
            "spec": {"containers": [{"name": "main", "image": "nginx"}]},
        });
        if let Some(asked) = asked {
            pod["metadata"]["labels"][contract::QUEUE_NAME] = asked.into();
        }
        let controller = ControllerOwner::Stamped { kind: "ReplicaSet".into(), name: "owls".into(), user_id: None };
        let facts = Facts {
            project_id: ProjectId::new("lab"),
            controller: Some(controller),
            moved_to: moved_to.map(|queue| MovedTo {
                kind: "Deployment".into(),
                name: "owls".into(),
                queue: queue.into(),
            }),
            ..Facts::default()
        };
        let submission = Submission {
            act: Act::Create,
            resource: GroupResource::new("", "pods"),
            subresource: "",
            kind: "Pod",
            namespace: "lab",
            name: "owl",
            requester: Requester { username: "system:serviceaccount:kube-system:replicaset-controller", groups: &[] },
            object: Some(&pod),
            old: None,
        };
        let policy = policy();
        let (decision, patch) = mutate(&submission, &facts, &policy, Timestamp::UNIX_EPOCH).expect("a Pod");
        let mut written = pod.clone();
        json_patch::patch(&mut written, &patch).expect("a patch of this Pod");
        let last = Submission { object: Some(&written), ..submission.clone() };
        if decision.allowed() {
            // The replica of Sluice that is asked next may not have heard of the workload.
            let facts = Facts { moved_to: None, ..facts };
            let validated = validate(&last, &facts, &policy, Timestamp::UNIX_EPOCH).expect("a Pod");
            assert_eq!(validated.denials, [], "{written}");
        }
        (decision, written)
    }

    #[test]
    fn a_pod_of_a_workload_that_was_moved_is_made_in_its_queue_whatever_its_template_says() {
        for asked in [None, Some("q-default"), Some("q-night")] {
            let (decision, pod) = made(asked, Some("q-default"));
            assert_eq!(decision.denials, [], "{asked:?}");
            assert_eq!(pod["metadata"]["labels"][contract::QUEUE_NAME], "q-default");
            assert_eq!(pod["spec"]["priorityClassName"], "platform-go-default");
        }
    }

    #[test]
    fn a_queue_that_the_plan_no_longer_gives_is_given_to_no_pod() {
        let by_switch = "deployment owls was switched to queue q-night; project lab has no plan, which leaves default; switch it: \
                         sluice switch-queue deployment/owls QUEUE";
        let by_label =
            "asked queue q-night; project lab has no plan, which leaves default; name one of those, or ask an admin";
        for (asked, moved_to, says) in [(Some("q-night"), None, by_label), (None, Some("q-night"), by_switch)] {
            let (decision, pod) = made(asked, moved_to);
            let [denial] = &decision.denials[..] else { panic!("one reason: {:?}", decision.denials) };
            assert_eq!(denial.rule, RuleId::Queue);
            assert!(denial.message.starts_with(says), "{}", denial.message);
            assert!(pod["spec"].get("priorityClassName").is_none(), "what is refused is not changed");
        }
    }
}
