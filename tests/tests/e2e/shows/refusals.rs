//! Strangers, foreign queues, root and privilege: refused with every reason.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_rbac, denials};
use e2e::{ADMIN, apply, create, get, kubectl, ok, running, shared};
use serde_json::{Value, json};

#[test]
fn a_stranger_is_refused_by_rbac_and_by_sluice_where_rbac_lets_her() {
    let p = shared();
    assert_refused_by_rbac(&apply(&p, "carol", pod("llm-finetune", "stranger", json!({}))));

    let args = ["-n", "llm-finetune", "create", "rolebinding", "erroneous", "--clusterrole=edit", "--user=dave"];
    ok(kubectl(&p, ADMIN, &args));
    for object in [pod("llm-finetune", "stranger", json!({})), workload("Job", "llm-finetune", "stranger", json!({}))] {
        let refused = create(&p, "dave", object);
        assert_denied(
            &refused,
            &[("project", "dave is no member of project llm-finetune; ask a platform Admin to add them")],
        );
    }
    ok(kubectl(&p, ADMIN, &["-n", "llm-finetune", "delete", "rolebinding/erroneous"]));
}

#[test]
fn somebody_without_a_user_record_is_told_what_is_missing() {
    let p = shared();
    let args = ["-n", "llm-finetune", "create", "rolebinding", "for-eve", "--clusterrole=edit", "--user=eve"];
    ok(kubectl(&p, ADMIN, &args));
    let refused = create(&p, "eve", pod("llm-finetune", "eves", json!({})));
    assert_denied(&refused, &[("project", "eve is no user of the platform; ask an admin for a User record")]);
}

#[test]
fn a_queue_of_another_plan_is_refused_with_the_queues_that_may_be_used() {
    let p = shared();
    let night = json!({"metadata": {"labels": {"platform-go/queue-name": "night"}}});
    let says = "asked queue night; plan gold of project llm-finetune allows default, batch, research, urgent";
    let refused = apply(&p, "bob", pod("llm-finetune", "owl", night.clone()));
    assert_denied(&refused, &[("queue", says)]);
    let refused = apply(&p, "bob", workload("CronJob", "llm-finetune", "owl", night.clone()));
    assert_denied(&refused, &[("queue", "spec.jobTemplate.spec.template.metadata.labels")]);
    ok(create(&p, "bob", pod("detector", "owl", night)));
    assert_eq!(get(&p, "detector", "pod/owl")["spec"]["priorityClassName"], "platform-go-night");
}

const GROUP: &str = "group vision-lab, which owns the project, does not allow root containers";

#[test]
fn root_is_refused_in_every_container_list_and_the_group_is_named() {
    let p = shared();
    let container = |more: Value| with(json!({"name": "extra", "image": "registry.example.com/app:1"}), more);
    let zero = json!({"securityContext": {"runAsUser": 0}});
    let cases = [
        ("spec.securityContext.runAsUser", json!({"securityContext": {"runAsUser": 0}})),
        ("spec.securityContext.runAsNonRoot", json!({"securityContext": {"runAsNonRoot": false}})),
        ("spec.containers[0].securityContext.runAsUser", json!({"containers": [container(zero.clone())]})),
        (
            "spec.containers[0].securityContext.runAsNonRoot",
            json!({"securityContext": {"runAsNonRoot": true},
                "containers": [container(json!({"securityContext": {"runAsNonRoot": false}}))]}),
        ),
        ("spec.initContainers[0].securityContext.runAsUser", json!({"initContainers": [container(zero.clone())]})),
        (
            "spec.initContainers[0].securityContext.runAsUser",
            json!({"initContainers": [with(container(zero), json!({"restartPolicy": "Always"}))]}),
        ),
    ];
    for (field, spec) in cases {
        let refused = create(&p, "bob", pod("detector", "rooted", json!({"spec": spec})));
        assert_denied(&refused, &[("root-shell", GROUP)]);
        assert_eq!(denials(&refused.stderr)[0].field, field);
    }
    let asked = json!({"metadata": {"annotations": {"platform-go/root-shell": "true"}}});
    let refused = create(&p, "bob", pod("detector", "rooted", asked));
    assert_denied(&refused, &[("root-shell", "asked a root shell; group vision-lab")]);
    let refused = create(
        &p,
        "bob",
        workload("Deployment", "detector", "rooted", json!({"spec": {"securityContext": {"runAsUser": 0}}})),
    );
    assert_denied(&refused, &[("root-shell", "spec.template.spec.securityContext.runAsUser: asked UID 0")]);
}

#[test]
fn root_by_kubectl_debug_is_refused_and_so_is_root_in_an_ephemeral_container_by_patch_and_by_replace() {
    let p = shared();
    ok(create(&p, "bob", pod("detector", "debugged", json!({}))));
    let running_pod = running(&p, "detector", "app=debugged", 1).remove(0);
    let debug = ["-n", "detector", "debug", "debugged", "--image=registry.example.com/tools:1", "-c", "tools"];
    let custom = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(custom.path(), r#"{"securityContext": {"runAsUser": 0}}"#).expect("a profile");
    let custom = format!("--custom={}", custom.path().display());
    let refused = kubectl(&p, "bob", &[&debug[..], &["--profile=baseline", &custom]].concat());
    assert_denied(&refused, &[("root-shell", GROUP)]);
    assert_eq!(denials(&refused.stderr)[0].field, "spec.ephemeralContainers[0].securityContext.runAsUser");
    let refused = kubectl(&p, "bob", &[&debug[..], &["--profile=sysadmin"]].concat());
    assert_denied(&refused, &[("privilege", "spec.ephemeralContainers[0].securityContext.privileged")]);

    let rooted =
        json!([{"name": "sneaky", "image": "registry.example.com/tools:1", "securityContext": {"runAsUser": 0}}]);
    let patch = json!({"spec": {"ephemeralContainers": rooted}}).to_string();
    let args = ["-n", "detector", "patch", "pod/debugged", "--subresource=ephemeralcontainers", "-p", &patch];
    assert_denied(&kubectl(&p, "bob", &args), &[("root-shell", GROUP)]);
    let whole = with(running_pod, json!({"spec": {"ephemeralContainers": rooted}})).to_string();
    let path = "/api/v1/namespaces/detector/pods/debugged/ephemeralcontainers";
    let refused = e2e::kubectl_with(&p, "bob", &["replace", "--raw", path, "-f", "-"], &whole);
    assert_denied(&refused, &[("root-shell", GROUP)]);

    let foreign = ["-n", "detector", "debug", "debugged", "--image=quay.io/somebody/tools", "--profile=baseline"];
    assert_denied(&kubectl(&p, "bob", &foreign), &[("image", "asked quay.io/somebody/tools:latest")]);
    ok(kubectl(&p, "bob", &[&debug[..], &["--profile=baseline"]].concat()));
    let added = &get(&p, "detector", "pod/debugged")["spec"]["ephemeralContainers"];
    assert_eq!(added.as_array().map(Vec::len), Some(1), "{added}");
}

#[test]
fn where_root_is_forbidden_non_root_is_written_and_where_it_is_allowed_unset_stays_unset() {
    let p = shared();
    ok(create(&p, "bob", pod("detector", "unset", json!({}))));
    assert_eq!(get(&p, "detector", "pod/unset")["spec"]["securityContext"], json!({"runAsNonRoot": true}));
    ok(create(&p, "bob", pod("llm-finetune", "unset", json!({}))));
    assert_eq!(get(&p, "llm-finetune", "pod/unset")["spec"]["securityContext"], json!({}));

    ok(create(&p, "bob", pod("llm-finetune", "zero", json!({"spec": {"securityContext": {"runAsUser": 0}}}))));
    let asked = json!({"metadata": {"annotations": {"platform-go/root-shell": "true"}}});
    ok(create(&p, "alice", pod("alice-personal", "root-shell", asked)));
    assert_eq!(get(&p, "alice-personal", "pod/root-shell")["spec"]["securityContext"], json!({"runAsUser": 0}));
    let privileged = json!({"spec": {"containers": [{"name": "main", "image": "registry.example.com/app:1",
        "securityContext": {"privileged": true, "runAsUser": 0}}]}});
    let refused = create(&p, "bob", pod("llm-finetune", "privileged", privileged));
    assert_denied(&refused, &[("privilege", "spec.containers[0].securityContext.privileged")]);
}

#[test]
fn every_reason_is_in_one_message_and_the_message_says_how_many() {
    let p = shared();
    let spec = json!({
        "nodeName": "gpu-a",
        "hostNetwork": true,
        "containers": [{"name": "main", "image": "quay.io/somebody/miner",
            "securityContext": {"privileged": true, "runAsUser": 0}}],
        "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
    });
    let labels = json!({"platform-go/queue-name": "urgent"});
    let refused =
        create(&p, "bob", pod("detector", "everything", json!({"metadata": {"labels": labels}, "spec": spec})));
    assert_denied(
        &refused,
        &[
            ("queue", "asked queue urgent; plan bronze of project detector allows default, batch, night"),
            ("placement", "asked node gpu-a"),
            ("root-shell", GROUP),
            ("privilege", "hostNetwork"),
            ("privilege", "privileged"),
            ("service-account-token", "project detector allows none"),
            ("image", "asked quay.io/somebody/miner:latest; project detector allows registry.example.com/**"),
        ],
    );
    let head = "sluice: 7 denied: queue, placement, root-shell, privilege, service-account-token, image\n";
    assert!(refused.stderr.contains(head), "{}", refused.stderr);
}

#[test]
fn no_token_is_mounted_unless_the_project_allows_it() {
    let p = shared();
    ok(create(&p, "bob", pod("detector", "tokenless", json!({}))));
    let spec = &get(&p, "detector", "pod/tokenless")["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!((spec.get("volumes"), spec["containers"][0].get("volumeMounts")), (None, None));
}
