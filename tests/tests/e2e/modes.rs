//! Each rule is enforced, warns or is off, for the platform and per project.

use e2e::manifest::{IMAGE, pod};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::{alone, create, get, kubectl_with, label, ok, project, shared, with_policy};
use ground::Ground;
use serde_json::{Value, json};

fn foreign(namespace: &str, name: &str) -> Value {
    pod(namespace, name, json!({"spec": {"containers": [{"name": "main", "image": "quay.io/somebody/app"}]}}))
}

#[test]
fn a_rule_that_warns_in_a_project_says_what_it_would_refuse_and_the_others_refuse() {
    let p = shared();
    project(&p, "modes-warn", json!({"ruleModes": {"image": "warn"}}));
    let made = create(&p, "alice", foreign("modes-warn", "foreign"));
    assert_warned(&made, "not enforced: image: spec.containers[0].image: asked quay.io/somebody/app:latest");
    ok(made);
    let rooted = json!({"spec": {"securityContext": {"runAsUser": 0}}});
    let refused = create(&p, "alice", pod("modes-warn", "rooted", rooted));
    assert_denied(&refused, &[("root-shell", "project modes-warn does not allow root containers")]);
    assert_denied(&create(&p, "bob", foreign("detector", "foreign")), &[("image", "project detector allows")]);
}

#[test]
fn a_rule_that_is_off_in_a_project_says_and_writes_nothing() {
    let p = shared();
    project(&p, "modes-off", json!({"ruleModes": {"image": "off", "service-account-token": "off"}}));
    let made = create(&p, "alice", foreign("modes-off", "foreign"));
    assert!(!made.stderr.contains("image"), "{}", made.stderr);
    ok(made);
    let spec = &get(&p, "modes-off", "pod/foreign")["spec"];
    assert_eq!(spec["containers"][0]["image"], "quay.io/somebody/app");
    assert!(spec["volumes"].as_array().is_some_and(|volumes| !volumes.is_empty()), "the token stays: {spec}");
    assert_eq!(label(&get(&p, "modes-off", "pod/foreign"), "user-id"), "alice");
}

#[test]
fn a_mode_of_the_platform_holds_in_every_project() {
    let dry = |p: &Ground, object: &Value| {
        kubectl_with(p, "bob", &["create", "--dry-run=server", "-f", "-"], &object.to_string())
    };
    let owl = pod("detector", "modes-owl", json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}));
    let rooted =
        json!({"spec": {"securityContext": {"runAsUser": 0}, "containers": [{"name": "main", "image": IMAGE}]}});
    let rooted = pod("detector", "modes-rooted", rooted);
    with_policy(&[("policy.ruleModes.queue", "warn"), ("policy.ruleModes.root-shell", "off")], |p| {
        let warned = create(p, "bob", &owl);
        assert_warned(&warned, "not enforced: queue: metadata.labels[platform-go/queue-name]: asked queue urgent");
        ok(warned);
        ok(create(p, "bob", &rooted));
        assert_eq!(get(p, "detector", "pod/modes-rooted")["spec"]["securityContext"], json!({"runAsUser": 0}));
    });
    let p = alone();
    assert_denied(&dry(&p, &rooted), &[("root-shell", "group vision-lab")]);
    assert_denied(&dry(&p, &owl), &[("queue", "asked queue urgent")]);
}
