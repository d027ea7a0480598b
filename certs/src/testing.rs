//! What the unit tests of several modules need.

use jiff::Timestamp;

use crate::{KeyMaterial, ServingName};

pub(crate) const NAME: &str = "sluice.sluice-system.svc";

pub(crate) fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub(crate) fn names(names: &[&str]) -> Vec<ServingName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(crate) fn without_authority(material: KeyMaterial) -> KeyMaterial {
    KeyMaterial { authority: None, next: None, ..material }
}
