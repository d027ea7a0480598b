//! Quota of GPUs that are asked for by labels: what is charged, to whom, and what every dry run says of it.

use e2e::gpu::{allocated, inline, runs};
use e2e::manifest::{IMAGE, pod, with, workload};
use e2e::quota::{assert_a_fifth_gpu_waits, assert_dry_runs_deny_as, names_in_event, settles};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::{create, eventually, kubectl, label, ok, project_with_bob, shared};
use ground::Output;
use serde_json::json;

#[test]
fn half_a_gpu_is_charged_as_half_of_one_device_and_given_back() {
    let p = shared();
    project_with_bob(&p, "quota-half", json!({"plan": "gold"}));
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
    project_with_bob(&p, "quota-each", json!({"plan": "gold"}));
    assert_a_fifth_gpu_waits(&p, "quota-each", &inline("rtx-6000-pro", "100"));
}

/// The live dry run, the local one that is told of the ledger, and the real request.
#[test]
fn dry_runs_of_gpus_say_what_the_real_answer_says() {
    let p = shared();
    project_with_bob(&p, "quota-alike", json!({"plan": "gold"}));
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
    assert_dry_runs_deny_as(&p, "bob", &more.to_string(), &real);
    ok(kubectl(&p, "bob", &["-n", "quota-alike", "delete", "pod", "first"]));
    settles(&p, "quota-alike", "0", "0", 0);
}

/// By every way in which people change it: a rollout beside what runs has no room, and waits for ever.
#[test]
fn what_a_rollout_or_more_replicas_would_need_is_said_at_the_change() {
    let p = shared();
    project_with_bob(&p, "quota-surge", json!({"plan": "gold"}));
    let limits = json!({"limits": {"nvidia.com/gpu": "2"}});
    let container = json!({"name": "main", "image": IMAGE, "resources": limits});
    let deployment = with(
        workload("Deployment", "quota-surge", "server", json!({"spec": {"containers": [container]}})),
        json!({"spec": {"replicas": 2}}),
    );
    let rollout = "quota: a rollout needs 1 Pod more (2 GPU, 2 devices";
    let what_to_do = "set strategy.type Recreate, or maxSurge 0 and maxUnavailable 1";
    let says = |output: Output| {
        assert_warned(&output, rollout);
        assert_warned(&output, what_to_do);
        ok(output);
    };
    says(create(&p, "bob", &deployment));
    settles(&p, "quota-surge", "4", "0", 4);
    let bob = |args: &[&str]| kubectl(&p, "bob", &[&["-n", "quota-surge"], args].concat());
    says(bob(&["set", "env", "deployment/server", "A=1", "--dry-run=server"]));
    says(bob(&["rollout", "restart", "deployment/server"]));
    let own = [
        "asked 2 GPU; bob in project quota-surge uses 4 GPU",
        "4 GPU of that is held by older Pods of Deployment server",
    ];
    eventually("the new ReplicaSet to say that its Deployment holds it", || {
        names_in_event(&p, "quota-surge", "ReplicaSet", &own).then_some(())
    });
    let scaled = bob(&["scale", "deployment/server", "--replicas=3"]);
    assert_warned(&scaled, "quota: asked 2 GPU for 1 Pod; bob in project quota-surge uses 4 GPU");
    ok(scaled);
    let recreate =
        json!({"spec": {"replicas": 2, "strategy": {"type": "Recreate", "rollingUpdate": null}}}).to_string();
    let changed = bob(&["patch", "deployment/server", "--type=merge", "-p", &recreate]);
    assert!(!changed.stderr.contains("quota: "), "{}", changed.stderr);
    ok(changed);
    ok(bob(&["delete", "deployment/server"]));
}
