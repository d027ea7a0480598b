//! What the engine must know about a submission besides the submission itself.

use kube::core::gvk::GroupVersionResource;
use policy_engine::identity::Caller;
use policy_engine::policy::Policy;
use policy_engine::{Act, Facts, Submission, object};
use tokio::time::Instant;

use crate::Webhook;
use crate::outage::Outage;
use crate::review::Request;

/// Gathers the facts. Only a controller's object and a subresource that carries no object cost a look-up.
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
    match submission.act {
        Act::Create => {
            let by_controller = matches!(Caller::of(submission.requester, policy), Caller::Controller);
            let Some(object) = submission.object.filter(|_| by_controller).map(object::Object) else {
                return Ok(facts);
            };
            if let Some(reference) = object.controller().map_err(Outage::Unreadable)? {
                let owner = owners.stamped(policy, submission.namespace, &reference, deadline).await;
                facts.controller = Some(owner.map_err(Outage::Lookup)?);
            }
        }
        Act::Touch | Act::Delete if submission.old.is_none() || submission.act == Act::Touch => {
            let named = &request.resource;
            let resource = GroupVersionResource::gvr(&named.group, &named.version, &named.resource);
            let target = owners.target(submission.namespace, &resource, submission.name, deadline).await;
            let target = target.map_err(Outage::Lookup)?;
            facts.target_user_id = target.and_then(|target| target.user_id().map(str::to_owned));
        }
        Act::Touch | Act::Bind | Act::Delete | Act::Update | Act::Status => {}
    }
    Ok(facts)
}
