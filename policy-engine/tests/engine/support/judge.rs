//! Asks the engine.

use jiff::Timestamp;
use policy_engine::admit;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::submission::Requester;
use policy_engine::{Act, Decision, Facts, Submission};
use serde_json::Value;

/// When stories happen that do not say when.
pub(crate) fn some_monday() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().expect("a timestamp")
}

/// A Pod that somebody makes.
pub(crate) fn creation<'a>(pod: &'a Value, namespace: &'a str, username: &'a str) -> Submission<'a> {
    Submission {
        act: Act::Create,
        resource: GroupResource::new("", "pods"),
        subresource: "",
        kind: "Pod",
        namespace,
        name: "",
        requester: Requester { username, groups: &[] },
        object: Some(pod),
        old: None,
    }
}

/// The same Pod, submitted as `object` where `old` is stored.
pub(crate) fn update<'a>(creation: &Submission<'a>, object: &'a Value, old: &'a Value) -> Submission<'a> {
    Submission { act: Act::Update, object: Some(object), old: Some(old), ..creation.clone() }
}

/// Judges a submission to a namespace that is named as its project.
pub(crate) fn judge(submission: &Submission<'_>, policy: &Policy) -> Decision {
    let facts = Facts { project_id: ProjectId::new(submission.namespace), ..Facts::default() };
    admit(submission, &facts, policy, some_monday()).expect("a readable object")
}
