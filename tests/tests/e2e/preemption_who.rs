//! Who ends for a higher queue, and who does not.

use e2e::fleet::{asking, fleet, holds};
use e2e::gpu::device_claim;
use e2e::manifest::{IMAGE, pod};
use e2e::windows::told;
use e2e::{ADMIN, create, eventually, find, get, kubectl, label, list, ok, patch, project_with_bob, running, shared};
use ground::Ground;
use serde_json::{Value, json};

/// Changes the record of a queue of a fleet.
fn change_queue(p: &Ground, fleet: &str, queue: &str, spec: Value) {
    ok(patch(p, ADMIN, "", &format!("platformqueue/{fleet}-{queue}"), &json!({"spec": spec})));
}

/// A Pod of the lower queue that uses a claim which others use too.
fn sharing(fleet: &str, name: &str, claim: &str) -> Value {
    let container = json!({"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}});
    let spec = json!({
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": claim}],
    });
    let labels = json!({"platform-go/queue-name": format!("{fleet}-low")});
    pod(fleet, name, json!({"metadata": {"labels": labels}, "spec": spec}))
}

fn waits_for_a_node(p: &Ground, namespace: &str, name: &str) {
    assert!(get(p, namespace, &format!("pod/{name}"))["spec"]["nodeName"].is_null(), "{name} has a node");
}

#[test]
fn a_queue_keeps_what_it_deserves() {
    let p = shared();
    fleet(&p, "floors", 2);
    change_queue(&p, "floors", "low", json!({"deservedGpu": 1}));
    for name in ["first", "second"] {
        ok(create(&p, "bob", asking("floors", name, "low", 1)));
        running(&p, "floors", &format!("app={name}"), 1);
    }
    ok(create(&p, "alice", asking("floors", "one", "high", 1)));
    running(&p, "floors", "app=one", 1);
    ok(create(&p, "alice", asking("floors", "two", "high", 1)));
    let says = told(&p, "floors", "two", "NoRoomMade");
    assert!(says.contains("1 node held by pods that may not be evicted for it"), "{says}");
    waits_for_a_node(&p, "floors", "two");
    let stayed = ["pod/first", "pod/second"].iter().filter(|name| find(&p, "floors", name).is_some()).count();
    assert_eq!((stayed, holds(&p, "floors").len()), (1, 0));

    // What it deserves no more, it gives.
    change_queue(&p, "floors", "low", json!({"deservedGpu": 0}));
    running(&p, "floors", "app=two", 1);
}

#[test]
fn a_shared_claim_frees_its_device_when_all_its_pods_end() {
    let p = shared();
    fleet(&p, "sharers", 2);
    ok(create(
        &p,
        "bob",
        device_claim("sharers", "both", json!({"metadata": {"labels": {"platform-go/share": "project"}}})),
    ));
    for name in ["left", "right"] {
        ok(create(&p, "bob", sharing("sharers", name, "both")));
        running(&p, "sharers", &format!("app={name}"), 1);
    }
    ok(create(&p, "bob", asking("sharers", "single", "low", 1)));
    running(&p, "sharers", "app=single", 1);

    ok(create(&p, "alice", asking("sharers", "one", "high", 1)));
    running(&p, "sharers", "app=one", 1);
    assert!(find(&p, "sharers", "pod/single").is_none(), "one Pod ends where two would have to");
    assert_eq!(list(&p, "sharers", "pods", "app in (left, right)").len(), 2);

    ok(create(&p, "alice", asking("sharers", "two", "high", 1)));
    running(&p, "sharers", "app=two", 1);
    assert!(list(&p, "sharers", "pods", "app in (left, right)").is_empty(), "both had to end");
}

/// A living Pod keeps the priority that it was made with; its queue's record says what it is worth today.
#[test]
fn a_pod_of_higher_kubernetes_priority_ends_where_its_queue_is_lower_today() {
    let p = shared();
    fleet(&p, "once", 1);
    ok(create(&p, "bob", asking("once", "noble", "high", 1)));
    running(&p, "once", "app=noble", 1);
    change_queue(&p, "once", "high", json!({"priority": 10}));
    let class = "priorityclass/platform-go-once-high";
    eventually("the queue's class to follow", || {
        // Its value never changes: it is made anew.
        find(&p, "", class).is_some_and(|class| class["value"] == 10).then_some(())
    });

    ok(create(&p, "alice", asking("once", "winner", "low", 1)));
    let winner = running(&p, "once", "app=winner", 1).remove(0);
    assert_eq!(winner["spec"]["priority"], 60);
    assert!(find(&p, "once", "pod/noble").is_none(), "it had priority 700");
}

#[test]
fn nobody_ends_in_a_project_where_the_rule_only_warns() {
    let p = shared();
    fleet(&p, "stern", 1);
    project_with_bob(&p, "lenient", json!({"plan": "stern", "ruleModes": {"queue": "warn"}}));
    let mut spared = asking("stern", "spared", "low", 1);
    spared["metadata"]["namespace"] = json!("lenient");
    ok(create(&p, "bob", spared));
    let spared = running(&p, "lenient", "app=spared", 1).remove(0);
    assert_eq!(label(&spared, "queue-name"), "stern-low");

    ok(create(&p, "alice", asking("stern", "unlucky", "high", 1)));
    assert_eq!(
        told(&p, "stern", "unlucky", "NoRoomMade"),
        "nobody is evicted for pod stern/unlucky: it would fit on node stern without 1 pod of other namespaces; nobody is evicted in projects where \
         the rule queue is not enforced"
    );
    waits_for_a_node(&p, "stern", "unlucky");
    ok(patch(&p, ADMIN, "", "project/lenient", &json!({"spec": {"ruleModes": {"queue": "enforce"}}})));
    running(&p, "stern", "app=unlucky", 1);
    ok(kubectl(&p, "alice", &["-n", "stern", "delete", "pod/unlucky"]));
}
