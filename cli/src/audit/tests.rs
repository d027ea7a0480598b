//! What the audit finds in an object, and how it says so.

use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Records;
use policy_engine::policy::modes::RuleMode;
use serde_json::json;

use super::*;

fn organisation() -> Records {
    let org = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/org");
    let (raw, _) = records::files::read(std::path::Path::new(org)).expect("the sample organisation");
    convert::build(&raw).0
}

fn policy() -> Policy {
    organisation().into()
}

fn that_only_warns() -> Policy {
    let mut records = organisation();
    records.platform.rule_modes = RuleId::ALL.iter().map(|rule| (*rule, RuleMode::Warn)).collect();
    records.into()
}

/// What is found of a Pod of the project `detector`.
async fn look(policy: &Policy, object: Value) -> (Option<Finding>, BTreeSet<(RuleId, String, String)>) {
    let existing = Existing { resource: GroupResource::new("", "pods"), kind: "Pod".into(), object };
    let (sources, id) = (Sources::Files(BTreeMap::new()), ProjectId::new("detector"));
    look_at(&existing, "detector", &id, &sources, policy, Timestamp::UNIX_EPOCH).await.expect("nobody to ask")
}

async fn looked_at(labels: Value, image: &str) -> Option<Finding> {
    made_by(None, labels, image).await
}

async fn made_by(maker: Option<&str>, labels: Value, image: &str) -> Option<Finding> {
    let object = json!({
        "metadata": {"name": "x", "namespace": "detector", "labels": labels, "creationTimestamp": "2026-11-22T10:00:00Z",
            "annotations": maker.map(|maker| json!({"platform-go/made-by": maker}))},
        "spec": {"nodeName": "gpu-a", "containers": [{"name": "main", "image": image}]},
        "status": {"phase": "Running"},
    });
    look(&policy(), object).await.0
}

#[tokio::test]
async fn what_would_only_be_added_is_summed_and_what_was_asked_is_named() {
    let policy = that_only_warns();
    let look = async |spec: Value| {
        let spec_with = json!({"containers": [{"name": "main", "image": "registry.example.com/app:1"}]});
        let mut object = json!({"metadata": {"name": "x", "namespace": "detector", "labels": {"platform-go/user-id": "bob"}}, "spec": spec_with});
        json_patch::merge(&mut object["spec"], &spec);
        look(&policy, object).await
    };
    let (finding, set) = look(json!({})).await;
    assert_eq!(finding, None, "nothing is asked that would be refused or changed");
    let keys: Vec<_> = set.iter().map(|(rule, key, kind)| format!("{rule} {key} {kind}")).collect();
    for says in [
        "queue priorityClassName Pod",
        "root-shell runAsNonRoot Pod",
        "service-account-token automountServiceAccountToken Pod",
    ] {
        assert!(keys.iter().any(|key| key == says), "{says}: {keys:?}");
    }
    let (finding, set) = look(json!({"automountServiceAccountToken": true})).await;
    let unimposed = finding.expect("the token is asked").unimposed;
    assert_eq!(unimposed, ["service-account-token: spec.automountServiceAccountToken"]);
    assert!(!set.iter().any(|(rule, ..)| *rule == RuleId::ServiceAccountToken), "{set:?}");
    let mut sums = Sums::new();
    for _ in 0..2 {
        set.iter().for_each(|it| *sums.entry(it.clone()).or_insert(0) += 1);
    }
    let text = text(&Found { objects: 2, would_be_set: summed(sums), ..Found::default() });
    let line = "once enforced, root-shell would set runAsNonRoot on 2 Pods that say nothing of it\n";
    assert!(text.contains(line) && text.contains("2 objects in governed namespaces, 0 to look at"), "{text}");
}

#[tokio::test]
async fn what_was_asked_and_is_not_there_any_more_is_judged_as_it_was_asked() {
    let policy = that_only_warns();
    let unenforced = async |change: Value| {
        let spec =
            json!({"nodeName": "gpu-a", "containers": [{"name": "main", "image": "registry.example.com/app:1"}]});
        let labels = json!({"platform-go/user-id": "bob", "platform-go/queue-name": "default"});
        let mut object = json!({"metadata": {"name": "x", "namespace": "detector", "labels": labels}, "spec": spec});
        json_patch::merge(&mut object, &change);
        look(&policy, object).await.0.map(|finding| finding.unenforced).unwrap_or_default()
    };
    assert_eq!(unenforced(json!({})).await, [""; 0], "the scheduler has placed it");
    let manager = |subresource: &str| {
        json!({"metadata": {"managedFields": [{"manager": "kubectl-create", "operation": "Update", "subresource": subresource,
            "fieldsV1": {"f:spec": {"f:nodeName": {}}}}]}})
    };
    let [placed] = &unenforced(manager("")).await[..] else { panic!("its maker has placed it") };
    assert!(placed.starts_with("placement: spec.nodeName: asked node gpu-a"), "{placed}");
    assert_eq!(unenforced(manager("binding")).await, [""; 0], "a binding has");
    let asked =
        r#"{"/metadata/labels/platform-go~1queue-name":"gone","/metadata/labels/platform-go~1user-id":"alice"}"#;
    let asked = json!({"metadata": {"annotations": {"platform-go/asked": asked}}});
    let [queue] = &unenforced(asked.clone()).await[..] else { panic!("{:?}", unenforced(asked).await) };
    assert!(queue.contains("asked queue gone, which does not exist"), "{queue}");
    let mut moved = asked;
    moved["metadata"]["annotations"]["platform-go/switch-queue"] = "default".into();
    assert_eq!(unenforced(moved).await, [""; 0], "it was moved since");
}

#[tokio::test]
async fn what_was_never_judged_and_what_would_be_refused_now_is_found() {
    let stamped = json!({"platform-go/user-id": "bob"});
    assert_eq!(looked_at(stamped.clone(), "registry.example.com/app:1").await, None);
    let unstamped = looked_at(json!({}), "registry.example.com/app:1").await.expect("a finding");
    assert_eq!((unstamped.user_id, unstamped.denials.len()), (None, 0));
    let forbidden = looked_at(stamped, "quay.io/somebody/miner").await.expect("a finding");
    assert_eq!(forbidden.user_id, Some(UserId::new("bob")));
    let [denial] = &forbidden.denials[..] else { panic!("{:?}", forbidden.denials) };
    assert!(denial.starts_with("image: spec.containers[0].image: asked quay.io/somebody/miner:latest"), "{denial}");
}

#[tokio::test]
async fn what_names_two_people_as_its_maker_is_found() {
    let (bobs, image) = (json!({"platform-go/user-id": "bob"}), "registry.example.com/app:1");
    assert_eq!(made_by(Some("bob"), bobs.clone(), image).await, None);
    let found = made_by(Some("alice"), bobs, image).await.expect("a finding");
    assert_eq!((found.other_maker.as_deref(), found.denials.len()), (Some("alice"), 0));
    let text = text(&Found { objects: 1, findings: vec![found], ..Found::default() });
    assert!(text.contains("platform-go/made-by says alice, who may delete it while Sluice is away"), "{text}");
    // Whose record is gone has no username to compare.
    assert_eq!(
        made_by(Some("alice"), json!({"platform-go/user-id": "long-gone"}), image).await.and_then(|it| it.other_maker),
        None
    );
}

#[test]
fn a_namespace_that_is_not_governed_is_named() {
    let bindings = BTreeMap::from([("detector".to_owned(), ProjectId::new("detector"))]);
    let refused = governed(bindings, &["default".to_owned()], &policy());
    let Err(Failure::BadInput(errors)) = refused else { panic!("{refused:?}") };
    assert!(errors[0].to_string().starts_with("namespace default is not governed"), "{errors:?}");
}
