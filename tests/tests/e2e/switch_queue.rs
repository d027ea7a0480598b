//! Pods that move to another queue while they live.

use std::process::Command;

use e2e::manifest::workload;
use e2e::refusal::{assert_denied, assert_warned};
use e2e::windows::{far, in_queue, own_queue, set_plan_windows, set_windows, told, waits};
use e2e::{
    apply, create, eventually, find, get, kubectl, label, list, must, ok, project_with_bob, running, shared,
    with_policy,
};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// `sluice switch-queue` with nothing but a person's kubeconfig.
fn switch(p: &Ground, user: &str, args: &[&str]) -> Output {
    let mut command = Command::new(p.layout().bin("sluice"));
    command.arg("switch-queue").args(args).current_dir("/").env_clear();
    command.env("KUBECONFIG", p.layout().user_kubeconfig(user));
    must(Output::of(command, ""))
}

fn annotate(p: &Ground, user: &str, namespace: &str, pod: &str, queue: &str) -> Output {
    let annotation = format!("platform-go/switch-queue={queue}");
    kubectl(p, user, &["-n", namespace, "annotate", "--overwrite", "pod", pod, &annotation])
}

fn queue_of(p: &Ground, namespace: &str, pod: &str) -> String {
    label(&get(p, namespace, &format!("pod/{pod}")), "queue-name").to_owned()
}

fn starts_at(p: &Ground, namespace: &str, pod: &str) -> Value {
    get(p, namespace, &format!("pod/{pod}"))["metadata"]["annotations"]["platform-go/starts-at"].clone()
}

#[test]
fn a_pod_that_waits_says_until_when_and_runs_as_soon_as_it_is_moved() {
    let p = shared();
    own_queue(&p, "mover", json!({}));
    set_windows(&p, "mover", far(), true);
    let manifest = in_queue("mover", "patient", "mover");
    ok(create(&p, "alice", &manifest));
    waits(&p, "mover", "patient");
    eventually("the Pod to say when it starts", || {
        (starts_at(&p, "mover", "patient") == "2099-03-02T08:00:00Z").then_some(())
    });
    let says = told(&p, "mover", "patient", "WaitsForQueue");
    assert!(
        says.starts_with(
            "pod mover/patient waits: queue mover is closed until Mon 2099-03-02 09:00 Europe/Berlin (UTC+01:00)"
        ),
        "{says}"
    );
    let of_deployment = json!({"metadata": {"labels": {"platform-go/queue-name": "mover"}}});
    ok(create(&p, "alice", workload("Deployment", "mover", "crowd", of_deployment)));
    let set = eventually("the ReplicaSet", || list(&p, "mover", "replicasets", "app=crowd").pop());
    let says = told(&p, "mover", set["metadata"]["name"].as_str().expect("a name"), "WaitsForQueue");
    assert!(says.contains(", 1 Pod waits: queue mover is closed until "), "{says}");

    let later = json!([{"from": "2099-03-04T08:00:00Z", "until": "2099-03-05T08:00:00Z"}]);
    set_windows(&p, "mover", later, true);
    eventually("what it says to be kept true", || {
        (starts_at(&p, "mover", "patient") == "2099-03-04T08:00:00Z").then_some(())
    });

    let moved = ok(switch(&p, "alice", &["patient", "default", "-n", "mover"]));
    assert!(moved.starts_with("pod mover/patient: mover → default"), "{moved}");
    let runs = running(&p, "mover", "app=patient", 1).remove(0);
    assert_eq!((label(&runs, "queue-name"), label(&runs, "preemptible")), ("default", "true"));
    assert_eq!(starts_at(&p, "mover", "patient"), Value::Null);
    let again = apply(&p, "alice", &manifest);
    assert_warned(
        &again,
        "the Pod stays in queue default; to move it, write its annotation platform-go/switch-queue: mover",
    );
    ok(again);
    let now = get(&p, "mover", "pod/patient");
    assert_eq!((&now["metadata"]["uid"], label(&now, "queue-name")), (&runs["metadata"]["uid"], "default"));
}

#[test]
fn a_pod_that_is_moved_before_its_window_ends_never_stops() {
    with_policy(&[("policy.grace.planWindow", "3s")], |p| {
        own_queue(p, "leaving", json!({}));
        for name in ["stays", "goes"] {
            let mut pod = in_queue("leaving", name, "leaving");
            pod["spec"]["terminationGracePeriodSeconds"] = json!(1);
            ok(create(p, "alice", pod));
        }
        let stays = running(p, "leaving", "app=stays", 1).remove(0)["metadata"]["uid"].clone();
        running(p, "leaving", "app=goes", 1);
        let closes = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(15);
        set_plan_windows(p, "leaving", json!([{"from": "2020-01-01T00:00:00Z", "until": closes.to_string()}]));
        told(p, "leaving", "stays", "WindowCloses");
        ok(annotate(p, "alice", "leaving", "stays", "default"));
        assert_eq!(queue_of(p, "leaving", "stays"), "default");
        told(p, "leaving", "stays", "WindowStays");
        eventually("the end of the Pod that stayed in the queue", || {
            find(p, "leaving", "pod/goes").is_none().then_some(())
        });
        let now = running(p, "leaving", "app=stays", 1).remove(0);
        assert_eq!((&now["metadata"]["uid"], &now["metadata"]["deletionTimestamp"]), (&stays, &Value::Null));
        let annotations = now["metadata"]["annotations"].as_object().expect("annotations");
        assert!(!annotations.contains_key("platform-go/window-closes-at"), "{annotations:?}");
        let back = annotate(p, "alice", "leaving", "stays", "leaving");
        assert_denied(&back, &[("plan-window", "a Pod that runs moves only to an open queue")]);
        assert_eq!(queue_of(p, "leaving", "stays"), "default");
    });
}

#[test]
fn who_may_not_move_a_pod_reads_why() {
    let p = shared();
    own_queue(&p, "movers", json!({}));
    project_with_bob(&p, "moving", json!({"plan": "movers"}));
    ok(create(&p, "alice", in_queue("moving", "alices", "movers")));
    ok(create(&p, "bob", in_queue("moving", "bobs", "movers")));
    let unbound = annotate(&p, "bob", "moving", "bobs", "night");
    assert_denied(&unbound, &[("queue", "asked queue night; plan movers of project moving allows default, movers")]);
    let refused = annotate(&p, "bob", "moving", "alices", "default");
    assert_denied(&refused, &[("project", "alice")]);
    let refused = switch(&p, "bob", &["alices", "default", "-n", "moving"]);
    assert_eq!(refused.code, 1, "{}{}", refused.stdout, refused.stderr);
    let nobody = switch(&p, "bob", &["nobody", "default", "-n", "moving"]);
    assert!(nobody.code == 3 && nobody.stderr.contains("there is no Pod nobody"), "{}", nobody.stderr);
    // A Manager moves everybody's; who writes the label itself is told how.
    let moved: Value =
        serde_json::from_str(&ok(switch(&p, "alice", &["pod/bobs", "default", "-n", "moving", "-o", "json"])))
            .expect("JSON");
    assert_eq!((&moved["from"], &moved["to"]), (&json!("movers"), &json!("default")));
    let args = ["-n", "moving", "label", "--overwrite", "pod", "bobs", "platform-go/queue-name=movers"];
    let relabelled = kubectl(&p, "bob", &args);
    assert_warned(&relabelled, "to move it, write its annotation platform-go/switch-queue: movers");
    ok(relabelled);
    assert_eq!(queue_of(&p, "moving", "bobs"), "default");
}
