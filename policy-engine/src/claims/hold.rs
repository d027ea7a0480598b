//! The hold that a claim tolerates.

use k8s_openapi::api::resource::v1::DeviceToleration;

use crate::contract;
use crate::submission::case::Case;
use crate::submission::devices::own_hold;
use crate::submission::identity::makes_for_pod;

/// The toleration that lets a claim have a device that is held for it; `None` while its name is not known.
pub fn hold(case: &Case<'_>) -> Option<DeviceToleration> {
    Some(DeviceToleration {
        key: Some(contract::HOLD.into()),
        operator: Some("Equal".into()),
        value: Some(value(case)?),
        effect: Some("NoSchedule".into()),
        toleration_seconds: None,
    })
}

fn value(case: &Case<'_>) -> Option<String> {
    // A generated name is not known yet when the claim can still be written to.
    let generated = case.object()?.at(&["metadata", "generateName"]).is_some() && !makes_for_pod(case.submission);
    if generated { None } else { own_hold(case.submission) }
}
