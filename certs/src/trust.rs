//! Who vouches for a serving certificate, and under which names.

use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;

use crate::material::Life;
use crate::{Leaf, ServingName};

/// Whether a client that calls us so is content.
pub(crate) fn covers(leaf: &Leaf, name: &ServingName) -> bool {
    let parsed = leaf.certificates().first().map(ParsedCertificate::try_from);
    matches!(parsed, Some(Ok(parsed)) if verify_server_name(&parsed, name.as_server_name()).is_ok())
}

/// Whether a client that trusts these roots is content at this time.
pub(crate) fn trusted(leaf: &Leaf, roots: &RootCertStore, now: Timestamp) -> bool {
    let Some((leaf, intermediates)) = leaf.certificates().split_first() else {
        return false;
    };
    let Ok(leaf) = ParsedCertificate::try_from(leaf) else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().max(0).unsigned_abs()));
    let algorithms = ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&leaf, roots, intermediates, at, algorithms.all).is_ok()
}

/// Whether this CA has signed, whatever our clock says.
pub(crate) fn signed(leaf: &Leaf, authority: &CertificateDer<'static>) -> bool {
    let mut root = RootCertStore::empty();
    let starts = Life::of(authority).map(|life| life.starts.max(leaf.life().starts));
    starts.is_ok_and(|at| root.add(authority.clone()).is_ok() && trusted(leaf, &root, at))
}

/// Whether one of these has.
pub(crate) fn vouched(leaf: &Leaf, authorities: &[CertificateDer<'static>]) -> bool {
    authorities.iter().any(|authority| signed(leaf, authority))
}

/// Whether one of these CAs has signed both.
pub(crate) fn same_authority(one: &Leaf, other: &Leaf, authorities: &[CertificateDer<'static>]) -> bool {
    authorities.iter().any(|authority| signed(one, authority) && signed(other, authority))
}
