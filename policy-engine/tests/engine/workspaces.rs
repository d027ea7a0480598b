//! Workspaces: what their Pods will be refused, they are refused.

use std::sync::LazyLock;

use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::policy::rule_id::RuleId;
use policy_engine::submission::Requester;
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::workspace::{self, Defaults, Workspace};
use policy_engine::{Act, Decision, Facts, Submission, admit};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::apply::apply;
use crate::support::judge::{creation, judge, some_monday};
use crate::support::policies::sample_organisation;

/// Trusted, as the daemon that makes the Pods is.
const CONTROLLER: &str = "system:serviceaccount:sluice-system:sluice-workspaces";

static SAMPLE: LazyLock<Policy> = LazyLock::new(|| {
    let mut records = sample_organisation();
    records.platform.trusted_controllers.insert(CONTROLLER.into());
    records.into()
});

fn workspace(spec: Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Workspace", "metadata": {"name": "nb", "namespace": "llm-finetune"}, "spec": spec})
}

fn submission<'a>(object: &'a Value, old: Option<&'a Value>, namespace: &'a str, username: &'a str) -> Submission<'a> {
    Submission {
        act: if old.is_some() { Act::Update } else { Act::Create },
        resource: GroupResource::new("sluice.dev", "workspaces"),
        subresource: "",
        kind: "Workspace",
        namespace,
        name: "nb",
        requester: Requester { username, groups: &[] },
        object: Some(object),
        old,
    }
}

fn created(spec: Value, username: &str) -> (Decision, Value) {
    let object = workspace(spec);
    let decision = judge(&submission(&object, None, "llm-finetune", username), &SAMPLE);
    let stored = apply(&decision.mutations, &object);
    (decision, stored)
}

fn denials(decision: &Decision) -> Vec<(RuleId, &str)> {
    decision.denials.iter().map(|denial| (denial.rule, denial.field.as_str())).collect()
}

#[test]
fn every_reason_is_said_at_once_and_of_the_workspaces_own_fields() {
    let gpu = json!({"model": "rtx-5090", "count": 9});
    let (decision, _) =
        created(json!({"type": "jupyter", "image": "evil.example.org/x:1", "queue": "night", "gpu": gpu}), "bob");
    let expected = [(RuleId::Queue, "spec.queue"), (RuleId::Image, "spec.image"), (RuleId::GpuModel, "spec.gpu.model")];
    assert_eq!(denials(&decision), expected, "{decision}");
}

#[test]
fn who_makes_it_is_written_on_the_workspace_and_nothing_of_its_pod_is() {
    let (decision, stored) = created(json!({"type": "jupyter", "image": "nginx"}), "bob");
    assert!(decision.allowed(), "{decision}");
    let metadata = json!({
        "name": "nb", "namespace": "llm-finetune", "labels": {"platform-go/user-id": "bob"}, "annotations": {"platform-go/made-by": "bob"},
    });
    assert_eq!(stored["metadata"], metadata);
    assert_eq!(stored["spec"], json!({"type": "jupyter", "image": "nginx"}));
    let validated = judge(&submission(&stored, None, "llm-finetune", "bob"), &SAMPLE);
    assert!(validated.allowed() && validated.mutations.is_empty(), "{validated:?}");
}

#[test]
fn one_that_is_stopped_is_not_judged_as_a_pod_until_it_is_to_run() {
    let spec = |running: bool| json!({"type": "jupyter", "image": "evil.example.org/x:1", "running": running});
    let (decision, stopped) = created(spec(false), "bob");
    assert!(decision.allowed(), "{decision}");
    let mut runs = stopped.clone();
    runs["spec"] = spec(true);
    let decision = judge(&submission(&runs, Some(&stopped), "llm-finetune", "bob"), &SAMPLE);
    assert_eq!(denials(&decision), [(RuleId::Image, "spec.image")]);
}

#[test]
fn who_stops_it_is_named_until_it_runs_again() {
    let because = |object: &Value| object["metadata"]["annotations"]["platform-go/stopped-because"].clone();
    let (_, runs) = created(json!({"type": "jupyter", "image": "nginx"}), "bob");
    let mut stops = runs.clone();
    stops["spec"]["running"] = json!(false);
    let judged = |object: &Value, old: &Value, who: &str| {
        let decision = judge(&submission(object, Some(old), "llm-finetune", who), &SAMPLE);
        assert!(decision.allowed(), "{decision}");
        assert_eq!(decision.warnings, Vec::<String>::new());
        apply(&decision.mutations, object)
    };
    let stopped = judged(&stops, &runs, "alice");
    assert_eq!(because(&stopped), "Stopped by alice");
    // A manifest that says nothing of it does not take it away, and nobody writes another.
    for written in [json!(null), json!("by magic")] {
        let mut again = stopped.clone();
        again["metadata"]["annotations"]["platform-go/stopped-because"] = written;
        again["spec"]["shm"] = json!("1Gi");
        assert_eq!(because(&judged(&again, &stopped, "bob")), "Stopped by alice");
    }
    let mut starts = stopped.clone();
    starts["spec"]["running"] = json!(true);
    assert_eq!(because(&judged(&starts, &stopped, "bob")), json!(null));
}

#[test]
fn a_colleague_changes_none_and_a_manager_any() {
    let (_, runs) = created(json!({"type": "jupyter", "image": "nginx"}), "alice");
    let mut stops = runs.clone();
    stops["spec"]["running"] = json!(false);
    let decision = judge(&submission(&stops, Some(&runs), "llm-finetune", "bob"), &SAMPLE);
    assert_eq!(denials(&decision), [(RuleId::Project, "metadata.labels[platform-go/user-id]")]);
    assert!(decision.denials[0].message.starts_with("this Workspace is alice's"), "{decision}");
    let (_, of_bob) = created(json!({"type": "jupyter", "image": "nginx"}), "bob");
    let mut stops = of_bob.clone();
    stops["spec"]["running"] = json!(false);
    assert!(judge(&submission(&stops, Some(&of_bob), "llm-finetune", "alice"), &SAMPLE).allowed());
}

/// The API server asks nobody else once the mutating call refuses.
#[test]
fn one_that_is_refused_asks_for_room_too_where_nothing_is_said_of_that_yet() {
    let (decision, _) = created(json!({"type": "jupyter", "image": "evil.example.org/x"}), "bob");
    assert!(!decision.allowed() && decision.reservation.is_some());
    let gpu = json!({"model": "h100", "count": 9});
    let (decision, _) = created(json!({"type": "jupyter", "image": "nginx", "gpu": gpu}), "bob");
    assert_eq!(denials(&decision), [(RuleId::Quota, "spec")]);
    assert_eq!(decision.reservation, None);
}

#[test]
fn room_is_asked_for_when_it_starts_and_is_taken_by_its_pod() {
    use policy_engine::admission::decision::WithoutRoom;
    let reserved = |decision: Decision| decision.reservation.map(|it| it.without_room);
    let (decision, runs) = created(json!({"type": "jupyter", "image": "nginx", "resources": {"cpu": 2}}), "bob");
    assert_eq!(reserved(decision), Some(WithoutRoom::RefuseUncharged));
    let mut changed = runs.clone();
    changed["spec"]["resources"]["cpu"] = json!(4);
    let decision = judge(&submission(&changed, Some(&runs), "llm-finetune", "bob"), &SAMPLE);
    assert_eq!(reserved(decision), None, "its Pod is charged");
}

/// A workspace as a person writes it, which some rule may refuse.
fn any_workspace() -> impl Strategy<Value = Value> {
    let pick = |values: &'static [&'static str]| proptest::option::of(proptest::sample::select(values));
    (
        (
            proptest::sample::select(&["jupyter", "vscode", "custom"][..]),
            proptest::sample::select(&["nginx", "registry.example.com/jupyter:1", "evil.example.org/x"][..]),
            pick(&["default", "research", "batch", "night", "none"]),
            proptest::option::of(any::<bool>()),
        ),
        (
            pick(&["h100", "rtx-6000-pro", "rtx-5090", "h200"]),
            1..4u32,
            1..=100u32,
            pick(&["elastic", "hard_cap"]),
            pick(&["20Gi", "1"]),
        ),
        (pick(&["1", "64", "999"]), pick(&["1Gi", "0.5Gi", "9999Gi", "much"]), pick(&["1Gi", "none"])),
        (proptest::collection::vec(pick(&["/data", "/home", "/dev/shm"]), 0..3), proptest::option::of(1..99_999i64)),
    )
        .prop_map(
            |((type_, image, queue, root), (model, count, share, vram, pinned), (cpu, memory, shm), (paths, group))| {
                let mut spec = json!({"type": type_, "image": image, "port": 9000});
                let mut say = |key: &str, value: Option<Value>| {
                    if let Some(value) = value {
                        spec[key] = value;
                    }
                };
                say("queue", queue.map(Value::from));
                say("rootShell", root.map(Value::from));
                say("shm", shm.map(Value::from));
                say("fsGroup", group.map(Value::from));
                say(
                    "gpu",
                    model.map(|model| {
                        let mut gpu = json!({"model": model, "count": count, "smPercent": share});
                        for (key, value) in [("vramPolicy", vram), ("pinnedMemory", pinned)] {
                            if let Some(value) = value {
                                gpu[key] = json!(value);
                            }
                        }
                        gpu
                    }),
                );
                let amounts = [("cpu", cpu), ("memory", memory)]
                    .into_iter()
                    .filter_map(|(key, it)| Some((key.to_owned(), json!(it?))));
                say("resources", Some(Value::Object(amounts.collect())));
                let volumes = paths.into_iter().flatten().map(|path| json!({"claimName": "data", "mountPath": path}));
                say("volumes", Some(volumes.collect()));
                workspace(spec)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_made_of_an_admitted_workspace_is_admitted_and_of_a_refused_one_refused(
        object in any_workspace(),
        project in proptest::sample::select(&["llm-finetune", "detector", "llm-serving", "alice-personal"][..]),
        person in proptest::sample::select(&["alice", "bob", "carol"][..]),
    ) {
        let asked = submission(&object, None, project, person);
        let facts = Facts { project_id: ProjectId::new(project), ..Facts::default() };
        // What is no amount is no Pod, either way.
        let Ok(decision) = admit(&asked, &facts, &SAMPLE, some_monday()) else { return Ok(()) };
        prop_assert!(decision.mutations.iter().all(|it| !it.at.to_string().starts_with("pod")), "{:?}", decision.mutations);
        prop_assert!(!decision.to_string().contains("pod."), "{decision}");
        let of = Workspace::read(&object).expect("a workspace");
        let made = workspace::pod("nb", &of, &Defaults::default());
        prop_assert_eq!(&made, &workspace::pod("nb", &of, &Defaults::default()));
        let owner = ControllerOwner::Stamped { kind: "Workspace".into(), name: "nb".into(), user_id: Some(UserId::new(person)) };
        let facts = Facts { controller: Some(owner), ..facts };
        let by_daemon = |pod: &Value| admit(&creation(pod, project, CONTROLLER), &facts, &SAMPLE, some_monday());
        let Ok(of_pod) = by_daemon(&made) else { return Ok(()) };
        // Of both, the same rules say the same; whose workspace it is, is said once.
        let rules = |of: &Decision| of.denying_rules();
        prop_assert_eq!(rules(&decision), rules(&of_pod), "{}\n{}", decision, of_pod);
        if decision.allowed() {
            let written = apply(&of_pod.mutations, &made);
            let validated = by_daemon(&written).expect("a Pod");
            prop_assert!(validated.allowed() && validated.mutations.is_empty(), "{:?}", validated.mutations);
            prop_assert_eq!(decision.reservation.is_some(), validated.reservation.is_some(), "what waits at a gate holds nothing");
        }
    }
}
