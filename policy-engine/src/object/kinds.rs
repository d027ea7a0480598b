//! Kinds of objects, as requests name them.

use std::fmt;

use serde::Serialize;

/// The API group of VolumeSnapshots.
pub const SNAPSHOT_GROUP: &str = "snapshot.storage.k8s.io";
/// The API group of ResourceClaims, templates of them, DeviceClasses and ResourceSlices.
pub const DEVICE_GROUP: &str = "resource.k8s.io";

/// The API group of the platform's own kinds.
pub const WORKSPACE_GROUP: &str = "sluice.dev";

/// Annotation of a Pod that a kubelet shows for a manifest on its disk.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

/// The API group and plural name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupResource {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name, e.g. `deployments`.
    pub resource: String,
}

impl GroupResource {
    /// A resource by group and plural name.
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }

    /// Whether this is the core group's resource of that plural name.
    pub fn is_core(&self, resource: &str) -> bool {
        self.group.is_empty() && self.resource == resource
    }

    /// Whether this is the resource of StatefulSets.
    pub fn is_stateful_set(&self) -> bool {
        self.is("apps", "statefulsets")
    }

    /// Whether this is the resource of VolumeSnapshots.
    pub fn is_snapshot(&self) -> bool {
        self.is(SNAPSHOT_GROUP, "volumesnapshots")
    }

    /// Whether this is the resource of PodDisruptionBudgets.
    pub fn is_budget(&self) -> bool {
        self.is("policy", "poddisruptionbudgets")
    }

    /// Whether this is the resource of ResourceClaims.
    pub fn is_claim(&self) -> bool {
        self.is(DEVICE_GROUP, "resourceclaims")
    }

    /// Whether this is the resource of ResourceClaimTemplates.
    pub fn is_claim_template(&self) -> bool {
        self.is(DEVICE_GROUP, "resourceclaimtemplates")
    }

    /// Whether this is the resource of workspaces.
    pub fn is_workspace(&self) -> bool {
        self.is(WORKSPACE_GROUP, "workspaces")
    }

    fn is(&self, group: &str, resource: &str) -> bool {
        self.group == group && self.resource == resource
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.resource),
            group => write!(f, "{}.{group}", self.resource),
        }
    }
}
