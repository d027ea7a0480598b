//! A plain manifest becomes governed Pods, and applying it again changes nothing.

use e2e::manifest::{merge, pod, with, workload};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::{apply, create, eventually, get, kubectl, kubectl_with, label, list, ok, running, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

const RESEARCH: &str = "platform-go/queue-name";

fn plain_deployment(name: &str) -> Value {
    workload("Deployment", "llm-finetune", name, json!({"metadata": {"labels": {RESEARCH: "research"}}}))
}

/// What must not move when a manifest is applied again.
fn revision(p: &Ground, name: &str) -> (Value, Value, usize) {
    let deployment = get(p, "llm-finetune", &format!("deployment/{name}"));
    let revision = deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
    let sets = list(p, "llm-finetune", "replicasets", &format!("app={name}")).len();
    (revision, deployment["spec"]["template"].clone(), sets)
}

/// An object without what Kubernetes itself counts and remembers about writes: one that changes nothing but the time in
/// `managedFields` still gets a new `resourceVersion`.
fn content(mut object: Value) -> Value {
    merge(
        &mut object,
        json!({"metadata": {"managedFields": null, "resourceVersion": null, "generation": null, "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": null}}, "status": null}),
    );
    object
}

fn server_side(p: &Ground, user: &str, manifest: &Value) -> Output {
    let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    kubectl_with(p, user, &args, &manifest.to_string())
}

#[test]
fn alices_plain_deployment_runs_in_its_queue_and_its_template_is_as_she_wrote_it() {
    let p = shared();
    let manifest = plain_deployment("show-plain");
    ok(apply(&p, "alice", &manifest));
    for pod in running(&p, "llm-finetune", "app=show-plain", 1) {
        let expected = [
            ("project-id", "llm-finetune"),
            ("group-id", "nlp-lab"),
            ("user-id", "alice"),
            ("plan-id", "gold"),
            ("queue-name", "research"),
            ("preemptible", "true"),
        ];
        for (key, value) in expected {
            assert_eq!(label(&pod, key), value, "{key}");
        }
        assert_eq!(pod["spec"]["priorityClassName"], "platform-go-research");
        assert_eq!(pod["spec"]["priority"], 500);
        assert_eq!(pod["spec"]["preemptionPolicy"], "Never");
    }
    let deployment = get(&p, "llm-finetune", "deployment/show-plain");
    assert_eq!(label(&deployment, "user-id"), "alice");
    let template = &deployment["spec"]["template"];
    assert_eq!(template["metadata"]["labels"], manifest["spec"]["template"]["metadata"]["labels"]);
    for written in ["priorityClassName", "priority", "automountServiceAccountToken"] {
        assert_eq!(template["spec"].get(written), None, "{written} is not written into a template");
    }
    assert_eq!(template["spec"]["securityContext"], json!({}));
    assert_eq!(list(&p, "llm-finetune", "replicasets", "app=show-plain").len(), 1);
}

#[test]
fn a_deployment_that_is_applied_again_gets_no_new_revision() {
    let p = shared();
    let manifest = plain_deployment("show-again");
    ok(apply(&p, "alice", &manifest));
    running(&p, "llm-finetune", "app=show-again", 1);
    // The controller writes it a moment after the Pods are there.
    let before = eventually("the first revision", || Some(revision(&p, "show-again")).filter(|it| it.0 == "1"));
    assert_eq!(before.2, 1);

    assert_eq!(ok(apply(&p, "alice", &manifest)), "deployment.apps/show-again unchanged\n");
    ok(server_side(&p, "alice", &manifest));
    ok(server_side(&p, "alice", &manifest));
    ok(kubectl_with(&p, "alice", &["replace", "-f", "-"], &manifest.to_string()));
    assert_eq!(revision(&p, "show-again"), before);
    assert_eq!(label(&get(&p, "llm-finetune", "deployment/show-again"), "user-id"), "alice", "replace lost no stamp");
}

#[test]
fn every_kind_of_workload_is_the_same_after_it_was_applied_again() {
    let p = shared();
    for kind in ["StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "ReplicationController"] {
        let name = format!("again-{}", kind.to_lowercase());
        let manifest = workload(kind, "detector", &name, json!({"metadata": {"labels": {RESEARCH: "batch"}}}));
        ok(apply(&p, "bob", &manifest));
        let object = format!("{kind}/{name}");
        let read = || get(&p, "detector", &object);
        let before = read();
        assert_eq!(label(&before, "user-id"), "bob", "{kind}");
        assert!(ok(apply(&p, "bob", &manifest)).ends_with(" unchanged\n"), "{kind}");
        ok(server_side(&p, "bob", &manifest));
        assert_eq!(content(read()), content(before.clone()), "{kind}, server-side");
        if kind == "Job" {
            // Kubernetes refuses to replace a Job by a manifest without the selector that it generated.
            continue;
        }
        ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &manifest.to_string()));
        let after = read();
        assert_eq!(content(after.clone())["spec"], content(before.clone())["spec"], "{kind}, replaced");
        assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"], "{kind}, replaced");
    }
}

#[test]
fn a_bare_pod_that_sluice_changed_is_the_same_after_it_was_applied_again() {
    let p = shared();
    // Everything that is written differs from what is asked.
    let manifest = pod(
        "detector",
        "again-pod",
        json!({"metadata": {"labels": {RESEARCH: "batch", "platform-go/user-id": "ada"}},
            "spec": {"priorityClassName": "system-cluster-critical", "automountServiceAccountToken": true}}),
    );
    let first = apply(&p, "bob", &manifest);
    assert_warned(&first, r#"asked "ada", set to "bob""#);
    assert_warned(&first, r#"asked "system-cluster-critical", set to "platform-go-batch""#);
    ok(first);
    let before = running(&p, "detector", "app=again-pod", 1).remove(0);
    assert_eq!(before["spec"]["priorityClassName"], "platform-go-batch");

    ok(apply(&p, "bob", &manifest));
    let applied = get(&p, "detector", "pod/again-pod");
    assert_eq!(content(applied.clone()), content(before.clone()));
    assert_eq!(applied["status"], before["status"]);
    assert_eq!(applied["metadata"]["generation"], before["metadata"]["generation"]);
    for _ in 0..2 {
        ok(server_side(&p, "bob", &manifest));
        assert_eq!(content(get(&p, "detector", "pod/again-pod")), content(before.clone()));
    }
}

#[test]
fn a_pod_that_is_applied_by_server_side_apply_from_the_start_needs_no_force() {
    let p = shared();
    let manifest = pod("detector", "server-side", json!({"metadata": {"labels": {RESEARCH: "batch"}}}));
    let args = ["apply", "--server-side", "-f", "-"];
    ok(kubectl_with(&p, "bob", &args, &manifest.to_string()));
    let before = running(&p, "detector", "app=server-side", 1).remove(0);
    ok(kubectl_with(&p, "bob", &args, &manifest.to_string()));
    assert_eq!(content(get(&p, "detector", "pod/server-side")), content(before));
}

#[test]
fn what_a_living_pod_now_asks_differently_is_refused_in_a_sentence() {
    let p = shared();
    let manifest = pod("llm-finetune", "asks-anew", json!({"metadata": {"labels": {RESEARCH: "batch"}}}));
    ok(apply(&p, "bob", &manifest));
    let model = with(manifest.clone(), json!({"metadata": {"labels": {"platform-go/dra-gpu-model": "h100"}}}));
    let refused = apply(&p, "bob", &model);
    assert_denied(&refused, &[("platform-labels", r#"asked "h100"; what a Pod asks for is fixed when it is made"#)]);
    let urgent = apply(&p, "bob", with(manifest, json!({"metadata": {"labels": {RESEARCH: "urgent"}}})));
    assert_warned(&urgent, r#"asked "urgent", and the Pod stays in queue batch; to move it, write its annotation"#);
    ok(urgent);
    assert_eq!(label(&get(&p, "llm-finetune", "pod/asks-anew"), "queue-name"), "batch", "put back");
    let relabelled = ["-n", "llm-finetune", "label", "pod/asks-anew", "platform-go/preemptible=false", "--overwrite"];
    ok(kubectl(&p, "bob", &relabelled));
    assert_eq!(label(&get(&p, "llm-finetune", "pod/asks-anew"), "preemptible"), "true", "put back");
}

#[test]
fn bob_does_not_scale_alices_deployment_and_an_autoscaler_does() {
    let p = shared();
    ok(create(&p, "alice", plain_deployment("show-scale")));
    running(&p, "llm-finetune", "app=show-scale", 1);
    let scale = ["-n", "llm-finetune", "scale", "deployment/show-scale", "--replicas=3"];
    let refused = kubectl(&p, "bob", &scale);
    assert_denied(&refused, &[("project", "is alice's, and bob is a Member of project llm-finetune")]);

    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "show-scale", "namespace": "llm-finetune"},
        "spec": {"minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "show-scale"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
                "type": "Utilization", "averageUtilization": 80}}}]},
    });
    ok(apply(&p, "alice", autoscaler));
    let pods = running(&p, "llm-finetune", "app=show-scale", 2);
    assert!(pods.iter().all(|pod| label(pod, "user-id") == "alice" && label(pod, "queue-name") == "research"));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "hpa/show-scale"]));
    ok(kubectl(&p, "alice", &scale));
    running(&p, "llm-finetune", "app=show-scale", 3);
}

#[test]
fn an_edited_template_rolls_out_once_and_can_be_undone() {
    let p = shared();
    let manifest = plain_deployment("show-edit");
    ok(apply(&p, "alice", &manifest));
    running(&p, "llm-finetune", "app=show-edit", 1);
    let edited = with(manifest, json!({"spec": {"template": {"metadata": {"labels": {RESEARCH: "batch"}}}}}));
    ok(apply(&p, "alice", edited));
    eventually("the new Pod to be in queue batch", || {
        let pods = list(&p, "llm-finetune", "pods", "app=show-edit");
        (pods.len() == 1 && label(&pods[0], "queue-name") == "batch").then_some(())
    });
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "rollout", "undo", "deployment/show-edit"]));
    eventually("the Pod to be in queue research again", || {
        let pods = list(&p, "llm-finetune", "pods", "app=show-edit");
        (pods.len() == 1 && label(&pods[0], "queue-name") == "research").then_some(())
    });
    let sets = list(&p, "llm-finetune", "replicasets", "app=show-edit");
    assert_eq!(sets.len(), 2);
    assert!(sets.iter().all(|set| label(set, "user-id") == "alice"));
}
