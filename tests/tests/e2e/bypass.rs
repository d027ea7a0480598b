//! Ways around a policy that were published against admission systems, or found while this one was designed: one test
//! for each class. Here: how a request comes in. Those with a file of their own are not repeated (forged
//! stamps, unbinding, root shells).

use e2e::manifest::{IMAGE, pod, with, workload};
use e2e::refusal::{assert_denied, denials};
use e2e::windows::{far, gates, in_queue, own_queue, set_windows, waits};
use e2e::{
    apply, create, eventually, find, get, kubectl, kubectl_with, label, let_in, list, must, ok, running, shared,
};
use serde_json::{Value, json};

#[test]
fn class_subresource_not_matched() {
    let p = shared();
    let_in(&p, "subresources", "bob", &["pods/status", "pods/binding", "bindings", "deployments/status"]);
    ok(create(&p, "bob", pod("detector", "sub-own", json!({"spec": {"nodeSelector": {"no": "where"}}}))));
    ok(create(&p, "carol", workload("Deployment", "detector", "sub-hers", json!({}))));

    let status = ["-n", "detector", "patch", "pod/sub-own", "--subresource=status", "--type=merge", "-p"];
    let lie = [&status[..], &[r#"{"status": {"phase": "Succeeded"}}"#]].concat();
    assert_denied(&kubectl(&p, "bob", &lie), &[("placement", "asked to write a Pod's status")]);

    let binding = json!({"apiVersion": "v1", "kind": "Binding",
        "metadata": {"name": "sub-own", "namespace": "detector"},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "gpu-a"}});
    for path in ["/api/v1/namespaces/detector/pods/sub-own/binding", "/api/v1/namespaces/detector/bindings"] {
        let refused = kubectl_with(&p, "bob", &["create", "--raw", path, "-f", "-"], &binding.to_string());
        assert_denied(&refused, &[("placement", "only the schedulers bind")]);
    }
    let relabel = r#"{"metadata": {"labels": {"platform-go/user-id": "bob"}}}"#;
    let hers =
        ["-n", "detector", "patch", "deployment/sub-hers", "--subresource=status", "--type=merge", "-p", relabel];
    assert_denied(&kubectl(&p, "bob", &hers), &[("project", "is carol's")]);
    assert_eq!(get(&p, "detector", "pod/sub-own")["spec"].get("nodeName"), None);
}

#[test]
fn class_gate_lifted() {
    let p = shared();
    own_queue(&p, "lifted", json!({}));
    set_windows(&p, "lifted", far(), true);
    let manifest = in_queue("lifted", "lifted", "lifted");
    ok(create(&p, "alice", &manifest));
    let before = waits(&p, "lifted", "lifted");
    let says = [(
        "plan-window",
        "spec.schedulingGates: asked to take away the gate platform-go/plan-window; only the platform takes its gates away; queue lifted is closed until Mon 2099-03-02 09:00 Europe/Berlin (UTC+01:00), by its own windows; wait, or move the Pod to queue default (annotation platform-go/switch-queue)",
    )];
    let patch = ["-n", "lifted", "patch", "pod/lifted"];
    let ways = [
        ["--type=merge", "-p", r#"{"spec": {"schedulingGates": null}}"#],
        ["--type=merge", "-p", r#"{"spec": {"schedulingGates": []}}"#],
        ["--type=json", "-p", r#"[{"op": "remove", "path": "/spec/schedulingGates/0"}]"#],
        [
            "--type=strategic",
            "-p",
            r#"{"spec": {"schedulingGates": [{"$patch": "delete", "name": "platform-go/plan-window"}]}}"#,
        ],
    ];
    for user in ["alice", e2e::ADMIN] {
        for way in &ways {
            assert_denied(&kubectl(&p, user, &[&patch[..], way].concat()), &says);
        }
        let read = with(get(&p, "lifted", "pod/lifted"), json!({"spec": {"schedulingGates": null}}));
        assert_denied(&kubectl_with(&p, user, &["replace", "-f", "-"], &read.to_string()), &says);
        let debug = json!([{"name": "debug", "image": IMAGE, "terminationMessagePolicy": "File"}]);
        let debugged = with(read, json!({"spec": {"ephemeralContainers": debug}})).to_string();
        let path = "/api/v1/namespaces/lifted/pods/lifted/ephemeralcontainers";
        assert_denied(&kubectl_with(&p, user, &["replace", "--raw", path, "-f", "-"], &debugged), &says);
    }
    // A manifest that knows nothing of the gate takes it away from nobody's sight, and not from the Pod.
    ok(kubectl_with(&p, "alice", &["replace", "-f", "-"], &manifest.to_string()));
    let after = get(&p, "lifted", "pod/lifted");
    assert_eq!((&after["spec"], &after["metadata"]["labels"]), (&before["spec"], &before["metadata"]["labels"]));
    assert_eq!((gates(&after), after["spec"].get("nodeName")), (vec!["platform-go/plan-window"], None));
}

#[test]
fn class_another_operation() {
    let p = shared();
    let manifest = workload("Deployment", "detector", "other-operation", json!({}));
    ok(apply(&p, "bob", &manifest));
    running(&p, "detector", "app=other-operation", 1);
    let foreign =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "quay.io/somebody/app"}]}}}});
    let edited = with(manifest, foreign.clone());
    let whole = edited.to_string();
    let patch = foreign.to_string();
    let ways: [(&[&str], &str); 5] = [
        (&["apply", "-f", "-"], &whole),
        (&["apply", "--server-side", "--force-conflicts", "-f", "-"], &whole),
        (&["replace", "-f", "-"], &whole),
        (&["-n", "detector", "patch", "deployment/other-operation", "-p", &patch], ""),
        (&["-n", "detector", "set", "image", "deployment/other-operation", "main=quay.io/somebody/app"], ""),
    ];
    let says = "spec.template.spec.containers[0].image: asked quay.io/somebody/app:latest";
    for (args, input) in ways {
        assert_denied(&kubectl_with(&p, "bob", args, input), &[("image", says)]);
    }
    let pod = running(&p, "detector", "app=other-operation", 1).remove(0);
    let name = format!("pod/{}", pod["metadata"]["name"].as_str().expect("a name"));
    let living = kubectl(&p, "bob", &["-n", "detector", "set", "image", &name, "main=quay.io/somebody/app"]);
    assert_denied(&living, &[("image", "spec.containers[0].image")]);
    let flip = ["-n", "detector", "label", &name, "platform-go/queue-name=batch", "--overwrite"];
    ok(kubectl(&p, "bob", &flip));
    assert_eq!(label(&get(&p, "detector", &name), "queue-name"), "default", "put back");
}

#[test]
fn class_namespace_trust() {
    let p = shared();
    let elsewhere = pod("default", "trusting", json!({"spec": {"securityContext": {"runAsUser": 0}}})).to_string();
    let path = "/api/v1/namespaces/detector/pods";
    let refused = kubectl_with(&p, "bob", &["create", "--raw", path, "-f", "-"], &elsewhere);
    assert!(!refused.success, "{}", refused.stdout);
    assert!(refused.stderr.contains("does not match the namespace"), "{}", refused.stderr);
    let without = with(
        pod("detector", "trusting", json!({"spec": {"securityContext": {"runAsUser": 0}}})),
        json!({"metadata": {"namespace": null}}),
    );
    let refused = kubectl_with(&p, "bob", &["create", "--raw", path, "-f", "-"], &without.to_string());
    assert!(refused.stderr.contains("root-shell: spec.securityContext.runAsUser"), "{}", refused.stderr);
    assert_eq!((find(&p, "detector", "pod/trusting"), find(&p, "default", "pod/trusting")), (None, None));
}

#[test]
fn class_indirect_creation() {
    let p = shared();
    let rooted = json!({"spec": {"securityContext": {"runAsUser": 0}}});
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"] {
        let refused = create(&p, "bob", workload(kind, "detector", "indirect", rooted.clone()));
        assert_denied(&refused, &[("root-shell", "template.spec.securityContext.runAsUser: asked UID 0")]);
    }
    assert!(list(&p, "detector", "pods", "app=indirect").is_empty());
}

#[test]
fn class_deletion() {
    let p = shared();
    ok(create(&p, "carol", pod("detector", "ending", json!({"metadata": {"finalizers": ["example.com/hold"]}}))));
    running(&p, "detector", "app=ending", 1);
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "pod/ending", "--wait=false"]));
    let image = ["-n", "detector", "set", "image", "pod/ending", "main=registry.example.com/app:2"];
    assert_denied(&kubectl(&p, "bob", &image), &[("project", "is carol's")]);
    let own = ["-n", "detector", "set", "image", "pod/ending", "main=quay.io/somebody/app"];
    assert_denied(&kubectl(&p, "carol", &own), &[("image", "asked quay.io/somebody/app:latest")]);
    ok(kubectl(
        &p,
        "carol",
        &["-n", "detector", "patch", "pod/ending", "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#],
    ));
}

#[test]
fn class_dry_run() {
    let p = shared();
    let args = ["create", "--dry-run=server", "-o=json", "-f", "-"];
    let dry = ok(kubectl_with(&p, "bob", &args, &pod("detector", "dry-run", json!({})).to_string()));
    let dry: Value = serde_json::from_str(&dry).expect("kubectl prints JSON");
    assert_eq!((label(&dry, "user-id"), &dry["spec"]["priorityClassName"]), ("bob", &json!("platform-go-default")));
    assert_eq!(find(&p, "detector", "pod/dry-run"), None);
}

#[test]
fn class_reinvocation() {
    let p = shared();
    // Another mutator adds a sidecar: what it adds is judged, and what Sluice wrote stays.
    let policy = |name: &str, image: &str| {
        let sidecar = format!("name: 'mesh', image: '{image}', restartPolicy: 'Always'");
        let list = format!("[Object.spec.initContainers{{{sidecar}}}]");
        let expression = format!("Object{{spec: Object.spec{{initContainers: {list}}}}}");
        let named = format!("object.metadata.?name.orValue('') == '{name}'");
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {"failurePolicy": "Fail", "reinvocationPolicy": "IfNeeded",
                "matchConstraints": {"resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
                "matchConditions": [{"name": "named", "expression": named}],
                "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}]}})
    };
    for (name, image) in [("mesh-foreign", "quay.io/somebody/mesh"), ("mesh-good", "registry.example.com/mesh:1")] {
        must(p.admin_apply(&policy(name, image).to_string()));
        let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name}, "spec": {"policyName": name}});
        must(p.admin_apply(&binding.to_string()));
    }
    let forged = json!({"metadata": {"labels": {"platform-go/user-id": "ada"}}});
    let meshed = |name: &str| pod("detector", name, forged.clone()).to_string();
    let dry = ["create", "--dry-run=server", "-o=json", "-f", "-"];
    let refused = eventually("the other mutator to take effect", || {
        let output = kubectl_with(&p, "bob", &dry, &meshed("mesh-foreign"));
        (!output.success).then_some(output)
    });
    assert_denied(&refused, &[("image", "spec.initContainers[0].image: asked quay.io/somebody/mesh:latest")]);
    let good = eventually("the sidecar", || {
        let good: Value = serde_json::from_str(&kubectl_with(&p, "bob", &dry, &meshed("mesh-good")).stdout).ok()?;
        (good["spec"]["initContainers"][0]["name"] == "mesh").then_some(good)
    });
    assert_eq!((label(&good, "user-id"), &good["spec"]["securityContext"]["runAsNonRoot"]), ("bob", &json!(true)));
}

#[test]
fn class_parsing() {
    let p = shared();
    let path = "/api/v1/namespaces/detector/pods";
    let raw = |spec: &str| {
        let containers = json!([{"name": "main", "image": IMAGE}]);
        let head = r#""apiVersion": "v1", "kind": "Pod", "metadata": {"name": "parsed"}"#;
        let body = format!(r#"{{{head}, "spec": {{{spec}, "containers": {containers}}}}}"#);
        kubectl_with(&p, "bob", &["create", "--raw", path, "-f", "-"], &body)
    };
    let twice = raw(r#""securityContext": {"runAsUser": 1000, "runAsUser": 0}"#);
    assert!(twice.stderr.contains("root-shell: spec.securityContext.runAsUser: asked UID 0"), "{}", twice.stderr);
    for (spec, says) in [
        (r#""securityContext": {"runAsUser": "0"}"#, "cannot unmarshal"),
        (r#""securityContext": {"runAsUser": 0.5}"#, "cannot unmarshal"),
        (r#""securityContext": {"runAsUser": 18446744073709551616}"#, "cannot unmarshal"),
    ] {
        let refused = raw(spec);
        assert!(!refused.success && refused.stderr.contains(says), "{}", refused.stderr);
    }
    for (image, read_as) in [
        ("registry.example.com:443/app", "registry.example.com:443/app:latest"),
        ("registry.example.com.evil.io/app", "registry.example.com.evil.io/app:latest"),
        ("registry.example.comx/app:1", "registry.example.comx/app:1"),
    ] {
        let spec = json!({"spec": {"containers": [{"name": "main", "image": image}]}});
        let refused = create(&p, "bob", pod("detector", "parsed", spec));
        assert_denied(&refused, &[("image", &format!("asked {read_as}; "))]);
    }
    let queue = json!({"metadata": {"labels": {"platform-go/queue-name": "Batch"}}});
    assert_denied(
        &create(&p, "bob", pod("detector", "parsed", queue)),
        &[("queue", "asked queue Batch, which does not exist")],
    );
    assert_eq!(find(&p, "detector", "pod/parsed"), None);
}

#[test]
fn class_exhaustion() {
    let p = shared();
    let many: Vec<_> = (0..500).map(|n| json!({"name": format!("c{n}"), "image": "quay.io/somebody/app"})).collect();
    let refused = create(&p, "bob", pod("detector", "many", json!({"spec": {"containers": many}})));
    let found = denials(&refused.stderr);
    assert!(refused.stderr.contains("sluice: 500 denied: image"), "{}", refused.stderr);
    assert!(found.len() == 100 && found.iter().all(|denial| denial.rule == "image"), "{}", refused.stderr);
    ok(create(&p, "bob", pod("detector", "after-many", json!({}))));
}
