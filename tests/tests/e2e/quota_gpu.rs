//! Quota of GPUs that are asked for by labels: what is charged, to whom, and what every dry run says of it.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denied, denials};
use e2e::{create, eventually, kubectl, label, list, ok, project, shared, sluice, within};
use ground::Ground;
use serde_json::{Value, json};

use crate::gpu::{allocated, inline, runs};
use crate::quota::{names_in_event, settles, standing};

/// A project of alice's where bob may have four GPUs.
fn with_bob(p: &Ground, name: &str) {
    let members = json!([{"user": "alice", "role": "Admin"}, {"user": "bob", "role": "Member"}]);
    project(p, name, json!({"plan": "gold", "members": members}));
}

#[test]
fn half_a_gpu_is_charged_as_half_of_one_device_and_given_back() {
    let p = shared();
    with_bob(&p, "quota-half");
    ok(create(&p, "bob", pod("quota-half", "half", inline("h100", "50"))));
    let half = runs(&p, "quota-half", "half");
    assert_eq!((label(&half, "dra-effective-gpu"), label(&half, "dra-gpu-count")), ("0.5", "1"));
    allocated(&p, "quota-half", "half");
    settles(&p, "quota-half", "0.5", "0", 1);
    ok(kubectl(&p, "bob", &["-n", "quota-half", "delete", "pod", "half"]));
    settles(&p, "quota-half", "0", "0", 0);
}

#[test]
fn three_with_a_claim_each_count_three_and_one_above_a_users_four_waits_for_room() {
    let p = shared();
    with_bob(&p, "quota-each");
    let deployment = |name: &str, replicas: u64| {
        with(
            workload("Deployment", "quota-each", name, inline("rtx-6000-pro", "100")),
            json!({"spec": {"replicas": replicas}}),
        )
    };
    ok(create(&p, "bob", deployment("three", 3)));
    eventually("three claims to be charged", || (standing(&p, "quota-each")?.2 == 3).then_some(()));
    ok(create(&p, "bob", deployment("two", 2)));
    let says = ["quota: spec: asked 1 GPU; ", "bob in project quota-each uses", "of 4 GPU in all"];
    eventually("an Event of the ReplicaSet that names the full account", || {
        names_in_event(&p, "quota-each", "ReplicaSet", &says).then_some(())
    });
    assert_eq!(list(&p, "quota-each", "pods", "app=two").len(), 1, "the fourth one is there, the fifth is not");
    ok(kubectl(&p, "bob", &["-n", "quota-each", "scale", "deployment/three", "--replicas=2"]));
    within(5, "the fifth Pod to come", || (list(&p, "quota-each", "pods", "app=two").len() == 2).then_some(()));
    ok(kubectl(&p, "bob", &["-n", "quota-each", "delete", "deployment", "three", "two"]));
    settles(&p, "quota-each", "0", "0", 0);
}

/// The live dry run, the local one that is told of the ledger, and the real request.
#[test]
fn dry_runs_of_gpus_say_what_the_real_answer_says() {
    let p = shared();
    with_bob(&p, "quota-alike");
    let wide = with(inline("h100", "50"), json!({"metadata": {"labels": {"platform-go/dra-gpu-count": "4"}}}));
    ok(create(&p, "bob", pod("quota-alike", "first", wide.clone())));
    settles(&p, "quota-alike", "2", "0", 4);
    let more =
        pod("quota-alike", "more", with(wide, json!({"metadata": {"labels": {"platform-go/dra-sm-pct": "75"}}})));
    let real = create(&p, "bob", &more);
    assert_denied(
        &real,
        &[("quota", "asked 3 GPU; bob in project quota-alike uses 2 GPU and has 0 GPU reserved, of 4 GPU")],
    );
    let [real] = &denials(&real.stderr)[..] else { panic!("one reason: {}", real.stderr) };
    let url = p.layout().database_url();
    let live = ["dry-run", "-f", "-", "-o=json", "--as=bob"];
    let local = ["--policy=cluster", "--ledger", &url];
    for args in [live.to_vec(), live.iter().chain(&local).copied().collect()] {
        let answer = sluice(&p, &args, &more.to_string());
        let verdicts: Value = serde_json::from_str(&answer.stdout).expect("JSON");
        let denied = json!([{"rule": real.rule, "field": real.field, "message": real.message}]);
        assert_eq!((answer.code, &verdicts[0]["denials"]), (1, &denied), "{args:?}: {}", answer.stderr);
    }
    ok(kubectl(&p, "bob", &["-n", "quota-alike", "delete", "pod", "first"]));
    settles(&p, "quota-alike", "0", "0", 0);
}
