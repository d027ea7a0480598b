//! Ways to colleagues' work through controllers: whom an object names as its owner, and what selects Pods.

use e2e::manifest::{object, pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::{create, eventually, get, kubectl, kubectl_with, let_in, list, must, ok, patch, running, shared};
use serde_json::{Value, json};

const HERE: &str = "llm-finetune";

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
    let later = patch(&p, "bob", HERE, "pod/named-later", &controlled_by(&set));
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
    let planted = with(object("v1", "ConfigMap", HERE, "blocking", json!({})), owner(&deployment));
    let says =
        "metadata.ownerReferences: bob asked blockOwnerDeletion of Deployment blocked, which could then not be deleted";
    assert_refused_by_policy(&create(&p, "bob", &planted), "sluice-owners", says);
    ok(create(&p, "bob", object("v1", "ConfigMap", HERE, "blocking", json!({}))));
    assert_refused_by_policy(&patch(&p, "bob", HERE, "configmap/blocking", &owner(&deployment)), "sluice-owners", says);
    // A record of the platform from nowhere, not even from where no project is.
    let project: Value = serde_json::from_str(&must(p.admin(&["get", "sp", HERE, "-o=json"]))).expect("JSON");
    let_in(&p, "default-writers", "bob", &["configmaps"]);
    let elsewhere = with(
        object("v1", "ConfigMap", HERE, "blocking", json!({"metadata": {"namespace": "default"}})),
        owner(&project),
    );
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
fn class_repelled_by_keys() {
    let p = shared();
    let apart = |keys: &str| {
        json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "keys"}}, keys: ["platform-go/user-id"], "topologyKey": "kubernetes.io/hostname"}]}}}})
    };
    // The API server takes the label into the selector by itself, and refuses one that has it already.
    ok(create(&p, "bob", pod(HERE, "keys", apart("matchLabelKeys"))));
    running(&p, HERE, "app=keys", 1);
    let says = "asked platform-go/user-id, so for Pods of others alone";
    for refused in [
        pod(HERE, "others", apart("mismatchLabelKeys")),
        workload("Deployment", HERE, "others", apart("mismatchLabelKeys")),
    ] {
        assert_denied(&create(&p, "bob", refused), &[("affinity", says)]);
    }
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod/keys", "--wait=false"]));
}

#[test]
fn class_finalizer_taken_off_by_nobody() {
    let p = shared();
    let planted = json!({"metadata": {"finalizers": ["platform-go/stuck"]}});
    let says = "asked platform-go/stuck, which no controller would take off again";
    for stuck in [pod(HERE, "stuck", planted.clone()), workload("Deployment", HERE, "stuck", planted.clone())] {
        assert_denied(&create(&p, "bob", stuck), &[("platform-labels", says)]);
    }
}

#[test]
fn class_selected_by_a_colleague() {
    let p = shared();
    ok(create(&p, "alice", pod(HERE, "selected", json!({"metadata": {"labels": {"tier": "web"}}}))));
    running(&p, HERE, "app=selected", 1);
    ok(create(&p, "bob", pod(HERE, "joins", json!({"metadata": {"labels": {"tier": "web"}}}))));
    running(&p, HERE, "app=joins", 1);
    // A budget over both holds up nobody else's Pod.
    let over_both = object(
        "policy/v1",
        "PodDisruptionBudget",
        HERE,
        "over-both",
        json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"tier": "web"}}}}),
    );
    ok(create(&p, "bob", over_both));
    let expected = |count: i64| get(&p, HERE, "pdb/over-both")["status"]["expectedPods"] == count;
    eventually("the budget to count bob's Pod alone", || expected(1).then_some(()));
    // Her Service sends nothing to his Pod, and his nothing to hers.
    let service = |name: &str, more: Value| {
        object(
            "v1",
            "Service",
            HERE,
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
    // A load balancer gets ports of the nodes, and not by its choice.
    let balanced = |port: Value| service("balanced", json!({"spec": {"type": "LoadBalancer", "ports": [port]}}));
    let refused = create(&p, "bob", balanced(json!({"port": 80, "nodePort": 30080})));
    assert_denied(&refused, &[("service", "asked port 30080 of every node; this platform gives Services no NodePort")]);
    let chosen = balanced(json!({"port": 80}));
    ok(create(&p, "bob", &chosen));
    assert_ne!(get(&p, HERE, "service/balanced")["spec"]["ports"][0]["nodePort"], Value::Null);
    ok(kubectl_with(&p, "bob", &["apply", "-f", "-"], &chosen.to_string()));
    let again = get(&p, HERE, "service/balanced");
    ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &again.to_string()));
    let asked = json!({"spec": {"ports": [{"port": 80, "nodePort": 30080}]}});
    assert_denied(&patch(&p, "bob", HERE, "service/balanced", &asked), &[("service", "asked port 30080")]);
    ok(kubectl(
        &p,
        "alice",
        &["-n", HERE, "delete", "pod/selected", "service/hers-alone", "service/of-all", "--wait=false"],
    ));
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod/joins", "pdb/over-both", "service/balanced", "--wait=false"]));
}

#[test]
fn a_manifest_with_a_selector_is_applied_under_every_managers_name() {
    let p = shared();
    let ports = json!([{"port": 80}]);
    let service =
        object("v1", "Service", HERE, "many-managers", json!({"spec": {"selector": {"app": "x"}, "ports": ports}}));
    let budget = json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    let budget = object("policy/v1", "PodDisruptionBudget", HERE, "many-managers", budget);
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
