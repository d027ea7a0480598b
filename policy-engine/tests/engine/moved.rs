//! Objects that the platform wrote in, exported, edited and made again.

use policy_engine::admission::moved::as_asked;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::modes::RuleMode;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::{Decision, Submission};
use serde_json::{Value, json};

use crate::support::apply::{apply, merge};
use crate::support::judge::{creation, judge, update};
use crate::support::policies::sample_organisation;

const IMAGE: &str = "registry.example.com/app:1";

fn sample() -> Policy {
    sample_organisation().into()
}

fn container(name: &str, gpus: u64) -> Value {
    let mut container = json!({"name": name, "image": IMAGE});
    if gpus > 0 {
        container["resources"] = json!({"limits": {"nvidia.com/gpu": gpus.to_string()}});
    }
    container
}

fn pod(labels: Value, containers: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": labels}, "spec": {"containers": containers}})
}

fn claims() -> GroupResource {
    GroupResource::new("resource.k8s.io", "resourceclaims")
}

fn submission<'a>(object: &'a Value, project: &'a str) -> Submission<'a> {
    let pod = creation(object, project, "bob");
    if object["kind"] == "Pod" { pod } else { Submission { resource: claims(), kind: "ResourceClaim", ..pod } }
}

/// Both calls, on what was asked: the decision, and the object as it is stored.
fn made(object: &Value, project: &str, policy: &Policy) -> (Decision, Value) {
    let resource = submission(object, project).resource;
    let again = as_asked(&resource, object);
    let asked = again.as_ref().map_or(object, |it| &it.object);
    let mut decision = judge(&submission(asked, project), policy);
    decision.warnings.extend(again.iter().flat_map(|it| it.own_claim.warnings.clone()));
    let stored = apply(&decision.mutations, asked);
    let validated = judge(&submission(&stored, project), policy);
    assert_eq!((&validated.mutations[..], validated.denials), (&[][..], decision.denials.clone()), "{stored}");
    (decision, stored)
}

/// As it is stored.
fn stored(object: &Value, project: &str) -> Value {
    let (decision, stored) = made(object, project, &sample());
    assert!(decision.allowed(), "{decision}");
    stored
}

/// Which containers use a claim, with the request that each may use.
fn users(pod: &Value) -> Vec<String> {
    let named = |it: &Value| match it["resources"]["claims"].as_array() {
        Some(uses) => Some(format!("{}: {}", it["name"].as_str()?, uses.len())),
        None => None,
    };
    pod["spec"]["containers"].as_array().into_iter().flatten().filter_map(named).collect()
}

fn label<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object["metadata"]["labels"][format!("platform-go/{key}")].as_str()
}

fn insert(pod: &Value, at: usize, container: Value) -> Value {
    let mut pod = pod.clone();
    pod["spec"]["containers"].as_array_mut().expect("containers").insert(at, container);
    pod
}

#[test]
fn what_was_asked_stays_with_the_container_that_asked() {
    let first =
        stored(&pod(json!({}), &[container("idle", 0), container("one", 1), container("two", 2)]), "llm-finetune");
    assert_eq!(users(&first), ["one: 1", "two: 1"]);
    let inserted = insert(&first, 0, container("proxy", 0));
    let again = stored(&inserted, "llm-finetune");
    assert_eq!((users(&again), label(&again, "dra-effective-gpu")), (users(&first), Some("3")));
    // A webhook that puts it in later, and is not followed by another call, finds the same.
    assert_eq!(stored(&again, "llm-finetune"), again);
    let mut swapped = first.clone();
    swapped["spec"]["containers"].as_array_mut().expect("containers").reverse();
    let again = stored(&swapped, "llm-finetune");
    assert_eq!(
        (users(&again), label(&again, "dra-effective-gpu")),
        (vec!["two: 1".into(), "one: 1".into()], Some("3"))
    );
    let mut dropped = first.clone();
    dropped["spec"]["containers"].as_array_mut().expect("containers").remove(1);
    let again = stored(&dropped, "llm-finetune");
    assert_eq!((users(&again), label(&again, "dra-effective-gpu")), (vec!["two: 1".to_owned()], Some("2")));
}

#[test]
fn a_container_under_another_name_is_the_one_that_still_uses_the_claim() {
    let first = stored(&pod(json!({}), &[container("idle", 0), container("train", 2)]), "llm-finetune");
    let mut renamed = first.clone();
    renamed["spec"]["containers"][1]["name"] = "trainer".into();
    let again = stored(&renamed, "llm-finetune");
    assert_eq!((users(&again), label(&again, "dra-gpu-count")), (vec!["trainer: 1".to_owned()], Some("2")));
}

#[test]
fn who_uses_the_claim_and_asks_for_nothing_is_told() {
    let first = stored(&pod(json!({}), &[container("train", 1)]), "llm-finetune");
    let mut copy = first["spec"]["containers"][0].clone();
    copy["name"] = "copy".into();
    let (decision, again) = made(&insert(&first, 0, copy), "llm-finetune", &sample());
    assert!(decision.allowed(), "{decision}");
    assert_eq!(users(&again), ["train: 1"]);
    let told = "extended-resource: spec.containers[0].resources.claims: asked the claim that the platform made for what other containers ask";
    assert!(decision.warnings.iter().any(|it| it.starts_with(told)), "{:?}", decision.warnings);
}

#[test]
fn a_claim_for_labels_stays_with_the_containers_that_have_it() {
    let first =
        stored(&pod(json!({"platform-go/dra-sharing-mode": "inline"}), &[container("train", 0)]), "llm-finetune");
    let again = stored(&insert(&first, 0, container("proxy", 0)), "llm-finetune");
    assert_eq!(users(&again), ["train: 1"]);
    assert_eq!(again["spec"]["resourceClaims"], first["spec"]["resourceClaims"]);
}

#[test]
fn a_memory_by_numbers_is_read() {
    let mut old = stored(&pod(json!({}), &[container("idle", 0), container("train", 2)]), "llm-finetune");
    old["metadata"]["annotations"]["platform-go/asked"] =
        r#"{"/spec/containers/1/resources/limits/nvidia.com~1gpu":"2"}"#.into();
    let again = stored(&old, "llm-finetune");
    assert_eq!((users(&again), label(&again, "dra-gpu-count")), (vec!["train: 1".to_owned()], Some("2")));
    let memory = again["metadata"]["annotations"]["platform-go/asked"].as_str().expect("a memory");
    assert!(memory.contains(r#""/spec/containers/name=train/resources/limits/nvidia.com~1gpu":"2""#), "{memory}");
}

#[test]
fn labels_that_the_platform_wrote_by_itself_ask_for_nothing() {
    let inline = pod(json!({"platform-go/dra-sharing-mode": "inline"}), &[container("train", 0)]);
    for asked in [inline, pod(json!({}), &[container("train", 1)])] {
        // Its plan has the H100 alone.
        let first = stored(&asked, "llm-serving");
        assert_eq!(label(&first, "dra-gpu-model"), Some("h100"));
        let moved = stored(&first, "detector");
        assert_eq!(label(&moved, "dra-gpu-model"), Some("rtx-5090"), "{moved}");
        assert_eq!(users(&moved), ["train: 1"]);
        // Whoever changes one asks.
        let mut changed = first.clone();
        merge(&mut changed, &json!({"metadata": {"labels": {"platform-go/dra-gpu-model": "rtx-6000-pro"}}}));
        assert_eq!(label(&stored(&changed, "llm-finetune"), "dra-gpu-model"), Some("rtx-6000-pro"));
        let (refused, _) = made(&changed, "detector", &sample());
        assert!(refused.denials.iter().any(|it| it.rule == RuleId::GpuModel), "{refused}");
    }
    let asked = pod(
        json!({"platform-go/dra-sharing-mode": "inline", "platform-go/dra-gpu-model": "h100"}),
        &[container("train", 0)],
    );
    let (refused, _) = made(&stored(&asked, "llm-serving"), "detector", &sample());
    let refusal = "asked model h100; plan bronze of project detector allows rtx-5090";
    assert!(refused.denials.iter().any(|it| it.message.starts_with(refusal)), "{refused}");
}

#[test]
fn so_do_those_of_a_claim() {
    let request = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]);
    let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "mine"}, "spec": {"devices": {"requests": request}}});
    let first = stored(&claim, "llm-serving");
    assert_eq!(label(&first, "dra-gpu-model"), Some("h100"));
    let moved = stored(&first, "detector");
    assert_eq!(label(&moved, "dra-gpu-model"), Some("rtx-5090"));
    // How many it asks for is in its spec.
    let mut more = first.clone();
    more["spec"]["devices"]["requests"][0]["exactly"]["count"] = 2.into();
    assert_eq!(label(&stored(&more, "llm-serving"), "dra-gpu-count"), Some("2"));
    let mut asked = claim.clone();
    asked["metadata"]["labels"] = json!({"platform-go/dra-gpu-model": "h100"});
    let (refused, _) = made(&stored(&asked, "llm-serving"), "detector", &sample());
    assert!(refused.denials.iter().any(|it| it.rule == RuleId::GpuModel), "{refused}");
}

#[test]
fn where_nothing_is_translated_the_pod_asks_as_it_was_written() {
    let mut records = sample_organisation();
    records.platform.rule_modes.insert(RuleId::ExtendedResource, RuleMode::Warn);
    let asked = pod(json!({}), &[container("idle", 0), container("train", 2)]);
    let first = insert(&stored(&asked, "llm-finetune"), 0, container("proxy", 0));
    let (decision, again) = made(&first, "llm-finetune", &records.into());
    assert!(decision.allowed(), "{decision}");
    assert_eq!(again["spec"]["containers"][2]["resources"], json!({"limits": {"nvidia.com/gpu": "2"}}));
    assert_eq!(again["spec"].get("resourceClaims"), None);
}

#[test]
fn who_was_moved_may_be_applied_again() {
    let inline = pod(json!({"platform-go/dra-sharing-mode": "inline"}), &[container("train", 0)]);
    for asked in
        [inline, pod(json!({}), &[container("train", 1)]), pod(json!({}), &[container("a", 1), container("b", 1)])]
    {
        let manifest = stored(&asked, "llm-serving");
        let living = stored(&manifest, "detector");
        let mut again = living.clone();
        merge(&mut again, &manifest);
        assert_ne!(again, living, "the manifest names the template of where it was");
        let update = update(&submission(&living, "detector"), &again, &living);
        let decision = judge(&update, &sample());
        assert_eq!(decision.denials, [], "{again}");
        assert_eq!(apply(&decision.mutations, &again), living);
    }
}
