//! What a person asks for: that something is replaced before its time.
//!
//! A request names what is to go. Once that is gone the request says nothing any more, so it may be read by every replica, after every
//! restart, and for ever, and is still carried out once.

use std::fmt;
use std::str::FromStr;

use crate::KeyMaterial;

/// The annotation of a Secret that holds a request.
pub(crate) const ANNOTATION: &str = "sluice.dev/rotate";

/// The file of a directory that holds a request.
pub(crate) const FILE: &str = "rotate";

/// What is to be replaced, by the SHA-256 of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The CA that issues, and the serving certificate with it: `ca <fingerprint>`.
    Authority(String),
    /// The serving certificate: `leaf <fingerprint>`.
    Leaf(String),
}

/// A text that is no request.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} asks for no rotation; write `ca` or `leaf`, a blank, and the SHA-256 of the certificate that is to go"
)]
pub struct NotARequest {
    text: String,
}

impl Request {
    /// Whether what was to go is gone.
    #[must_use]
    pub fn is_done(&self, material: &KeyMaterial) -> bool {
        match self {
            Self::Authority(asked) => material.authority.as_ref().is_none_or(|it| it.fingerprint() != *asked),
            Self::Leaf(asked) => material.leaf.fingerprint() != *asked,
        }
    }
}

impl FromStr for Request {
    type Err = NotARequest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotARequest { text: text.chars().take(80).collect() };
        let (what, fingerprint) = text.trim().split_once(' ').ok_or_else(refused)?;
        let sha256 = fingerprint.len() == 64 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fingerprint = fingerprint.to_ascii_lowercase();
        match what {
            "ca" if sha256 => Ok(Self::Authority(fingerprint)),
            "leaf" if sha256 => Ok(Self::Leaf(fingerprint)),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(fingerprint) => write!(f, "ca {fingerprint}"),
            Self::Leaf(fingerprint) => write!(f, "leaf {fingerprint}"),
        }
    }
}
