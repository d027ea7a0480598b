//! Decides what to do with the material that is kept. Pure: the material was read and checked before.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::UnixTime;
use rustls::server::ParsedCertificate;

use crate::{Authority, KeyMaterial, Leaf, Part, ServingName};

/// What to do now. A rotation of the CA will be further arms: the bundle already holds as many CAs as an overlap needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until then.
    Keep {
        /// When this answer changes by itself.
        until: Timestamp,
    },
    /// Make a CA and a serving certificate.
    IssueAll {
        /// Why.
        why: Reason,
        /// What the serving certificate is to cover.
        names: Vec<ServingName>,
    },
    /// Make a serving certificate of the CA that is there.
    IssueLeaf {
        /// Why.
        why: Reason,
        /// What it is to cover.
        names: Vec<ServingName>,
    },
    /// Someone else issues (there is no CA key) and has yet to renew; go on with what is there.
    Await(Reason),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep { until } => write!(f, "keep what is there until {until}"),
            Self::IssueAll { why, .. } => write!(f, "issue a CA and a serving certificate: {why}"),
            Self::IssueLeaf { why, .. } => write!(f, "issue a serving certificate: {why}"),
            Self::Await(why) => write!(f, "wait for whoever issues it, because there is no {}: {why}", Part::CaKey),
        }
    }
}

/// Why something is to be issued. Its `Display` is the sentence that is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing is kept yet.
    NothingKept,
    /// The CA is no longer valid.
    AuthorityEnded {
        /// Its end.
        at: Timestamp,
    },
    /// The serving certificate does not cover a wanted name.
    NameMissing(ServingName),
    /// The serving certificate has lived two thirds of its life.
    LeafNearEnd {
        /// Its end.
        at: Timestamp,
    },
    /// No CA of the bundle vouches for the serving certificate.
    LeafUntrusted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingKept => write!(f, "nothing is kept yet"),
            Self::AuthorityEnded { at } => write!(f, "the CA ended at {at}"),
            Self::NameMissing(name) => {
                write!(f, "the serving certificate does not cover {name}")
            }
            Self::LeafNearEnd { at } => write!(f, "the serving certificate ends at {at}"),
            Self::LeafUntrusted => {
                write!(f, "no CA of the bundle vouches for the serving certificate now")
            }
        }
    }
}

/// What to do with `material`, so that clients that trust its bundle may call us by any of `names`.
///
/// A certificate from the future is kept: our clock is behind, and what we would issue instead would be wrong for everyone else.
#[must_use]
pub fn plan(material: Option<&KeyMaterial>, names: &[ServingName], now: Timestamp) -> Action {
    let Some(material) = material else {
        return Action::IssueAll { why: Reason::NothingKept, names: names.to_vec() };
    };
    let Some(authority) = material.authority.as_ref().map(Authority::life) else {
        return match to_renew(material, names, now) {
            Some(reason) => Action::Await(reason),
            None => keep(material, now),
        };
    };
    if now < authority.starts {
        return Action::Keep { until: authority.starts };
    }
    if authority.ends <= now {
        return Action::IssueAll { why: Reason::AuthorityEnded { at: authority.ends }, names: names.to_vec() };
    }
    match to_renew(material, names, now) {
        Some(why) => Action::IssueLeaf { names: to_cover(&why, &material.leaf, names), why },
        None => keep(material, now),
    }
}

/// During a rollout replicas may want different names. Taking turns at replacing each other's certificate would never end, so a new name
/// joins those that are covered; a name that nobody wants any more leaves with the next renewal.
fn to_cover(why: &Reason, leaf: &Leaf, wanted: &[ServingName]) -> Vec<ServingName> {
    let mut names = wanted.to_vec();
    if let Reason::NameMissing(_) = why {
        names.extend(leaf.names().iter().filter(|n| !wanted.contains(n)).cloned());
    }
    names
}

fn keep(material: &KeyMaterial, now: Timestamp) -> Action {
    let leaf = material.leaf.life();
    let until = if now < leaf.starts {
        leaf.starts
    } else if ends_with_authority(material) {
        leaf.ends
    } else {
        leaf.renew_at()
    };
    Action::Keep { until }
}

fn to_renew(material: &KeyMaterial, names: &[ServingName], now: Timestamp) -> Option<Reason> {
    let leaf = &material.leaf;
    if let Some(name) = names.iter().find(|name| !covers(leaf, name)) {
        return Some(Reason::NameMissing(name.clone()));
    }
    let life = leaf.life();
    if now < life.starts {
        return None;
    }
    if life.renew_at() <= now && !ends_with_authority(material) {
        return Some(Reason::LeafNearEnd { at: life.ends });
    }
    (!trusted(material, now)).then_some(Reason::LeafUntrusted)
}

/// Such a leaf is not renewed for its age: the next one could not live longer, and would be due ever sooner.
fn ends_with_authority(material: &KeyMaterial) -> bool {
    let leaf = material.leaf.life();
    (material.authority.as_ref()).is_some_and(|authority| authority.life().ends <= leaf.ends)
}

fn covers(leaf: &Leaf, name: &ServingName) -> bool {
    let parsed = leaf.certificates().first().map(ParsedCertificate::try_from);
    matches!(parsed, Some(Ok(parsed)) if verify_server_name(&parsed, name.as_server_name()).is_ok())
}

fn trusted(material: &KeyMaterial, now: Timestamp) -> bool {
    let Some((leaf, intermediates)) = material.leaf.certificates().split_first() else {
        return false;
    };
    let Ok(leaf) = ParsedCertificate::try_from(leaf) else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().max(0).unsigned_abs()));
    verify_server_cert_signed_by_trust_anchor(
        &leaf,
        &material.bundle.roots(),
        intermediates,
        at,
        ring::default_provider().signature_verification_algorithms.all,
    )
    .is_ok()
}

#[cfg(test)]
mod tests;
