//! Ways to a colleague's work and to credentials that lead through the control plane's own controllers.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::assert_denied;
use e2e::{ADMIN, create, find, get, kubectl, label, list, ok, running, shared, sluice};
use serde_json::json;

#[test]
fn a_selector_is_no_way_to_a_colleagues_pod() {
    let p = shared();
    let labels = json!({"metadata": {"labels": {"app": "adopted"}}});
    ok(create(&p, "alice", pod("llm-finetune", "hers-alone", labels)));
    running(&p, "llm-finetune", "app=adopted", 1);

    ok(create(
        &p,
        "bob",
        with(workload("ReplicaSet", "llm-finetune", "adopted", json!({})), json!({"spec": {"replicas": 1}})),
    ));
    let pods = running(&p, "llm-finetune", "app=adopted", 2);
    let made = pods.iter().find(|pod| pod["metadata"]["name"] != "hers-alone").expect("a Pod of bob's own");
    assert_eq!(label(made, "user-id"), "bob");
    assert_eq!(get(&p, "llm-finetune", "pod/hers-alone")["metadata"]["ownerReferences"], json!(null));

    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "replicaset", "adopted"]));
    e2e::eventually("bob's Pod to go", || (list(&p, "llm-finetune", "pods", "app=adopted").len() == 1).then_some(()));
    let hers = find(&p, "llm-finetune", "pod/hers-alone").expect("alice's Pod");
    assert_eq!(hers["metadata"]["deletionTimestamp"], json!(null));
}

#[test]
fn a_secret_is_no_way_to_a_token() {
    let p = shared();
    let secret = |kind: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": "credentials", "namespace": "detector",
            "annotations": {"kubernetes.io/service-account.name": "default"}}})
    };
    let refused = create(&p, "bob", secret("kubernetes.io/service-account-token"));
    assert_denied(
        &refused,
        &[("service-account-token", "type: asked a service-account token; project detector allows none")],
    );
    ok(create(&p, "bob", secret("Opaque")));
}

#[test]
fn who_rules_beside_the_member_list_is_named_by_the_audit() {
    let p = shared();
    let given = ["-n", "detector", "create", "rolebinding", "by-hand", "--clusterrole=edit", "--user=mallory"];
    ok(kubectl(&p, ADMIN, &given));
    let audit = sluice(&p, &["audit", "detector"], "");
    ok(kubectl(&p, ADMIN, &["-n", "detector", "delete", "rolebinding/by-hand"]));
    let says = "rolebinding detector/by-hand gives ClusterRole edit to User mallory; it is not Sluice's";
    assert!(audit.stdout.contains(says) && !audit.stdout.contains("sluice-member"), "{}{}", audit.stdout, audit.stderr);
}
