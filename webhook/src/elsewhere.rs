//! Devices that are asked for in Namespaces which are no project's.

use policy_engine::admission::ungoverned;

use crate::Webhook;
use crate::answer::Response;
use crate::governed::Call;
use crate::outage::Outage;

pub(crate) async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let Call { request, deadline, .. } = call;
    webhook.caches.usable()?;
    if request.object.is_none() {
        return Err(Outage::NoObject);
    }
    let policy = webhook.caches.policy();
    let submission = request.submission();
    let devices = webhook.devices.facts(&submission, &policy, deadline).await.map_err(Outage::Lookup)?;
    let decision = ungoverned::judge(&submission, &devices, &policy).map_err(Outage::Unreadable)?;
    webhook.metrics.decided(request, &decision);
    Ok(Response::decided(&request.uid, &decision).audited(&request.uid, policy.version(), &decision))
}
