//! Pods, and workloads with their Pods, that move to another queue while they live.

use std::process::Command;

use e2e::fleet::{asks, fleet};
use e2e::manifest::{with, workload};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::windows::{far, in_queue, own_queue, set_plan_windows, set_windows, told, waits};
use e2e::{
    apply, create, eventually, find, get, kubectl, label, list, must, ok, project_with_bob, running, shared, sluice,
    with_policy, within,
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

/// Annotates a workload.
fn annotate_all(p: &Ground, user: &str, namespace: &str, workload: &str, annotation: &str) -> Output {
    kubectl(p, user, &["-n", namespace, "annotate", "--overwrite", workload, annotation])
}

/// How many Pods of a queue run, and how much GPU they have, as the queue's record says.
fn runs_in(p: &Ground, queue: &str) -> (Value, Value) {
    let status = &get(p, "", &format!("platformqueue/{queue}"))["status"];
    (status["running"].clone(), status["gpuUsed"].clone())
}

/// The UIDs of Pods, in order.
fn uids(pods: &[Value]) -> Vec<String> {
    let mut uids: Vec<_> = pods.iter().map(|pod| pod["metadata"]["uid"].to_string()).collect();
    uids.sort();
    uids
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

#[test]
fn a_deployment_is_moved_with_its_pods_and_those_to_come_and_nothing_restarts() {
    let p = shared();
    fleet(&p, "moved", 3);
    let deployment = workload("Deployment", "moved", "web", asks("moved", "low", 1));
    ok(create(&p, "alice", with(deployment, json!({"spec": {"replicas": 2}}))));
    let before = running(&p, "moved", "app=web", 2);
    let template = get(&p, "moved", "deployment/web")["spec"]["template"].clone();
    within(20, "two Pods to run in the queue that the template names", || {
        (runs_in(&p, "moved-low") == (json!(2), json!("2"))).then_some(())
    });

    let refused = annotate_all(&p, "bob", "moved", "deployment/web", "platform-go/switch-queue=moved-high");
    assert_denied(&refused, &[("project", "alice")]);
    let unbound = annotate_all(&p, "alice", "moved", "deployment/web", "platform-go/switch-queue=night");
    assert_denied(&unbound, &[("queue", "asked queue night; plan moved of project moved allows default, ")]);
    let lost = switch(&p, "alice", &["deployment/lost", "moved-high", "-n", "moved"]);
    assert!(lost.code == 3 && lost.stderr.contains("there is no Deployment lost"), "{}", lost.stderr);

    let args = ["deployment/web", "moved-high", "-n", "moved", "-o", "json"];
    let said: Value = serde_json::from_str(&ok(switch(&p, "alice", &args))).expect("JSON");
    let moved = said["pods"].as_array().expect("its Pods");
    assert_eq!(moved.len(), 2, "{said}");
    for pod in moved {
        assert_eq!((&pod["from"], &pod["to"]), (&json!("moved-low"), &json!("moved-high")), "{said}");
    }
    let after = running(&p, "moved", "app=web", 2);
    assert_eq!(uids(&after), uids(&before), "nothing restarts");
    for pod in &after {
        assert_eq!((label(pod, "queue-name"), label(pod, "preemptible")), ("moved-high", "true"));
    }
    within(20, "both to count in the new queue", || {
        let both = (runs_in(&p, "moved-low"), runs_in(&p, "moved-high"));
        (both == ((json!(0), json!("0")), (json!(2), json!("2")))).then_some(())
    });
    let url = p.layout().database_url();
    within(20, "the ledger to count hours of the new queue", || {
        let usage = ok(sluice(&p, &["usage", "--project=moved", "-o=json", "--database-url", &url], ""));
        usage.contains("\"moved-high\"").then_some(())
    });

    ok(kubectl(&p, "alice", &["-n", "moved", "scale", "deployment/web", "--replicas=3"]));
    let three = running(&p, "moved", "app=web", 3);
    assert!(three.iter().all(|pod| label(pod, "queue-name") == "moved-high"), "{three:?}");
    let third = three.iter().find(|pod| !uids(&before).contains(&pod["metadata"]["uid"].to_string())).expect("a third");
    assert_eq!(third["spec"]["priorityClassName"], "platform-go-moved-high");
    assert_eq!(get(&p, "moved", "deployment/web")["spec"]["template"], template, "the template is not touched");
    assert_eq!(list(&p, "moved", "replicasets", "app=web").len(), 1, "nothing rolls out");

    // Without the annotation, Pods to come follow the template, and those that there are stay.
    ok(annotate_all(&p, "alice", "moved", "deployment/web", "platform-go/switch-queue-"));
    assert_eq!(get(&p, "moved", "deployment/web")["metadata"]["labels"]["platform-go/moved-to"], Value::Null);
    let name = third["metadata"]["name"].as_str().expect("a name");
    ok(kubectl(&p, "alice", &["-n", "moved", "delete", "pod", name]));
    eventually("its successor in the queue of the template", || {
        let pods = list(&p, "moved", "pods", "app=web");
        let made: Vec<_> =
            pods.iter().filter(|pod| !uids(&three).contains(&pod["metadata"]["uid"].to_string())).collect();
        (made.len() == 1 && label(made[0], "queue-name") == "moved-low").then_some(())
    });
    let stay = list(&p, "moved", "pods", "app=web").into_iter().filter(|pod| label(pod, "queue-name") == "moved-high");
    assert_eq!(uids(&stay.collect::<Vec<_>>()), uids(&before));
}

#[test]
fn pods_that_run_stay_out_of_a_closed_queue_and_are_told_and_follow_when_it_opens() {
    let p = shared();
    own_queue(&p, "moved-late", json!({}));
    set_windows(&p, "moved-late", far(), true);
    ok(create(&p, "alice", workload("StatefulSet", "moved-late", "set", json!({}))));
    let before = running(&p, "moved-late", "app=set", 1);
    let moved = annotate_all(&p, "alice", "moved-late", "statefulset/set", "platform-go/switch-queue=moved-late");
    assert_warned(&moved, "Pods that run stay in their queue until it opens, and move then");
    ok(moved);
    let says = told(&p, "moved-late", "set-0", "QueueNotSwitched");
    let why = "pod moved-late/set-0 stays in queue default, though StatefulSet moved-late/set was moved to moved-late: queue \
               moved-late is closed until ";
    assert!(says.starts_with(why), "{says}");
    let says = told(&p, "moved-late", "set", "QueueNotSwitched");
    assert!(says.contains("1 Pod stays where it is: set-0: queue moved-late is closed until "), "{says}");
    assert_eq!(queue_of(&p, "moved-late", "set-0"), "default");
    set_windows(&p, "moved-late", json!([]), false);
    eventually("the Pod to follow", || (queue_of(&p, "moved-late", "set-0") == "moved-late").then_some(()));
    assert_eq!(uids(&running(&p, "moved-late", "app=set", 1)), uids(&before));
}
