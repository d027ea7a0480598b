//! What exists, judged as if it were made now.

use std::time::Duration;

use cluster::dry_run::Existing;
use jiff::Timestamp;
use policy_engine::admission::moved;
use policy_engine::claims::template::is_platform_template;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::object::Object;
use policy_engine::object::kinds::MIRROR;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::submission::Requester;
use policy_engine::submission::deputy::ServiceAccount;
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::{Act, Decision, Submission, contract};
use serde_json::Value;
use tokio::time::Instant;

use crate::facts::{GatherFailed, Sources, Subject};
use crate::judgement;

/// Whoever made an object, its content is judged as if a controller made it now for the user who is stamped on it.
const CONTROLLER: &str = "system:serviceaccount:kube-system:replicaset-controller";
/// Claims of Pods are made by no other, and a Pod's hold is by its UID.
const CLAIM_CONTROLLER: &str = "system:serviceaccount:kube-system:resource-claim-controller";
/// On a PersistentVolumeClaim for which the control plane has chosen a volume.
const CHOSEN: &str = "pv.kubernetes.io/bound-by-controller";
const LOOK_UP: Duration = Duration::from_secs(10);

/// Judges an object that exists in a Namespace of the project with this id.
///
/// # Errors
/// Where nothing can be decided.
pub async fn judge(
    existing: &Existing,
    namespace: &str,
    project_id: &ProjectId,
    sources: &Sources,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, GatherFailed> {
    let Existing { resource, kind, object } = existing;
    let name = Object(object).at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
    let user_id = Object(object).label(contract::USER_ID).map(UserId::new);
    let owner = ControllerOwner::Stamped { kind: kind.clone(), name: name.into(), user_id };
    let of_a_pod = Object(object).controller()?.is_some_and(|owner| owner.kind == "Pod");
    let username = if resource.is_claim() && of_a_pod { CLAIM_CONTROLLER } else { CONTROLLER };
    let as_new = as_new(object);
    let submission = Submission {
        act: Act::Create,
        resource: resource.clone(),
        subresource: "",
        kind,
        namespace,
        name,
        requester: Requester { username, groups: &[] },
        object: Some(&as_new),
        old: None,
    };
    let deadline = Instant::now() + LOOK_UP;
    let facts = sources.gather(&submission, Subject::Existing(owner), project_id.clone(), policy, deadline).await?;
    let (decision, _) = judgement::mutate(&submission, &facts, policy, now)?;
    Ok(decision)
}

/// Who made it by its annotation, where that is not the user who is stamped on it: while Sluice is away, the API server takes
/// it for theirs. What lacks either, or is stamped with nobody's id, cannot be compared. An account of the namespace made it for its
/// Pod's user, and it is everybody's there.
pub fn other_maker<'a>(existing: &'a Existing, policy: &Policy) -> Option<&'a str> {
    let object = Object(&existing.object);
    let user = policy.user_by_id(object.label(contract::USER_ID)?)?;
    let namespace = object.at(&["metadata", "namespace"]).and_then(Value::as_str);
    let is_deputy = |maker: &str| ServiceAccount::of(maker).is_some_and(|it| Some(it.namespace) == namespace);
    object.annotation(contract::MADE_BY).filter(|maker| *maker != user.username.as_str() && !is_deputy(maker))
}

/// Whether the platform made it itself, so that no webhook ever heard of it.
pub fn is_platforms_own(existing: &Existing) -> bool {
    let object = Object(&existing.object);
    let name = object.at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
    existing.resource.is_claim_template() && is_platform_template(name) && object.label(MANAGED_BY) == Some(MANAGER)
}

/// As it was asked for: without what Kubernetes writes after an object was admitted, and with the labels that the platform replaced
/// while a rule only warned.
fn as_new(object: &Value) -> Value {
    let mut new = object.clone();
    let mut later = vec!["/status"];
    if !asks_a_node(object) {
        later.push("/spec/nodeName");
    }
    if Object(object).annotation(CHOSEN).is_some() {
        later.push("/spec/volumeName");
    }
    for pointer in later {
        let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
        new.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|parent| parent.remove(key));
    }
    // Who has moved it since has asked for where it is now.
    let was_moved = Object(object).annotation(contract::SWITCH_QUEUE).is_some();
    let queue = Place::of(["metadata", "labels", contract::QUEUE_NAME]);
    for (at, asked) in moved::replaced_labels(object).into_iter().filter(|(at, _)| !was_moved || *at != queue) {
        if let Some(label) = new.pointer_mut(at.pointer().as_str()) {
            *label = asked;
        }
    }
    new
}

/// Whether whoever made a Pod named its node: the scheduler's binding is nobody's field. A kubelet's mirror Pod runs there already.
fn asks_a_node(pod: &Value) -> bool {
    let managers = pod["metadata"]["managedFields"].as_array().into_iter().flatten();
    let mut makers = managers.filter(|it| it["subresource"].as_str().is_none_or(str::is_empty));
    Object(pod).annotation(MIRROR).is_none() && makers.any(|it| !it["fieldsV1"]["f:spec"]["f:nodeName"].is_null())
}
