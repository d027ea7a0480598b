use policy_engine::policy::Records;
use policy_engine::submission::Requester;
use serde_json::{Value, json};

use super::*;

fn submission<'a>(act: Act, resource: GroupResource, object: Option<&'a Value>) -> Submission<'a> {
    let requester = Requester { username: "alice", groups: &[] };
    Submission { act, resource, subresource: "", kind: "", namespace: "team", name: "a", requester, object, old: None }
}

fn policy() -> Policy {
    let mut records = Records::default();
    records.platform.exempt_namespaces.insert("team-x".into());
    records.into()
}

#[test]
fn what_the_api_server_would_not_send_is_a_mismatch() {
    let deployments = || GroupResource::new("apps", "deployments");
    let of = |resource: GroupResource, object: Value, kind: &str| {
        check(&submission(Act::Create, resource, Some(&object)), kind)
    };
    let other = |said: &str, expected: &str| Err(Mismatch::OtherKind { said: said.into(), expected: expected.into() });
    assert_eq!(of(deployments(), json!({"kind": "Deployment"}), "Deployment"), Ok(()));
    assert_eq!(check(&submission(Act::Create, deployments(), None), "Deployment"), Err(Mismatch::NoObject));
    assert_eq!(of(deployments(), json!("text"), "Deployment"), Err(Mismatch::NoObject));
    assert_eq!(of(deployments(), json!({"kind": "Secret"}), "Deployment"), other("Secret", "Deployment"));
    assert_eq!(
        of(GroupResource::new("", PODS), json!({"kind": "Deployment"}), "Deployment"),
        other("Deployment", "Deployment")
    );
    let binding = json!({"kind": "Binding"});
    let to_a_pod = submission(Act::Bind, GroupResource::new("", PODS), Some(&binding));
    assert_eq!(check(&Submission { subresource: "binding", ..to_a_pod }, "Binding"), Ok(()));
    assert_eq!(check(&submission(Act::Delete, deployments(), None), "Deployment"), Ok(()));
}

#[test]
fn a_secret_is_judged_when_it_asks_for_a_token() {
    let entry = |act: Act, kind: &str| {
        let object = json!({"kind": "Secret", "type": kind});
        let submission = submission(act, GroupResource::new("", SECRETS), Some(&object));
        Entry::of(&submission, Namespace::Bound(ProjectId::new("p")), &policy())
    };
    assert_eq!(entry(Act::Create, TOKEN), Entry::Governed(ProjectId::new("p")));
    assert_eq!(entry(Act::Create, "Opaque"), Entry::NotJudged(NotJudged::Secret));
    assert_eq!(entry(Act::Update, TOKEN), Entry::NotJudged(NotJudged::Secret));
}

#[test]
fn where_no_project_is_what_asks_for_devices_is_looked_at() {
    let entry = |act: Act, group: &str, plural: &str| {
        Entry::of(&submission(act, GroupResource::new(group, plural), None), Namespace::Free, &policy())
    };
    let free = Entry::NotJudged(NotJudged::Free("team".into()));
    assert_eq!(entry(Act::Create, "", PODS), Entry::Ungoverned);
    assert_eq!(entry(Act::Create, DEVICE_GROUP, "resourceclaims"), Entry::Ungoverned);
    assert_eq!(entry(Act::Update, "", PODS), free);
    for act in [Act::Create, Act::Update] {
        assert_eq!(entry(act, "apps", "deployments"), Entry::Ungoverned, "what asks by its Pods is warned of");
    }
    let gangs = GroupResource::new("example.com", "gangs");
    assert_eq!(entry(Act::Create, "example.com", "gangs"), Entry::NotJudged(NotJudged::Kind(gangs)));
}

#[test]
fn an_exempt_namespace_is_nobodys_business_though_it_is_bound() {
    let at = |name: &str| Namespace::of(name, Some(ProjectId::new("p")), &policy());
    assert_eq!((at("team"), at("team-x")), (Namespace::Bound(ProjectId::new("p")), Namespace::Exempt));
    assert_eq!(Namespace::of("team", None, &policy()), Namespace::Free);
}

/// A policy that stopped listing a kind leaves nobody's objects for others to delete.
#[test]
fn a_deletion_is_judged_whatever_its_kind() {
    let gangs = || GroupResource::new("example.com", "gangs");
    let entry = |act| Entry::of(&submission(act, gangs(), None), Namespace::Bound(ProjectId::new("p")), &policy());
    assert_eq!(entry(Act::Delete), Entry::Governed(ProjectId::new("p")));
    assert_eq!(entry(Act::Create), Entry::NotJudged(NotJudged::Kind(gangs())));
}
