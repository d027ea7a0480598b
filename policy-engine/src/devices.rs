//! What the cluster knows about devices and claims of them, as far as a submission needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{DeviceClassSpec, ResourceClaimSpec};

/// What is known about devices; everything by name, in the submission's namespace.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// Every DeviceClass of the cluster.
    pub classes: Arc<DeviceClasses>,
    /// The ResourceClaimTemplates that the submission names; one that is absent does not exist.
    pub templates: BTreeMap<String, ClaimTemplate>,
    /// The ResourceClaims that the submission names, or that its slots could mean; one that is absent does not exist.
    pub claims: BTreeMap<String, KnownClaim>,
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
