//! What a submission names that it did not name before, and that somebody must be asked about.

use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use policy_engine::Submission;
use policy_engine::object::place::Place;
use policy_engine::object::{Object, Unreadable};
use policy_engine::policy::Policy;
use policy_engine::submission::identity::Caller;
use serde::Deserialize;

/// What an autoscaler names that it did not name before.
pub(super) fn new_scale_target(submission: &Submission<'_>) -> Result<Option<CrossVersionObjectReference>, Unreadable> {
    const TARGET: [&str; 2] = ["spec", "scaleTargetRef"];
    let resource = &submission.resource;
    if resource.group != "autoscaling" || resource.resource != "horizontalpodautoscalers" {
        return Ok(None);
    }
    let target = |object| Object(object).at(&TARGET);
    let asked = submission.object.and_then(target).filter(|asked| submission.old.and_then(target) != Some(*asked));
    let read =
        |asked| CrossVersionObjectReference::deserialize(asked).map_err(|why| Unreadable::new(Place::of(TARGET), &why));
    asked.map(read).transpose()
}

/// The controller owner that a trusted controller gives to an object that it makes or takes over, or that a person names in
/// a Pod or workload.
///
/// # Errors
/// Where the owner references cannot be read.
pub fn new_controller(
    submission: &Submission<'_>,
    caller: Caller<'_>,
    policy: &Policy,
) -> Result<Option<OwnerReference>, Unreadable> {
    let resource = &submission.resource;
    let is_asked = match caller {
        Caller::Controller => true,
        // What else a person makes has no controller at all: the rules `storage` and `claim-origin` say so.
        Caller::Person(_) | Caller::Client | Caller::Deputy(_) => {
            resource.is_core("pods") || policy.platform().workload_kind(resource).is_some()
        }
        Caller::Admin | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => false,
    };
    let (Some(new), old, true) = (submission.object, submission.old, is_asked) else { return Ok(None) };
    let before = old.map(|old| Object(old).controller()).transpose()?.flatten();
    Ok(Object(new).controller()?.filter(|it| before.is_none_or(|before| before.uid != it.uid)))
}
