//! How objects end: what the API server decides by itself, whether Sluice is there or not.

use e2e::gpu::{allocated, device_claim, inline};
use e2e::manifest::{claim as volume_claim, pod};
use e2e::refusal::assert_refused_by_policy;
use e2e::{ADMIN, create, eventually, find, get, kubectl, kubectl_with, let_in, ok, running, shared};
use ground::Ground;
use serde_json::{Value, json};

const FINALIZERS: &str = "sluice-finalizers";
const FORCED: &str = "sluice-forced-deletions";

fn without_finalizers(p: &Ground, user: &str, object: &str) -> ground::Output {
    let patch = json!({"metadata": {"finalizers": null}}).to_string();
    kubectl(p, user, &["-n", "llm-finetune", "patch", object, "--type=merge", "-p", &patch])
}

#[test]
fn class_finalizer_taken_off() {
    let p = shared();
    ok(create(&p, "bob", pod("llm-finetune", "final", inline("rtx-6000-pro", "100"))));
    let claim = allocated(&p, "llm-finetune", "final");
    let claim = format!("resourceclaim/{}", claim["metadata"]["name"].as_str().expect("a name"));
    let says = "metadata.finalizers: bob asked to take off resource.kubernetes.io/delete-protection, which protects what is still used";
    assert_refused_by_policy(&without_finalizers(&p, "bob", &claim), FINALIZERS, says);
    ok(create(&p, "bob", volume_claim("llm-finetune", "final", json!({}))));
    let volume = "persistentvolumeclaim/final";
    eventually("the volume to be protected", || {
        find(&p, "llm-finetune", volume)?["metadata"]["finalizers"].as_array().map(drop)
    });
    let says = "bob asked to take off kubernetes.io/pvc-protection";
    assert_refused_by_policy(&without_finalizers(&p, "bob", volume), FINALIZERS, says);
    // By any other way of writing, and one's own finalizer beside it is one's own.
    let mut own = get(&p, "llm-finetune", volume);
    own["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection", "example.com/mine"]);
    own["metadata"]["resourceVersion"] = Value::Null;
    ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &own.to_string()));
    // A manifest that says nothing of them takes its place, as with `kubectl replace`: they stay.
    ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &volume_claim("llm-finetune", "final", json!({})).to_string()));
    assert_eq!(get(&p, "llm-finetune", volume)["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    ok(kubectl_with(&p, "bob", &["replace", "-f", "-"], &own.to_string()));
    let own_off = json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}}).to_string();
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "patch", volume, "--type=merge", "-p", &own_off]));
    // Nobody plants what nobody takes off again; what a manifest from the cluster carries may come back with it.
    let planted = |finalizer: &str, name: &str| {
        volume_claim("llm-finetune", name, json!({"metadata": {"finalizers": [finalizer]}}))
    };
    let says = "bob asked to add platform-go/stuck, which no controller would take off again";
    assert_refused_by_policy(&create(&p, "bob", planted("platform-go/stuck", "planted")), FINALIZERS, says);
    let says = "bob asked to add kubernetes.io/never";
    let patch =
        json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "kubernetes.io/never"]}}).to_string();
    let added = kubectl(&p, "bob", &["-n", "llm-finetune", "patch", volume, "--type=merge", "-p", &patch]);
    assert_refused_by_policy(&added, FINALIZERS, says);
    ok(create(&p, "bob", planted("kubernetes.io/pvc-protection", "planted")));
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pvc/planted", "--wait=true", "--timeout=30s"]));
    // Ordinary deletions end as ever: the controllers take theirs off.
    for object in ["pod/final", volume] {
        ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", object, "--wait=true", "--timeout=30s"]));
    }
    eventually("the claim to go with its Pod", || find(&p, "llm-finetune", &claim).is_none().then_some(()));
}

#[test]
fn class_deleted_while_allocated() {
    let p = shared();
    let is_protected = || {
        let finalizers = get(&p, "detector", "resourceclaim/ends")["metadata"]["finalizers"].clone();
        finalizers == json!(["resource.kubernetes.io/delete-protection"])
    };
    ok(create(&p, "bob", device_claim("detector", "ends", json!({}))));
    assert!(is_protected(), "before it is allocated");
    let uses = json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "ends"}]}});
    ok(create(&p, "bob", pod("detector", "ends", uses)));
    running(&p, "detector", "app=ends", 1);
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pod/ends", "--wait=true", "--timeout=30s"]));
    eventually("the claim to be released", || {
        get(&p, "detector", "resourceclaim/ends")["status"]["allocation"].is_null().then_some(())
    });
    // Its controller takes it off as soon as the claim is released.
    let mut released = get(&p, "detector", "resourceclaim/ends");
    released["metadata"]["finalizers"] = json!([]);
    let controller = ["--as=system:serviceaccount:kube-system:resource-claim-controller"];
    let in_kube_system = ["--as-group=system:serviceaccounts", "--as-group=system:serviceaccounts:kube-system"];
    let replace = [&controller[..], &in_kube_system, &["replace", "-f", "-"]].concat();
    ok(kubectl_with(&p, ADMIN, &replace, &released.to_string()));
    assert!(is_protected(), "after it was released");
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "resourceclaim/ends", "--wait=true", "--timeout=30s"]));
}

/// Pods of the tests ask no grace.
fn graceful() -> Value {
    json!({"spec": {"terminationGracePeriodSeconds": 30}})
}

#[test]
fn class_forced_deletion() {
    let p = shared();
    ok(create(&p, "bob", pod("detector", "forced", graceful())));
    running(&p, "detector", "app=forced", 1);
    let delete =
        |user: &str, more: &[&str]| kubectl(&p, user, &[&["-n", "detector", "delete", "pod/forced"], more].concat());
    let says = "Pod forced runs on ";
    assert_refused_by_policy(&delete("bob", &["--force"]), FORCED, says);
    assert_refused_by_policy(&delete("bob", &["--grace-period=0", "--force", "--dry-run=server"]), FORCED, says);
    let years = delete("bob", &["--grace-period=2147483647"]);
    assert_refused_by_policy(
        &years,
        FORCED,
        "asked 2147483647 seconds of grace for Pod forced, which holds what it has",
    );
    let all = kubectl(&p, "bob", &["-n", "detector", "delete", "pods", "-l", "app=forced", "--force"]);
    assert_refused_by_policy(&all, FORCED, says);
    let_in(&p, "evictors", "bob", &["pods/eviction"]);
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "forced", "namespace": "detector"},
        "deleteOptions": {"gracePeriodSeconds": 0}});
    let path = "/api/v1/namespaces/detector/pods/forced/eviction";
    let evict = |body: &Value| kubectl_with(&p, "bob", &["create", "--raw", path, "-f", "-"], &body.to_string());
    let evicted = evict(&eviction);
    assert!(
        !evicted.success && evicted.stderr.contains("deleteOptions.gracePeriodSeconds: asked 0"),
        "{}",
        evicted.stderr
    );
    // A second more is as good, and is none that leaves a process behind.
    ok(delete("bob", &["--grace-period=1"]));
    // What has no node yet goes at once.
    let gate = json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}});
    ok(create(&p, "bob", pod("detector", "waiting", gate)));
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pod/waiting", "--force"]));
    // An Admin may: they know whether the node is lost.
    ok(create(&p, "bob", pod("detector", "forced", graceful())));
    running(&p, "detector", "app=forced", 1);
    ok(delete(ADMIN, &["--force"]));
}
