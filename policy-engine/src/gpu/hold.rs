//! The hold that a claim tolerates.

use k8s_openapi::api::resource::v1::DeviceToleration;
use sha2::{Digest, Sha256};

use crate::claims::template::hex;
use crate::contract;
use crate::object::Object;
use crate::submission::Submission;
use crate::submission::case::Case;
use crate::submission::identity::makes_for_pod;

/// The toleration that lets a claim have a device that is held for it; `None` while its name is not known.
pub(crate) fn hold(case: &Case<'_>) -> Option<DeviceToleration> {
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

/// The value of the toleration that lets a claim have what is held for it; `None` while that cannot be said.
///
/// A claim that Kubernetes makes for a Pod is held for by the Pod's UID, any other by its own name.
pub(crate) fn own_hold(submission: &Submission<'_>) -> Option<String> {
    if makes_for_pod(submission) {
        let controller = submission.object.map(Object)?.controller().ok()??;
        return Some(controller.uid);
    }
    (!submission.name.is_empty()).then(|| {
        let named = format!("{}/{}", submission.namespace, submission.name);
        hex(&Sha256::digest(named), 16)
    })
}
