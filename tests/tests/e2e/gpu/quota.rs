//! Quota of GPUs that are asked for by labels: what is charged, to whom, and what every dry run says of it.

use e2e::gpu::{allocated, inline, runs};
use e2e::manifest::{pod, with};
use e2e::quota::{assert_a_fifth_gpu_waits, assert_dry_runs_deny_as, settles};
use e2e::refusal::assert_denied;
use e2e::{create, kubectl, label, ok, project_with_bob, shared};
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
