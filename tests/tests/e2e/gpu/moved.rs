//! Objects that Sluice wrote in, exported and made again: by what was asked, under the records of where they are made.

use e2e::gpu::{allocated, device_claim, inline, runs};
use e2e::manifest::{pod, with};
use e2e::{ADMIN, create, eventually, get, kubectl, label, ok, project_with_bob, shared};
use ground::Ground;
use serde_json::{Value, json};

/// What `kubectl get -o yaml` shows, under another name and in another namespace.
fn exported(p: &Ground, from: &str, object: &str, namespace: &str, name: &str) -> Value {
    let mut exported = get(p, from, object);
    exported["metadata"]["name"] = name.into();
    exported["metadata"]["namespace"] = namespace.into();
    for key in ["resourceVersion", "uid", "creationTimestamp"] {
        exported["metadata"].as_object_mut().map(|metadata| metadata.remove(key));
    }
    if exported["kind"] == "Pod" {
        exported["metadata"]["labels"]["app"] = name.into();
    }
    exported["spec"].as_object_mut().map(|spec| spec.remove("nodeName"));
    exported
}

#[test]
fn a_pod_that_is_made_again_has_one_claim_by_the_records_of_where_it_is() {
    let p = shared();
    project_with_bob(&p, "moved-from", json!({"plan": "gold"}));
    project_with_bob(&p, "moved-to", json!({"plan": "bronze"}));
    let limits = json!({"limits": {"nvidia.com/gpu": "1"}});
    let container = json!({"name": "main", "image": e2e::manifest::IMAGE, "resources": limits});
    ok(create(&p, "bob", pod("moved-from", "extended", json!({"spec": {"containers": [container]}}))));
    ok(create(&p, "bob", pod("moved-from", "labels", inline("rtx-6000-pro", "50"))));
    for name in ["extended", "labels"] {
        runs(&p, "moved-from", name);
    }
    for (namespace, name) in [("moved-from", "again"), ("moved-to", "moved")] {
        ok(create(&p, "bob", exported(&p, "moved-from", "pod/extended", namespace, name)));
        let made = runs(&p, namespace, name);
        assert_eq!(made["spec"]["resourceClaims"].as_array().map(Vec::len), Some(1), "{made}");
        assert_eq!(made["spec"]["containers"][0]["resources"]["claims"], json!([{"name": "gpu"}]));
        assert_eq!((label(&made, "dra-effective-gpu"), label(&made, "project-id")), ("1", namespace));
        allocated(&p, namespace, name);
    }
    let device = allocated(&p, "moved-to", "moved").to_string();
    assert!(device.contains("gpu-a"), "bronze has the RTX 5090 alone: {device}");
    // What its labels ask is no model of this plan.
    let refused = create(&p, "bob", exported(&p, "moved-from", "pod/labels", "moved-to", "labels"));
    e2e::refusal::assert_denied(&refused, &[("gpu-model", "rtx-6000-pro")]);
    ok(create(&p, "bob", exported(&p, "moved-from", "pod/labels", "moved-from", "labels-again")));
    assert_eq!(label(&runs(&p, "moved-from", "labels-again"), "dra-effective-gpu"), "0.5");
    for namespace in ["moved-from", "moved-to"] {
        ok(kubectl(&p, ADMIN, &["-n", namespace, "delete", "pods", "--all", "--wait=false"]));
    }
}

/// What the platform wrote on it by itself is no ask, and each container has what it asked, wherever it stands.
#[test]
fn an_edited_pod_that_is_made_again_gives_each_container_its_own() {
    let p = shared();
    project_with_bob(&p, "edited-from", json!({"plan": "bronze"}));
    project_with_bob(&p, "edited-to", json!({"plan": "gold"}));
    let container = |name: &str| json!({"name": name, "image": e2e::manifest::IMAGE});
    let train = with(container("train"), json!({"resources": {"limits": {"nvidia.com/gpu": "1"}}}));
    ok(create(&p, "bob", pod("edited-from", "train", json!({"spec": {"containers": [container("logs"), train]}}))));
    let made = runs(&p, "edited-from", "train");
    assert_eq!(label(&made, "dra-gpu-model"), "rtx-5090", "the plan has no other");
    let mut edited = exported(&p, "edited-from", "pod/train", "edited-to", "train");
    edited["spec"]["containers"].as_array_mut().expect("containers").insert(0, container("proxy"));
    ok(create(&p, "bob", edited));
    let made = runs(&p, "edited-to", "train");
    let uses = |index: usize| made["spec"]["containers"][index]["resources"].get("claims").cloned();
    assert_eq!([uses(0), uses(1), uses(2)], [None, None, Some(json!([{"name": "gpu"}]))]);
    let device = allocated(&p, "edited-to", "train").to_string();
    assert!(!device.contains("gpu-a"), "gold has no RTX 5090: {device}");
    ok(create(&p, "bob", device_claim("edited-from", "mine", json!({}))));
    assert_eq!(label(&get(&p, "edited-from", "resourceclaim/mine"), "dra-gpu-model"), "rtx-5090");
    ok(create(&p, "bob", exported(&p, "edited-from", "resourceclaim/mine", "edited-to", "mine")));
    let made = get(&p, "edited-to", "resourceclaim/mine")["spec"].to_string();
    assert!(made.contains("H100") && !made.contains("RTX 5090"), "{made}");
    for namespace in ["edited-from", "edited-to"] {
        ok(kubectl(&p, ADMIN, &["-n", namespace, "delete", "pods", "--all", "--wait=false"]));
    }
}

/// It takes over what a Pod has, and neither labels nor annotations.
#[test]
fn what_kubectl_debug_copies_has_a_claim_of_its_own() {
    let p = shared();
    project_with_bob(&p, "copied", json!({"plan": "gold"}));
    let limits = json!({"limits": {"nvidia.com/gpu": "1"}});
    let container = json!({"name": "main", "image": e2e::manifest::IMAGE, "resources": limits});
    ok(create(&p, "bob", pod("copied", "extended", json!({"spec": {"containers": [container]}}))));
    ok(create(&p, "bob", pod("copied", "labels", inline("h100", "50"))));
    for (name, gpus) in [("extended", "1"), ("labels", "0.5")] {
        runs(&p, "copied", name);
        let copy = format!("{name}-copy");
        let to = format!("--copy-to={copy}");
        let debug =
            ["-n", "copied", "debug", name, &format!("--image={}", e2e::manifest::IMAGE), "--profile=baseline", &to];
        ok(kubectl(&p, "bob", &[&debug[..], &["--", "sleep", "60"]].concat()));
        let made = eventually("the copy to run", || {
            Some(get(&p, "copied", &format!("pod/{copy}"))).filter(|it| it["status"]["phase"] == "Running")
        });
        assert_eq!(made["spec"]["resourceClaims"].as_array().map(Vec::len), Some(1), "{made}");
        assert_eq!((label(&made, "dra-effective-gpu"), label(&made, "user-id")), (gpus, "bob"));
        allocated(&p, "copied", &copy);
    }
    ok(kubectl(&p, "bob", &["-n", "copied", "delete", "pods", "--all", "--wait=false"]));
}

#[test]
fn a_claim_that_is_made_again_is_narrowed_to_the_models_of_where_it_is() {
    let p = shared();
    project_with_bob(&p, "claims-from", json!({"plan": "gold"}));
    project_with_bob(&p, "claims-to", json!({"plan": "bronze"}));
    ok(create(&p, "bob", device_claim("claims-from", "mine", json!({}))));
    ok(create(&p, "bob", exported(&p, "claims-from", "resourceclaim/mine", "claims-to", "mine")));
    let made = get(&p, "claims-to", "resourceclaim/mine")["spec"].to_string();
    assert!(made.contains("RTX 5090") && !made.contains("H100"), "{made}");
}
