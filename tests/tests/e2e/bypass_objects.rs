//! Ways around a policy, one test for each class, continued: what an object says, and who says it.

use e2e::manifest::{IMAGE, pod, with, workload};
use e2e::refusal::{assert_denied, denials};
use e2e::{ADMIN, create, get, kubectl, kubectl_with, let_in, ok, project, running, shared};
use serde_json::json;

#[test]
fn class_opt_out_by_the_tenant() {
    let p = shared();
    let rooted = json!({"spec": {"securityContext": {"runAsUser": 0}}});
    let wishes = [
        json!({"labels": {"admission.sluice.dev/ignore": "true", "platform-go/exempt": "true"}}),
        json!({"labels": {"control-plane": "controller-manager", "app.kubernetes.io/name": "sluice"}}),
        json!({"annotations": {"platform-go/asked": r#"{"/spec/securityContext/runAsUser":0}"#}}),
        json!({"labels": {"platform-go/project-id": "llm-finetune", "platform-go/group-id": "nlp-lab"}}),
        json!({"generateName": "opt-out-", "name": null}),
    ];
    for wish in wishes {
        let wishing = with(pod("detector", "opt-out", rooted.clone()), json!({"metadata": wish}));
        assert_denied(&create(&p, "bob", wishing), &[("root-shell", "group vision-lab")]);
    }
    let asked = r#"{"/metadata/labels/platform-go~1user-id":"ada"}"#;
    let memory = json!({"metadata": {"annotations": {"platform-go/asked": asked}}});
    ok(create(&p, "bob", pod("detector", "false-memory", memory)));
    let made = get(&p, "detector", "pod/false-memory");
    assert_eq!(made["metadata"]["annotations"].get("platform-go/asked"), None, "nobody makes the platform's memory up");
}

#[test]
fn class_container_lists() {
    let p = shared();
    let foreign = json!({"name": "extra", "image": "quay.io/somebody/app"});
    let lists = [
        ("spec.containers[0].image", json!({"containers": [foreign]})),
        ("spec.initContainers[0].image", json!({"initContainers": [foreign]})),
        (
            "spec.initContainers[0].image",
            json!({"initContainers": [with(foreign.clone(), json!({"restartPolicy": "Always"}))]}),
        ),
        (
            "spec.volumes[0].image.reference",
            json!({"volumes": [{"name": "v", "image": {"reference": "quay.io/somebody/app"}}]}),
        ),
    ];
    for (field, spec) in lists {
        let refused = create(&p, "bob", pod("detector", "lists", json!({"spec": spec})));
        assert_denied(&refused, &[("image", "asked quay.io/somebody/app:latest")]);
        assert_eq!(denials(&refused.stderr)[0].field, field);
    }
}

#[test]
fn class_confused_deputy() {
    let p = shared();
    ok(create(&p, "carol", workload("Deployment", "detector", "deputy", json!({}))));
    let pod = running(&p, "detector", "app=deputy", 1).remove(0);
    let name = pod["metadata"]["name"].as_str().expect("a name");
    let command = r#"{"spec": {"template": {"spec": {"containers": [{"name": "main", "command": ["steal"]}]}}}}"#;
    let edit = ["-n", "detector", "patch", "deployment/deputy", "-p", command];
    assert_denied(&kubectl(&p, "bob", &edit), &[("project", "is carol's")]);
    let debug = ["-n", "detector", "debug", name, "--image", IMAGE, "--profile=baseline"];
    assert_denied(&kubectl(&p, "bob", &debug), &[("project", "is carol's")]);
    let owner = r#"{"metadata": {"ownerReferences": null, "labels": {"app": "mine"}}}"#;
    let release = ["-n", "detector", "patch", "pod", name, "--type=merge", "-p", owner];
    assert_denied(&kubectl(&p, "bob", &release), &[("project", "is carol's")]);
}

#[test]
fn class_static_and_mirror_pods() {
    let p = shared();
    let mirror = json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}});
    assert_denied(
        &create(&p, "bob", pod("detector", "mirror", mirror.clone())),
        &[("placement", "only a kubelet says so")],
    );
    let source = json!({"metadata": {"annotations": {"kubernetes.io/config.source": "file"}}});
    assert_denied(
        &create(&p, "bob", workload("Job", "detector", "static", source)),
        &[("placement", "only a kubelet says so")],
    );

    let_in(&p, "kubelet", "system:node:cpu-a", &["pods"]);
    let kubelet =
        ["--as=system:node:cpu-a", "--as-group=system:nodes", "--as-group=system:authenticated", "create", "-f", "-"];
    let on = |node: &str| {
        with(
            pod("detector", &format!("mirror-{node}"), mirror.clone()),
            json!({"spec": {"nodeName": node, "securityContext": {"runAsUser": 0}}}),
        )
    };
    ok(kubectl_with(&p, ADMIN, &kubelet, &on("cpu-a").to_string()));
    let refused = kubectl_with(&p, ADMIN, &kubelet, &on("gpu-a").to_string());
    let rules: Vec<_> = denials(&refused.stderr).into_iter().map(|denial| denial.rule).collect();
    assert_eq!(rules, ["project", "placement", "placement", "root-shell"], "{}", refused.stderr);
}

#[test]
fn class_direct_placement() {
    let p = shared();
    for (spec, says) in [
        (json!({"nodeName": "gpu-a"}), "asked node gpu-a"),
        (json!({"schedulerName": "volcano"}), "asked scheduler volcano; this platform's are default-scheduler"),
    ] {
        assert_denied(&create(&p, "bob", pod("detector", "placed", json!({"spec": spec}))), &[("placement", says)]);
        let template = workload("DaemonSet", "detector", "placed", json!({"spec": spec}));
        assert_denied(&create(&p, "bob", template), &[("placement", says)]);
    }
    ok(create(
        &p,
        "bob",
        pod("detector", "placed", json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "cpu-a"}}})),
    ));
    assert_eq!(running(&p, "detector", "app=placed", 1)[0]["spec"]["nodeName"], "cpu-a");
}

#[test]
fn class_old_object_trusted() {
    let p = shared();
    // Made while nothing governed the namespace, so its template may say what is refused today.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "old-object",
        "annotations": {"platform-go/adopt": "old-object"}}});
    ok(create(&p, ADMIN, namespace));
    ok(create(
        &p,
        ADMIN,
        workload("Deployment", "old-object", "old", json!({"spec": {"securityContext": {"runAsUser": 0}}})),
    ));
    project(&p, "old-object", json!({}));
    let object = "deployment/old";
    ok(kubectl(&p, "alice", &["-n", "old-object", "annotate", object, "note=unchanged"]));
    let patch = r#"{"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}"#;
    let edited = kubectl(&p, "alice", &["-n", "old-object", "patch", object, "-p", patch]);
    assert_denied(&edited, &[("root-shell", "spec.template.spec.securityContext.runAsUser: asked UID 0")]);
}

#[test]
fn class_privileged_volumes() {
    let p = shared();
    let host = json!({"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}});
    assert_denied(&create(&p, "bob", pod("llm-finetune", "host", host)), &[("privilege", "spec.volumes[0].hostPath")]);
}
