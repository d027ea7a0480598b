//! Colleagues' objects that Sluice never hears of, and ways to colleagues' work through controllers: what the API server decides by
//! itself, and what is narrowed to one's own.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_refused_by_rbac};
use e2e::{ADMIN, create, eventually, find, get, kubectl, kubectl_with, let_in, list, must, ok, running, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

const COLLEAGUES: &str = "sluice-colleagues";
const HERE: &str = "llm-finetune";

fn config(api_version: &str, kind: &str, name: &str, more: Value) -> Value {
    with(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": HERE}}), more)
}

fn kinds(name: &str) -> Vec<Value> {
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    vec![
        config("v1", "Secret", name, json!({"stringData": {"key": "hers"}})),
        config("v1", "ConfigMap", name, json!({"data": {"key": "hers"}})),
        config("v1", "Service", name, json!({"spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})),
        config("networking.k8s.io/v1", "Ingress", name, json!({"spec": {"defaultBackend": backend}})),
    ]
}

fn maker(object: &Value) -> &Value {
    &object["metadata"]["annotations"]["platform-go/made-by"]
}

fn patch(p: &Ground, user: &str, object: &str, patch: &Value) -> Output {
    kubectl(p, user, &["-n", HERE, "patch", object, "--type=merge", "-p", &patch.to_string()])
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
            patch(&p, "bob", &name, &labelled),
            patch(&p, "bob", &name, &claimed),
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
        ok(patch(&p, "bob", &his, &labelled));
        ok(patch(&p, "alice", &his, &json!({"metadata": {"labels": {"managed": "true"}}})));
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
    let of_pods =
        "metadata.finalizers: bob asked to take off example.com/hers of what alice made; ask them, or a Manager";
    for (object, policy, says) in [
        ("pod/hers-to-end", "sluice-finalizers", of_pods),
        ("configmap/hers-to-end", COLLEAGUES, "made by alice, and bob is no Manager here"),
    ] {
        let off = json!({"metadata": {"finalizers": null}});
        assert_refused_by_policy(&patch(&p, "bob", object, &off), policy, says);
        ok(kubectl(&p, "alice", &["-n", HERE, "delete", object, "--wait=false"]));
        assert_refused_by_policy(&patch(&p, "bob", object, &off), policy, says);
        ok(patch(&p, "alice", object, &off));
    }
}

#[test]
fn class_colleagues_objects_and_their_endpoints() {
    let p = shared();
    let_in(&p, "endpoints-writers", "bob", &["endpoints"]);
    let slice = config(
        "v1",
        "Endpoints",
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

/// A controller's reference to this object of a colleague.
fn controlled_by(owner: &Value) -> Value {
    json!({"metadata": {"ownerReferences": [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true}]}})
}

#[test]
fn class_controller_named() {
    let p = shared();
    ok(create(&p, "alice", with(workload("Deployment", HERE, "named", json!({})), json!({"spec": {"replicas": 1}}))));
    running(&p, HERE, "app=named", 1);
    let deployment = get(&p, HERE, "deployment/named");
    let set = list(&p, HERE, "replicasets", "app=named").remove(0);
    // A revision of hers to roll back to.
    let revision = json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "7"}}});
    let planted = with(with(workload("ReplicaSet", HERE, "named", json!({})), controlled_by(&deployment)), revision);
    let planted = with(planted, json!({"metadata": {"name": "named-planted"}, "spec": {"replicas": 0}}));
    let says = "metadata.ownerReferences: asked to be controlled by Deployment named, which is alice's; a controller counts and deletes what names it";
    assert_denied(&create(&p, "bob", &planted), &[("project", says)]);
    // A Pod that makes her controller delete one of hers.
    let labels = set["spec"]["selector"]["matchLabels"].clone();
    let extra = with(pod(HERE, "named-extra", json!({"metadata": {"labels": labels}})), controlled_by(&set));
    assert_denied(&create(&p, "bob", &extra), &[("project", "which is alice's")]);
    // The UID is what controllers compare: under another kind it is hers all the same.
    let mut other = extra.clone();
    other["metadata"]["ownerReferences"][0]["apiVersion"] = json!("x.example.com/v1");
    other["metadata"]["ownerReferences"][0]["kind"] = json!("Zed");
    assert_denied(&create(&p, "bob", &other), &[("project", "a kind that nobody listed")]);
    // Nor later.
    ok(create(&p, "bob", pod(HERE, "named-later", json!({}))));
    let later = patch(&p, "bob", "pod/named-later", &controlled_by(&set));
    assert_denied(&later, &[("project", "which is alice's")]);
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod/named-later", "--wait=false"]));
    // His own CronJob's he makes by hand.
    let cron = with(workload("CronJob", HERE, "named-cron", json!({})), json!({"spec": {"schedule": "0 0 1 1 *"}}));
    ok(create(&p, "bob", cron));
    ok(kubectl(&p, "bob", &["-n", HERE, "create", "job", "named-now", "--from=cronjob/named-cron"]));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "cronjob/named-cron"]));
    ok(kubectl(&p, "alice", &["-n", HERE, "delete", "deployment/named"]));
}

#[test]
fn class_owner_blocked() {
    let p = shared();
    ok(create(&p, "alice", with(workload("Deployment", HERE, "blocked", json!({})), json!({"spec": {"replicas": 0}}))));
    let owner = |object: &Value| {
        let mut owned = controlled_by(object);
        owned["metadata"]["ownerReferences"][0]["controller"] = json!(false);
        owned["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
        owned
    };
    let deployment = get(&p, HERE, "deployment/blocked");
    let planted = with(config("v1", "ConfigMap", "blocking", json!({})), owner(&deployment));
    let says =
        "metadata.ownerReferences: bob asked blockOwnerDeletion of Deployment blocked, which could then not be deleted";
    assert_refused_by_policy(&create(&p, "bob", &planted), "sluice-owners", says);
    ok(create(&p, "bob", config("v1", "ConfigMap", "blocking", json!({}))));
    assert_refused_by_policy(&patch(&p, "bob", "configmap/blocking", &owner(&deployment)), "sluice-owners", says);
    // A record of the platform from nowhere, not even from where no project is.
    let project: Value = serde_json::from_str(&must(p.admin(&["get", "sp", HERE, "-o=json"]))).expect("JSON");
    let_in(&p, "default-writers", "bob", &["configmaps"]);
    let elsewhere =
        with(config("v1", "ConfigMap", "blocking", json!({"metadata": {"namespace": "default"}})), owner(&project));
    must(p.admin(&["create", "rolebinding", "default-writers", "--clusterrole=admin", "--user=bob", "-n", "default"]));
    let refused = eventually("bob's right to be heard of", || {
        let output = create(&p, "bob", &elsewhere);
        (!output.stderr.contains("cannot create")).then_some(output)
    });
    assert_refused_by_policy(
        &refused,
        "sluice-record-owners",
        "bob asked blockOwnerDeletion of a record of the platform",
    );
    must(p.admin(&["delete", "rolebinding", "default-writers", "-n", "default"]));
    // A deletion in the foreground, of what controllers own, ends.
    ok(kubectl(&p, "alice", &["-n", HERE, "delete", "deployment/blocked", "--cascade=foreground", "--timeout=60s"]));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "configmap/blocking"]));
}

#[test]
fn class_repelled() {
    let p = shared();
    let apart = |selector: Value, topology: &str| {
        json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": selector, "namespaceSelector": {}, "topologyKey": topology}]}}}})
    };
    // Every node runs this system: nobody's Pod of that label would be scheduled anywhere.
    let theirs = || json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["repelled"]}]});
    ok(create(&p, "bob", pod(HERE, "repels", apart(theirs(), "kubernetes.io/os"))));
    running(&p, HERE, "app=repels", 1);
    ok(create(&p, "alice", pod(HERE, "repelled", json!({}))));
    ok(create(&p, "carol", pod("detector", "repelled", json!({}))));
    for namespace in [HERE, "detector"] {
        running(&p, namespace, "app=repelled", 1);
    }
    // A manifest that is applied again is the same.
    let again = pod(HERE, "repels", apart(theirs(), "kubernetes.io/os")).to_string();
    ok(kubectl_with(&p, "bob", &["apply", "-f", "-"], &again));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod/repels"]));
    // Replicas of one's own keep apart as ever, node by node.
    let spread = apart(json!({"matchLabels": {"app": "spread"}}), "kubernetes.io/hostname");
    ok(create(&p, "bob", with(workload("Deployment", HERE, "spread", spread), json!({"spec": {"replicas": 2}}))));
    let pods = running(&p, HERE, "app=spread", 2);
    assert_ne!(pods[0]["spec"]["nodeName"], pods[1]["spec"]["nodeName"]);
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "deployment/spread"]));
    ok(kubectl(&p, "alice", &["-n", HERE, "delete", "pod/repelled"]));
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "pod/repelled"]));
}

#[test]
fn class_selected_by_a_colleague() {
    let p = shared();
    ok(create(&p, "alice", pod(HERE, "selected", json!({"metadata": {"labels": {"tier": "web"}}}))));
    running(&p, HERE, "app=selected", 1);
    ok(create(&p, "bob", pod(HERE, "joins", json!({"metadata": {"labels": {"tier": "web"}}}))));
    running(&p, HERE, "app=joins", 1);
    // A budget over both holds up nobody else's Pod.
    let over_both = config(
        "policy/v1",
        "PodDisruptionBudget",
        "over-both",
        json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"tier": "web"}}}}),
    );
    ok(create(&p, "bob", over_both));
    let expected = |count: i64| get(&p, HERE, "pdb/over-both")["status"]["expectedPods"] == count;
    eventually("the budget to count bob's Pod alone", || expected(1).then_some(()));
    // Her Service sends nothing to his Pod, and his nothing to hers.
    let service = |name: &str, more: Value| {
        config(
            "v1",
            "Service",
            name,
            with(json!({"spec": {"selector": {"tier": "web"}, "ports": [{"port": 80}]}}), more),
        )
    };
    let targets = |service: &str| -> Vec<String> {
        let slices = list(&p, HERE, "endpointslices", &format!("kubernetes.io/service-name={service}"));
        let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
        endpoints.filter_map(|it| it["targetRef"]["name"].as_str().map(Into::into)).collect()
    };
    ok(create(&p, "alice", service("hers-alone", json!({}))));
    eventually("her Service to reach her Pod", || (targets("hers-alone") == ["selected"]).then_some(()));
    let shared_by_all = json!({"metadata": {"annotations": {"platform-go/share": "project"}}});
    ok(create(&p, "alice", service("of-all", shared_by_all)));
    eventually("the Service that says so to reach both", || (targets("of-all").len() == 2).then_some(()));
    // Its address is its own.
    let taken = service("takes", json!({"spec": {"externalIPs": ["192.0.2.9"]}}));
    assert_denied(&create(&p, "bob", taken), &[("service", "this platform gives Services no ExternalIPs")]);
    assert_denied(
        &create(&p, "bob", service("opens", json!({"spec": {"type": "NodePort"}}))),
        &[("service", "no NodePort")],
    );
    ok(kubectl(
        &p,
        "alice",
        &["-n", HERE, "delete", "pod/selected", "service/hers-alone", "service/of-all", "--wait=false"],
    ));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod/joins", "pdb/over-both", "--wait=false"]));
}

#[test]
fn a_manifest_with_a_selector_is_applied_under_every_managers_name() {
    let p = shared();
    let ports = json!([{"port": 80}]);
    let service = config("v1", "Service", "many-managers", json!({"spec": {"selector": {"app": "x"}, "ports": ports}}));
    let budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    let budget = config("policy/v1", "PodDisruptionBudget", "many-managers", budget);
    let both = format!("{service}\n---\n{budget}");
    let apply = |args: &[&str]| kubectl_with(&p, "bob", &[&["apply", "-f", "-"], args].concat(), &both);
    ok(apply(&[]));
    for manager in ["argocd", "flux", "helm"] {
        ok(apply(&["--server-side", &format!("--field-manager={manager}")]));
    }
    ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &both));
    for manager in ["helm", "argocd"] {
        ok(apply(&["--server-side", &format!("--field-manager={manager}")]));
    }
    ok(apply(&[]));
    let stands = get(&p, HERE, "service/many-managers");
    assert_eq!(stands["spec"]["selector"], json!({"app": "x", "platform-go/user-id": "bob"}));
    let stands = get(&p, HERE, "pdb/many-managers");
    assert_eq!(stands["spec"]["selector"]["matchLabels"], json!({"app": "x", "platform-go/user-id": "bob"}));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "service/many-managers", "pdb/many-managers"]));
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
    ok(kubectl(&p, "carol", &["label", "namespace", "detector", "team=vision", "--overwrite"]));
    ok(kubectl(&p, ADMIN, &["label", "namespace", "detector", "team-"]));
    must(p.admin(&["delete", "clusterrolebinding,clusterrole", "namespace-editor"]));
    assert!(find(&p, "default", "configmap/blocking").is_none());
}
