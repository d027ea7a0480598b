//! Certificates as people look at them.

use std::fmt;

use rustls::pki_types::CertificateDer;

use crate::material::{fingerprint, names, parse};
use crate::{CaBundle, KeyMaterial, Leaf, Life};

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Whose it is.
    pub subject: String,
    /// Who has signed it.
    pub issuer: String,
    /// DNS names and IP addresses that it covers.
    pub names: Vec<String>,
    /// When it is valid.
    pub life: Life,
    /// Its SHA-256, in hexadecimal.
    pub fingerprint: String,
}

/// Where a rotation of the CA stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is none.
    Steady,
    /// API servers hear of the next CA.
    Announced,
    /// The next CA issues, and the former one is trusted still.
    Overlap,
    /// Somebody else issues, and what they do is not written here.
    External,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steady => "steady",
            Self::Announced => "announced",
            Self::Overlap => "overlap",
            Self::External => "external",
        })
    }
}

impl KeyMaterial {
    /// Where a rotation of the CA stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.authority, &self.next, self.bundle.certificates().len()) {
            (None, _, _) => Phase::External,
            (Some(_), Some(_), _) => Phase::Announced,
            (Some(_), None, 0 | 1) => Phase::Steady,
            (Some(_), None, _) => Phase::Overlap,
        }
    }
}

impl CaBundle {
    /// Its CAs; nothing of one that cannot be read.
    #[must_use]
    pub fn described(&self) -> Vec<Described> {
        self.certificates().iter().filter_map(describe).collect()
    }
}

impl Leaf {
    /// The certificate; nothing if it cannot be read.
    #[must_use]
    pub fn described(&self) -> Option<Described> {
        self.certificates().first().and_then(describe)
    }
}

fn describe(certificate: &CertificateDer<'static>) -> Option<Described> {
    let parsed = parse(certificate).ok()?;
    Some(Described {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names: names(certificate).ok()?.iter().map(ToString::to_string).collect(),
        life: Life::of(certificate).ok()?,
        fingerprint: fingerprint(certificate),
    })
}
