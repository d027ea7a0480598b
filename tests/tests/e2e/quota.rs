//! Quota: who is charged for what runs, who is refused, and who starts when there is room.

use e2e::gpu::inline;
use e2e::manifest::{IMAGE, pod, with, workload};
use e2e::quota::{assert_a_fifth_gpu_waits, assert_dry_runs_deny_as, balance, dry_runs, names_in_event, settles};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::{
    ADMIN, alone, create, eventually, get, kubectl, kubectl_with, list, ok, project, project_with_bob, running, shared,
    sluice, with_policy, within,
};
use ground::Ground;
use serde_json::{Value, json};

fn cpu(amount: &str) -> Value {
    json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "resources": {"requests": {"cpu": amount}}}]}})
}

/// What `sluice usage` says of a project.
fn usage(p: &Ground, project: &str) -> Value {
    let (project, url) = (format!("--project={project}"), p.layout().database_url());
    let usage = sluice(p, &["usage", &project, "-o=json", "--database-url", &url], "");
    serde_json::from_str(&ok(usage)).expect("JSON")
}

/// A template of claims of so many whole GPUs, made by alice.
fn gpu_template(p: &Ground, namespace: &str, count: u64) {
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": count}}]);
    let template = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": format!("gpus-{count}"), "namespace": namespace},
        "spec": {"spec": {"devices": {"requests": requests}}},
    });
    ok(create(p, "alice", template));
}

/// A Pod, or a pod template, with a claim of so many GPUs of its own.
fn gpus(count: u64) -> Value {
    json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": format!("gpus-{count}")}],
        "containers": [{"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }})
}

#[test]
fn what_has_no_room_is_refused_with_the_numbers_and_starts_when_room_is_made() {
    let p = shared();
    project(&p, "quota-cpu", json!({}));
    let deployment = with(workload("Deployment", "quota-cpu", "web", cpu("6")), json!({"spec": {"replicas": 3}}));
    let made = create(&p, "alice", deployment);
    assert_warned(
        &made,
        "quota: asked 18 CPU for 3 Pods; project quota-cpu uses 0 CPU and has 0 CPU reserved, of 16 CPU",
    );
    ok(made);
    running(&p, "quota-cpu", "app=web", 2);
    // What was still reserved at the first refusal is used a moment later.
    let says =
        ["quota: spec: asked 6 CPU; project quota-cpu uses ", " of 16 CPU in all; wait for 2 CPU to become free, "];
    let set = eventually("the ReplicaSet to say why", || {
        let set = list(&p, "quota-cpu", "replicasets", "app=web").pop()?;
        let conditions = set["status"]["conditions"].as_array()?.clone();
        conditions
            .iter()
            .any(|it| {
                it["reason"] == "FailedCreate"
                    && it["message"].as_str().is_some_and(|text| says.iter().all(|it| text.contains(it)))
            })
            .then_some(set)
    });
    let generation = set["metadata"]["generation"].clone();
    assert_denied(
        &create(&p, "alice", pod("quota-cpu", "more", cpu("5"))),
        &[("quota", "asked 5 CPU; project quota-cpu")],
    );
    // A dry run says the same, and takes nothing.
    let dry = ["create", "--dry-run=server", "-f", "-"];
    assert_denied(
        &kubectl_with(&p, "alice", &dry, &pod("quota-cpu", "more", cpu("5")).to_string()),
        &[("quota", "asked 5 CPU; project quota-cpu")],
    );
    ok(kubectl_with(&p, "alice", &dry, &pod("quota-cpu", "fits", cpu("4")).to_string()));
    ok(create(&p, "alice", pod("quota-cpu", "fits", cpu("4"))));
    // With the small one gone there is not enough room yet; with another plan there is.
    ok(kubectl(&p, "alice", &["-n", "quota-cpu", "delete", "pod", "fits"]));
    let plan = json!({"spec": {"plan": "gold"}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "project", "quota-cpu", "--type=merge", "-p", &plan]));
    within(10, "the third Pod to start", || (list(&p, "quota-cpu", "pods", "app=web").len() == 3).then_some(()));
    let now = get(&p, "quota-cpu", &format!("replicaset/{}", set["metadata"]["name"].as_str().expect("a name")));
    assert_eq!(now["metadata"]["generation"], generation, "no rollout");
    assert!(now["metadata"]["annotations"]["platform-go/nudged"].is_null(), "nothing is left behind");
    assert_eq!(list(&p, "quota-cpu", "replicasets", "app=web").len(), 1, "no revision");
}

#[test]
fn class_resize_not_taken_back() {
    let p = shared();
    project(&p, "quota-resize", json!({}));
    ok(create(&p, "alice", pod("quota-resize", "shrunk", cpu("1"))));
    running(&p, "quota-resize", "app=shrunk", 1);
    // The nodes here cannot resize. This is what a kubelet says that has not taken back what a resize from 15 gave up.
    let has = json!({"status": {"containerStatuses": [{"name": "main", "allocatedResources": {"cpu": "15"}}]}});
    let status = ["-n", "quota-resize", "patch", "pod/shrunk", "--subresource=status", "-p", &has.to_string()];
    ok(kubectl(&p, ADMIN, &status));
    let account = "project quota-resize uses 15 CPU and has 0 CPU reserved, of 16 CPU";
    let dry = ["create", "--dry-run=server", "-f", "-"];
    eventually("the ledger to charge what the node still gives", || {
        let more = kubectl_with(&p, "alice", &dry, &pod("quota-resize", "more", cpu("3")).to_string());
        more.stderr.contains(account).then_some(())
    });
    assert_denied(&create(&p, "alice", pod("quota-resize", "more", cpu("3"))), &[("quota", account)]);
}

#[test]
fn class_limits_beyond_requests() {
    let limited = |cpu: &str| {
        let resources = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": cpu}});
        json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "resources": resources}]}})
    };
    let used = |p: &Ground| usage(p, "quota-limits")["accounts"][0]["cpu"].clone();
    {
        let p = alone();
        project(&p, "quota-limits", json!({}));
        ok(create(&p, "alice", pod("quota-limits", "first", limited("12"))));
        let requested = json!({"used": "0.1", "reserved": "0", "limit": "16"});
        eventually("the Pod to count with what it requests", || (used(&p) == requested).then_some(()));
    }
    with_policy(&[("policy.charge", "Limits")], |p| {
        let limits = json!({"used": "12", "reserved": "0", "limit": "16"});
        within(5, "the Pod that runs to count with its limit", || (used(p) == limits).then_some(()));
        let more = pod("quota-limits", "more", limited("8")).to_string();
        let refused = create(p, "alice", &more);
        let says =
            "asked 8 CPU (limits are charged); project quota-limits uses 12 CPU and has 0 CPU reserved, of 16 CPU";
        assert_denied(&refused, &[("quota", says)]);
        assert_dry_runs_deny_as(p, "alice", &more, &refused);
        let never = "asked 32 CPU for one Pod (limits are charged); project quota-limits may have 16 CPU in all";
        assert_denied(&create(p, "alice", pod("quota-limits", "huge", limited("32"))), &[("quota", never)]);
        let web = with(workload("Deployment", "quota-limits", "web", limited("3")), json!({"spec": {"replicas": 2}}));
        for (_, verdict) in dry_runs(p, "alice", &web.to_string()) {
            let warnings = verdict["warnings"].to_string();
            assert!(
                warnings.contains("asked 6 CPU for 2 Pods (limits are charged); project quota-limits"),
                "{verdict}"
            );
        }
        ok(create(p, "alice", pod("quota-limits", "fits", limited("4"))));
    });
}

#[test]
fn refused_owners_of_every_kind_start_within_five_seconds_of_room() {
    let p = shared();
    project(&p, "quota-room", json!({}));
    ok(create(&p, "alice", pod("quota-room", "first", cpu("16"))));
    running(&p, "quota-room", "app=first", 1);
    for kind in ["ReplicaSet", "StatefulSet", "Job"] {
        ok(create(&p, "alice", workload(kind, "quota-room", &kind.to_lowercase(), cpu("5"))));
    }
    let says = ["quota: spec: asked 5 CPU; project quota-room uses 16"];
    let refused = |kind: &str| names_in_event(&p, "quota-room", kind, &says);
    for kind in ["ReplicaSet", "StatefulSet", "Job"] {
        eventually(&format!("an Event of the {kind}"), || refused(kind).then_some(()));
    }
    ok(kubectl(&p, "alice", &["-n", "quota-room", "delete", "pod", "first"]));
    let started = within(5, "all three to have a Pod", || {
        let pods = ["replicaset", "statefulset", "job"].map(|it| list(&p, "quota-room", "pods", &format!("app={it}")));
        pods.iter().all(|pods| !pods.is_empty()).then_some(pods)
    });
    assert_eq!(started.map(|pods| pods.len()), [1; 3], "each has the one Pod that it wants");
}

#[test]
fn a_project_and_those_below_it_never_pass_the_parents_limit() {
    let p = shared();
    project(&p, "quota-above", json!({"plan": "platinum"}));
    project(&p, "quota-below", json!({"plan": "platinum", "parent": "quota-above"}));
    gpu_template(&p, "quota-above", 3);
    gpu_template(&p, "quota-below", 1);
    for name in ["a", "b"] {
        ok(create(&p, "alice", pod("quota-above", name, gpus(3))));
    }
    for name in ["a", "b"] {
        ok(create(&p, "alice", pod("quota-below", name, gpus(1))));
    }
    let says = "of 8 GPU in all";
    assert_denied(
        &create(&p, "alice", pod("quota-below", "c", gpus(1))),
        &[("quota", "asked 1 GPU; project quota-above")],
    );
    let refused = create(&p, "alice", pod("quota-above", "c", gpus(3)));
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    for (namespace, names) in [("quota-above", ["a", "b"]), ("quota-below", ["a", "b"])] {
        ok(kubectl(&p, "alice", &["-n", namespace, "delete", "pod", names[0], names[1]]));
    }
    settles(&p, "quota-above", "0", "0", 0);
    settles(&p, "quota-below", "0", "0", 0);
}

#[test]
fn a_shared_claim_counts_once_and_only_while_a_pod_names_it() {
    let p = shared();
    project(&p, "quota-shared", json!({"plan": "platinum"}));
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
    ok(create(
        &p,
        "alice",
        json!({
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "ours", "namespace": "quota-shared"},
            "spec": {"devices": {"requests": requests}},
        }),
    ));
    settles(&p, "quota-shared", "0", "0", 0);
    let uses = json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "ours"}],
        "containers": [{"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    let deployment = with(workload("Deployment", "quota-shared", "web", uses), json!({"spec": {"replicas": 3}}));
    ok(create(&p, "alice", deployment));
    running(&p, "quota-shared", "app=web", 3);
    settles(&p, "quota-shared", "1", "0", 1);
    let columns = ok(kubectl(&p, "alice", &["get", "sp", "quota-shared"]));
    assert!(columns.contains("GPU USED") && columns.contains("DEVICES HELD"), "{columns}");
    ok(kubectl(&p, "alice", &["-n", "quota-shared", "delete", "deployment", "web"]));
    settles(&p, "quota-shared", "0", "0", 0);
}

#[test]
fn a_pod_with_a_gate_holds_nothing_until_the_gate_goes() {
    let p = shared();
    project(&p, "quota-gate", json!({}));
    let gated = with(cpu("16"), json!({"spec": {"schedulingGates": [{"name": "example.com/data"}]}}));
    ok(create(&p, "alice", pod("quota-gate", "gated", gated)));
    ok(create(&p, "alice", pod("quota-gate", "other", cpu("1"))));
    let lift = json!({"spec": {"schedulingGates": null}}).to_string();
    let patch = ["-n", "quota-gate", "patch", "pod", "gated", "--type=merge", "-p", &lift];
    assert_denied(&kubectl(&p, "alice", &patch), &[("quota", "asked 16 CPU; project quota-gate")]);
    ok(kubectl(&p, "alice", &["-n", "quota-gate", "delete", "pod", "other"]));
    within(5, "room for the gated Pod", || kubectl(&p, "alice", &patch).success.then_some(()));
    running(&p, "quota-gate", "app=gated", 1);
}

#[test]
fn a_users_share_is_full_before_the_projects_and_the_replica_set_says_whose() {
    let p = shared();
    project_with_bob(&p, "quota-user", json!({"plan": "gold"}));
    gpu_template(&p, "quota-user", 1);
    assert_a_fifth_gpu_waits(&p, "quota-user", &gpus(1));
}

/// A Pod that waits uses whatever claim has the name that it says: a dearer one of the name is paid for, or not made.
#[test]
fn class_claim_swapped_for_a_dearer_one_is_paid_for_or_not_made() {
    let p = shared();
    project_with_bob(&p, "quota-swap", json!({"plan": "gold"}));
    let claim = |count: u64| {
        let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": count}}]);
        json!({
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "mine", "namespace": "quota-swap"},
            "spec": {"devices": {"requests": requests}},
        })
    };
    ok(create(&p, "bob", claim(2)));
    let waits = json!({"spec": {
        "nodeSelector": {"kubernetes.io/hostname": "nowhere"},
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "mine"}],
        "containers": [{"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    ok(create(&p, "bob", pod("quota-swap", "waits", waits)));
    settles(&p, "quota-swap", "0", "2", 2);
    let delete = ["-n", "quota-swap", "delete", "resourceclaim", "mine"];
    ok(kubectl(&p, "bob", &delete));
    assert_denied(&create(&p, "bob", claim(5)), &[("quota", "bob in project quota-swap uses 0 GPU and has ")]);
    ok(create(&p, "bob", claim(4)));
    settles(&p, "quota-swap", "0", "4", 4);
    ok(kubectl(&p, "bob", &delete));
    ok(kubectl(&p, "bob", &["-n", "quota-swap", "delete", "pod", "waits"]));
    settles(&p, "quota-swap", "0", "0", 0);
}

/// The live dry run, the local one that is told of the ledger, and the real request: the same numbers.
#[test]
fn both_dry_runs_say_what_the_real_answer_says() {
    let p = shared();
    project(&p, "quota-same", json!({}));
    ok(create(&p, "alice", pod("quota-same", "first", cpu("12"))));
    running(&p, "quota-same", "app=first", 1);
    settles(&p, "quota-same", "0", "0", 0);
    let more = pod("quota-same", "more", cpu("6")).to_string();
    let says = "asked 6 CPU; project quota-same uses 12 CPU and has 0 CPU reserved, of 16 CPU in all; wait for 2 CPU";
    let real = eventually("the first Pod to count as used", || {
        let answer = create(&p, "alice", &more);
        assert_denied(&answer, &[("quota", "asked 6 CPU; project quota-same uses")]);
        answer.stderr.contains(says).then_some(answer)
    });
    assert_dry_runs_deny_as(&p, "alice", &more, &real);
    let workload = with(workload("Deployment", "quota-same", "web", cpu("3")), json!({"spec": {"replicas": 2}}));
    for (_, verdict) in dry_runs(&p, "alice", &workload.to_string()) {
        let warnings = verdict["warnings"].to_string();
        assert!(warnings.contains("asked 6 CPU for 2 Pods; project quota-same uses 12 CPU"), "{verdict}");
    }
    // Nothing was written by any of it.
    let usage = usage(&p, "quota-same");
    let [project, user] = [&usage["accounts"][0], &usage["accounts"][1]];
    assert_eq!(project["cpu"], json!({"used": "12", "reserved": "0", "limit": "16"}), "{usage}");
    assert_eq!((&user["user"], &user["cpu"]["used"]), (&json!("alice"), &json!("12")), "{usage}");
    let held = &usage["held"];
    assert_eq!(
        (held.as_array().map(Vec::len), &held[0]["name"], &held[0]["cpu"]),
        (Some(1), &json!("first"), &json!("12"))
    );
}

#[test]
fn class_quota_filled_by_failures_of_names_that_are_taken_costs_what_can_be_there_at_once() {
    let p = shared();
    project(&p, "quota-taken", json!({}));
    ok(create(&p, "alice", pod("quota-taken", "mine", cpu("8"))));
    // Each try is admitted, has a UID of its own, and is refused by the API server because the name is taken.
    for _again in 0..8 {
        let taken = create(&p, "alice", pod("quota-taken", "mine", cpu("8")));
        assert!(!taken.success && taken.stderr.contains("AlreadyExists"), "{}", taken.stderr);
        ok(kubectl_with(
            &p,
            "alice",
            &["create", "--dry-run=server", "-f", "-"],
            &pod("quota-taken", "dry", cpu("8")).to_string(),
        ));
    }
    ok(create(&p, "alice", pod("quota-taken", "other", cpu("8"))));
    assert_denied(
        &create(&p, "alice", pod("quota-taken", "third", cpu("1"))),
        &[("quota", "asked 1 CPU; project quota-taken uses")],
    );
}

#[test]
fn class_quota_filled_by_failures_of_a_dearer_thing_under_a_name_that_is_taken() {
    let p = shared();
    project_with_bob(&p, "quota-dearer", json!({}));
    ok(create(&p, "bob", pod("quota-dearer", "mine", cpu("1"))));
    running(&p, "quota-dearer", "app=mine", 1);
    // It is admitted, and charged under a UID that never comes: the name is taken.
    let taken = create(&p, "bob", pod("quota-dearer", "mine", cpu("15")));
    assert!(!taken.success && taken.stderr.contains("AlreadyExists"), "{}", taken.stderr);
    // A colleague is not refused for it, and the real one still costs what it does.
    ok(create(&p, "alice", pod("quota-dearer", "hers", cpu("15"))));
    assert_denied(
        &create(&p, "alice", pod("quota-dearer", "more", cpu("1"))),
        &[("quota", "asked 1 CPU; project quota-dearer uses")],
    );
    // Where nobody is refused it is given back as well, and not only when no request can be on its way any more.
    ok(kubectl(&p, "alice", &["-n", "quota-dearer", "delete", "pod/hers"]));
    let taken = create(&p, "bob", pod("quota-dearer", "mine", inline("rtx-5090", "100")));
    assert!(!taken.success && taken.stderr.contains("AlreadyExists"), "{}", taken.stderr);
    eventually("it to be reserved", || (balance(&p, "quota-dearer")?.2 == 1).then_some(()));
    settles(&p, "quota-dearer", "0", "0", 0);
}
