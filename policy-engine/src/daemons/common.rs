//! Words that several daemons use.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::platform::Platform;

/// Label by which Kubernetes tools say who looks after an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on what a daemon makes; nothing without it is ever deleted.
pub const MANAGER: &str = "sluice";

/// Which object was seen, in which state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Distinguishes it from others that had or will have its name.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
}

/// A Pod by Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodName {
    /// Its Namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

/// Whether a Namespace is never governed: the platform's list, Kubernetes' own, and that of Sluice itself.
pub fn is_exempt(own_namespace: &str, platform: &Platform, namespace: &str) -> bool {
    namespace == own_namespace || namespace.starts_with("kube-") || platform.exempt_namespaces.contains(namespace)
}

/// How long to wait after so many failures before the last one: twice as long each time, and no longer than `longest`.
pub fn pause(failures: u32, first: SignedDuration, longest: SignedDuration) -> SignedDuration {
    (first * 2_i32.saturating_pow(failures.min(10))).min(longest)
}

/// So long after an instant; the last instant there is, where that is later.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}
