//! Our own records: who may write them, and what a record can know about itself.
use crate::Webhook;
use crate::governed::Call;
use crate::outage::Outage;
use crate::review::Response;
pub(crate) fn decide(_webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    Ok(Response::allow(&call.request.uid))
}
