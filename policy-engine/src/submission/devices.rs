//! What the cluster knows about devices and claims of them, as far as a submission needs it.

mod named;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{DeviceClassSpec, ResourceClaimSpec};
use sha2::{Digest, Sha256};

use crate::object::Object;
use crate::policy::workload::GroupResource;
use crate::submission::case::Submission;
use crate::submission::identity::makes_for_pod;

pub use named::{MOST_NAMED, Named};

/// The API group of device claims.
pub const GROUP: &str = "resource.k8s.io";
/// Annotation of the controller on a claim that it makes from a template: the Pod's name for it.
pub const POD_CLAIM_NAME: &str = "resource.kubernetes.io/pod-claim-name";

/// Whether this is the resource of ResourceClaims.
pub fn is_claim(resource: &GroupResource) -> bool {
    resource.group == GROUP && resource.resource == "resourceclaims"
}

/// Whether this is the resource of ResourceClaimTemplates.
pub fn is_claim_template(resource: &GroupResource) -> bool {
    resource.group == GROUP && resource.resource == "resourceclaimtemplates"
}

/// What is known about devices; everything by name, in the submission's namespace.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// Every DeviceClass of the cluster.
    pub classes: Arc<DeviceClasses>,
    /// The ResourceClaimTemplates that the submission names; one that is absent does not exist.
    pub templates: BTreeMap<String, ClaimTemplate>,
    /// The ResourceClaims that the submission names, or that its slots could mean; one that is absent does not exist.
    pub claims: BTreeMap<String, KnownClaim>,
    /// The unfinished Pods that name the claim which is being made.
    pub waiting: Vec<Waiter>,
    /// Nobody could be asked: what is absent may exist.
    pub untold: bool,
}

/// An unfinished Pod that names a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Its name.
    pub pod: String,
    /// The user stamped on it.
    pub user_id: Option<String>,
}

/// DeviceClasses by name.
pub type DeviceClasses = BTreeMap<String, DeviceClassSpec>;

/// A ResourceClaimTemplate that exists.
#[derive(Clone, Debug)]
pub struct ClaimTemplate {
    /// Its stamp.
    pub user_id: Option<String>,
    /// What claims made from it ask.
    pub spec: Arc<ResourceClaimSpec>,
}

/// A ResourceClaim that exists.
#[derive(Clone, Debug)]
pub struct KnownClaim {
    /// Its UID.
    pub uid: String,
    /// Its stamp: who owns it, and pays.
    pub user_id: Option<String>,
    /// Whether its owner lets other members use it.
    pub shared: bool,
    /// The slot that it fills when nothing else is mapped.
    pub slot: Option<String>,
    /// The UID of the Pod that it was made for from a template; absent for a project-managed one.
    pub pod_uid: Option<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// What it asks.
    pub spec: Arc<ResourceClaimSpec>,
}

/// The value of the toleration that lets a claim have what is held for it; `None` while that cannot be said.
///
/// A claim that Kubernetes makes for a Pod is held for by the Pod's UID, any other by its own name.
pub fn own_hold(submission: &Submission<'_>) -> Option<String> {
    if makes_for_pod(submission) {
        let controller = submission.object.map(Object)?.controller().ok()??;
        return Some(controller.uid);
    }
    (!submission.name.is_empty()).then(|| {
        let named = format!("{}/{}", submission.namespace, submission.name);
        hex(&Sha256::digest(named), 16)
    })
}

/// The first bytes of a hash, in hexadecimal digits.
pub(crate) fn hex(hash: &[u8], bytes: usize) -> String {
    hash.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a ResourceClaimTemplate of this name is the platform's to make:
/// `gpu-<model>-cnt<devices>-sm<percent>-mem<size or max>-<10 hexadecimal digits of its content>`.
pub fn is_platform_template(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = |part: Option<&str>, kind: &str| part.and_then(|it| it.strip_prefix(kind)).is_some_and(number);
    let mut parts = name.rsplit('-');
    let is_hash = parts.next().is_some_and(|hash| {
        hash.len() == HASH_DIGITS && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    let is_memory = parts.next().and_then(|it| it.strip_prefix("mem")).is_some_and(|size| !size.is_empty());
    is_hash
        && is_memory
        && numbered(parts.next(), "sm")
        && numbered(parts.next(), "cnt")
        && parts.next_back() == Some("gpu")
        && parts.next().is_some()
}

/// How many digits of the hash of its content the name of a platform's template carries.
const HASH_DIGITS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_platforms_templates_are_known() {
        for name in ["gpu-h100-cnt1-sm50-memmax-0123456789", "gpu-rtx-6000-pro-cnt2-sm100-mem20gi-abcdef0123"] {
            assert!(is_platform_template(name), "{name}");
        }
        for name in [
            "",
            "gpu",
            "gpu-cnt1-sm50-memmax-0123456789",
            "gpu-h100-cnt1-sm50-memmax-012345678",
            "gpu-h100-cnt1-sm50-memmax-012345678g",
            "gpu-h100-cnt1-sm-memmax-0123456789",
            "my-gpu-h100-cnt1-sm50-memmax-0123456789",
            "big-gpu",
        ] {
            assert!(!is_platform_template(name), "{name}");
        }
    }
}
