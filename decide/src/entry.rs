//! Which kind of judgement a request gets, and whether its object is what its kind says.
//!
//! The chart renders webhook entries from the same values from which it renders `PlatformPolicy`, so that the API server
//! asks about no more than this. The dry run and the audit have no chart between them and the object: they ask here.

use std::fmt;

use policy_engine::object::Object;
use policy_engine::object::kinds::{DEVICE_GROUP, GroupResource, SNAPSHOT_GROUP};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::{Act, Submission};

/// Kinds that are judged in projects whatever the policy lists: group and plural name.
const ALWAYS_JUDGED: [(&str, &str); 7] = [
    ("", PODS),
    ("", "services"),
    ("", "persistentvolumeclaims"),
    (SNAPSHOT_GROUP, "volumesnapshots"),
    (DEVICE_GROUP, "resourceclaims"),
    (DEVICE_GROUP, "resourceclaimtemplates"),
    ("", SECRETS),
];
const PODS: &str = "pods";
const SECRETS: &str = "secrets";
/// The type of the Secrets into which the control plane writes a token; no other Secret is judged.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// To whom a Namespace belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// To the project with this id.
    Bound(ProjectId),
    /// To the cluster: `PlatformPolicy.spec.exemptNamespaces` lists it.
    Exempt,
    /// To no project.
    Free,
}

impl Namespace {
    /// The Namespace `name`, whose label names `project`.
    pub fn of(name: &str, project: Option<ProjectId>, policy: &Policy) -> Self {
        match project {
            _ if policy.platform().exempt_namespaces.contains(name) => Self::Exempt,
            Some(project_id) => Self::Bound(project_id),
            None => Self::Free,
        }
    }
}

/// The kind of judgement that a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Every rule judges it, for the project with this id.
    Governed(ProjectId),
    /// It is made where no project is, so that nobody pays for its GPUs.
    Ungoverned,
    /// It is a Namespace: who binds it to a project is judged.
    Binding,
    /// It is a record of Sluice: who writes it, and whether it can be read.
    Records,
    /// Nothing judges it.
    NotJudged(NotJudged),
}

/// Why nothing judges a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotJudged {
    /// No objects of its kind are.
    Kind(GroupResource),
    /// It is a Secret that carries no token of a service account.
    Secret,
    /// Its Namespace belongs to no project.
    Free(String),
    /// Its Namespace is exempt.
    Exempt(String),
}

impl fmt::Display for NotJudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not governed: ")?;
        match self {
            Self::Kind(resource) => write!(f, "{resource} are not judged"),
            Self::Secret => write!(f, "of Secrets, only those of type {TOKEN} are judged, when they are created"),
            Self::Free(namespace) => write!(f, "namespace {namespace} belongs to no project"),
            Self::Exempt(namespace) => write!(f, "namespace {namespace} is exempt"),
        }
    }
}

impl Entry {
    /// The judgement that a submission to a Namespace gets.
    pub fn of(submission: &Submission<'_>, namespace: Namespace, policy: &Policy) -> Self {
        let resource = &submission.resource;
        // A workspace is a record to people, and a workload to the platform.
        if resource.group == records::GROUP && !resource.is_workspace() {
            return Self::Records;
        }
        if resource.is_core("namespaces") {
            return Self::Binding;
        }
        // Whether a deletion is allowed depends on whose the object is, whatever its kind.
        if !is_judged(resource, policy) && submission.act != Act::Delete {
            return Self::NotJudged(NotJudged::Kind(resource.clone()));
        }
        match namespace {
            Namespace::Exempt => Self::NotJudged(NotJudged::Exempt(submission.namespace.into())),
            Namespace::Bound(_) if resource.is_core(SECRETS) && !is_new_token(submission) => {
                Self::NotJudged(NotJudged::Secret)
            }
            Namespace::Bound(project_id) => Self::Governed(project_id),
            Namespace::Free if may_ask_devices(submission, policy) => Self::Ungoverned,
            Namespace::Free => Self::NotJudged(NotJudged::Free(submission.namespace.into())),
        }
    }
}

/// Whether objects of this kind are judged in projects.
pub fn is_judged(resource: &GroupResource, policy: &Policy) -> bool {
    let always = |(group, plural): &(&str, &str)| resource.group == *group && resource.resource == *plural;
    ALWAYS_JUDGED.iter().any(always) || policy.platform().workload_kind(resource).is_some()
}

/// Every kind that is judged in projects, Pods first.
pub fn judged_kinds(policy: &Policy) -> Vec<GroupResource> {
    let always = ALWAYS_JUDGED.iter().map(|(group, plural)| GroupResource::new(group, plural));
    let mut kinds: Vec<_> = always.chain(policy.platform().workload_kinds.iter().map(|kind| kind.of.clone())).collect();
    let mut seen = Vec::new();
    kinds.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(kind.clone());
            true
        }
    });
    kinds
}

fn is_new_token(submission: &Submission<'_>) -> bool {
    let kind = |object| Object(object).at(&["type"]).and_then(|it| it.as_str()) == Some(TOKEN);
    submission.act == Act::Create && submission.object.is_some_and(kind)
}

/// Whether this makes what can ask for devices, or changes what asks for them by its Pods.
fn may_ask_devices(submission: &Submission<'_>, policy: &Policy) -> bool {
    let resource = &submission.resource;
    let by_itself = resource.is_core(PODS) || resource.is_claim() || resource.is_claim_template();
    match submission.act {
        Act::Create => by_itself || policy.platform().workload_kind(resource).is_some(),
        Act::Update => policy.platform().workload_kind(resource).is_some(),
        _ => false,
    }
}

/// The API server would not send this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The review carries no object where its operation has one.
    #[error("the review carries no object")]
    NoObject,
    /// The object is of another kind than the review says.
    #[error("the review is about a {expected} and carries a {said}")]
    OtherKind {
        /// What the object says.
        said: String,
        /// What the review says.
        expected: String,
    },
}

/// Checks that the object is what its kind says. `kind` is that of the object: of a subresource, the subresource's own.
///
/// # Errors
/// Where it is not.
pub fn check(submission: &Submission<'_>, kind: &str) -> Result<(), Mismatch> {
    let Some(object) = submission.object.filter(|object| object.is_object()) else {
        return if submission.act == Act::Delete { Ok(()) } else { Err(Mismatch::NoObject) };
    };
    let said = object.get("kind").and_then(|kind| kind.as_str()).unwrap_or(kind);
    let is_pod = submission.resource.is_core(PODS) && submission.subresource.is_empty();
    if said != kind || (is_pod && said != "Pod") {
        return Err(Mismatch::OtherKind { said: said.into(), expected: kind.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
