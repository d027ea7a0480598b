//! From facts to lines.

use cluster::world::pod::Pod;
use policy_engine::daemons::plan_window::Plan as Gate;
use policy_engine::ledger::Amounts;
use policy_engine::policy::Policy;
use records::review::{Concern, Subject};
use serde_json::{Value, json};
use store::{Concerned, Denied, Entry, Refusal};

use super::*;

mod organisation;

use organisation::{at, once, policy};

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

const NOW: &str = "2026-11-23T10:00:00Z";

fn queues(policy: &Policy) -> Queues<'_> {
    Queues { policy, project: policy.records().projects.values().next(), now: at(NOW) }
}

/// The state, and each reason with what to do.
fn said(pod: &Pod, facts: PodFacts) -> (String, Vec<(Concern, String, String)>) {
    said_of(&policy(None, None), pod, facts)
}

fn said_of(policy: &Policy, pod: &Pod, facts: PodFacts) -> (String, Vec<(Concern, String, String)>) {
    let (state, reasons) = super::pod(pod, facts, &queues(policy));
    let line = |it: Reason| (it.concern, it.says, it.what_to_do.unwrap_or_default());
    (state, reasons.into_iter().map(line).collect())
}

fn line(concern: Concern, says: &str, what_to_do: &str) -> (Concern, String, String) {
    (concern, says.to_owned(), what_to_do.to_owned())
}

#[test]
fn a_gated_pod_is_told_which_gate_until_when_and_what_it_lacks() {
    let opens = policy(once(2026), None);
    let closed = || PodFacts { gate: Some(Gate::default()), ..PodFacts::default() };
    let says = "queue night is closed until Mon 2026-11-23 19:00 UTC, by the windows of plan gold";
    let expected = vec![line(Concern::Gate, says, "wait until then")];
    assert_eq!(said_of(&opens, &gated(), closed()), ("it waits behind a gate".to_owned(), expected));
    let to_default = queues(&opens).to_default("train", "night", None);
    let (_, lines) = said_of(&opens, &gated(), PodFacts { to_default, ..closed() });
    assert_eq!(lines[0].2, "wait until then, or move it: sluice switch-queue train default");
    let full = vec!["asked 1 GPU; project llm uses 4, of 4 in all; wait for 1 to become free".to_owned()];
    let open = PodFacts { gate: Some(Gate::default()), full, ..PodFacts::default() };
    let (_, lines) = said(&gated(), open);
    assert_eq!(
        lines[1],
        line(Concern::Quota, "asked 1 GPU; project llm uses 4, of 4 in all", "wait for 1 to become free")
    );
    assert!(lines[0].1.starts_with("queue night is open, and it starts once there is room"), "{lines:?}");
    let over = said_of(&policy(once(2025), None), &gated(), closed()).1;
    let says = "queue night is closed and does not open again, by the windows of plan gold: it waits in vain";
    assert_eq!(over, [line(Concern::Gate, says, "ask an admin for a window")]);
    let ended = said_of(&policy(None, Some("2026-11-23T09:00:00Z")), &gated(), closed()).1;
    let says = "plan gold of project llm ended Mon 2026-11-23 09:00 UTC: it waits in vain";
    assert_eq!(ended, [line(Concern::Gate, says, "ask an admin for a plan")]);
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
    let plain = policy(None, None);
    let evicted = read(json!({"metadata": {"annotations": {"platform-go/eviction-reason": "Plan window expired"},
        "deletionTimestamp": NOW}}));
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
        let reasons = journaled(std::slice::from_ref(entry), uid, is_gone, &queues(&plain)).into_iter();
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
    let opens = policy(once(2026), None);
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
    let gone = journaled(entries, "first", true, &queues(&opens));
    assert_eq!(gone.iter().map(|it| (it.concern, it.says.as_str())).collect::<Vec<_>>(), [(Concern::Stopped, says)]);
    let again =
        |policy: &Policy| journaled(entries, "first", true, &queues(policy)).remove(0).what_to_do.expect("what to do");
    let or_default = "; or create it in queue default";
    let starts = "create it again, and it starts when the queue opens, at 2026-11-23T19:00:00Z";
    assert_eq!(again(&opens), format!("{starts}{or_default}"));
    let never = "queue night is closed and does not open again, by the windows of plan gold: ask an admin for a window";
    assert_eq!(again(&policy(once(2025), None)), format!("{never}{or_default}"));
    // Without a plan in force nothing is granted in default either.
    let ended = "plan gold of project llm ended Mon 2026-11-23 09:00 UTC, so that queue night takes no pods: ask an admin for a plan";
    assert_eq!(again(&policy(None, Some("2026-11-23T09:00:00Z"))), ended);
    assert_eq!(journaled(entries, "second", true, &queues(&opens)), [], "another Pod");
    assert_eq!(journaled(entries, "first", false, &queues(&opens)), [], "one that is there says it by its annotations");

    let before = |entry: &Entry, now: &str| {
        let queues = Queues { now: at(now), ..queues(&opens) };
        before_it(std::slice::from_ref(entry), "owl-0", "second", &queues).map(|it| it.says)
    };
    assert_eq!(before(&stopped, "2026-11-24T10:00:00Z"), Some(format!("of the pod of this name before it: {says}")));
    assert_eq!(before(&stopped, "2026-12-24T10:00:00Z"), None, "nobody asks about that any more");
    assert_eq!(before_it(entries, "owl-0", "first", &queues(&opens)), None, "it is that one");
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
    let counts = |made_at: Option<&str>, now: &str| {
        still_counts(&refusal, There::Workload { made_at: made_at.map(at) }, at(now))
    };
    assert!(counts(None, NOW) && counts(Some("2026-11-23T09:58:00Z"), NOW));
    assert!(!counts(Some("2026-11-23T09:59:30Z"), NOW), "another of its name was refused");
    assert!(!counts(None, "2026-11-23T11:00:00Z"), "nobody tries it again");
    assert!(!still_counts(&refusal, There::Itself, at(NOW)) && still_counts(&refusal, There::Not, at(NOW)));
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

#[test]
fn what_the_daemon_says_of_a_pod_for_which_it_makes_no_room_stands_instead_of_advice_to_wait() {
    let nowhere = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/8 nodes are available"}]});
    let pod = read(json!({"status": nowhere}));
    let event = |why: &str| format!("nobody is evicted for pod llm/train: {why}");
    let lines = |why: &str| {
        let facts = PodFacts { no_room: no_room(Some(&event(why)), "llm", "train"), ..PodFacts::default() };
        said(&pod, facts).1
    };
    let selector = "no pod that may be evicted would make room for it: 8 nodes without the labels of its node selector";
    let do_it = "waiting does not help: change what it asks of a node, or ask an admin for one that has it";
    let scheduler = line(Concern::Device, "the scheduler finds no node: 0/8 nodes are available", "");
    let said_of = |why: &str, do_it: &str| {
        vec![scheduler.clone(), line(Concern::Device, &format!("nobody is evicted for it: {why}"), do_it)]
    };
    assert_eq!(lines(selector), said_of(selector, do_it));
    let gang = "Job train needs 6 pods together, and 3 of them run or wait for room";
    let do_it = "waiting does not help unless its workload makes the others: have it make as many, or write a smaller platform-go/gang";
    assert_eq!(lines(gang), said_of(gang, do_it));
    let kept = "no pod that may be evicted would make room for it: 1 node held by pods that may not be evicted for it";
    let do_it = "wait for what those have to become free, or ask for less or another model";
    assert_eq!(lines(kept), said_of(kept, do_it));
    let scheduler_says = "it would not run for all that; the scheduler says: 0/8 nodes are available: no volume; none";
    let do_it = "waiting does not help until that is mended: look at what the scheduler names";
    assert_eq!(lines(scheduler_says), said_of(scheduler_says, do_it));
    assert_eq!(no_room(Some(&event(kept)), "llm", "another"), None, "it is about another pod");
}

#[test]
fn a_pod_that_a_budget_holds_up_is_not_said_to_be_evicted() {
    let plain = policy(None, None);
    let annotations =
        json!({"platform-go/eviction-reason": "Plan window expired", "platform-go/window-closes-at": NOW});
    let pod = read(
        json!({"metadata": {"annotations": annotations}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}),
    );
    let says = "it is to be evicted: Plan window expired: held up by a PodDisruptionBudget, and it is deleted at \
                2026-11-23T10:15:00Z whatever that says";
    assert_eq!(said(&pod, PodFacts::default()).1, [line(Concern::Budget, says, "save your work")]);
    let victim = json!({"uid": "v", "pod": {"namespace": "llm", "name": "v"}, "queue": "batch", "budget": "llm/b",
        "because": {"lower": {"queue": "batch", "priority": 1, "than": "urgent", "thanPriority": 2}}});
    let entry = Entry {
        id: "1".to_owned(),
        daemon: "preemption".to_owned(),
        subjects: Vec::new(),
        objects: vec![Concerned { uid: "v".to_owned(), namespace: "llm".to_owned(), name: "v".to_owned() }],
        plan: json!({"place": 0, "placements": [], "victims": [victim], "hold": [], "spared": []}),
        state: Value::Null,
        begun_at: at(NOW),
        ended_at: None,
        outcome: None,
    };
    let says = "it is to be evicted for another pod: preemption 1, begun at 2026-11-23T10:00:00Z: held up by the PodDisruptionBudget \
                llm/b, and deleted at 2026-11-23T10:10:00Z whatever that says";
    let [reason] = &journaled(std::slice::from_ref(&entry), "v", false, &queues(&plain))[..] else {
        panic!("one reason")
    };
    assert_eq!((reason.concern, reason.says.as_str()), (Concern::Budget, says));
    let mut before = entry;
    before.plan["victims"][0]["askedSince"] = "2026-11-23T09:55:00Z".into();
    let [reason] = &journaled(&[before], "v", false, &queues(&plain))[..] else { panic!("one reason") };
    assert!(reason.says.ends_with("deleted at 2026-11-23T10:05:00Z whatever that says"), "{}", reason.says);
}

#[test]
fn a_running_pod_is_told_when_it_is_evicted_and_that_its_plan_is_over() {
    let annotations = json!({"platform-go/window-closes-at": "2026-11-23T10:10:00Z"});
    let pod = read(
        json!({"metadata": {"annotations": annotations}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}),
    );
    let says = "it runs; its queue night closes at 2026-11-23T10:10:00Z, and it is evicted at 2026-11-23T10:15:00Z";
    let do_it = "save your work, or move it, and it goes on: sluice switch-queue train default";
    assert_eq!(said(&pod, PodFacts::default()), ("it runs".to_owned(), vec![line(Concern::Closes, says, do_it)]));
    let (_, lines) = said_of(&policy(None, Some("2026-11-23T09:00:00Z")), &pod, PodFacts::default());
    assert!(
        lines[0].1.starts_with("it runs; plan gold of project llm ended Mon 2026-11-23 09:00 UTC; its queue"),
        "{lines:?}"
    );
}

#[test]
fn a_workload_that_was_switched_is_told_where_and_which_of_its_pods_stay() {
    let says = |policy: &Policy, queue: &str, asked: Option<&str>, stay| {
        let reasons = queues(policy).switched("deployment/web", queue, asked, stay).into_iter();
        reasons.map(|it| (it.says, it.what_to_do.unwrap_or_default())).collect::<Vec<_>>()
    };
    let of = |says: &str, do_it: &str| (says.to_owned(), do_it.to_owned());
    let open = policy(None, None);
    assert_eq!(says(&open, "night", None, 0), [of("it was switched to queue night, and its pods go there", "")]);
    let gone = of(
        "it was switched to queue s1-q2, which does not exist",
        "switch it: sluice switch-queue deployment/web QUEUE",
    );
    assert_eq!(says(&open, "s1-q2", None, 0), [gone]);
    let template = of(
        "its pod template asks queue default, which does not count while it is switched to night",
        "to let the template say: kubectl annotate deployment/web platform-go/switch-queue-",
    );
    assert_eq!(says(&open, "night", Some("default"), 0)[1], template);
    let stay = of(
        "it was switched to queue night: queue night is closed until Mon 2026-11-23 19:00 UTC, by the windows of plan gold; 2 of its pods stay in their queue until it opens",
        "wait until then, or switch it to one that is open: sluice switch-queue deployment/web QUEUE",
    );
    assert_eq!(says(&policy(once(2026), None), "night", None, 2), [stay]);
}

#[test]
fn default_is_offered_to_who_fits_there_and_is_not_there() {
    let ended = policy(None, Some("2026-11-23T09:00:00Z"));
    let asked = |milli_gpu| Amounts { milli_gpu, ..Amounts::NOTHING };
    let offered = |policy: &Policy, queue: &str, milli_gpu| {
        queues(policy).to_default("train", queue, Some(&asked(milli_gpu))).is_some()
    };
    assert!(offered(&ended, "night", 0));
    assert!(!offered(&ended, "night", 1000), "without a plan in force there is no GPU");
    assert!(offered(&policy(once(2026), None), "night", 1000));
    assert!(!offered(&policy(once(2026), None), "default", 0), "it is there");
}
