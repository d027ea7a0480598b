//! Workspaces, as people start and stop them. The nodes are simulated: their Pods run as soon as they have one.

use e2e::manifest::{claim, with};
use e2e::quota::assert_dry_runs_deny_as;
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::windows::{own_queue, set_plan_windows};
use e2e::{
    ADMIN, alone, apply, create, eventually, find, get, kubectl, list, must, ok, patch, project_with_bob, shared,
    with_policy,
};
use ground::Ground;
use serde_json::{Value, json};

/// A workspace of an image that every project allows.
fn workspace(namespace: &str, name: &str, spec: Value) -> Value {
    let of = json!({"type": "jupyter", "image": "registry.example.com/jupyter:1", "resources": {"cpu": "100m", "memory": "256Mi"}});
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "Workspace", "metadata": {"namespace": namespace, "name": name},
        "spec": with(of, spec),
    })
}

fn status(p: &Ground, namespace: &str, name: &str) -> Value {
    get(p, namespace, &format!("workspace/{name}"))["status"].clone()
}

/// The status, once the workspace is in this phase for this reason.
fn comes_to(p: &Ground, namespace: &str, name: &str, phase: &str, reason: &str) -> Value {
    eventually(&format!("workspace {name} to be {phase} because {reason}"), || {
        let status = status(p, namespace, name);
        (status["phase"] == phase && status["reason"] == reason).then_some(status)
    })
}

fn run(p: &Ground, user: &str, namespace: &str, name: &str, running: bool) -> ground::Output {
    patch(p, user, namespace, &format!("workspace/{name}"), &json!({"spec": {"running": running}}))
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().expect("a UID")
}

#[test]
fn a_workspace_runs_stops_and_starts_again_and_its_volume_outlives_it() {
    let p = shared();
    let lab = "sws-life";
    project_with_bob(&p, lab, json!({}));
    // Nobody provisions here: there is a volume of a class that only this claim names.
    let spec = json!({"storageClassName": lab, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/data"}, "persistentVolumeReclaimPolicy": "Retain"});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": lab}, "spec": spec});
    ok(create(&p, ADMIN, volume));
    ok(create(&p, "bob", claim(lab, "data", json!({"spec": {"storageClassName": lab}}))));
    let volumes = json!([{"claimName": "data", "mountPath": "/data"}]);
    ok(create(&p, "bob", workspace(lab, "nb", json!({ "volumes": volumes }))));
    let running = comes_to(&p, lab, "nb", "Running", "Running");
    assert_eq!((&running["podName"], &running["queue"]), (&json!("nb"), &json!("default")));
    assert_eq!(running["conditions"][0]["observedGeneration"], 1);
    let pod = get(&p, lab, "pod/nb");
    let labels = &pod["metadata"]["labels"];
    for (key, value) in [("user-id", "bob"), ("project-id", lab), ("resource-type", "interactive-jupyter")] {
        assert_eq!(labels[format!("platform-go/{key}")], value);
    }
    assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "Workspace");
    let service = get(&p, lab, "service/nb");
    assert_eq!(service["spec"]["selector"], json!({"sluice.dev/workspace": "nb", "platform-go/user-id": "bob"}));
    let row = ok(kubectl(&p, "bob", &["-n", lab, "get", "sws", "nb", "--no-headers"]));
    let row: Vec<_> = row.split_whitespace().collect();
    assert_eq!(row[..4], ["nb", "Running", "jupyter", "default"], "of no GPU nothing is shown");
    assert!(row.contains(&"bob"), "{row:?}");

    // Its Pod is merely lost.
    ok(kubectl(&p, "bob", &["-n", lab, "delete", "pod", "nb", "--wait=false"]));
    eventually("another Pod", || {
        let now = find(&p, lab, "pod/nb")?;
        (uid(&now) != uid(&pod) && now["metadata"]["deletionTimestamp"].is_null()).then_some(())
    });
    comes_to(&p, lab, "nb", "Running", "Running");

    ok(run(&p, "bob", lab, "nb", false));
    let stopped = comes_to(&p, lab, "nb", "Stopped", "Stopped");
    assert_eq!((&stopped["message"], &stopped["podName"]), (&json!("Stopped by bob"), &Value::Null));
    assert!(find(&p, lab, "pod/nb").is_none());
    assert!(find(&p, lab, "persistentvolumeclaim/data").is_some());

    ok(run(&p, "bob", lab, "nb", true));
    comes_to(&p, lab, "nb", "Running", "Running");
    ok(kubectl(&p, "bob", &["-n", lab, "delete", "workspace", "nb"]));
    eventually("what belongs to it to go with it", || {
        (find(&p, lab, "pod/nb").is_none() && find(&p, lab, "service/nb").is_none()).then_some(())
    });
    assert!(find(&p, lab, "persistentvolumeclaim/data").is_some());
}

#[test]
fn what_its_pod_would_be_refused_a_workspace_is_refused_all_at_once() {
    let p = shared();
    let lab = "sws-refused";
    let plan = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "ResourcePlan", "metadata": {"name": lab},
        "spec": {"quota": {"cpu": 1, "memory": "4Gi"}, "gpuModels": ["h100"], "queues": []}});
    ok(create(&p, ADMIN, plan));
    project_with_bob(&p, lab, json!({"plan": lab}));
    ok(create(&p, "alice", claim(lab, "hers", json!({}))));
    let full = json!({"resources": {"cpu": "900m", "memory": "256Mi"}});
    ok(create(&p, "alice", workspace(lab, "first", full.clone())));
    comes_to(&p, lab, "first", "Running", "Running");

    let asked = with(
        full,
        json!({
            "image": "evil.example.org/x:1", "gpu": {"model": "rtx-5090"},
            "volumes": [{"claimName": "hers", "mountPath": "/data"}],
        }),
    );
    let manifest = workspace(lab, "second", asked);
    let expected = [
        ("image", "spec.image: asked evil.example.org/x:1"),
        ("storage", "spec.volumes[0].claimName: "),
        ("gpu-model", "spec.gpu.model: asked model rtx-5090"),
        ("quota", "spec: "),
    ];
    let real = apply(&p, "bob", &manifest);
    assert_denied(&real, &expected);
    assert!(find(&p, lab, "workspace/second").is_none());
    // Both dry runs say the same.
    let other = workspace(lab, "other", json!({"image": "evil.example.org/x:1"})).to_string();
    assert_dry_runs_deny_as(&p, "bob", &other, &create(&p, "bob", &other));
    // What one object can know, its schema says.
    let both = workspace(lab, "third", json!({"type": "custom", "claimName": "x", "gpu": {"model": "h100"}}));
    let said = apply(&p, "bob", &both).stderr;
    assert!(said.contains("a custom image must say in spec.port where it listens"), "{said}");
    assert!(said.contains("at most one of the two"), "{said}");
}

#[test]
fn a_colleague_changes_and_stops_no_workspace_and_a_manager_does() {
    let p = shared();
    let lab = "sws-colleagues";
    project_with_bob(&p, lab, json!({}));
    ok(create(&p, "alice", workspace(lab, "hers", json!({"running": false}))));
    ok(create(&p, "bob", workspace(lab, "his", json!({}))));
    let started = run(&p, "bob", lab, "hers", true);
    let says = "this Workspace is alice's, and bob is a Member of project sws-colleagues";
    assert_denied(&started, &[("project", says)]);
    let deleted = kubectl(&p, "bob", &["-n", lab, "delete", "workspace", "hers"]);
    assert_refused_by_policy(&deleted, "sluice-colleagues", "made by alice, and bob is no Manager here");
    comes_to(&p, lab, "his", "Running", "Running");
    ok(run(&p, "alice", lab, "his", false));
    let stopped = comes_to(&p, lab, "his", "Stopped", "Stopped");
    assert_eq!(stopped["message"], "Stopped by alice");
    // Its Pod is nobody's to make: what looks like it is not taken for it.
    let status = json!({"status": {"phase": "Running"}}).to_string();
    let forged = kubectl(
        &p,
        "bob",
        &["-n", lab, "patch", "workspace/his", "--subresource=status", "--type=merge", "-p", &status],
    );
    assert!(!forged.success && forged.stderr.contains("(Forbidden)"), "{}", forged.stderr);
}

#[test]
fn a_closing_window_stops_a_workspace_of_its_queue_and_the_switch_to_default_keeps_one() {
    with_policy(&[("policy.grace.planWindow", "5s")], |p| {
        let lab = "sws-window";
        own_queue(p, lab, json!({}));
        for name in ["stops", "stays"] {
            ok(create(p, "alice", workspace(lab, name, json!({"queue": lab}))));
            let status = comes_to(p, lab, name, "Running", "Running");
            assert_eq!(status["queue"], lab);
        }
        let uid_of = |name: &str| uid(&get(p, lab, &format!("pod/{name}"))).to_owned();
        let stays = uid_of("stays");
        let closes = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(15);
        set_plan_windows(p, lab, json!([{"from": "2020-01-01T00:00:00Z", "until": closes.to_string()}]));
        eventually("it to say when its queue closes", || {
            (status(p, lab, "stays")["windowClosesAt"] == closes.to_string()).then_some(())
        });
        ok(kubectl(p, "alice", &["-n", lab, "annotate", "workspace/stays", "platform-go/switch-queue=default"]));
        eventually("it to be in the other queue", || (status(p, lab, "stays")["queue"] == "default").then_some(()));

        let stopped = comes_to(p, lab, "stops", "Stopped", "Stopped");
        assert_eq!(stopped["message"], "Plan window expired");
        assert_eq!(get(p, lab, "workspace/stops")["spec"]["running"], false);
        assert_eq!((status(p, lab, "stays")["phase"].clone(), uid_of("stays")), (json!("Running"), stays));

        // Who starts it now waits, and is told what to do.
        ok(run(p, "alice", lab, "stops", true));
        let waits = comes_to(p, lab, "stops", "Starting", "WaitsForWindow");
        let says = waits["message"].as_str().expect("a message");
        assert!(says.ends_with("sluice switch-queue workspace/stops default"), "{says}");
    });
}

#[test]
fn ten_workspaces_start_while_sluice_is_killed_and_none_has_two_pods() {
    let mut p = alone();
    let lab = "sws-ten";
    project_with_bob(&p, lab, json!({}));
    let names: Vec<_> = (0..10).map(|index| format!("nb-{index}")).collect();
    let manifests: Vec<_> = names.iter().map(|name| workspace(lab, name, json!({})).to_string()).collect();
    ok(create(&p, "bob", manifests.join("\n---\n")));
    must(p.kill("sluice"));
    must(p.run_sluice());
    for name in &names {
        comes_to(&p, lab, name, "Running", "Running");
    }
    let pods = list(&p, lab, "pods", "platform-go/resource-type=interactive-jupyter");
    assert_eq!(pods.len(), names.len());
}
