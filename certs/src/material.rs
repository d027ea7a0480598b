//! What is kept: the CA bundle, the CA's key, and the serving certificate with its key.
//!
//! Everything is parsed and checked against its counterpart when it is read, so that a value of these types can be served and published.

mod authority;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pem::{EncodeConfig, LineEnding, encode_many_config};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;

use crate::ServingName;

pub use authority::Authority;

/// One of the things kept. The names are those of a `kubernetes.io/tls` Secret, which other issuers write too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `ca.crt`: every CA that is trusted now.
    CaBundle,
    /// `ca.key`: the key of the CA that issues. Absent where someone else issues.
    CaKey,
    /// `ca-next.key`: the key of the CA that will issue, from when it joins the bundle until it does.
    NextCaKey,
    /// `tls.crt`: the serving certificate, then its intermediates.
    LeafCertificate,
    /// `tls.key`: the serving certificate's key.
    LeafKey,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] = [Self::CaBundle, Self::CaKey, Self::NextCaKey, Self::LeafCertificate, Self::LeafKey];

    /// The file in a directory, or the key in a Secret.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CaBundle => "ca.crt",
            Self::CaKey => "ca.key",
            Self::NextCaKey => "ca-next.key",
            Self::LeafCertificate => "tls.crt",
            Self::LeafKey => "tls.key",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The parts as they were found. An empty part counts as absent: a chart may create a `kubernetes.io/tls` Secret only with its keys present.
pub(crate) type Parts = BTreeMap<Part, Vec<u8>>;

/// Why a part cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{part} cannot be used")]
pub struct Unusable {
    /// The part at fault.
    pub part: Part,
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("it is absent, though other parts are there")]
    Missing,
    #[error("it is no text")]
    NotText,
    #[error("it is no PEM")]
    Pem(#[source] PemError),
    // Without its source: a parser may quote what it read.
    #[error("it holds no private key in PEM")]
    KeyPem,
    #[error("it contains no certificate")]
    NoCertificate,
    #[error("it contains a private key, and this part is published")]
    HoldsPrivateKey,
    #[error("a certificate in it is malformed")]
    Certificate(#[source] x509_parser::nom::Err<X509Error>),
    #[error("a certificate in it is valid until or from a time that cannot be represented")]
    Validity(#[source] jiff::Error),
    #[error("a certificate in it cannot be a root of trust")]
    Root(#[source] rustls::Error),
    #[error("it is no private key that can sign certificates; a PKCS #8 key in PEM is expected")]
    SigningKey(#[source] rcgen::Error),
    #[error("it is the key of no CA in ca.crt")]
    KeyOfNoAuthority,
    #[error("it is there, though there is no ca.key")]
    NextWithoutAuthority,
    #[error("it does not fit the certificate in tls.crt, or is of an unknown type")]
    ServingKey(#[source] rustls::Error),
}

impl Cause {
    pub(crate) fn of(self, part: Part) -> Unusable {
        Unusable { part, cause: self }
    }
}

/// A private key in PEM. `Debug` hides it; only a [`Keep`](crate::Keep) and the issuer read it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    pub(crate) fn new(pem: String) -> Self {
        Self(pem)
    }

    pub(crate) fn pem(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

/// How long a CA of ours is valid.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);

/// How long a serving certificate of ours is valid, unless its CA ends before.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Not before.
    pub starts: Timestamp,
    /// Not after.
    pub ends: Timestamp,
}

impl Life {
    /// A third of its life before its end: time for repairing what keeps it from being renewed. What we issue is valid from long
    /// before it was made, which is no part of the `usual` life.
    #[must_use]
    pub fn renew_at(self, usual: SignedDuration) -> Timestamp {
        let whole = SignedDuration::from_secs(self.ends.as_second() - self.starts.as_second());
        self.ends - whole.min(usual) / 3
    }

    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Result<Self, Cause> {
        let validity = parse(certificate)?.validity().clone();
        let at = |second| Timestamp::from_second(second).map_err(Cause::Validity);
        Ok(Self { starts: at(validity.not_before.timestamp())?, ends: at(validity.not_after.timestamp())? })
    }
}

/// The CAs that clients are told to trust: during an overlap the old and the new one.
#[derive(Clone, Debug)]
pub struct CaBundle {
    pem: String,
    certificates: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
}

impl CaBundle {
    pub(crate) fn read(pem: &[u8]) -> Result<Self, Cause> {
        let (pem, certificates) = certificates(pem)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(Cause::Root)?;
        }
        Ok(Self { pem, certificates, roots: Arc::new(roots) })
    }

    /// What goes into `clientConfig.caBundle`, before base64.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// These certificates, each once.
    pub(crate) fn of<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> Result<Self, Cause> {
        let mut listed: Vec<&CertificateDer<'_>> = Vec::new();
        for certificate in certificates {
            if !listed.contains(&certificate) {
                listed.push(certificate);
            }
        }
        let blocks: Vec<_> = listed.into_iter().map(|it| pem::Pem::new("CERTIFICATE", it.to_vec())).collect();
        Self::read(encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF)).as_bytes())
    }

    /// The same, for a TLS client.
    #[must_use]
    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

impl FromStr for CaBundle {
    type Err = Unusable;

    /// From PEM.
    fn from_str(pem: &str) -> Result<Self, Self::Err> {
        Self::read(pem.as_bytes()).map_err(|cause| cause.of(Part::CaBundle))
    }
}

impl PartialEq for CaBundle {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem
    }
}

/// A serving certificate with its key, known to fit each other.
#[derive(Clone)]
pub struct Leaf {
    pem: String,
    key: PrivateKey,
    certified: Arc<CertifiedKey>,
    life: Life,
    names: Vec<ServingName>,
}

impl Leaf {
    pub(crate) fn read(certificate: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let of_certificate = |cause: Cause| cause.of(Part::LeafCertificate);
        let of_key = |cause: Cause| cause.of(Part::LeafKey);

        let (pem, chain) = certificates(certificate).map_err(of_certificate)?;
        let life = Life::of(&chain[0]).map_err(of_certificate)?;
        let names = names(&chain[0]).map_err(of_certificate)?;
        let der = PrivateKeyDer::from_pem_slice(key).map_err(|_| of_key(Cause::KeyPem))?;
        let certified =
            CertifiedKey::from_der(chain, der, &ring::default_provider()).map_err(|e| of_key(Cause::ServingKey(e)))?;
        Ok(Self { pem, key: PrivateKey(text(key).map_err(of_key)?), certified: Arc::new(certified), life, names })
    }

    /// What it covers, as far as it may be called by it: DNS names without wildcard, and IP addresses.
    #[must_use]
    pub fn names(&self) -> &[ServingName] {
        &self.names
    }

    /// When it is valid.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }

    /// SHA-256 of the certificate, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certified.cert[0])
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("life", &self.life).finish_non_exhaustive()
    }
}

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem && self.key == other.key
    }
}

/// All that is kept, readable and consistent.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyMaterial {
    /// Every CA that is trusted now.
    pub bundle: CaBundle,
    /// The CA that issues; `None` where someone else does and only leaves the result here.
    pub authority: Option<Authority>,
    /// The CA that will issue as soon as every API server knows it.
    pub next: Option<Authority>,
    /// What is served.
    pub leaf: Leaf,
}

impl KeyMaterial {
    /// `None` when nothing is there at all; some parts without the others are an error, because a lost part is not ours to replace.
    pub(crate) fn read(parts: &Parts) -> Result<Option<Self>, Unusable> {
        if parts.values().all(|content| content.is_empty()) {
            return Ok(None);
        }
        let optional = |part| parts.get(&part).filter(|content| !content.is_empty());
        let needed = |part| optional(part).ok_or_else(|| Cause::Missing.of(part));

        let bundle = CaBundle::read(needed(Part::CaBundle)?).map_err(|c| c.of(Part::CaBundle))?;
        let authority = |part| {
            let key = optional(part).map(|key| text(key).and_then(|key| Authority::read(&bundle, PrivateKey(key))));
            key.transpose().map_err(|cause| cause.of(part))
        };
        let next = authority(Part::NextCaKey)?;
        let authority = authority(Part::CaKey)?;
        if next.is_some() && authority.is_none() {
            return Err(Cause::NextWithoutAuthority.of(Part::NextCaKey));
        }
        let leaf = Leaf::read(needed(Part::LeafCertificate)?, needed(Part::LeafKey)?)?;
        Ok(Some(Self { bundle, authority, next, leaf }))
    }

    pub(crate) fn parts(&self) -> Parts {
        let mut parts = Parts::from([
            (Part::CaBundle, self.bundle.pem.clone().into_bytes()),
            (Part::LeafCertificate, self.leaf.pem.clone().into_bytes()),
            (Part::LeafKey, self.leaf.key.0.clone().into_bytes()),
        ]);
        for (part, authority) in [(Part::CaKey, &self.authority), (Part::NextCaKey, &self.next)] {
            parts.extend(authority.iter().map(|authority| (part, authority.key().pem().as_bytes().to_vec())));
        }
        parts
    }
}

/// SHA-256 of a certificate: what `openssl x509 -fingerprint -sha256` prints, without colons and in small letters.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Cause> {
    x509_parser::parse_x509_certificate(certificate).map(|(_, parsed)| parsed).map_err(Cause::Certificate)
}

pub(crate) fn names(certificate: &CertificateDer<'_>) -> Result<Vec<ServingName>, Cause> {
    let parsed = parse(certificate)?;
    let alternatives = parsed.subject_alternative_name().map_err(|e| Cause::Certificate(e.into()))?;
    let names = alternatives.iter().flat_map(|found| &found.value.general_names);
    Ok(names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => name.parse().ok(),
            GeneralName::IPAddress(octets) => ServingName::from_octets(octets),
            _ => None,
        })
        .collect())
}

fn text(pem: &[u8]) -> Result<String, Cause> {
    String::from_utf8(pem.to_vec()).map_err(|_| Cause::NotText)
}

/// At least one certificate, or an error.
fn certificates(pem: &[u8]) -> Result<(String, Vec<CertificateDer<'static>>), Cause> {
    let text = text(pem)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(Cause::HoldsPrivateKey);
    }
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(Cause::Pem)?;
    if chain.is_empty() {
        return Err(Cause::NoCertificate);
    }
    Ok((text, chain))
}
