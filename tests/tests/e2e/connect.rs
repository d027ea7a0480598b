//! Who may speak to what runs in a Pod.

use e2e::manifest::pod;
use e2e::refusal::assert_denials;
use e2e::{create, kubectl, ok, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// What each way of connecting says to `user`. The Pod is on no node, so that what is let through ends before anything is dialled.
fn ways_in(p: &Ground, user: &str, namespace: &str, name: &str) -> Vec<(&'static str, Output)> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let proxy = format!("{path}:8888/proxy/");
    let here = |args: &[&str]| kubectl(p, user, &[&["-n", namespace], args].concat());
    vec![
        ("exec", here(&["exec", name, "--", "id"])),
        ("attach", here(&["attach", name])),
        ("cp", here(&["cp", &format!("{name}:/data"), "/dev/null"])),
        // `kubectl port-forward` itself asks only for Pods that run.
        ("port-forward", kubectl(p, user, &["get", "--raw", &format!("{path}/portforward?ports=8888")])),
        ("proxy", kubectl(p, user, &["get", "--raw", &proxy])),
    ]
}

fn waiting(namespace: &str, name: &str) -> Value {
    pod(namespace, name, json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}}))
}

/// The RBAC of project members knows no proxy; an admin may have opened it all the same.
fn open_the_proxy(p: &Ground, namespace: &str) {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "pods-proxy", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get", "create"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "pods-proxy", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods-proxy"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]});
    for object in [role, binding] {
        ok(e2e::apply(p, "admin", object));
    }
}

#[test]
fn class_confused_deputy_nobody_connects_to_a_colleagues_pod() {
    let p = shared();
    open_the_proxy(&p, "llm-finetune");
    ok(create(&p, "alice", waiting("llm-finetune", "alices-shell")));
    for (way, said) in ways_in(&p, "bob", "llm-finetune", "alices-shell") {
        assert!(!said.success, "{way} was let through");
        assert_denials(
            &said.stderr,
            &[(
                "connect",
                "this Pod is alice's, and bob is a Member of project llm-finetune, who connects only to their own; ask alice (Admin)",
            )],
        );
    }
    for (way, said) in ways_in(&p, "alice", "llm-finetune", "alices-shell") {
        let waits = ["does not have a host assigned", "address not allowed"];
        assert!(waits.iter().any(|it| said.stderr.contains(it)), "{way}: {}", said.stderr);
    }
}

#[test]
fn a_manager_connects_to_everybodys_pods() {
    let p = shared();
    open_the_proxy(&p, "detector");
    ok(create(&p, "bob", waiting("detector", "bobs-shell")));
    for (way, said) in ways_in(&p, "carol", "detector", "bobs-shell") {
        let waits = ["does not have a host assigned", "address not allowed"];
        assert!(waits.iter().any(|it| said.stderr.contains(it)), "{way}: {}", said.stderr);
    }
}
