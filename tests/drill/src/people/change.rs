//! One event of one object.

use super::project::NAMESPACE;
use serde_json::Value;
use std::time::Instant;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    Claim,
    Template,
    Volume,
    /// Only as an owner of others.
    Owner,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Pod, Self::Claim, Self::Template, Self::Volume, Self::Owner];

    pub(super) fn path(self) -> String {
        let (group, plural) = match self {
            Self::Pod => ("api/v1", "pods"),
            Self::Claim => ("apis/resource.k8s.io/v1", "resourceclaims"),
            Self::Template => ("apis/resource.k8s.io/v1", "resourceclaimtemplates"),
            Self::Volume => ("api/v1", "persistentvolumeclaims"),
            Self::Owner => ("api/v1", "configmaps"),
        };
        format!("/{group}/namespaces/{NAMESPACE}/{plural}")
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Claim => "ResourceClaim",
            Self::Template => "ResourceClaimTemplate",
            Self::Volume => "PersistentVolumeClaim",
            Self::Owner => "ConfigMap",
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) kind: Kind,
    pub(super) object: Value,
    pub(super) is_gone: bool,
    pub(super) heard: Instant,
}
