//! Namespaces whose binding changes.

use decide::entry::Mismatch;
use policy_engine::admission::binding;
use policy_engine::object::Object;

use crate::Webhook;
use crate::answer::Response;
use crate::governed::Call;
use crate::outage::Outage;

pub(crate) fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let request = call.request;
    webhook.caches.usable()?;
    if request.object.is_none() && request.operation != "DELETE" {
        return Err(Mismatch::NoObject.into());
    }
    let policy = webhook.caches.policy();
    let object = request.object.as_ref().map(Object);
    let old = request.old_object.as_ref().map(Object);
    let decision = binding::judge(&request.name, object, old, request.requester(), &policy);
    webhook.metrics.decided(request, &decision);
    Ok(Response::decided(&request.uid, &decision).audited(&request.uid, policy.version(), &decision))
}
