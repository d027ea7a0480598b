use serde_json::json;

use super::audit::{Violation, audit};
use super::*;
use crate::daemons::common::Seen;
use crate::ledger::Life;
use crate::policy::Records;

const NOW: &str = "2026-11-23T10:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

fn policy() -> Policy {
    Records::default().into()
}

fn known(spec: Value) -> Known {
    Known {
        name: PodName { namespace: "lab".into(), name: "nb".into() },
        seen: Seen { uid: "w".into(), resource_version: "7".into() },
        generation: 3,
        is_ending: false,
        user_id: Some("bob".into()),
        spec: workspace::Workspace::read(&json!({ "spec": spec })),
        stopped_because: None,
        status: Map::new(),
        pod: None,
        refused: None,
    }
}

fn runs() -> Known {
    known(json!({"type": "jupyter", "image": "jupyter:1"}))
}

fn stopped() -> Known {
    known(json!({"type": "jupyter", "image": "jupyter:1", "running": false}))
}

fn pod(change: impl FnOnce(&mut PodSeen)) -> Option<PodSeen> {
    let mut pod = PodSeen {
        uid: "p".into(),
        is_own: true,
        is_ending: false,
        life: Life::Scheduled,
        waits_for_queue: false,
        starts_at: None,
        window_closes_at: None,
        unschedulable: None,
        is_ready: false,
        waits: None,
        ended: None,
        failed: None,
        queue: Some("batch".into()),
        effective_gpu: Some("0.5".into()),
        started_at: None,
        grace_seconds: 30,
    };
    change(&mut pod);
    Some(pod)
}

fn view(workspaces: Vec<Known>) -> View {
    View { own_namespace: "sluice".into(), bindings: [("lab".to_owned(), ProjectId::new("lab"))].into(), workspaces }
}

#[track_caller]
fn planned(known: Known) -> Plan {
    let view = view(vec![known]);
    let plan = plan(&view, &policy(), now());
    assert_eq!(audit(&view, &policy(), &plan), Ok(()));
    plan
}

fn said(known: &Known) -> (&'static str, &'static str, String) {
    let Said { phase, reason, message } = phase::of(known);
    (phase.as_str(), reason, message)
}

#[test]
fn one_that_is_to_run_gets_a_pod_of_its_name_once() {
    let plan = planned(runs());
    let [Action::Start { pod, service, generation: 3, .. }] = &plan.actions[..] else { panic!("{plan:?}") };
    let owners = json!([{"apiVersion": "sluice.dev/v1alpha1", "kind": "Workspace", "name": "nb", "uid": "w", "controller": true}]);
    for object in [pod, service] {
        assert_eq!((&object["metadata"]["name"], &object["metadata"]["ownerReferences"]), (&json!("nb"), &owners));
    }
    assert_eq!(planned(Known { pod: self::pod(|_| {}), ..runs() }).actions, []);
    assert_eq!(
        planned(Known { pod: self::pod(|pod| pod.is_ending = true), ..runs() }).actions,
        [],
        "the name is taken"
    );
    assert_eq!(planned(Known { is_ending: true, ..runs() }), Plan::default());
}

#[test]
fn one_that_is_not_to_run_loses_its_own_pod_and_nobody_elses() {
    let because = Some("Stopped by alice".to_owned());
    let plan = planned(Known { pod: pod(|_| {}), stopped_because: because, ..stopped() });
    let [Action::Stop { pod: uid, grace_seconds: 30, .. }] = &plan.actions[..] else { panic!("{plan:?}") };
    assert_eq!(
        (uid.as_str(), plan.actions[0].to_string()),
        ("p", "stops: ends pod lab/nb, because: Stopped by alice".to_owned())
    );
    for other in [pod(|pod| pod.is_own = false), pod(|pod| pod.is_ending = true), None] {
        assert_eq!(planned(Known { pod: other, ..stopped() }).actions, []);
    }
}

#[test]
fn where_no_project_is_nothing_is_done_or_said() {
    let view = View { bindings: [].into(), ..view(vec![runs()]) };
    assert_eq!(plan(&view, &policy(), now()), Plan::default());
    let exempt = view_of("sluice");
    assert_eq!(plan(&exempt, &policy(), now()), Plan::default());
}

fn view_of(namespace: &str) -> View {
    let name = PodName { namespace: namespace.into(), name: "nb".into() };
    let bindings = [(namespace.to_owned(), ProjectId::new("lab"))].into();
    View { bindings, ..view(vec![Known { name, ..runs() }]) }
}

#[test]
fn what_was_refused_is_tried_again_when_it_is_due() {
    let refused = |minutes: i64, is_for_room| Refused {
        message: "quota: full".into(),
        is_for_room,
        again_at: now() + jiff::SignedDuration::from_mins(minutes),
    };
    let waits = planned(Known { refused: Some(refused(1, true)), ..runs() });
    assert_eq!((waits.actions.len(), waits.again_at), (0, Some(refused(1, true).again_at)));
    assert_eq!(planned(Known { refused: Some(refused(0, true)), ..runs() }).actions.len(), 1);
    let of = |is_for_room| said(&Known { refused: Some(refused(1, is_for_room)), ..runs() });
    assert_eq!(of(true), ("Starting", "WaitsForQuota", "quota: full".to_owned()));
    assert_eq!(of(false), ("Error", "Refused", "its Pod was refused: quota: full".to_owned()));
}

#[test]
fn how_it_is_is_said_in_words() {
    let with = |change: fn(&mut PodSeen)| said(&Known { pod: pod(change), ..runs() });
    let waits = |word: &str, says: &str| Some((word.to_owned(), says.to_owned()));
    let told = [
        (said(&runs()), ("Starting", "Making", "its Pod is being made")),
        (with(|pod| pod.is_ready = true), ("Running", "Running", "it runs")),
        (with(|_| {}), ("Starting", "NotReady", "its server does not answer yet")),
        (
            with(|pod| pod.is_own = false),
            (
                "Error",
                "NameTaken",
                "a Pod nb that is not this workspace's stands in its way; delete that Pod, or give the workspace another name",
            ),
        ),
        (
            with(|pod| {
                (pod.life, pod.unschedulable) =
                    (Life::Waiting, Some("0/4 nodes are available: 4 Insufficient cpu. preemption: none.".into()))
            }),
            (
                "Starting",
                "WaitsForNode",
                "no node fits now: 0/4 nodes are available: 4 Insufficient cpu; wait, or ask for less",
            ),
        ),
        (
            with(|pod| (pod.life, pod.waits_for_queue, pod.starts_at) = (Life::Gated, true, Some("20:00".into()))),
            (
                "Starting",
                "WaitsForWindow",
                "queue batch is closed until 20:00; wait, or run: sluice switch-queue workspace/nb default",
            ),
        ),
        (
            said(&Known { pod: pod(|pod| pod.waits = waits("ImagePullBackOff", "not found")), ..runs() }),
            (
                "Error",
                "ImageNotPulled",
                "image jupyter:1 cannot be pulled: not found; correct spec.image, or name a Secret in spec.imagePullSecrets",
            ),
        ),
        (
            said(&Known {
                pod: pod(|pod| {
                    (pod.waits, pod.ended) = (waits("CrashLoopBackOff", "back-off"), Some((1, "no such module".into())))
                }),
                ..runs()
            }),
            (
                "Error",
                "CrashLoop",
                "it ends again and again: exit code 1: no such module; correct the workspace, then stop it and start it again",
            ),
        ),
        (
            with(|pod| (pod.life, pod.failed) = (Life::Finished, Some("Evicted: The node was low on memory".into()))),
            (
                "Error",
                "PodFailed",
                "its Pod has ended: Evicted: The node was low on memory; stop the workspace and start it again",
            ),
        ),
        (
            said(&Known { stopped_because: Some("Plan window expired".into()), ..stopped() }),
            ("Stopped", "Stopped", "Plan window expired"),
        ),
        (
            said(&Known { pod: pod(|_| {}), stopped_because: Some("Stopped by bob".into()), ..stopped() }),
            ("Stopping", "Stopping", "Stopped by bob"),
        ),
        (
            said(&known(json!({"type": "jupyter"}))),
            ("Error", "Unreadable", "spec: missing field `image`; correct the workspace"),
        ),
    ];
    for (said, (phase, reason, message)) in told {
        assert_eq!(said, (phase, reason, message.to_owned()));
    }
}

#[test]
fn what_is_said_already_is_not_said_again_and_since_when_stays() {
    let first = planned(Known { pod: pod(|pod| pod.is_ready = true), ..runs() });
    let [Report { status, .. }] = &first.reports[..] else { panic!("{first:?}") };
    assert_eq!(
        (&status["queue"], &status["effectiveGpu"], &status["podName"]),
        (&json!("batch"), &json!("0.5"), &json!("nb"))
    );
    let condition = &status["conditions"][0];
    assert_eq!((&condition["status"], &condition["observedGeneration"]), (&json!("True"), &json!(3)));
    let mut later = Known { pod: pod(|pod| pod.is_ready = true), status: status.clone(), ..runs() };
    later.status.insert("lastActivity".into(), json!({"at": NOW, "signal": "kernel"}));
    let view = view(vec![later.clone()]);
    assert_eq!(plan(&view, &policy(), now() + jiff::SignedDuration::from_hours(1)).reports, []);
    // What went away is taken away.
    let gone = planned(Known { pod: None, status: later.status, ..stopped() });
    assert_eq!(gone.reports[0].status.get("podName"), None);
    assert_eq!(gone.reports[0].status["conditions"][0]["status"], "False");
}

#[test]
fn the_audit_stops_what_the_plan_must_not_do() {
    let start = planned(runs());
    let stop = planned(Known { pod: pod(|_| {}), ..stopped() });
    let judged = |known: Known, plan: &Plan| audit(&view(vec![known]), &policy(), plan).expect_err("a violation");
    assert!(matches!(judged(stopped(), &start), Violation::Unasked(_)));
    assert!(matches!(judged(Known { pod: pod(|_| {}), ..runs() }, &start), Violation::Unasked(_)));
    assert!(matches!(judged(Known { pod: pod(|_| {}), ..runs() }, &stop), Violation::Ends(_)));
    assert!(matches!(judged(Known { pod: pod(|pod| pod.is_own = false), ..stopped() }, &stop), Violation::Ends(_)));
    let twice = Plan { actions: [start.actions.clone(), start.actions.clone()].concat(), ..Plan::default() };
    assert!(matches!(judged(runs(), &twice), Violation::Unseen(_)));
    let nowhere = View { bindings: [].into(), ..view(vec![runs()]) };
    assert!(matches!(audit(&nowhere, &policy(), &start), Err(Violation::Ungoverned(_))));
    let mut others = start.clone();
    if let Action::Start { pod, .. } = &mut others.actions[0] {
        pod["metadata"]["ownerReferences"][0]["uid"] = json!("x");
    }
    assert!(matches!(judged(runs(), &others), Violation::NotIts(_)));
}
