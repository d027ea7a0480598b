//! What the engine must know about a submission besides the submission itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::gvk::GroupVersionResource;
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::submission::identity::Caller;
use policy_engine::{Act, Facts, Submission};
use tokio::time::Instant;

use crate::Webhook;
use crate::outage::Outage;
use crate::review::Request;

/// Gathers the facts. Only a controller's object, a subresource that carries no object, and what names volumes or claims
/// that no cache knows cost a look-up.
pub(crate) async fn gather(
    webhook: &Webhook,
    request: &Request,
    submission: &Submission<'_>,
    project_id: String,
    policy: &Policy,
    deadline: Instant,
) -> Result<Facts, Outage> {
    let mut facts = Facts { project_id, ..Facts::default() };
    let owners = &webhook.owners;
    if is_autoscaling(submission) {
        let scaled = owners.autoscalers(submission.namespace, &submission.resource, submission.name, deadline).await;
        facts.autoscalers = scaled.map_err(Outage::Lookup)?;
    }
    match submission.act {
        Act::Create | Act::Update => {
            if let Some(reference) = new_controller(submission, policy)? {
                let owner = owners.stamped(policy, submission.namespace, &reference, deadline).await;
                facts.controller = Some(owner.map_err(Outage::Lookup)?);
            } else {
                facts.controller = webhook.volumes.maker(submission, deadline).await.map_err(Outage::Lookup)?;
            }
            facts.devices = webhook.devices.facts(submission, policy, deadline).await.map_err(Outage::Lookup)?;
            facts.volumes = webhook.volumes.facts(submission, policy, deadline).await.map_err(Outage::Lookup)?;
        }
        Act::Touch | Act::Connect | Act::Delete if submission.old.is_none() || submission.act == Act::Touch => {
            let named = &request.resource;
            let resource = GroupVersionResource::gvr(&named.group, &named.version, &named.resource);
            let target = owners.target(submission.namespace, &resource, submission.name, deadline).await;
            let target = target.map_err(Outage::Lookup)?;
            facts.target_missing = target.is_none();
            facts.target_user_id = target.and_then(|target| target.user_id().map(str::to_owned));
        }
        Act::Touch | Act::Connect | Act::Bind | Act::Delete | Act::Status => {}
    }
    Ok(facts)
}

/// Whether the controller of autoscalers scales something.
fn is_autoscaling(submission: &Submission<'_>) -> bool {
    /// The second name where the controller manager does not use an account for each controller.
    const ACCOUNTS: [&str; 2] =
        ["system:serviceaccount:kube-system:horizontal-pod-autoscaler", "system:kube-controller-manager"];
    submission.act == Act::Touch
        && submission.subresource == "scale"
        && ACCOUNTS.contains(&submission.requester.username)
}

/// The controller owner that a trusted controller gives to an object that it makes or takes over.
fn new_controller(submission: &Submission<'_>, policy: &Policy) -> Result<Option<OwnerReference>, Outage> {
    if !matches!(Caller::of_submission(submission, policy), Caller::Controller) {
        return Ok(None);
    }
    let controller = |object| Object(object).controller().map_err(Outage::Unreadable);
    let (Some(new), old) = (submission.object, submission.old) else { return Ok(None) };
    let before = old.map(controller).transpose()?.flatten();
    Ok(controller(new)?.filter(|it| before.is_none_or(|before| before.uid != it.uid)))
}
