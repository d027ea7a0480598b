//! How often the API server asks about one Pod.

use e2e::manifest::pod;
use e2e::{alone, create, http_get, kubectl_with, ok, running};
use ground::Ground;
use serde_json::json;

/// Calls of an entry that were allowed, since the process began.
fn calls(p: &Ground, entry: &str) -> u64 {
    let (status, text) = http_get(p, "/metrics");
    assert_eq!(status, 200, "{text}");
    let is_it = |line: &&str| {
        line.starts_with("sluice_webhook_call_duration_seconds_count{")
            && line.contains(&format!("entry=\"{entry}\""))
            && line.contains("answer=\"allowed\"")
    };
    let line = text.lines().find(is_it).expect("the metric begins at zero");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

/// The Priority plugin would fill in what the queue's class gives, and the API server would call again for that.
#[test]
fn a_pod_that_asks_for_no_priority_class_is_judged_in_two_calls() {
    let p = alone();
    // The class has been seen before something is counted, and the Pod's binding judged, which is a call of its own.
    ok(create(&p, "alice", pod("llm-finetune", "calls-before", json!({}))));
    running(&p, "llm-finetune", "app=calls-before", 1);
    let asked = pod("llm-finetune", "calls", json!({"metadata": {"labels": {"platform-go/queue-name": "research"}}}));
    let before = [calls(&p, "mutate"), calls(&p, "validate")];
    let made = ok(kubectl_with(&p, "alice", &["create", "--dry-run=server", "-o=json", "-f", "-"], &asked.to_string()));
    let made: serde_json::Value = serde_json::from_str(&made).expect("kubectl prints JSON");
    assert_eq!(made["spec"]["priorityClassName"], "platform-go-research");
    assert_eq!((&made["spec"]["priority"], &made["spec"]["preemptionPolicy"]), (&json!(500), &json!("Never")));
    let after = [calls(&p, "mutate"), calls(&p, "validate")];
    assert_eq!([after[0] - before[0], after[1] - before[1]], [1, 1], "mutating and validating calls");
}
