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

/// The error and all that caused it, as a person sees it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
