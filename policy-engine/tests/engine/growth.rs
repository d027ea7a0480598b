//! What judging takes grows with the object, and not faster: counted in memory, which is the same on every machine.

use allocation_counter::{AllocationInfo, measure};
use policy_engine::admission::decision::{MOST_KEPT, MOST_SHOWN};
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::sentence::LONGEST_SENTENCE;
use policy_engine::{Decision, Submission};
use serde_json::{Value, json};

use crate::support::judge::{creation, judge, update};
use crate::support::policies::sample_organisation;

fn pod(count: usize, container: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "web", "annotations": {"platform-go/asked": memory(count)}}, "spec": {
        "containers": vec![container.clone(); count],
        "ephemeralContainers": vec![container.clone(); count / 10],
        "volumes": vec![json!({"name": "kube-api-access-x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}); count / 10],
    }})
}

/// What nobody but the platform should write there.
fn memory(count: usize) -> String {
    Value::Object((0..count).map(|index| (format!("/spec/{index}"), json!(1))).collect()).to_string()
}

fn judged(submission: &Submission<'_>, policy: &Policy) -> (AllocationInfo, Decision) {
    let mut decision = None;
    let took = measure(|| decision = Some(judge(submission, policy)));
    (took, decision.expect("a decision"))
}

/// Ten times the containers take ten times the memory and ten times the steps, with room for lists that double.
fn assert_linear(what: &str, judged: impl Fn(usize) -> AllocationInfo) {
    let (less, more) = (judged(500), judged(5000));
    let within = |less: u64, more: u64| more <= less * 13;
    assert!(within(less.count_total, more.count_total), "{what}: {} to {} steps", less.count_total, more.count_total);
    assert!(within(less.bytes_max, more.bytes_max), "{what}: {} to {} bytes", less.bytes_max, more.bytes_max);
}

#[test]
fn class_exhaustion_what_judging_takes_is_linear_in_containers() {
    let policy = Policy::from(sample_organisation());
    let allowed = json!({"name": "c", "image": "registry.example.com/app:1",
        "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/t"}, {"name": "data", "mountPath": "/d"}]});
    let refused = json!({"name": "c", "image": "evil.example.org/x", "ports": [{"containerPort": 1, "hostPort": 1}],
        "securityContext": {"privileged": true, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}}});
    for (what, container) in [("allowed", &allowed), ("refused", &refused)] {
        assert_linear(what, |count| judged(&creation(&pod(count, container), "detector", "bob"), &policy).0);
        assert_linear(what, |count| {
            let (object, old) = (pod(count, container), pod(count, &json!({"name": "c"})));
            judged(&update(&creation(&object, "detector", "bob"), &object, &old), &policy).0
        });
    }
}

#[test]
fn class_exhaustion_a_refusal_has_a_length_whatever_was_asked() {
    let policy = Policy::from(sample_organisation());
    let image = format!("evil.example.org/{}", "x".repeat(1 << 20));
    let container =
        json!({"name": "c", "image": image, "securityContext": {"capabilities": {"add": ["Y".repeat(1 << 20)]}}});
    let mut pod = pod(2, &container);
    pod["metadata"]["labels"] = json!({"platform-go/queue-name": "q".repeat(1 << 20)});
    pod["spec"]["schedulerName"] = json!("s".repeat(1 << 20));
    let (_, decision) = judged(&creation(&pod, "detector", "bob"), &policy);
    let rules = [RuleId::Queue, RuleId::Placement, RuleId::RootShell, RuleId::Privilege, RuleId::Image];
    assert!(decision.denying_rules().iter().all(|rule| rules.contains(rule)), "{decision}");
    for denial in &decision.denials {
        assert!(denial.message.chars().count() <= LONGEST_SENTENCE, "{}", denial.message.len());
        assert!(denial.message.starts_with("asked ") || denial.rule == RuleId::Image, "{denial}");
    }
    assert!(decision.to_string().len() < 16 << 10, "{}", decision.to_string().len());

    let many = pod_of_forbidden(5000);
    let (_, decision) = judged(&creation(&many, "detector", "bob"), &policy);
    let kept = decision.denials.iter().filter(|denial| denial.rule == RuleId::Image).count();
    assert_eq!((kept, decision.denying_rules()), (MOST_KEPT, vec![RuleId::Image]));
    assert_eq!(decision.reasons(), 5000);
    let text = decision.to_string();
    assert_eq!(text.lines().count(), MOST_SHOWN + 2);
    assert!(text.ends_with("\nand 4900 more"), "{text}");
}

fn pod_of_forbidden(count: usize) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": vec![json!({"name": "c", "image": "evil.example.org/x"}); count]}})
}
