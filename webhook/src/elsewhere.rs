//! Devices that are asked for in Namespaces which are no project's.

use decide::Entry;
use decide::entry::{Mismatch, Namespace};
use policy_engine::admission::ungoverned;

use crate::Webhook;
use crate::answer::Response;
use crate::governed::Call;
use crate::outage::Outage;

pub(crate) async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let Call { request, deadline, .. } = call;
    webhook.caches.usable()?;
    if request.object.is_none() {
        return Err(Mismatch::NoObject.into());
    }
    let policy = webhook.caches.policy();
    let submission = request.submission();
    match Entry::of(&submission, Namespace::of(&request.namespace, None, &policy), &policy) {
        Entry::Ungoverned => {}
        Entry::Governed(_) | Entry::Binding | Entry::Records | Entry::NotJudged(_) => {
            return Ok(Response::allow(&request.uid));
        }
    }
    let devices = webhook.sources.devices(&submission, &policy, deadline).await.map_err(Outage::Lookup)?;
    let decision = ungoverned::judge(&submission, &devices, &policy).map_err(Outage::Unreadable)?;
    webhook.metrics.decided(request, &decision);
    Ok(Response::decided(&request.uid, &decision).audited(&request.uid, policy.version(), &decision))
}
