//! From facts to lines.

use cluster::world::pod::Pod;
use policy_engine::daemons::common::{PodName, Seen};
use policy_engine::daemons::plan_window::{InVain, Plan as Gate, Spared};
use records::review::{Concern, Subject};
use serde_json::{Value, json};
use store::{Concerned, Denied, Entry, Refusal};

use super::*;

fn read(changed: Value) -> Pod {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "llm", "name": "train", "uid": "u", "labels": {"platform-go/queue-name": "night"}},
        "spec": {"containers": [{"name": "main", "image": "x"}]}, "status": {"phase": "Pending"},
    });
    json_patch::merge(&mut pod, &changed);
    serde_json::from_value(pod).expect("a Pod")
}

fn gated() -> Pod {
    read(json!({"spec": {"schedulingGates": [{"name": "platform-go/plan-window"}]}}))
}

/// The state, and each reason with what to do.
fn said(pod: &Pod, facts: PodFacts) -> (String, Vec<(Concern, String, String)>) {
    let (state, reasons) = super::pod(pod, facts);
    let line = |it: Reason| (it.concern, it.says, it.what_to_do.unwrap_or_default());
    (state, reasons.into_iter().map(line).collect())
}

fn line(concern: Concern, says: &str, what_to_do: &str) -> (Concern, String, String) {
    (concern, says.to_owned(), what_to_do.to_owned())
}

#[test]
fn a_gated_pod_is_told_which_gate_until_when_and_what_it_lacks() {
    let at = "2026-11-23T19:00:00Z".parse().expect("an instant");
    let closed = PodFacts { gate: Some(Gate { opens: Some(at), ..Gate::default() }), ..PodFacts::default() };
    let do_it = "wait until then, or delete it and create it in queue default";
    let expected = vec![line(Concern::Gate, "queue night is closed until 2026-11-23T19:00:00Z", do_it)];
    assert_eq!(said(&gated(), closed), ("it waits behind a gate".to_owned(), expected));
    let full = vec!["asked 1 GPU; project llm uses 4, of 4 in all; wait for 1 to become free".to_owned()];
    let open = PodFacts { gate: Some(Gate::default()), full, ..PodFacts::default() };
    let (_, lines) = said(&gated(), open);
    assert_eq!(
        lines[1],
        line(Concern::Quota, "asked 1 GPU; project llm uses 4, of 4 in all", "wait for 1 to become free")
    );
    assert!(lines[0].1.starts_with("queue night is open, and it starts once there is room"), "{lines:?}");
    let pod = PodName { namespace: "llm".to_owned(), name: "train".to_owned() };
    let seen = Seen { uid: "u".to_owned(), resource_version: "1".to_owned() };
    let spared = vec![Spared { pod, seen, because: InVain::NoPlan("llm".into()) }];
    let (_, lines) = said(&gated(), PodFacts { gate: Some(Gate { spared, ..Gate::default() }), ..PodFacts::default() });
    assert_eq!(lines[0].1, "pod llm/train waits in vain: project llm has no plan in force");
    let other = read(json!({"spec": {"schedulingGates": [{"name": "example.com/data"}]}}));
    let (_, lines) = said(&other, PodFacts::default());
    assert_eq!(lines[0].1, "it has a scheduling gate that is not the platform's");
}

#[test]
fn what_has_to_be_mended_first_comes_first() {
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}});
    let status = json!({"phase": "Pending", "containerStatuses": [{"name": "main", "image": "x", "imageID": "",
        "ready": false, "restartCount": 0, "state": waiting}]});
    let pod = read(json!({"spec": {"nodeName": "n1"}, "status": status}));
    let says = "container main: ImagePullBackOff: Back-off pulling image \"x\"";
    let do_it = "see that the image exists and that its registry lets the cluster pull it";
    assert_eq!(
        said(&pod, PodFacts::default()),
        ("its node starts it".to_owned(), vec![line(Concern::Image, says, do_it)])
    );
    let nowhere = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/4 nodes are available"}]});
    let more = vec![reason(Concern::Budget, "a budget; wait"), reason(Concern::Quota, "full; wait")];
    let (state, lines) = said(&read(json!({"status": nowhere})), PodFacts { more, ..PodFacts::default() });
    let concerns: Vec<_> = lines.iter().map(|line| line.0).collect();
    assert_eq!(
        (state.as_str(), concerns),
        ("it waits for a node", vec![Concern::Quota, Concern::Device, Concern::Budget])
    );
    assert_eq!(lines[1].1, "the scheduler finds no node: 0/4 nodes are available");
}

#[test]
fn who_stopped_it_is_said() {
    let evicted = read(json!({"metadata": {"annotations": {"platform-go/eviction-reason": "Plan window expired"}}}));
    let (_, lines) = said(&evicted, PodFacts::default());
    assert_eq!(lines.last(), Some(&line(Concern::Stopped, "it was evicted: Plan window expired", "")));
    let concerned = |uid: &str| Concerned { uid: uid.to_owned(), namespace: "llm".to_owned(), name: uid.to_owned() };
    let open = Entry {
        id: "20261123-095900-abcde".to_owned(),
        daemon: "preemption".to_owned(),
        subjects: vec![concerned("winner")],
        objects: vec![concerned("victim")],
        plan: json!({}),
        state: Value::Null,
        begun_at: "2026-11-23T09:59:00Z".parse().expect("an instant"),
        ended_at: None,
        outcome: None,
    };
    let over = Entry { ended_at: Some(open.begun_at), ..open.clone() };
    let said = |entry: &Entry, uid: &str, is_gone| {
        let reasons = journaled(std::slice::from_ref(entry), uid, is_gone).into_iter();
        reasons.map(|it| (it.concern, it.says)).collect::<Vec<_>>()
    };
    let of = |concern, says: &str| vec![(concern, says.to_owned())];
    let (id, at) = ("preemption 20261123-095900-abcde", "begun at 2026-11-23T09:59:00Z");
    assert_eq!(said(&open, "winner", false), of(Concern::Device, &format!("room is being made for it: {id}")));
    let ends = format!("it is to end for another pod: {id}, {at}");
    assert_eq!(said(&open, "victim", false), of(Concern::Stopped, &ends));
    assert_eq!(said(&over, "victim", true), of(Concern::Stopped, &format!("it ended for another pod: {id}, {at}")));
    // It was to end and did not: the preemption is over.
    assert_eq!((said(&over, "victim", false), said(&over, "winner", false)), (vec![], vec![]));
}

#[test]
fn a_pod_that_was_stopped_with_its_window_is_told_so_when_it_is_gone_and_when_it_was_made_again() {
    let owl = |uid: &str| Concerned { uid: uid.to_owned(), namespace: "llm".to_owned(), name: "owl-0".to_owned() };
    let at = |text: &str| text.parse().expect("an instant");
    let stopped = Entry {
        id: "20261123-100500-abcde".to_owned(),
        daemon: "window-close".to_owned(),
        subjects: vec![owl("first")],
        objects: vec![owl("first")],
        plan: json!({"queue": "night", "reason": "Plan window expired", "closedAt": "2026-11-23T10:00:00Z"}),
        state: Value::Null,
        begun_at: at("2026-11-23T10:05:00Z"),
        ended_at: Some(at("2026-11-23T10:05:01Z")),
        outcome: Some("evicted".to_owned()),
    };
    let says = "it was stopped at 2026-11-23T10:05:01Z: Plan window expired: its queue night was closed since 2026-11-23T10:00:00Z";
    let entries = std::slice::from_ref(&stopped);
    let gone = journaled(entries, "first", true);
    assert_eq!(gone.iter().map(|it| (it.concern, it.says.as_str())).collect::<Vec<_>>(), [(Concern::Stopped, says)]);
    assert!(gone[0].what_to_do.as_deref().expect("what to do").contains("queue default"));
    assert_eq!(journaled(entries, "second", true), [], "another Pod");
    assert_eq!(journaled(entries, "first", false), [], "one that is there says it by its annotations");

    let before =
        |entry: &Entry, now: &str| before_it(std::slice::from_ref(entry), "owl-0", "second", at(now)).map(|it| it.says);
    assert_eq!(before(&stopped, "2026-11-24T10:00:00Z"), Some(format!("of the pod of this name before it: {says}")));
    assert_eq!(before(&stopped, "2026-12-24T10:00:00Z"), None, "nobody asks about that any more");
    assert_eq!(before_it(entries, "owl-0", "first", at("2026-11-24T10:00:00Z")), None, "it is that one");
    let stays = Entry { outcome: Some("stays".to_owned()), ..stopped };
    assert_eq!(before(&stays, "2026-11-24T10:00:00Z"), None, "it was not stopped");
}

#[test]
fn a_refusal_is_said_in_the_order_of_mending() {
    let denied = |rule: &str| Denied {
        rule: rule.to_owned(),
        field: "spec".to_owned(),
        message: "asked x; only y is allowed; write y".to_owned(),
    };
    let refusal = Refusal {
        id: "1".to_owned(),
        at: "2026-11-23T09:59:00Z".parse().expect("an instant"),
        username: "bob".to_owned(),
        project: "llm".to_owned(),
        namespace: "llm".to_owned(),
        subject: "Pod/train".to_owned(),
        asked: "create Pod train".to_owned(),
        denials: ["privilege", "image", "quota"].map(denied).into(),
    };
    let lines: Vec<_> = refused(&refusal).into_iter().map(|it| (it.concern, it.says, it.what_to_do)).collect();
    let of = |concern, rule: &str| {
        (concern, format!("rule {rule}, spec: asked x; only y is allowed"), Some("write y".to_owned()))
    };
    assert_eq!(lines, [of(Concern::Quota, "quota"), of(Concern::Image, "image"), of(Concern::Rule, "privilege")]);
}

#[test]
fn what_was_to_be_made_for_a_workload_is_found_by_the_workload() {
    let made = |kind: &str, name: &str, labels: Value| {
        let owner = json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
        let pod = json!({"metadata": {"ownerReferences": owner, "labels": labels}});
        subject(Some(&pod), "Pod", "")
    };
    assert_eq!(made("ReplicaSet", "web-5d4f", json!({"pod-template-hash": "5d4f"})), "Deployment/web");
    assert_eq!(made("ReplicaSet", "own", json!({})), "ReplicaSet/own");
    assert_eq!(made("Job", "train", json!({})), "Job/train");
    assert_eq!(subject(Some(&json!({"metadata": {}})), "Deployment", "web"), "Deployment/web");
    assert_eq!(subject(None, "Pod", "gone"), of_asked(Subject::Pod, "gone"));
}

#[test]
fn a_workloads_pods_are_known_by_the_labels_of_its_controller() {
    let named = |name: &str, labels: Value| read(json!({"metadata": {"name": name, "labels": labels}}));
    let web = named("web-5d4f-x2x4z", json!({"pod-template-hash": "5d4f"}));
    assert!(is_of(&web, Subject::Deployment, "web") && is_of(&web, Subject::ReplicaSet, "web-5d4f"));
    assert!(!is_of(&web, Subject::Deployment, "web-5d4f") && !is_of(&web, Subject::Job, "web"));
    let db = named("db-0", json!({"statefulset.kubernetes.io/pod-name": "db-0", "controller-revision-hash": "db-1"}));
    assert!(is_of(&db, Subject::StatefulSet, "db") && !is_of(&db, Subject::DaemonSet, "db"));
    let job = named("train-x", json!({"batch.kubernetes.io/job-name": "train"}));
    assert!(is_of(&job, Subject::Job, "train") && !is_of(&job, Subject::Job, "tra"));
    let nightly = named("nightly-29412345-x", json!({"batch.kubernetes.io/job-name": "nightly-29412345"}));
    assert!(is_of(&nightly, Subject::CronJob, "nightly") && !is_of(&nightly, Subject::CronJob, "night"));
    assert!(!is_of(&job, Subject::CronJob, "train"));
}
