//! Quota: what is charged, and what is said where there is no room.

use crate::manifest::{with, workload};
use crate::refusal::{assert_warned, denials};
use crate::{ADMIN, create, eventually, find, kubectl, list, ok, sluice, within};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// What the record of a project says it uses, has reserved and holds: GPU, GPU, devices.
pub fn balance(p: &Ground, project: &str) -> Option<(String, String, i64)> {
    let status = &find(p, "", &format!("project/{project}"))?["status"];
    let text = |key: &str| status[key].as_str().map(str::to_owned);
    Some((text("gpuUsed")?, text("gpuReserved")?, status["devicesHeld"].as_i64()?))
}

/// Returns when the record of a project says so: see [`balance`].
pub fn settles(p: &Ground, project: &str, used: &str, reserved: &str, devices: i64) {
    let expected = (used.to_owned(), reserved.to_owned(), devices);
    within(20, &format!("project {project} to be at {expected:?}"), || {
        (balance(p, project).as_ref() == Some(&expected)).then_some(())
    });
}

/// Whether an Event of such an object has all of these in its message.
pub fn names_in_event(p: &Ground, namespace: &str, kind: &str, says: &[&str]) -> bool {
    let events = ok(kubectl(p, ADMIN, &["-n", namespace, "get", "events", "-o=json"]));
    let events: Value = serde_json::from_str(&events).expect("kubectl prints JSON");
    events["items"].as_array().into_iter().flatten().any(|event| {
        let text = event["message"].as_str().unwrap_or_default();
        event["involvedObject"]["kind"] == kind && says.iter().all(|it| text.contains(it))
    })
}

/// bob may have four GPUs in a project of the plan `gold`, however many the project has. His Pods ask for one each in
/// this way.
pub fn assert_a_fifth_gpu_waits(p: &Ground, namespace: &str, asks: &Value) {
    let deployment = |name: &str, replicas: u64| {
        with(workload("Deployment", namespace, name, asks.clone()), json!({"spec": {"replicas": replicas}}))
    };
    ok(create(p, "bob", deployment("three", 3)));
    eventually("three claims to be charged", || (balance(p, namespace)?.2 == 3).then_some(()));
    let made = create(p, "bob", deployment("two", 2));
    let uses = format!("bob in project {namespace} uses");
    assert_warned(&made, &format!("asked 2 GPU for 2 Pods; {uses}"));
    ok(made);
    let says = ["quota: spec: asked 1 GPU; ", &uses, "of 4 GPU in all"];
    eventually("an Event of the ReplicaSet that names the full account", || {
        names_in_event(p, namespace, "ReplicaSet", &says).then_some(())
    });
    assert_eq!(list(p, namespace, "pods", "app=two").len(), 1, "the fourth one is there, the fifth is not");
    ok(kubectl(p, "bob", &["-n", namespace, "scale", "deployment/three", "--replicas=2"]));
    within(5, "the fifth Pod to come", || (list(p, namespace, "pods", "app=two").len() == 2).then_some(()));
    ok(kubectl(p, "bob", &["-n", namespace, "delete", "deployment", "three", "two"]));
    settles(p, namespace, "0", "0", 0);
}

/// What the live dry run says, and the local one that is told of the ledger: exit code and verdict.
pub fn dry_runs(p: &Ground, user: &str, object: &str) -> [(i32, Value); 2] {
    let (user, url) = (format!("--as={user}"), p.layout().database_url());
    let live = ["dry-run", "-f", "-", "-o=json", &user];
    let local = ["--policy=cluster", "--ledger", &url];
    [live.to_vec(), [&live[..], &local].concat()].map(|args| {
        let answer = sluice(p, &args, object);
        let verdicts: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", answer.stderr));
        (answer.code, verdicts[0].clone())
    })
}

/// Both dry runs say the one reason for which the real request was refused, word for word.
pub fn assert_dry_runs_deny_as(p: &Ground, user: &str, object: &str, real: &Output) {
    let [real] = &denials(&real.stderr)[..] else { panic!("one reason: {}", real.stderr) };
    let denied = json!([{"rule": real.rule, "field": real.field, "message": real.message}]);
    for (code, verdict) in dry_runs(p, user, object) {
        assert_eq!((code, &verdict["denials"]), (1, &denied), "{verdict}");
    }
}
