//! The hold that a claim tolerates.

use k8s_openapi::api::resource::v1::DeviceToleration;
use sha2::{Digest, Sha256};

use crate::case::Case;
use crate::contract;
use crate::identity::makes_for_pod;

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

/// A claim that Kubernetes makes for a Pod is held for by the Pod's UID, any other by its own name.
fn value(case: &Case<'_>) -> Option<String> {
    if makes_for_pod(case.submission) {
        return case.object()?.controller().ok().flatten().map(|controller| controller.uid);
    }
    // A generated name is not known yet when the claim can still be written to.
    if case.object()?.at(&["metadata", "generateName"]).is_some() {
        return None;
    }
    let (namespace, name) = (case.submission.namespace, case.submission.name);
    let digest = || Sha256::digest(format!("{namespace}/{name}"));
    (!name.is_empty()).then(|| digest().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
