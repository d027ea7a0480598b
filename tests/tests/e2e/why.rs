//! What a Member is told who asks why: `sluice why` and `sluice explain-preemption`.

use e2e::manifest::{IMAGE, pod, with, workload};
use e2e::windows::{far, in_queue, own_queue, set_windows, waits};
use e2e::{ADMIN, create, eventually, kubectl, ok, shared, sluice_as};
use ground::Ground;
use serde_json::{Value, json};

fn why(p: &Ground, about: &str) -> Value {
    let said = ok(sluice_as(p, "bob", &["why", about, "-n", "why-asked", "-o", "json"]));
    serde_json::from_str(&said).expect("JSON")
}

/// What a reason about this concern says.
fn says<'a>(why: &'a Value, concern: &str) -> Option<&'a str> {
    let mut reasons = why["reasons"].as_array().into_iter().flatten();
    reasons.find(|it| it["concern"] == concern)?["says"].as_str()
}

#[test]
fn a_member_is_told_why_a_pod_waits_and_why_it_was_refused() {
    let p = shared();
    let quota = json!({"gpu": 2, "devices": 2, "cpu": 4, "memory": "8Gi"});
    own_queue(&p, "why-asked", json!({"spec": {"quota": quota, "gpuModels": ["rtx-5090"]}}));
    let members = json!({"spec": {"members": [{"user": "alice", "role": "Admin"}, {"user": "bob", "role": "Member"}]}});
    ok(kubectl(&p, ADMIN, &["patch", "sp/why-asked", "--type=merge", "-p", &members.to_string()]));
    set_windows(&p, "why-asked", far(), true);

    eventually("bob to be a member", || {
        create(&p, "bob", in_queue("why-asked", "gated", "why-asked")).success.then_some(())
    });
    waits(&p, "why-asked", "gated");
    let gated = eventually("Sluice to see it wait", || {
        let said = sluice_as(&p, "bob", &["why", "gated", "-n", "why-asked", "-o", "json"]);
        said.success.then(|| serde_json::from_str::<Value>(&said.stdout).expect("JSON"))
    });
    assert_eq!((&gated["about"], &gated["state"]), (&json!("Pod why-asked/gated"), &json!("it waits behind a gate")));
    let gate = says(&gated, "Gate").expect("a reason");
    assert!(gate.starts_with("queue why-asked is closed until Mon 2099-03-02"), "{gate}");

    let cpu = json!({"requests": {"cpu": "3"}});
    let asks = json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "resources": cpu}]}});
    let web = with(workload("Deployment", "why-asked", "web", asks), json!({"spec": {"replicas": 2}}));
    ok(create(&p, "bob", web));
    let refused = eventually("the refusal of the second Pod to be known", || {
        let why = why(&p, "deployment/web");
        says(&why, "Quota").is_some().then_some(why)
    });
    let quota = says(&refused, "Quota").expect("a reason");
    assert!(quota.starts_with("rule quota, spec: asked 3 CPU; "), "{quota}");
    assert!(refused["state"].as_str().expect("a state").ends_with("do not"), "{refused}");
    // The id that stands there is enough, and it is enough for those alone who work there.
    let told = says(&refused, "Rule").expect("who asked what");
    let id = told.rsplit_once("(decision ").expect("an id").1.trim_end_matches(')');
    let text = ok(sluice_as(&p, "bob", &["why", id]));
    assert!(text.contains("it was refused") && text.contains("quota: rule quota, spec: asked 3 CPU"), "{text}");
    let stranger = sluice_as(&p, "dave", &["why", id]);
    assert!(!stranger.success && stranger.stderr.contains("no refusal with this id is known"), "{}", stranger.stderr);

    let nowhere = json!({"spec": {"nodeSelector": {"no": "such"}}});
    ok(create(&p, "bob", pod("why-asked", "nowhere", nowhere)));
    let device = eventually("the scheduler's word", || {
        let why = why(&p, "nowhere");
        says(&why, "Device").filter(|says| says.contains("no node:")).map(str::to_owned)
    });
    assert!(device.starts_with("the scheduler finds no node: 0/"), "{device}");
    let nobody = ok(sluice_as(&p, "bob", &["explain-preemption", "nowhere", "-n", "why-asked"]));
    assert!(nobody.contains("nobody was evicted for it"), "{nobody}");
    let stranger = sluice_as(&p, "dave", &["why", "nowhere", "-n", "why-asked"]);
    assert!(stranger.stderr.contains("is no namespace of a project that you are a member of"), "{}", stranger.stderr);
}
