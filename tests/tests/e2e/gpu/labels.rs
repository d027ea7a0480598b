//! GPUs by labels, and as extended resources: what a Pod becomes, what it is given, and what is gone with it.

use e2e::gpu::{allocated, claims_of, device_claim, inline, runs};
use e2e::manifest::{IMAGE, claim, pod, with, workload};
use e2e::quota::dry_runs;
use e2e::refusal::{assert_denied, assert_warned, denials};
use e2e::{
    ADMIN, apply, create, eventually, find, get, kubectl, kubectl_with, label, list, ok, project, running, shared,
    with_policy, within,
};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// A container that asks for GPUs as charts do.
fn extended(resource: &str, count: u32) -> Value {
    let limits = json!({resource: count.to_string()});
    json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "resources": {"limits": limits}}]}})
}

/// The template that a Pod names.
fn template_of(pod: &Value) -> &str {
    pod["spec"]["resourceClaims"][0]["resourceClaimTemplateName"].as_str().expect("a template")
}

fn remove(p: &Ground, namespace: &str, object: &str) {
    ok(kubectl(p, ADMIN, &["-n", namespace, "delete", object, "--wait=false"]));
}

#[test]
fn labels_become_a_claim_that_goes_with_the_pod() {
    let p = shared();
    ok(create(&p, "bob", pod("llm-finetune", "half", inline("h100", "50"))));
    let half = runs(&p, "llm-finetune", "half");
    assert_eq!(half["spec"]["nodeName"], "gpu-c");
    assert_eq!(half["spec"]["containers"][0]["resources"]["claims"], json!([{"name": "gpu"}]));
    let said = ["dra-effective-gpu", "dra-gpu-count", "dra-gpu-model", "dra-sm-pct"].map(|key| label(&half, key));
    assert_eq!(said, ["0.5", "1", "h100", "50"]);
    assert!(template_of(&half).starts_with("gpu-h100-cnt1-sm50-memmax-"), "{}", template_of(&half));
    let claim = allocated(&p, "llm-finetune", "half");
    let parameters = &claim["spec"]["devices"]["config"][0]["opaque"]["parameters"];
    assert_eq!(parameters["sharing"]["mpsConfig"]["defaultActiveThreadPercentage"], 50, "{claim}");
    let devices = claim["status"]["allocation"]["devices"]["results"].as_array().expect("devices");
    assert_eq!((devices.len(), &devices[0]["pool"]), (1, &json!("gpu-c")));
    assert_eq!(label(&claim, "user-id"), "bob");
    let name = claim["metadata"]["name"].as_str().expect("a name");
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pod", "half"]));
    eventually("the claim to be gone", || {
        find(&p, "llm-finetune", &format!("resourceclaim/{name}")).is_none().then_some(())
    });
}

#[test]
fn a_template_is_shared_made_anew_and_collected() {
    let p = shared();
    let asks = || inline("rtx-6000-pro", "33");
    let gated = with(asks(), json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}}));
    ok(create(&p, "bob", pod("llm-finetune", "share-a", gated.clone())));
    ok(create(&p, "alice", pod("llm-finetune", "share-b", gated)));
    let name = template_of(&get(&p, "llm-finetune", "pod/share-a")).to_owned();
    assert_eq!(name, template_of(&get(&p, "llm-finetune", "pod/share-b")));
    let object = format!("resourceclaimtemplate/{name}");
    let made = eventually("the template", || find(&p, "llm-finetune", &object));
    assert_eq!(made["metadata"]["labels"], json!({"app.kubernetes.io/managed-by": "sluice"}));
    remove(&p, "llm-finetune", &object);
    let anew = eventually("another template of this name", || {
        find(&p, "llm-finetune", &object).filter(|it| it["metadata"]["uid"] != made["metadata"]["uid"])
    });
    assert_eq!(anew["spec"], made["spec"]);
    remove(&p, "llm-finetune", "pod/share-a");
    remove(&p, "llm-finetune", "pod/share-b");
    within(90, "the template to be collected", || find(&p, "llm-finetune", &object).is_none().then_some(()));
}

/// Kubernetes looks for the template as soon as the Pod is there, and complains to its owner if there is none.
#[test]
fn a_template_is_there_before_its_pod_and_kubernetes_does_not_complain() {
    let p = shared();
    // Nobody else asks for these shares, so that no template is there.
    ok(create(&p, "bob", pod("llm-finetune", "no-complaint", inline("h100", "41"))));
    ok(create(&p, "bob", workload("Deployment", "llm-finetune", "no-complaints", inline("h100", "43"))));
    runs(&p, "llm-finetune", "no-complaint");
    running(&p, "llm-finetune", "app=no-complaints", 1);
    let events = ok(kubectl(&p, ADMIN, &["-n", "llm-finetune", "get", "events", "-o=json"]));
    let events: Value = serde_json::from_str(&events).expect("kubectl prints JSON");
    let complaints = events["items"].as_array().into_iter().flatten().filter(|event| {
        let of = event["involvedObject"]["name"].as_str().unwrap_or_default();
        event["reason"] == "FailedResourceClaimCreation" && of.starts_with("no-complaint")
    });
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<&Value>::new());
    remove(&p, "llm-finetune", "pod/no-complaint");
    remove(&p, "llm-finetune", "deployment/no-complaints");
}

/// Clusters grow: it is a warning, and the same for kubectl and for both dry runs.
#[test]
fn more_than_any_node_has_is_said_at_once_to_whoever_asks() {
    let p = shared();
    let labels = json!({"platform-go/dra-sharing-mode": "inline", "platform-go/dra-gpu-model": "rtx-6000-pro",
        "platform-go/dra-gpu-count": "6", "platform-go/dra-sm-pct": "50"});
    let job = workload("Job", "llm-finetune", "too-many", json!({"metadata": {"labels": labels}})).to_string();
    let says =
        "gpu-model: asked 6 devices of rtx-6000-pro for one Pod; no node has more than 4 today; ask for at most 4";
    let made = kubectl_with(&p, "bob", &["create", "--dry-run=server", "-f", "-"], &job);
    assert_warned(&made, says);
    ok(made);
    for (code, verdict) in dry_runs(&p, "bob", &job) {
        assert_eq!(code, 0, "{verdict}");
        assert!(verdict["warnings"].to_string().contains(says), "{verdict}");
    }
}

#[test]
fn labels_alone_attach_nothing_and_say_what_is_missing() {
    let p = shared();
    let alone = json!({"metadata": {"labels": {"platform-go/dra-gpu-model": "h100"}}});
    let made = create(&p, "bob", pod("llm-finetune", "labels-alone", alone.clone()));
    assert_warned(&made, "GPU labels alone attach no GPU; add the label platform-go/dra-sharing-mode: inline");
    ok(made);
    let stored = runs(&p, "llm-finetune", "labels-alone");
    assert_eq!((&stored["spec"]["resourceClaims"], label(&stored, "dra-effective-gpu")), (&Value::Null, ""));
    let made = create(&p, "bob", workload("Deployment", "llm-finetune", "labels-alone-too", alone));
    assert_warned(&made, "spec.template.metadata.labels: GPU labels alone attach no GPU");
    ok(made);
    remove(&p, "llm-finetune", "deployment/labels-alone-too");
}

#[test]
fn a_platform_can_let_labels_be_enough() {
    with_policy(&[("policy.labelsAlone", "Claim")], |p| {
        let alone = json!({"metadata": {"labels": {"platform-go/dra-gpu-model": "h100"}}});
        ok(create(p, "bob", pod("llm-finetune", "enough", alone)));
        let stored = runs(p, "llm-finetune", "enough");
        assert_eq!((label(&stored, "dra-effective-gpu"), label(&stored, "dra-sharing-mode")), ("1", "inline"));
        remove(p, "llm-finetune", "pod/enough");
    });
}

#[test]
fn charts_that_ask_for_extended_resources_run_governed_and_apply_unchanged() {
    let p = shared();
    project(&p, "gpu-charts", json!({"plan": "gold"}));
    for (name, resource) in
        [("chart", "nvidia.com/gpu"), ("implicit", "deviceclass.resource.kubernetes.io/gpu.nvidia.com")]
    {
        let deployment = workload("Deployment", "gpu-charts", name, extended(resource, 1));
        ok(apply(&p, "alice", &deployment));
        let asked = get(&p, "gpu-charts", &format!("deployment/{name}"));
        let limits = &asked["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
        assert_eq!(limits[resource], "1", "the workload's own template stays as it is");
        let run = running(&p, "gpu-charts", &format!("app={name},pod-template-hash"), 1).remove(0);
        let resources = &run["spec"]["containers"][0]["resources"];
        assert_eq!((&resources["limits"][resource], &resources["claims"]), (&Value::Null, &json!([{"name": "gpu"}])));
        assert_eq!((label(&run, "dra-effective-gpu"), label(&run, "dra-gpu-count")), ("1", "1"));
        assert!(run["status"]["extendedResourceClaimStatus"].is_null(), "the scheduler makes no claim of its own");
        let pod_name = run["metadata"]["name"].as_str().expect("a name");
        allocated(&p, "gpu-charts", pod_name);
        assert_eq!(claims_of(&p, "gpu-charts", pod_name).len(), 1, "one claim");
        assert_eq!(ok(apply(&p, "alice", &deployment)), format!("deployment.apps/{name} unchanged\n"));
        let again = get(&p, "gpu-charts", &format!("deployment/{name}"));
        assert_eq!(again["metadata"]["generation"], asked["metadata"]["generation"]);
        let sets = list(&p, "gpu-charts", "replicasets", &format!("app={name}"));
        assert_eq!(sets.len(), 1);
        remove(&p, "gpu-charts", &format!("deployment/{name}"));
    }
}

#[test]
fn a_pod_that_asked_for_an_extended_resource_is_applied_again_without_a_change() {
    let p = shared();
    let manifest = pod("llm-finetune", "extended", extended("nvidia.com/gpu", 1));
    ok(apply(&p, "bob", &manifest));
    let stored = runs(&p, "llm-finetune", "extended");
    for _ in 0..2 {
        let again: Output = apply(&p, "bob", &manifest);
        ok(again);
        let now = get(&p, "llm-finetune", "pod/extended");
        assert_eq!((&now["spec"], &now["metadata"]["labels"]), (&stored["spec"], &stored["metadata"]["labels"]));
    }
    remove(&p, "llm-finetune", "pod/extended");
}

/// kubectl sends the list of the manifest where it has one: without what gives the Pod its GPU.
#[test]
fn a_pod_with_a_claim_of_its_own_beside_is_applied_again_in_every_way() {
    let p = shared();
    project(&p, "gpu-beside", json!({"plan": "gold"}));
    ok(create(&p, "alice", device_claim("gpu-beside", "mine", json!({}))));
    let resources = json!({"limits": {"nvidia.com/gpu": "1"}, "claims": [{"name": "mine"}]});
    let spec = json!({"serviceAccountName": "default",
        "resourceClaims": [{"name": "mine", "resourceClaimName": "mine"}],
        "containers": [{"name": "main", "image": IMAGE, "resources": resources}]});
    let gate = json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}});
    let ways: [(&str, &[&str], Value); 3] = [
        ("client-side", &["apply", "-f", "-"], json!({})),
        ("server-side", &["apply", "--server-side", "-f", "-"], json!({})),
        // Of a Pod that is scheduled Kubernetes takes no replacement without the node.
        ("replaced", &["replace", "-f", "-"], gate),
    ];
    for (name, again, more) in ways {
        let manifest = pod("gpu-beside", name, with(json!({"spec": spec}), more));
        let first = if again[0] == "replace" { &["create", "-f", "-"][..] } else { again };
        ok(kubectl_with(&p, "alice", first, &manifest.to_string()));
        if again[0] == "apply" {
            runs(&p, "gpu-beside", name);
        }
        let object = format!("pod/{name}");
        let stored = get(&p, "gpu-beside", &object);
        let claims = &stored["spec"]["containers"][0]["resources"]["claims"];
        assert_eq!(claims, &json!([{"name": "mine"}, {"name": "gpu"}]), "{name}");
        for _ in 0..2 {
            ok(kubectl_with(&p, "alice", again, &manifest.to_string()));
            let now = get(&p, "gpu-beside", &object);
            let said = |pod: &Value| {
                (
                    pod["spec"].clone(),
                    pod["metadata"]["labels"].clone(),
                    pod["metadata"]["annotations"]["platform-go/asked"].clone(),
                )
            };
            assert_eq!(said(&now), said(&stored), "{name}");
        }
        remove(&p, "gpu-beside", &object);
    }
}

/// The claim is made, narrowed and allocated as it was asked, and what cannot be had is said.
#[test]
fn labels_that_a_rule_only_warns_of_are_given() {
    let p = shared();
    project(&p, "gpu-warned", json!({"plan": "bronze", "ruleModes": {"gpu-model": "warn", "sm-share": "warn"}}));
    let asked = create(&p, "alice", pod("gpu-warned", "other", inline("h100", "150")));
    assert_warned(&asked, "not enforced: gpu-model: metadata.labels[platform-go/dra-gpu-model]: asked model h100");
    assert_warned(&asked, "asked \"150\"; the Pod is given all of each device");
    ok(asked);
    let made = runs(&p, "gpu-warned", "other");
    assert_eq!((made["spec"]["nodeName"].as_str(), label(&made, "dra-sm-pct")), (Some("gpu-c"), "100"));
    allocated(&p, "gpu-warned", "other");
    let asked = create(&p, "alice", pod("gpu-warned", "none", inline("h200", "100")));
    assert_warned(&asked, "the Pod starts without a GPU: asked model \"h200\", which does not exist");
    ok(asked);
    assert_eq!(runs(&p, "gpu-warned", "none")["spec"].get("resourceClaims"), None);
    for name in ["other", "none"] {
        remove(&p, "gpu-warned", &format!("pod/{name}"));
    }
}

#[test]
fn each_container_that_asks_has_its_own_devices() {
    let p = shared();
    project(&p, "gpu-each", json!({"plan": "gold"}));
    let container = |name: &str, count: u32| json!({"name": name, "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": count.to_string()}}});
    let spec = json!({"spec": {"containers": [container("one", 1), container("two", 2)]}});
    ok(create(&p, "alice", pod("gpu-each", "two-ask", spec)));
    let stored = runs(&p, "gpu-each", "two-ask");
    let claims = |index: usize| stored["spec"]["containers"][index]["resources"]["claims"].clone();
    assert_eq!(claims(0), json!([{"name": "gpu", "request": "container-0"}]));
    assert_eq!(claims(1), json!([{"name": "gpu", "request": "container-1"}]));
    assert_eq!(label(&stored, "dra-effective-gpu"), "3");
    let claim = allocated(&p, "gpu-each", "two-ask");
    assert_eq!(claim["status"]["allocation"]["devices"]["results"].as_array().map(Vec::len), Some(3));
    remove(&p, "gpu-each", "pod/two-ask");
}

#[test]
fn a_plan_can_refuse_extended_resources() {
    let p = shared();
    project(&p, "no-extended", json!({"plan": "no-extended"}));
    let plan = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "ResourcePlan", "metadata": {"name": "no-extended"},
        "spec": {"quota": {"gpu": 2, "devices": 2}, "gpuModels": ["rtx-5090"], "extendedResources": "Deny"}});
    ok(create(&p, ADMIN, plan));
    let says = "asked nvidia.com/gpu; plan no-extended takes no extended resources; ask by the labels";
    eventually("the plan to be in force", || {
        let made = create(&p, "alice", workload("Deployment", "no-extended", "chart", extended("nvidia.com/gpu", 1)));
        if made.success {
            remove(&p, "no-extended", "deployment/chart");
            return None;
        }
        denials(&made.stderr).iter().any(|it| it.message.contains(says)).then_some(())
    });
    let refused = create(&p, "alice", pod("no-extended", "chart", extended("nvidia.com/gpu", 1)));
    assert_denied(&refused, &[("extended-resource", says)]);
}

#[test]
fn a_gpu_that_nobody_listed_is_refused_with_what_to_do() {
    let p = shared();
    let refused = create(&p, "bob", pod("llm-finetune", "mig", extended("nvidia.com/mig-1g.10gb", 1)));
    let says = "asked nvidia.com/mig-1g.10gb, a name of NVIDIA GPUs that nobody listed";
    assert_denied(&refused, &[("extended-resource", says)]);
}

#[test]
fn gpus_elsewhere_are_given_with_a_warning() {
    let p = shared();
    ok(create(&p, ADMIN, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "free"}})));
    let asks = || extended("nvidia.com/gpu", 1);
    let of_a_workload = "asked nvidia.com/gpu in namespace free, which is no project's: nobody is charged for them";
    assert_warned(&create(&p, ADMIN, workload("Deployment", "free", "early", asks())), of_a_workload);
    let made = create(&p, ADMIN, pod("free", "early", asks()));
    assert!(made.success && made.stderr.contains("not enforced: project: "), "{}", made.stderr);
    remove(&p, "", "namespace/free");
}

#[test]
fn class_gpus_elsewhere() {
    with_policy(&[("policy.elsewhere", "Enforce")], |p| {
        ok(create(p, ADMIN, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nobodys"}})));
        let refused = create(p, ADMIN, pod("nobodys", "chart", extended("nvidia.com/gpu", 1)));
        let says = "asked nvidia.com/gpu in namespace nobodys, which is no project's";
        assert_denied(&refused, &[("project", says)]);
        let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
        let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": {"name": "free", "namespace": "nobodys"}, "spec": {"devices": {"requests": requests}}});
        let says = "asked DeviceClass gpu.nvidia.com in namespace nobodys, which is no project's";
        assert_denied(&create(p, ADMIN, &claim), &[("project", says)]);
        let template = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
            "metadata": {"name": "free", "namespace": "nobodys"}, "spec": {"spec": claim["spec"]}});
        assert_denied(&create(p, ADMIN, template), &[("project", says)]);
        let warned = create(p, ADMIN, workload("Deployment", "nobodys", "late", extended("nvidia.com/gpu", 1)));
        assert_warned(&warned, "its Pods will be refused");
        eventually("the ReplicaSet to say why it has no Pod", || {
            let sets = list(p, "nobodys", "replicasets", "app=late");
            let text = sets.first()?["status"]["conditions"].to_string();
            text.contains("GPUs are given out in projects").then_some(())
        });
        // What asks for no GPU is not the platform's business.
        ok(create(p, ADMIN, pod("nobodys", "plain", json!({}))));
        remove(p, "", "namespace/nobodys");
    });
}

#[test]
fn class_template_squatting() {
    let p = shared();
    let squat = |name: &str| {
        let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 8}}]);
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
            "metadata": {"name": name, "namespace": "llm-finetune"}, "spec": {"spec": {"devices": {"requests": requests}}}})
    };
    let dry = kubectl_json(&p, &pod("llm-finetune", "squatted", inline("h100", "17")));
    let name = template_of(&dry).to_owned();
    let says = "which is one of the templates that the platform makes for Pods; choose another name";
    assert_denied(&create(&p, "alice", squat(&name)), &[("claim-origin", says)]);
    let gate = json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}});
    ok(create(&p, "bob", with(pod("llm-finetune", "squatted", inline("h100", "17")), gate)));
    let made =
        eventually("the platform's template", || find(&p, "llm-finetune", &format!("resourceclaimtemplate/{name}")));
    assert_eq!(made["spec"]["spec"]["devices"]["requests"][0]["exactly"]["count"], 1);
    // A template cannot be changed, and whoever replaces it is refused.
    remove(&p, "llm-finetune", &format!("resourceclaimtemplate/{name}"));
    assert!(!create(&p, "bob", squat(&name)).success, "the name stays the platform's");
    remove(&p, "llm-finetune", "pod/squatted");
}

/// What a server-side dry run answers.
fn kubectl_json(p: &Ground, object: &Value) -> Value {
    let args = ["create", "--dry-run=server", "-o=json", "-f", "-"];
    let text = ok(e2e::kubectl_with(p, "bob", &args, &object.to_string()));
    serde_json::from_str(&text).expect("kubectl prints JSON")
}

#[test]
fn class_claim_planted() {
    let p = shared();
    let waits = json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "not-yet"}],
        "containers": [{"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    ok(create(&p, "bob", pod("llm-finetune", "adopts", waits)));
    let uid = get(&p, "llm-finetune", "pod/adopts")["metadata"]["uid"].clone();
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 8}}]);
    let planted = |metadata: Value| {
        let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": {"name": "planted", "namespace": "llm-finetune"}, "spec": {"devices": {"requests": requests}}});
        with(claim, json!({"metadata": metadata}))
    };
    let owner = json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "adopts", "uid": uid, "controller": true}]});
    let mark = json!({"annotations": {"resource.kubernetes.io/pod-claim-name": "gpu"}});
    let (owns, marks) = (
        "asked Pod adopts as its owner, which only Kubernetes writes",
        "asked resource.kubernetes.io/pod-claim-name, by which",
    );
    assert_denied(&create(&p, "bob", planted(owner.clone())), &[("claim-origin", owns)]);
    assert_denied(&create(&p, "bob", planted(mark.clone())), &[("claim-origin", marks)]);
    // The volume of a Pod is found by its owner in the same way.
    let volume = claim("llm-finetune", "adopts-scratch", json!({"metadata": owner.clone()}));
    assert_denied(&create(&p, "bob", volume), &[("claim-origin", owns)]);
    let both = with(owner, mark);
    for user in ["bob", ADMIN] {
        let refused = create(&p, user, planted(both.clone()));
        assert_denied(&refused, &[("claim-origin", owns), ("claim-origin", marks)]);
    }
    // Made plain and turned into one later.
    let small = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 1}}]);
    let plain = with(planted(json!({})), json!({"spec": {"devices": {"requests": small}}}));
    ok(create(&p, "bob", plain));
    let patch = json!({"metadata": both}).to_string();
    let turned =
        kubectl(&p, "bob", &["-n", "llm-finetune", "patch", "resourceclaim/planted", "--type=merge", "-p", &patch]);
    assert_denied(&turned, &[("claim-origin", owns), ("claim-origin", marks)]);
    remove(&p, "llm-finetune", "pod/adopts");
    remove(&p, "llm-finetune", "resourceclaim/planted");
}

#[test]
fn class_hold_defeated() {
    let p = shared();
    let tolerations = [
        (json!({"operator": "Exists"}), "asked to tolerate every taint"),
        (json!({"key": "platform-go/hold", "operator": "Exists"}), "asked to tolerate what holds devices for others"),
        (json!({"key": "platform-go/hold", "value": "x"}), "asked to tolerate what holds devices for others"),
    ];
    for (toleration, says) in tolerations {
        let exactly = json!({"deviceClassName": "gpu.nvidia.com", "tolerations": [toleration]});
        let sub = with(exactly.clone(), json!({"name": "any"}));
        for request in [json!({"name": "gpu", "exactly": exactly}), json!({"name": "gpu", "firstAvailable": [sub]})] {
            let spec = json!({"devices": {"requests": [request]}});
            let metadata = json!({"name": "holds", "namespace": "llm-finetune"});
            let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": metadata, "spec": spec});
            assert_denied(&create(&p, "bob", claim), &[("claim-origin", says)]);
            let template = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": metadata,
                "spec": {"spec": spec}});
            assert_denied(&create(&p, "bob", template), &[("claim-origin", says)]);
        }
    }
}
