//! Whose work it is, whatever the manifest says; and which namespaces are governed, whoever asks.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_refused_by_rbac, assert_warned};
use e2e::{ADMIN, apply, create, find, get, kubectl, kubectl_with, label, must, ok, running, shared};
use serde_json::{Value, json};

fn forged() -> Value {
    json!({"metadata": {"labels": {"platform-go/user-id": "ada", "platform-go/project-id": "detector"}}})
}

#[test]
fn a_forged_stamp_is_overwritten_on_create_and_put_back_on_update() {
    let p = shared();
    let created = create(&p, "bob", with(pod("llm-finetune", "forged-pod", json!({})), forged()));
    assert_warned(&created, r#"metadata.labels[platform-go/user-id]: asked "ada", set to "bob""#);
    let deployment = with(workload("Deployment", "llm-finetune", "forged", json!({})), forged());
    assert_warned(&create(&p, "bob", deployment), r#"asked "ada", set to "bob""#);
    for object in ["pod/forged-pod", "deployment/forged"] {
        let stamps = || {
            let it = get(&p, "llm-finetune", object);
            (label(&it, "user-id").to_owned(), label(&it, "project-id").to_owned())
        };
        let bobs = ("bob".to_owned(), "llm-finetune".to_owned());
        assert_eq!(stamps(), bobs, "{object}");
        let relabel = ["-n", "llm-finetune", "label", object, "platform-go/user-id=mia", "--overwrite"];
        assert_warned(&kubectl(&p, "bob", &relabel), r#"asked "mia", set to "bob""#);
        assert_eq!(stamps(), bobs, "{object} after label");
        ok(kubectl(&p, "bob", &["-n", "llm-finetune", "label", object, "platform-go/user-id-"]));
        assert_eq!(stamps().0, "bob", "{object} after the label was taken off");
        let patch = r#"[{"op": "replace", "path": "/metadata/labels/platform-go~1user-id", "value": "ada"}]"#;
        ok(kubectl(&p, "bob", &["-n", "llm-finetune", "patch", object, "--type=json", "-p", patch]));
        assert_eq!(stamps().0, "bob", "{object} after patch");
    }
}

#[test]
fn class_forged_template_pods_belong_to_whoever_made_the_workload() {
    let p = shared();
    for kind in ["Deployment", "ReplicaSet"] {
        let name = format!("forged-template-{}", kind.to_lowercase());
        ok(create(&p, "bob", with(workload(kind, "llm-finetune", &name, forged()), forged())));
        let pods = running(&p, "llm-finetune", &format!("app={name}"), 1);
        assert_eq!((label(&pods[0], "user-id"), label(&pods[0], "project-id")), ("bob", "llm-finetune"), "{kind}");
    }
}

#[test]
fn a_made_up_owner_reference_gains_nothing() {
    let p = shared();
    ok(create(&p, "alice", workload("Deployment", "llm-finetune", "hers", json!({}))));
    let hers = get(&p, "llm-finetune", "deployment/hers");
    let reference = json!({"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment",
        "name": "hers", "uid": hers["metadata"]["uid"], "controller": true, "blockOwnerDeletion": false}]}});
    let says = "asked to be controlled by Deployment hers, which is alice's";
    assert_denied(&create(&p, "bob", pod("llm-finetune", "not-hers", reference.clone())), &[("project", says)]);
    let set = with(workload("ReplicaSet", "llm-finetune", "not-hers-either", json!({})), reference);
    assert_denied(&create(&p, "bob", set), &[("project", says)]);
    // What only goes with it is no controller's.
    let reference = json!({"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment",
        "name": "hers", "uid": hers["metadata"]["uid"], "controller": false}]}});
    ok(create(&p, "bob", pod("llm-finetune", "not-hers", reference)));
    assert_eq!(label(&get(&p, "llm-finetune", "pod/not-hers"), "user-id"), "bob");
}

#[test]
fn nobody_but_an_admin_binds_or_unbinds_a_namespace() {
    let p = shared();
    // RBAC gives these two every right on Namespaces: what remains is Sluice's word.
    ok(kubectl(
        &p,
        ADMIN,
        &[
            "create",
            "clusterrole",
            "namespaces",
            "--verb=*",
            "--resource=namespaces,namespaces/status,namespaces/finalize",
        ],
    ));
    ok(kubectl(
        &p,
        ADMIN,
        &["create", "clusterrolebinding", "namespaces", "--clusterrole=namespaces", "--user=bob", "--user=mia"],
    ));
    ok(kubectl(&p, ADMIN, &["create", "namespace", "unbound"]));
    let bind = r#"{"metadata": {"labels": {"platform-go/project-id": "detector"}}}"#;
    let unbind = r#"{"metadata": {"labels": {"platform-go/project-id": null}}}"#;
    let both = [
        ("unbound", bind, "asked to bind the namespace to project detector"),
        (
            "llm-eval",
            unbind,
            "namespace llm-eval belongs to project llm-eval; only platform Admins and Sluice change this label",
        ),
    ];
    for user in ["bob", "mia"] {
        for (namespace, patch, says) in both {
            let refuse = |args: &[&str], input: &str| {
                let output = kubectl_with(&p, user, args, input);
                // Of a namespace that belongs to a project the API server sees it by itself.
                if namespace == "unbound" {
                    assert_denied(&output, &[("platform-labels", says)]);
                } else {
                    assert_refused_by_policy(&output, "sluice-namespaces", says);
                }
            };
            refuse(&["patch", "namespace", namespace, "--type=merge", "-p", patch], "");
            refuse(&["patch", "namespace", namespace, "--type=merge", "--subresource=status", "-p", patch], "");
            let label =
                if namespace == "unbound" { "platform-go/project-id=detector" } else { "platform-go/project-id-" };
            refuse(&["label", "namespace", namespace, "--overwrite", label], "");
            let patch: Value = serde_json::from_str(patch).expect("a patch");
            let whole = with(get(&p, "", &format!("namespace/{namespace}")), patch).to_string();
            refuse(&["replace", "-f", "-"], &whole);
            refuse(&["replace", "--raw", &format!("/api/v1/namespaces/{namespace}/finalize"), "-f", "-"], &whole);
        }
        let adopt = ["annotate", "namespace", "unbound", "platform-go/adopt=detector"];
        assert_denied(
            &kubectl(&p, user, &adopt),
            &[("platform-labels", "asked to let a project take over the namespace")],
        );
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("by-{user}"),
            "labels": {"platform-go/project-id": "detector"}}});
        assert_denied(
            &create(&p, user, made),
            &[("platform-labels", "asked to bind the namespace to project detector")],
        );
    }
    ok(kubectl(&p, "mia", &["label", "namespace", "unbound", "team=vision"]));
    assert_refused_by_rbac(&kubectl(
        &p,
        "carol",
        &["label", "namespace", "unbound", "platform-go/project-id=detector"],
    ));

    // ada is a platform Admin by her User record; RBAC is given by the chart's ClusterRole.
    ok(kubectl(&p, ADMIN, &["create", "clusterrolebinding", "ada-admin", "--clusterrole=sluice-admin", "--user=ada"]));
    ok(kubectl(&p, "ada", &["label", "namespace", "unbound", "platform-go/project-id=detector"]));
    ok(kubectl(&p, "ada", &["label", "namespace", "unbound", "platform-go/project-id-"]));
    must(p.admin(&["delete", "namespace", "unbound", "--wait=false"]));
}

#[test]
fn an_exempt_namespace_cannot_be_bound_even_by_an_admin() {
    let p = shared();
    for namespace in ["kube-system", "sluice-system"] {
        let refused = kubectl(&p, ADMIN, &["label", "namespace", namespace, "platform-go/project-id=detector"]);
        assert_denied(&refused, &[("platform-labels", "which is exempt from governance")]);
    }
}

#[test]
fn a_selector_that_names_a_platform_label_is_refused() {
    let p = shared();
    let labels = json!({"app": "endless", "platform-go/user-id": "bob"});
    let mut endless = workload("ReplicaSet", "llm-finetune", "endless", json!({"metadata": {"labels": labels}}));
    endless["spec"]["selector"]["matchLabels"] = labels;
    let refused = apply(&p, "bob", endless);
    assert_denied(&refused, &[("platform-labels", "Pods would never match and be made for ever")]);
    assert_eq!(find(&p, "llm-finetune", "replicaset/endless"), None);
}
