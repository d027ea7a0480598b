use std::sync::Arc;

use policy_engine::daemons::follow::spared::NotYours;
use policy_engine::policy::ids::ProjectId;
use serde_json::json;

use super::*;
use records::convert;
use records::convert::{NO_EFFECT, RawRecords};
use records::schema::schema;

fn record(kind: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": name, "uid": format!("uid-{name}"), "generation": 3 });
    json!({ "apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn snapshot(records: Vec<Value>) -> Snapshot {
    let raw: RawRecords = records.into_iter().map(|object| RawRecord::new(object, None).expect("a record")).collect();
    let (records, problems) = convert::build(&raw);
    Snapshot { raw: Arc::new(raw), policy: Arc::new(Policy::from(records)), problems: Arc::new(problems) }
}

fn all() -> Vec<Value> {
    vec![
        record("User", "alice", &json!({ "username": "alice" })),
        record("Group", "lab", &json!({ "members": [{ "user": "alice" }] })),
        record("ResourcePlan", "half", &json!({ "quota": { "gpu": "0.5" } })),
        record("Project", "mine", &json!({ "owner": "alice", "plan": "half" })),
        record("Project", "ours", &json!({ "group": "lab", "plan": "lost" })),
        record("PlatformPolicy", "default", &json!({})),
    ]
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn nothing() -> Undone<'static> {
    static NONE: DeviceClasses = DeviceClasses::new();
    Undone { spared: &[], classes: &NONE }
}

#[test]
fn a_model_whose_device_class_does_not_exist_says_so_until_it_does() {
    let model = record("GpuModel", "h100", &json!({ "deviceClassName": "gpu.nvidia.com" }));
    let said = |classes: &DeviceClasses| {
        let found = amendments(&snapshot(vec![model.clone()]), &Undone { classes, ..nothing() }, "follow", now());
        let references = condition(&found[0].fields, "ReferencesResolved").clone();
        (references["status"].clone(), references["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = said(&DeviceClasses::new());
    assert_eq!(status, "False");
    assert!(
        message.starts_with("spec.deviceClassName: DeviceClass gpu.nvidia.com does not exist, and Pods"),
        "{message}"
    );
    let there = [("gpu.nvidia.com".to_owned(), Default::default())].into();
    assert_eq!(said(&there), (json!("True"), String::new()));
}

fn condition<'a>(fields: &'a Map<String, Value>, kind: &str) -> &'a Value {
    let found = fields["conditions"].as_array().into_iter().flatten().find(|found| found["type"] == kind);
    found.expect("each condition is always there")
}

#[test]
fn says_what_is_known_and_leaves_the_rest_to_others() {
    let snapshot = snapshot(all());
    let found = amendments(&snapshot, &nothing(), "follow", now());
    let of = |name: &str| &found.iter().find(|it| it.name == name).expect("a new record has no status").fields;
    assert_eq!(of("alice")["personalProject"], "mine");
    assert_eq!((&of("lab")["projects"], &of("lab")["members"]), (&json!(1), &json!(1)));
    assert_eq!((&of("half")["open"], &of("half")["projects"]), (&json!(true), &json!(1)));
    assert_eq!((&of("mine")["gpuLimit"], &of("mine")["windowOpen"]), (&json!("0.5"), &json!(true)));
    assert!(!of("mine").contains_key("gpuUsed"), "usage is the ledger's to say");
    assert_eq!((&of("default")["version"], &of("default")["problems"]), (&json!(snapshot.policy.version()), &json!(1)));
    assert_eq!(condition(of("mine"), "Ready")["status"], "True");
    let dangling = condition(of("ours"), "ReferencesResolved");
    assert_eq!((&dangling["status"], &dangling["observedGeneration"]), (&json!("False"), &json!(3)));
    assert_eq!(
        dangling["message"],
        "spec.plan: ResourcePlan lost does not exist; PlatformPolicy.spec.withoutPlan holds until it does"
    );
}

#[test]
fn a_namespace_that_is_not_bound_is_why_the_project_is_not_ready() {
    let spared = Spared::Namespace {
        namespace: "old".into(),
        project: "mine".into(),
        because: NotYours::BoundTo(ProjectId::new("P26")),
    };
    let found =
        amendments(&snapshot(all()), &Undone { spared: std::slice::from_ref(&spared), ..nothing() }, "follow", now());
    let mine = found.iter().find(|it| it.name == "mine").expect("it has no status yet");
    let ready = condition(&mine.fields, "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("NotDone")));
    assert_eq!(ready["message"], spared.to_string());
}

#[test]
fn what_was_written_is_not_written_again_and_times_last() {
    let before = amendments(&snapshot(all()), &nothing(), "follow", now());
    let mut records = all();
    for record in &mut records {
        let written = before.iter().find(|it| record["metadata"]["name"] == it.name.as_str()).expect("all were new");
        record["status"] = Value::Object(written.fields.clone());
        record["status"]["gpuUsed"] = json!("of another daemon");
    }
    let later = now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(amendments(&snapshot(records.clone()), &nothing(), "follow", later), []);

    records.retain(|record| record["kind"] != "ResourcePlan");
    let after = amendments(&snapshot(records), &nothing(), "follow", later);
    let names: Vec<_> = after.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["mine", "default"]);
    let (ready, references) = (condition(&after[0].fields, "Ready"), condition(&after[0].fields, "ReferencesResolved"));
    assert_eq!(ready["lastTransitionTime"], "1970-01-01T00:00:00Z", "it is as it was");
    assert_eq!(references["lastTransitionTime"], "1970-01-01T01:00:00Z", "it has changed");
    assert_eq!(after[0].fields.get("gpuLimit"), None, "without a plan the policy limits nothing here");
}

/// `kubectl explain` would promise a field that nobody writes.
#[test]
fn every_field_of_a_status_is_written_or_said_to_be_not_yet() {
    const BY_THE_LEDGER: [&str; 3] = ["gpuUsed", "gpuReserved", "devicesHeld"];
    // The daemon `counts`, and of the policy whoever leads.
    let counted: fn(Kind) -> &'static [&'static str] = |kind| match kind {
        Kind::User => &["runningPods"],
        Kind::PlatformQueue => &["running", "waiting", "gpuUsed"],
        Kind::GpuModel => &["devices", "allocated"],
        Kind::PlatformPolicy => &["daemons"],
        _ => &[],
    };
    for kind in Kind::ALL {
        let status = schema(kind).properties.as_ref().and_then(|parts| parts["status"].properties.as_ref());
        let mut explained: Vec<_> = status.expect("fields").keys().map(String::as_str).collect();
        let not_yet =
            NO_EFFECT.iter().filter(|(of, _)| *of == kind).filter_map(|(_, field)| field.strip_prefix("status."));
        let mut accounted: Vec<_> = owned(kind).iter().copied().chain(not_yet).collect();
        accounted.extend(BY_THE_LEDGER.iter().filter(|_| kind == Kind::Project));
        accounted.extend(counted(kind));
        explained.sort_unstable();
        accounted.sort_unstable();
        assert_eq!(explained, accounted, "{kind}");
    }
}
