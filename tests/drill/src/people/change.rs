//! One event of one object.

use super::project::{CLAIMS, OWNERS, PODS, TEMPLATES, VOLUMES, path};
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
        let resource = match self {
            Self::Pod => PODS,
            Self::Claim => CLAIMS,
            Self::Template => TEMPLATES,
            Self::Volume => VOLUMES,
            Self::Owner => OWNERS,
        };
        path(resource, "")
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
