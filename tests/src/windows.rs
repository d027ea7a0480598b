//! Windows: queues that are open and closed, and the Pods that wait for them.

use crate::manifest::{pod, with};
use crate::{ADMIN, create, eventually, find, get, kubectl, kubectl_with, ok, project};
use ground::Ground;
use serde_json::{Value, json};

/// The gate of Pods whose queue is closed.
pub const GATE: &str = "platform-go/plan-window";

/// A Pod that asks for a queue.
pub fn in_queue(namespace: &str, name: &str, queue: &str) -> Value {
    // Kubernetes takes a Pod's replacement only with the account that it has.
    let spec = json!({"serviceAccountName": "default"});
    pod(namespace, name, json!({"metadata": {"labels": {"platform-go/queue-name": queue}}, "spec": spec}))
}

/// A record of Sluice.
pub fn record(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A project with a plan and a queue of its own, all of one name; the queue's class is there.
pub fn own_queue(p: &Ground, name: &str, plan: Value) {
    ok(create(p, ADMIN, record("PlatformQueue", name, json!({"priority": 50}))));
    ok(create(p, ADMIN, with(record("ResourcePlan", name, json!({"queues": [name]})), plan)));
    project(p, name, json!({"plan": name}));
    eventually("the queue's class", || find(p, "", &format!("priorityclass/platform-go-{name}")));
    eventually("the plan in force", || {
        let dry = ["create", "--dry-run=server", "-f", "-"];
        kubectl_with(p, "alice", &dry, &in_queue(name, "probe", name).to_string()).success.then_some(())
    });
}

/// Writes the windows of a queue, and waits until they are in force.
pub fn set_windows(p: &Ground, name: &str, windows: Value, closed: bool) {
    let spec = json!({"spec": {"windows": windows, "timeZone": "Europe/Berlin"}}).to_string();
    ok(kubectl(p, ADMIN, &["patch", &format!("platformqueue/{name}"), "--type=merge", "-p", &spec]));
    eventually("the windows in force", || {
        let dry = ["create", "--dry-run=server", "-f", "-"];
        let made = kubectl_with(p, "alice", &dry, &in_queue(name, "probe", name).to_string());
        (made.stderr.contains("is closed") == closed).then_some(())
    });
}

/// Writes the windows of a plan.
pub fn set_plan_windows(p: &Ground, name: &str, windows: Value) {
    let spec = json!({"spec": {"windows": windows, "timeZone": "Europe/Berlin"}}).to_string();
    ok(kubectl(p, ADMIN, &["patch", &format!("resourceplan/{name}"), "--type=merge", "-p", &spec]));
}

/// What an Event with this reason says of a Pod, once there is one.
pub fn told(p: &Ground, namespace: &str, pod: &str, reason: &str) -> String {
    let which = format!("--field-selector=involvedObject.name={pod},reason={reason}");
    eventually(&format!("an Event {reason} on Pod {pod}"), || {
        let events = ok(kubectl(p, ADMIN, &["-n", namespace, "get", "events", &which, "-o=json"]));
        let events: Value = serde_json::from_str(&events).expect("JSON");
        let event = &events["items"][0];
        event["message"].as_str().or(event["note"].as_str()).map(str::to_owned)
    })
}

/// Closed now, open in the year 2099.
pub fn far() -> Value {
    json!([{"from": "2099-03-02T08:00:00Z", "until": "2099-03-03T08:00:00Z"}])
}

/// The scheduling gates of a Pod.
pub fn gates(pod: &Value) -> Vec<&str> {
    pod["spec"]["schedulingGates"].as_array().into_iter().flatten().filter_map(|gate| gate["name"].as_str()).collect()
}

/// The Pod, once Kubernetes says that it waits for its gate and no other.
pub fn waits(p: &Ground, namespace: &str, name: &str) -> Value {
    eventually("the Pod to be seen waiting", || {
        let pod = get(p, namespace, &format!("pod/{name}"));
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let gated = conditions.filter(|it| it["reason"] == "SchedulingGated").count() == 1;
        (gated && pod["status"]["phase"] == "Pending" && gates(&pod) == [GATE]).then_some(pod)
    })
}
