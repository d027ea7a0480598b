//! A project whose members have a namespace of their own each.

use e2e::manifest::{pod, with, workload};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, assert_refused_by_rbac};
use e2e::{ADMIN, create, eventually, find, get, kubectl, label, let_in, ok, project, running, shared};
use serde_json::json;

#[test]
fn each_member_has_a_namespace_that_only_they_and_the_managers_read() {
    let p = shared();
    let with_carol = |more: &[&str]| {
        let members =
            more.iter().map(|name| json!({"user": name})).chain([json!({"user": "carol", "role": "Manager"})]);
        json!({"namespacePerMember": true, "members": members.collect::<Vec<_>>(), "plan": "gold"})
    };
    project(&p, "apart", json!({}));
    let set = |spec| {
        ok(kubectl(&p, ADMIN, &["patch", "project/apart", "--type=merge", "-p", &json!({"spec": spec}).to_string()]))
    };
    set(with_carol(&["alice", "bob"]));
    let may = |user: &str, verb: &str, what: &str, namespace: &str| {
        kubectl(&p, user, &["-n", namespace, "auth", "can-i", verb, what]).success
    };
    eventually("bob's own namespace", || {
        find(&p, "apart-bob", "serviceaccount/default")?;
        (may("bob", "create", "pods", "apart-bob") && may("alice", "create", "pods", "apart-alice")).then_some(())
    });
    let namespace = get(&p, "", "namespace/apart-bob");
    assert_eq!((label(&namespace, "project-id"), label(&namespace, "user-id")), ("apart", "bob"));

    // Secrets are read where colleagues work, and not in one's own.
    let secret = |namespace: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": namespace}});
    for namespace in ["apart", "apart-bob"] {
        ok(create(&p, "bob", secret(namespace)));
    }
    let read = |user: &str, namespace: &str| kubectl(&p, user, &["-n", namespace, "get", "secret/mine"]);
    ok(read("alice", "apart"));
    assert_refused_by_rbac(&read("alice", "apart-bob"));
    ok(read("carol", "apart-bob"));
    assert!(!may("alice", "list", "pods", "apart-bob") && may("carol", "delete", "pods", "apart-bob"));

    // Rights that somebody gave by mistake open no door.
    let_in(&p, "apart-by-mistake", "alice", &["pods"]);
    let foreign = create(&p, "alice", pod("apart-bob", "hers", json!({})));
    let says = "namespace apart-bob is bob's own, and alice is a Member of project apart";
    assert_denied(&foreign, &[("project", says)]);
    ok(kubectl(&p, ADMIN, &["delete", "clusterrolebinding/apart-by-mistake", "clusterrole/apart-by-mistake"]));

    // One quota.
    let gpus = |count: &str| json!({"metadata": {"labels": {"platform-go/dra-sharing-mode": "inline", "platform-go/dra-gpu-count": count}}});
    ok(create(&p, "bob", pod("apart-bob", "four", gpus("4"))));
    settles(&p, "apart", "4", "0", 4);
    let says = "asked 1 GPU; bob in project apart uses 4 GPU and has 0 GPU reserved, of 4 GPU in all";
    assert_denied(&create(&p, "bob", pod("apart", "fifth", gpus("1"))), &[("quota", says)]);

    // Who leaves leaves it to the Managers: what runs there stays governed and charged.
    ok(create(
        &p,
        "bob",
        with(workload("Deployment", "apart-bob", "left", json!({})), json!({"spec": {"replicas": 1}})),
    ));
    running(&p, "apart-bob", "app=left", 1);
    set(with_carol(&["alice"]));
    eventually("bob to have no rights there", || (!may("bob", "get", "pods", "apart-bob")).then_some(()));
    assert_eq!(label(&get(&p, "", "namespace/apart-bob"), "project-id"), "apart");
    ok(read("carol", "apart-bob"));
    settles(&p, "apart", "4", "0", 4);
    ok(kubectl(&p, "carol", &["-n", "apart-bob", "delete", "pod/four", "deployment/left"]));
    settles(&p, "apart", "0", "0", 0);
}
