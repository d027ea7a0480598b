//! One decision, whoever asks: every entry of the chart and every kind that is judged, by the API server, by each dry run
//! and by the audit.

use e2e::manifest::{claim, mounting, pod, with, workload};
use e2e::refusal::denials;
use e2e::{
    ADMIN, create, eventually, kubectl, kubectl_with, list, must, ok, project_with_bob, running, shared, sluice,
};
use ground::Ground;
use serde_json::{Value, json};

use e2e::gpu::{claim_template, device_claim};

const SOURCES: [&[&str]; 3] = [&[], &["--policy", "examples/org"], &["--policy", "cluster"]];

/// Rights to create what members may not, so that what remains is Sluice's word.
fn let_in(p: &Ground, namespace: &str) {
    let rules = json!([{"apiGroups": ["", "apps", "resource.k8s.io"], "verbs": ["create"],
        "resources": ["pods", "deployments", "secrets", "configmaps", "resourceclaims", "resourceclaimtemplates"]}]);
    let object = |kind: &str, more: Value| {
        let metadata = json!({"name": "one-decision", "namespace": namespace});
        with(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}), more)
    };
    must(p.admin_apply(&object("Role", json!({"rules": rules})).to_string()));
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one-decision"});
    let bob = json!({"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"});
    must(p.admin_apply(&object("RoleBinding", json!({"roleRef": role, "subjects": [bob]})).to_string()));
    eventually("bob to be let in", || {
        kubectl(p, "bob", &["-n", namespace, "auth", "can-i", "create", "secrets"]).success.then_some(())
    });
}

/// What bob creates, and the rules that refuse it.
fn asked() -> Vec<(Value, &'static [&'static str])> {
    let gpu = json!({"spec": {"containers": [{"name": "main", "image": "registry.example.com/app:1",
        "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}});
    let root = json!({"spec": {"securityContext": {"runAsUser": 0}}});
    let token = |namespace: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "one-token", "namespace": namespace,
                         "annotations": {"kubernetes.io/service-account.name": "default"}}})
    };
    let many = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 40}}]);
    let claim_of_many = json!({"spec": {"devices": {"requests": many}}});
    let template_of_many = json!({"spec": {"spec": {"devices": {"requests": many}}}});
    let flat = json!({"apiVersion": "resource.k8s.io/v1beta1", "spec": {"devices": {"requests": [
        {"name": "gpu", "deviceClassName": "gpu.nvidia.com"}]}}});
    let mut all = vec![
        (pod("default", "one-gpu", gpu.clone()), &[][..]),
        (pod("default", "one-plain", json!({})), &[]),
        (workload("Deployment", "default", "one-gpus", gpu.clone()), &[]),
        (device_claim("default", "one-claim", json!({})), &[]),
        (claim_template("default", "one-template", json!({})), &[]),
        (token("default"), &[]),
        (token("detector"), &["service-account-token"]),
        (with(token("detector"), json!({"type": "Opaque", "metadata": {"annotations": null}})), &[]),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one-map", "namespace": "detector"}}),
            &[],
        ),
        (pod("detector", "one-root", root.clone()), &["root-shell"]),
        (pod("detector", "one-fine", json!({})), &[]),
        (claim("detector", "one-volume", json!({})), &[]),
        (claim("detector", "one-bound", json!({"spec": {"volumeName": "pv"}})), &["storage"]),
        (device_claim("llm-finetune", "one-claim", json!({})), &[]),
        (device_claim("llm-finetune", "one-flat", flat), &[]),
        (device_claim("llm-finetune", "one-many", claim_of_many), &["claim-shape"]),
        (claim_template("llm-finetune", "one-template", json!({})), &[]),
        (claim_template("llm-finetune", "one-many", template_of_many), &["claim-shape"]),
    ];
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"] {
        let name = format!("one-{}", kind.to_lowercase());
        all.push((workload(kind, "detector", &name, json!({})), &[]));
        all.push((workload(kind, "detector", &name, root.clone()), &["root-shell"]));
    }
    all
}

#[test]
fn every_kind_at_every_entry_is_decided_by_every_dry_run_as_by_the_api_server() {
    let p = shared();
    let_in(&p, "default");
    let_in(&p, "detector");
    for (object, rules) in asked() {
        let text = object.to_string();
        let real = kubectl_with(&p, "bob", &["create", "--dry-run=server", "-f", "-"], &text);
        let said: Vec<_> = denials(&real.stderr).into_iter().map(|it| [it.rule, it.field, it.message]).collect();
        let found: Vec<_> = said.iter().map(|[rule, ..]| rule.as_str()).collect();
        assert_eq!((real.success, &found[..]), (rules.is_empty(), rules), "{text}\n{}", real.stderr);
        let mut written = Vec::new();
        for source in SOURCES {
            let answer = sluice(&p, &[&["dry-run", "-f", "-", "--as", "bob", "-o", "json"], source].concat(), &text);
            let verdicts: Value = serde_json::from_str(&answer.stdout)
                .unwrap_or_else(|error| panic!("{source:?}: {error}: {text}\n{}", answer.stderr));
            let line = |denial: &Value| {
                ["rule", "field", "message"].map(|key| denial[key].as_str().unwrap_or_default().into())
            };
            let denials: Vec<[String; 3]> = verdicts[0]["denials"].as_array().into_iter().flatten().map(line).collect();
            assert_eq!((answer.code, denials), (i32::from(!rules.is_empty()), said.clone()), "{source:?}: {text}");
            written.push(verdicts[0]["patch"].clone());
            // GPUs where no project is: nobody is refused, and everybody is told.
            let told = "which is no project's";
            assert_eq!(
                verdicts[0]["warnings"].to_string().contains(told),
                real.stderr.contains(told),
                "{source:?}: {text}"
            );
        }
        assert_eq!((&written[0], &written[0]), (&written[1], &written[2]), "what is written: {text}");
    }
}

#[test]
fn a_binding_of_a_namespace_is_decided_by_every_dry_run_as_by_the_api_server() {
    let p = shared();
    let labels = json!({"platform-go/project-id": "detector"});
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "one-binding", "labels": labels}});
    for (user, rules) in [("bob", &["platform-labels"][..]), ("ada", &[])] {
        for source in SOURCES {
            let args = [&["dry-run", "-f", "-", "--as", user, "-o", "json"], source].concat();
            let answer = sluice(&p, &args, &namespace.to_string());
            let verdicts: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", answer.stderr));
            let denials = verdicts[0]["denials"].as_array().into_iter().flatten();
            let rules_said: Vec<_> =
                denials.filter_map(|it| it["rule"].as_str()).filter(|rule| *rule != "rbac").collect();
            let by_rbac = verdicts[0]["denials"][0]["rule"] == "rbac";
            assert!(by_rbac || rules_said == rules, "{user}: {source:?}: {verdicts}");
        }
    }
}

/// What the audit says of one namespace: its exit code, and kind, name and denials of each finding.
fn audit(p: &Ground, namespace: &str) -> (i32, Vec<(String, String, String)>) {
    let answer = sluice(p, &["audit", namespace, "-o", "json"], "");
    let found: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", answer.stderr));
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let finding = |it: &Value| (text(it, "kind"), text(it, "name"), it["denials"].to_string());
    (answer.code, found["findings"].as_array().into_iter().flatten().map(finding).collect())
}

#[test]
fn the_audit_finds_what_a_record_does_not_allow_any_more_and_nothing_in_what_is_fine() {
    let p = shared();
    let spec = json!({"plan": "gold", "storage": [{"name": "data", "default": "ReadWrite"}]});
    project_with_bob(&p, "audited", spec);
    let shared_volume = json!({"metadata": {"labels": {"platform-go/storage": "data"}}});
    ok(create(&p, "alice", claim("audited", "data", shared_volume)));
    ok(create(&p, "bob", claim("audited", "own", json!({}))));
    ok(create(&p, "bob", pod("audited", "own", mounting("own"))));
    ok(create(&p, "bob", pod("audited", "data", mounting("data"))));
    ok(create(&p, "bob", device_claim("audited", "gpu", json!({}))));
    let uses = |source: Value| {
        json!({"spec": {"resourceClaims": [with(json!({"name": "gpu"}), source)],
            "containers": [{"name": "main", "image": "registry.example.com/app:1", "resources": {"claims": [{"name": "gpu"}]}}]}})
    };
    ok(create(&p, "bob", pod("audited", "gpu", uses(json!({"resourceClaimName": "gpu"})))));
    ok(create(&p, "bob", claim_template("audited", "each", json!({}))));
    ok(create(&p, "bob", pod("audited", "each", uses(json!({"resourceClaimTemplateName": "each"})))));
    let inline = e2e::gpu::inline("h100", "50");
    ok(create(&p, "bob", pod("audited", "inline", inline)));
    ok(create(&p, "bob", workload("Deployment", "audited", "web", json!({}))));
    running(&p, "audited", "app=web", 1);
    eventually("the platform's own template", || {
        let own = list(&p, "audited", "resourceclaimtemplates", "app.kubernetes.io/managed-by=sluice");
        (!own.is_empty()).then_some(())
    });
    assert_eq!(audit(&p, "audited"), (0, Vec::new()));

    let record = json!({"spec": {"storage": []}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "project/audited", "--type=merge", "-p", &record]));
    let (code, found) = audit(&p, "audited");
    assert_eq!(code, 1, "{found:?}");
    let names: Vec<_> = found.iter().map(|(kind, name, _)| format!("{kind} {name}")).collect();
    assert_eq!(names, ["Pod data", "PersistentVolumeClaim data"], "{found:?}");
    let says = "storage: spec.volumes[0].persistentVolumeClaim.claimName: asked PersistentVolumeClaim data";
    assert!(found[0].2.contains(says), "{found:?}");
    ok(kubectl(&p, ADMIN, &["-n", "audited", "delete", "pods,deployments", "--all", "--wait=false"]));
}
