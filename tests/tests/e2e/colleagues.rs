//! Colleagues' objects, of most of which Sluice never hears, and the namespace of them all: what the API server decides by itself.

use e2e::manifest::{object, pod, with};
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_refused_by_rbac};
use e2e::{ADMIN, create, eventually, find, get, kubectl, kubectl_with, let_in, must, ok, patch, shared};
use ground::Output;
use serde_json::{Value, json};

const COLLEAGUES: &str = "sluice-colleagues";
const HERE: &str = "llm-finetune";

fn kinds(name: &str) -> Vec<Value> {
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    vec![
        object("v1", "Secret", HERE, name, json!({"stringData": {"key": "hers"}})),
        object("v1", "ConfigMap", HERE, name, json!({"data": {"key": "hers"}})),
        object("v1", "Service", HERE, name, json!({"spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})),
        object("networking.k8s.io/v1", "Ingress", HERE, name, json!({"spec": {"defaultBackend": backend}})),
    ]
}

fn maker(object: &Value) -> &Value {
    &object["metadata"]["annotations"]["platform-go/made-by"]
}

#[test]
fn class_colleagues_objects() {
    let p = shared();
    for object in kinds("hers-own") {
        let kind = object["kind"].as_str().expect("a kind").to_lowercase();
        let name = format!("{kind}/hers-own");
        ok(create(&p, "alice", &object));
        assert_eq!(maker(&get(&p, HERE, &name)), "alice", "{kind}");
        let says = "made by alice, and bob is no Manager here; ask them, or a Manager of the project";
        let labelled = json!({"metadata": {"labels": {"mine": "true"}}});
        let claimed = json!({"metadata": {"annotations": {"platform-go/made-by": "bob"}}});
        let applied = with(object.clone(), labelled.clone()).to_string();
        let server_side = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        for changed in [
            patch(&p, "bob", HERE, &name, &labelled),
            patch(&p, "bob", HERE, &name, &claimed),
            kubectl_with(&p, "bob", &server_side, &applied),
            kubectl_with(&p, "bob", &["replace", "-f", "-"], &applied),
        ] {
            // Of Services Sluice hears, too, and first where something is left to change.
            if kind == "service" && changed.stderr.contains("services.sluice.dev") {
                assert_denied(&changed, &[("project", "this Service is alice's")]);
            } else {
                assert_refused_by_policy(&changed, COLLEAGUES, says);
            }
        }
        assert_refused_by_policy(&kubectl(&p, "bob", &["-n", HERE, "delete", &name]), COLLEAGUES, says);
        // Hers to change by a manifest that says nothing of its maker, and to delete.
        ok(kubectl_with(&p, "alice", &["replace", "-f", "-"], &applied));
        assert_eq!(maker(&get(&p, HERE, &name)), "alice", "{kind}");
        ok(kubectl(&p, "alice", &["-n", HERE, "delete", &name]));
        // What a Member makes a Manager changes; and nobody is taken for somebody else.
        let forged =
            with(object, json!({"metadata": {"name": "his", "annotations": {"platform-go/made-by": "alice"}}}));
        ok(create(&p, "bob", &forged));
        let his = format!("{kind}/his");
        assert_eq!(maker(&get(&p, HERE, &his)), "bob", "{kind}");
        ok(patch(&p, "bob", HERE, &his, &labelled));
        ok(patch(&p, "alice", HERE, &his, &json!({"metadata": {"labels": {"managed": "true"}}})));
        ok(kubectl(&p, "alice", &["-n", HERE, "delete", &his]));
    }
    let all = format!("/api/v1/namespaces/{HERE}/secrets?labelSelector=none%3Dnone");
    assert_refused_by_rbac(&kubectl(&p, "bob", &["delete", "--raw", &all]));
}

#[test]
fn class_finalizer_taken_off_a_colleagues() {
    let p = shared();
    let held = json!({"metadata": {"finalizers": ["example.com/hers"]}});
    ok(create(&p, "alice", pod(HERE, "hers-to-end", held.clone())));
    ok(create(&p, "alice", with(kinds("hers-to-end").remove(1), held)));
    let of_finalizers =
        "metadata.finalizers: bob asked to take off example.com/hers of what alice made; ask them, or a Manager";
    let of_others = "made by alice, and bob is no Manager here";
    // Two policies refuse it for a ConfigMap, and the API server names whichever it asked first.
    let refused = |by: Output| {
        let (policy, says) =
            if by.stderr.contains(COLLEAGUES) { (COLLEAGUES, of_others) } else { ("sluice-finalizers", of_finalizers) };
        assert_refused_by_policy(&by, policy, says);
    };
    for object in ["pod/hers-to-end", "configmap/hers-to-end"] {
        let off = json!({"metadata": {"finalizers": null}});
        refused(patch(&p, "bob", HERE, object, &off));
        ok(kubectl(&p, "alice", &["-n", HERE, "delete", object, "--wait=false"]));
        refused(patch(&p, "bob", HERE, object, &off));
        ok(patch(&p, "alice", HERE, object, &off));
    }
}

#[test]
fn class_colleagues_objects_and_their_endpoints() {
    let p = shared();
    let_in(&p, "endpoints-writers", "bob", &["endpoints"]);
    let slice = object(
        "v1",
        "Endpoints",
        HERE,
        "elsewhere",
        json!({"subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]}),
    );
    let refused = eventually("bob's right to be heard of", || {
        let output = create(&p, "bob", with(slice.clone(), json!({"metadata": {"namespace": "detector"}})));
        (!output.stderr.contains("cannot create")).then_some(output)
    });
    assert_refused_by_policy(
        &refused,
        COLLEAGUES,
        "endpoints: where the traffic of a Service goes is its selector's to say",
    );
}

#[test]
fn class_namespace_changed() {
    let p = shared();
    must(p.admin(&[
        "create",
        "clusterrole",
        "namespace-editor",
        "--verb=get,list,patch,update,delete",
        "--resource=namespaces",
    ]));
    must(p.admin(&[
        "create",
        "clusterrolebinding",
        "namespace-editor",
        "--clusterrole=namespace-editor",
        "--user=carol",
    ]));
    let privileged = ["label", "namespace", "detector", "pod-security.kubernetes.io/enforce=privileged", "--overwrite"];
    let refused = eventually("carol's right to be heard of", || {
        let output = kubectl(&p, "carol", &privileged);
        (!output.stderr.contains("cannot patch")).then_some(output)
    });
    let says = "metadata.labels[pod-security.kubernetes.io/enforce]: namespace detector belongs to project detector; only platform Admins and Sluice change this label";
    assert_refused_by_policy(&refused, "sluice-namespaces", says);
    let says = "namespace detector belongs to project detector, with all that its people have there; only platform Admins delete it";
    let deleted = kubectl(&p, "carol", &["delete", "namespace", "detector", "--dry-run=server"]);
    assert_refused_by_policy(&deleted, "sluice-namespaces", says);
    // The garbage collector would delete it in her stead, or nobody would ever again.
    let gone =
        json!({"apiVersion": "v1", "kind": "Namespace", "name": "gone", "uid": "00000000-0000-4000-8000-000000000000"});
    for planted in [json!({"ownerReferences": [gone]}), json!({"finalizers": ["example.com/mine"]})] {
        let says = "namespace detector belongs to project detector; only platform Admins give it owners (metadata.ownerReferences) or finalizers";
        let ended = patch(&p, "carol", "", "namespace/detector", &json!({"metadata": planted}));
        assert_refused_by_policy(&ended, "sluice-namespaces", says);
    }
    ok(kubectl(&p, "carol", &["label", "namespace", "detector", "team=vision", "--overwrite"]));
    ok(kubectl(&p, ADMIN, &["label", "namespace", "detector", "team-"]));
    must(p.admin(&["delete", "clusterrolebinding,clusterrole", "namespace-editor"]));
    assert!(find(&p, "default", "configmap/blocking").is_none());
}
