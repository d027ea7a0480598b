//! Slots: a manifest names a claim without knowing which, in every kind that has a pod template.

use e2e::manifest::{IMAGE, merge, pod, with, workload};
use e2e::refusal::{assert_denied, assert_warned, denials};
use e2e::{ADMIN, apply, create, eventually, get, kubectl, kubectl_with, label, ok, running, shared, with_policy};
use ground::Ground;
use serde_json::{Value, json};

/// A claim of one GPU that a person keeps.
fn keep(p: &Ground, user: &str, name: &str, metadata: Value) {
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
    let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "llm-finetune"}, "spec": {"devices": {"requests": requests}}});
    ok(create(p, user, with(claim, json!({"metadata": metadata}))));
}

fn slot(name: &str) -> String {
    format!(r#"{{{{ gpuClaimName "{name}" }}}}"#)
}

/// A template that asks for a slot by a label, and prints it.
fn asks(name: &str) -> Value {
    json!({
        "metadata": {"labels": {"platform-go/dra-claim-name": slot(name)}},
        "spec": {"containers": [{"name": "main", "image": IMAGE, "args": [format!("--claim={}", slot(name))]}]},
    })
}

fn mapped(mut object: Value, to: &str) -> Value {
    merge(&mut object, json!({"metadata": {"annotations": {"platform-go/claim-slots": to}}}));
    object
}

const KINDS: [(&str, &str); 4] = [
    ("Deployment", "/spec/template"),
    ("StatefulSet", "/spec/template"),
    ("Job", "/spec/template"),
    ("CronJob", "/spec/jobTemplate/spec/template"),
];

/// What a template whose slot is resolved says.
fn assert_resolved(template: &Value, claim: &str) {
    assert_eq!(template["metadata"]["labels"]["platform-go/dra-claim-name"], claim);
    assert_eq!(template["spec"]["resourceClaims"], json!([{"name": "gpu", "resourceClaimName": claim}]));
    let container = &template["spec"]["containers"][0];
    assert_eq!(container["args"], json!([format!("--claim={claim}")]));
    assert_eq!(container["resources"]["claims"], json!([{"name": "gpu"}]));
}

fn clean(p: &Ground, objects: &[String]) {
    let args: Vec<_> = ["-n", "llm-finetune", "delete", "--wait=false"]
        .into_iter()
        .chain(objects.iter().map(String::as_str))
        .collect();
    ok(kubectl(p, ADMIN, &args));
}

#[test]
fn a_mapped_slot_is_resolved_in_every_kind_and_applies_again_without_a_change() {
    let p = shared();
    keep(&p, "bob", "slot-mapped", json!({}));
    let mut made = vec!["resourceclaim/slot-mapped".to_owned()];
    for (kind, template) in KINDS {
        let name = format!("slot-{}", kind.to_lowercase());
        let object = mapped(workload(kind, "llm-finetune", &name, asks("train-a")), "train-a=slot-mapped");
        ok(apply(&p, "bob", &object));
        let named = format!("{}/{name}", kind.to_lowercase());
        let stored = get(&p, "llm-finetune", &named);
        assert_resolved(stored.pointer(template).expect("a template"), "slot-mapped");
        let again = ok(apply(&p, "bob", &object));
        assert!(!again.contains("created"), "{again}");
        let now = get(&p, "llm-finetune", &named);
        assert_eq!(
            (&now["spec"], &now["metadata"]["generation"]),
            (&stored["spec"], &stored["metadata"]["generation"])
        );
        made.push(named);
    }
    let mut lone = pod("llm-finetune", "slot-pod", asks("train-a"));
    merge(&mut lone, json!({"metadata": {"annotations": {"platform-go/claim-slots": "train-a=slot-mapped"}}}));
    ok(apply(&p, "bob", &lone));
    let run = running(&p, "llm-finetune", "app=slot-pod", 1).remove(0);
    assert_resolved(&run, "slot-mapped");
    assert_eq!((label(&run, "dra-effective-gpu"), label(&run, "dra-sharing-mode")), ("1", "shared-claim"));
    ok(apply(&p, "bob", &lone));
    made.push("pod/slot-pod".to_owned());
    // Those of the workloads share the claim: one allocation, whose devices are held once.
    let run = running(&p, "llm-finetune", "app=slot-deployment,pod-template-hash", 1).remove(0);
    assert_eq!((label(&run, "dra-claim-name"), label(&run, "user-id")), ("slot-mapped", "bob"));
    let claim = get(&p, "llm-finetune", "resourceclaim/slot-mapped");
    let users = claim["status"]["reservedFor"].as_array().map(Vec::len).unwrap_or_default();
    assert!(users >= 2, "{claim}");
    assert_eq!(claim["status"]["allocation"]["devices"]["results"].as_array().map(Vec::len), Some(1));
    clean(&p, &made);
}

#[test]
fn a_claim_can_say_which_of_its_owners_slots_it_fills_and_a_shared_one_is_named_by_others() {
    let p = shared();
    let metadata = json!({"labels": {"platform-go/slot": "ours"}, "annotations": {"platform-go/share": "project"}});
    keep(&p, "alice", "slot-shared", metadata);
    let object = workload("Deployment", "llm-finetune", "slot-by-label", asks("ours"));
    let says = "asked slot ours, which is mapped to no claim; bob may use ";
    let refused = create(&p, "bob", &object);
    assert!(
        denials(&refused.stderr).iter().any(|it| it.rule == "slot" && it.message.contains(says)),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("slot-shared (shared by alice)"), "{}", refused.stderr);
    ok(create(&p, "alice", workload("Deployment", "llm-finetune", "slot-by-owner", asks("ours"))));
    assert_resolved(&get(&p, "llm-finetune", "deployment/slot-by-owner")["spec"]["template"], "slot-shared");
    ok(create(&p, "bob", mapped(object, "ours=slot-shared")));
    let stored = get(&p, "llm-finetune", "deployment/slot-by-label");
    assert_resolved(&stored["spec"]["template"], "slot-shared");
    let run = running(&p, "llm-finetune", "app=slot-by-label,pod-template-hash", 1).remove(0);
    assert_eq!(label(&run, "user-id"), "bob");
    clean(
        &p,
        &["deployment/slot-by-label".into(), "deployment/slot-by-owner".into(), "resourceclaim/slot-shared".into()],
    );
}

#[test]
fn what_cannot_be_resolved_is_refused_by_the_mutating_call_in_every_kind() {
    let p = shared();
    keep(&p, "alice", "slot-hers", json!({}));
    keep(&p, "bob", "slot-his", json!({}));
    for (kind, _) in KINDS {
        let name = format!("slot-no-{}", kind.to_lowercase());
        let asking = |slot: &str| workload(kind, "llm-finetune", &name, asks(slot));
        let refused = create(&p, "bob", asking("nowhere"));
        // The slot stands in two places and is refused once.
        assert_denied(&refused, &[("slot", "asked slot nowhere, which is mapped to no claim; bob may use")]);
        let [only] = &denials(&refused.stderr)[..] else { panic!("{}", refused.stderr) };
        assert!(only.message.contains("slot-his") && !only.message.contains("slot-hers"), "{}", only.message);
        let hers = create(&p, "bob", mapped(asking("train-a"), "train-a=slot-hers"));
        assert_denied(
            &hers,
            &[("slot", "asked ResourceClaim slot-hers for slot train-a, which is alice's and not shared")],
        );
        let missing = create(&p, "bob", mapped(asking("train-a"), "train-a=slot-gone"));
        assert_denied(&missing, &[("slot", "which is mapped to slot-gone, and there is no such claim")]);
        let broken = json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "args": ["{{ gpuClaimName \"train-a }}"]}]}});
        let broken = create(&p, "bob", workload(kind, "llm-finetune", &name, broken));
        let says = "at character 18: the slot's name has no end; close it with \"";
        assert_denied(&broken, &[("slot", says)]);
    }
    // Nobody's template but ours is read.
    let helm = json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "args": ["{{ .Values.gpu }}"]}]}});
    ok(create(&p, "bob", pod("llm-finetune", "slot-helm", helm)));
    clean(&p, &["pod/slot-helm".into(), "resourceclaim/slot-hers".into(), "resourceclaim/slot-his".into()]);
}

#[test]
fn the_expression_stands_for_the_claim_wherever_it_may_stand() {
    let p = shared();
    keep(&p, "bob", "slot-places", json!({"labels": {"platform-go/slot": "default"}}));
    let template = json!({
        "metadata": {"annotations": {"platform-go/dra-claim-name": "{{ gpuClaimName }}"}},
        "spec": {
            "resourceClaims": [{"name": "mine", "resourceClaimName": "{{ gpuClaimName }}"}],
            "containers": [{"name": "main", "image": IMAGE, "env": [{"name": "CLAIM", "value": "{{gpuClaimName}}"}]}],
        },
    });
    ok(create(&p, "bob", workload("Deployment", "llm-finetune", "slot-places", template)));
    let stored = get(&p, "llm-finetune", "deployment/slot-places")["spec"]["template"].clone();
    assert_eq!(stored["metadata"]["annotations"]["platform-go/dra-claim-name"], "slot-places");
    assert_eq!(stored["spec"]["resourceClaims"], json!([{"name": "mine", "resourceClaimName": "slot-places"}]));
    let container = &stored["spec"]["containers"][0];
    assert_eq!(container["env"], json!([{"name": "CLAIM", "value": "slot-places"}]));
    assert_eq!(container["resources"]["claims"], json!([{"name": "mine"}]));
    clean(&p, &["deployment/slot-places".into(), "resourceclaim/slot-places".into()]);
}

#[test]
fn whoever_edits_a_colleagues_workload_does_not_reach_their_claim() {
    let p = shared();
    keep(&p, "alice", "slot-private", json!({}));
    ok(create(&p, "bob", workload("Deployment", "llm-finetune", "slot-deputy", json!({}))));
    let patch = json!({"spec": {"template": {"spec": {"resourceClaims": [{"name": "a", "resourceClaimName": "slot-private"}]}}}});
    let args = ["-n", "llm-finetune", "patch", "deployment/slot-deputy", "--type=merge", "-p", &patch.to_string()];
    let says = "asked ResourceClaim slot-private, which is alice's and not shared";
    assert_denied(&kubectl(&p, "bob", &args), &[("slot", says)]);
    clean(&p, &["deployment/slot-deputy".into(), "resourceclaim/slot-private".into()]);
}

#[test]
fn class_claim_swapped() {
    let p = shared();
    let waits = json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "swapped"}]}});
    let warned = create(&p, "bob", pod("llm-finetune", "swap", waits));
    assert_warned(
        &warned,
        "ResourceClaim swapped does not exist; the Pod waits until its user, or somebody who shares it",
    );
    ok(warned);
    // The Pod was admitted with its user's own claim; by the time that it starts, a colleague's has the name.
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
    let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": "swapped", "namespace": "llm-finetune"}, "spec": {"devices": {"requests": requests}}});
    ok(create(&p, "bob", &claim));
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "resourceclaim/swapped"]));
    ok(create(&p, "alice", &claim));
    let lift = json!({"spec": {"schedulingGates": []}}).to_string();
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "patch", "pod/swap", "--type=merge", "-p", &lift]));
    let says = "Pod swap is bob's, and ResourceClaim swapped is alice's and not shared";
    eventually("the scheduler to be refused", || {
        let field = "involvedObject.name=swap,reason=FailedScheduling";
        let events = kubectl(&p, ADMIN, &["-n", "llm-finetune", "get", "events", "--field-selector", field, "-o=yaml"]);
        events.stdout.contains(says).then_some(())
    });
    assert!(get(&p, "llm-finetune", "resourceclaim/swapped")["status"]["reservedFor"].is_null());
    clean(&p, &["pod/swap".into(), "resourceclaim/swapped".into()]);
}

/// A kind of an operator that nobody runs.
fn squads(p: &Ground) {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "squads.slots.example.com"},
        "spec": {"group": "slots.example.com", "scope": "Namespaced",
            "names": {"plural": "squads", "singular": "squad", "kind": "Squad", "listKind": "SquadList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    ok(apply(p, ADMIN, crd));
    ok(kubectl(p, ADMIN, &["wait", "--for=condition=Established", "crd/squads.slots.example.com"]));
}

#[test]
fn slots_are_resolved_in_listed_kinds_too() {
    let kind = "policy.workloadKinds[0]";
    let values = [
        (format!("{kind}.group"), "slots.example.com"),
        (format!("{kind}.version"), "v1"),
        (format!("{kind}.resource"), "squads"),
        (format!("{kind}.podTemplates[0]"), "/spec/members/*/template"),
    ];
    let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    with_policy(&values, |p| {
        squads(p);
        keep(p, "bob", "slot-squad", json!({}));
        let squad = |to: &str| {
            let object = json!({"apiVersion": "slots.example.com/v1", "kind": "Squad",
                "metadata": {"name": "jets", "namespace": "llm-finetune"},
                "spec": {"members": [{"template": {"spec": {"containers": [{"name": "main", "image": IMAGE}]}}}, {"template": asks("train-a")}]}});
            mapped(object, to)
        };
        eventually("objects of the listed kind to be judged", || {
            let args = ["create", "--dry-run=server", "-f", "-"];
            let refused = kubectl_with(p, "bob", &args, &squad("x=y").to_string());
            denials(&refused.stderr).iter().any(|it| it.rule == "slot").then_some(())
        });
        let refused = create(p, "bob", squad("x=y"));
        let field = "spec.members[1].template.metadata.labels[platform-go/dra-claim-name]";
        assert_eq!(denials(&refused.stderr)[0].field, field);
        ok(create(p, "bob", squad("train-a=slot-squad")));
        let stored = get(p, "llm-finetune", "squad/jets");
        assert_resolved(&stored["spec"]["members"][1]["template"], "slot-squad");
        assert!(stored["spec"]["members"][0]["template"]["spec"]["resourceClaims"].is_null());
        clean(p, &["squad/jets".into(), "resourceclaim/slot-squad".into()]);
    });
}
