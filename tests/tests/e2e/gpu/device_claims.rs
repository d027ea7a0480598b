//! Claims of devices, and templates of them: whose they are, in every version and whoever makes them.

use e2e::gpu::{claim_template, device_claim, inline};
use e2e::manifest::{pod, with};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::{ADMIN, create, eventually, find, get, kubectl, label, list, ok, project_with_bob, running, shared};
use serde_json::{Value, json};

#[test]
fn a_claim_is_its_makers_in_every_version_of_the_api() {
    let p = shared();
    let forged = json!({"metadata": {"labels": {"platform-go/user-id": "alice"}}});
    ok(create(&p, "bob", device_claim("llm-finetune", "whose-v1", forged.clone())));
    let beta2 = json!({"apiVersion": "resource.k8s.io/v1beta2"});
    ok(create(&p, "bob", device_claim("llm-finetune", "whose-v1beta2", with(forged.clone(), beta2))));
    // v1beta1 has no `exactly`: the request itself names the class.
    let flat = json!([{"name": "gpu", "deviceClassName": "gpu.nvidia.com"}]);
    let beta1 = json!({"apiVersion": "resource.k8s.io/v1beta1", "spec": {"devices": {"requests": flat}}});
    ok(create(&p, "bob", device_claim("llm-finetune", "whose-v1beta1", with(forged, beta1))));
    for name in ["whose-v1", "whose-v1beta2", "whose-v1beta1"] {
        let claim = get(&p, "llm-finetune", &format!("resourceclaim/{name}"));
        assert_eq!((label(&claim, "user-id"), label(&claim, "project-id")), ("bob", "llm-finetune"), "{name}");
    }
    ok(create(&p, "alice", claim_template("llm-finetune", "whose-template", json!({}))));
    let template = get(&p, "llm-finetune", "resourceclaimtemplate/whose-template");
    assert_eq!((label(&template, "user-id"), label(&template, "project-id")), ("alice", ""));
    let says = "this ResourceClaimTemplate is alice's, and bob is a Member";
    let by_bob = |act: &str, more: &[&str]| {
        kubectl(&p, "bob", &[&["-n", "llm-finetune", act, "resourceclaimtemplate/whose-template"], more].concat())
    };
    assert_denied(&by_bob("annotate", &["a=b"]), &[("project", says)]);
    assert_refused_by_policy(&by_bob("delete", &[]), "sluice-colleagues", "made by alice, and bob is no Manager here");
    ok(kubectl(
        &p,
        "bob",
        &["-n", "llm-finetune", "delete", "resourceclaim", "whose-v1", "whose-v1beta2", "whose-v1beta1"],
    ));
}

#[test]
fn the_claim_of_a_template_is_the_pods_owners_and_is_allocated_and_released() {
    let p = shared();
    ok(create(&p, "carol", claim_template("detector", "made-template", json!({}))));
    let uses = json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "made-template"}],
        "containers": [{"name": "main", "image": e2e::manifest::IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    ok(create(&p, "bob", pod("detector", "made-pod", uses)));
    let claim = eventually("the claim, allocated", || {
        let claims = list(&p, "detector", "resourceclaims", "platform-go/user-id=bob");
        let of_pod = |it: &Value| it["metadata"]["ownerReferences"][0]["name"] == "made-pod";
        claims.into_iter().find(|it| of_pod(it) && !it["status"]["allocation"].is_null())
    });
    assert_eq!(label(&claim, "project-id"), "detector");
    let name = claim["metadata"]["name"].as_str().expect("a name");
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pod", "made-pod"]));
    eventually("the claim to be gone", || {
        find(&p, "detector", &format!("resourceclaim/{name}")).is_none().then_some(())
    });
    ok(kubectl(&p, ADMIN, &["-n", "detector", "delete", "resourceclaimtemplate", "made-template"]));
}

/// A colleague's Pod waits for the name: from the moment of sharing it may start with the claim, and the claim's owner pays.
#[test]
fn class_held_not_owned_a_claim_is_shared_only_if_its_owner_may_use_it() {
    let p = shared();
    project_with_bob(&p, "shared-late", json!({"plan": "bronze"}));
    let waits = json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "late"}],
        "containers": [{"name": "main", "image": e2e::manifest::IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    ok(create(&p, "alice", pod("shared-late", "waits", waits)));
    ok(create(&p, "bob", pod("shared-late", "holds", inline("rtx-5090", "100"))));
    settles(&p, "shared-late", "1", "0", 1);
    let two = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 2}}]);
    ok(create(&p, "bob", device_claim("shared-late", "late", json!({"spec": {"devices": {"requests": two}}}))));
    let share = || {
        let args = ["-n", "shared-late", "annotate", "resourceclaim/late", "platform-go/share=project"];
        kubectl(&p, "bob", &args)
    };
    let says = |who: &str| format!("asked 2 GPU; {who} uses 1 GPU and has 0 GPU reserved, of 2 GPU in all");
    let (project, bob) = (says("project shared-late"), says("bob in project shared-late"));
    assert_denied(&share(), &[("quota", &project), ("quota", &bob)]);
    assert!(label(&get(&p, "shared-late", "pod/waits"), "user-id") == "alice");
    ok(kubectl(&p, "bob", &["-n", "shared-late", "delete", "pod", "holds"]));
    ok(share());
    running(&p, "shared-late", "app=waits", 1);
    settles(&p, "shared-late", "2", "0", 2);
    ok(kubectl(&p, "alice", &["-n", "shared-late", "delete", "pod", "waits"]));
    ok(kubectl(&p, "bob", &["-n", "shared-late", "delete", "resourceclaim", "late"]));
}
