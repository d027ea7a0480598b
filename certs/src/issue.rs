//! Makes CAs and serving certificates. The only randomness is in the keys.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};
use rustls::pki_types::CertificateDer;

use crate::material::{CaBundle, Cause, Leaf, Life, PrivateKey, Unusable, parse};
use crate::{Action, KeyMaterial, ServingName};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How long a CA is valid.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);

/// How long a serving certificate is valid, unless its CA ends before.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Certificates are valid from before they were made, because the clocks of API servers differ from ours.
pub const BACKDATED: SignedDuration = DAY;

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No key could be generated.
    #[error("cannot generate a key pair")]
    Generate(#[source] rcgen::Error),
    /// Signing was refused.
    #[error("cannot sign a certificate")]
    Sign(#[source] rcgen::Error),
    /// A name to serve under cannot stand in a certificate.
    #[error("cannot write the serving names into a certificate")]
    Names(#[source] rcgen::Error),
    /// The certificate was made and is not usable, which is a defect.
    #[error("the certificate just made cannot be used")]
    Unusable(#[source] Unusable),
}

/// A CA: a certificate of the bundle and the key that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: PrivateKey,
    life: Life,
}

impl Authority {
    pub(crate) fn read(bundle: &CaBundle, key: PrivateKey) -> Result<Self, Cause> {
        let public = KeyPair::from_pem(key.pem()).map_err(Cause::SigningKey)?.subject_public_key_info();
        for certificate in bundle.certificates() {
            let parsed = parse(certificate)?;
            if parsed.is_ca() && parsed.public_key().raw == public {
                return Ok(Self { life: Life::of(certificate)?, certificate: certificate.clone(), key });
            }
        }
        Err(Cause::KeyOfNoAuthority)
    }

    /// When it is valid.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }

    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// A serving certificate for exactly these names, with a key of its own.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn issue(&self, names: &[ServingName], now: Timestamp) -> Result<Leaf, IssueError> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).map_err(IssueError::Names)?;
        params.distinguished_name = named("Sluice");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, now, (now + LEAF_LIFE).min(self.life.ends));

        let signer = KeyPair::from_pem(self.key.pem()).map_err(IssueError::Sign)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate, signer).map_err(IssueError::Sign)?;
        let key = KeyPair::generate().map_err(IssueError::Generate)?;
        let certificate = params.signed_by(&key, &issuer).map_err(IssueError::Sign)?;
        Leaf::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).map_err(IssueError::Unusable)
    }
}

/// A new CA, alone in its bundle, and a serving certificate of it.
///
/// # Errors
/// When a key or a certificate cannot be made.
pub fn issue_all(names: &[ServingName], now: Timestamp) -> Result<KeyMaterial, IssueError> {
    let mut params = CertificateParams::default();
    // The time tells two of our CAs apart where people see them side by side.
    params.distinguished_name = named(&format!("Sluice CA {now:.0}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    valid(&mut params, now, now + AUTHORITY_LIFE);

    let key = KeyPair::generate().map_err(IssueError::Generate)?;
    let certificate = params.self_signed(&key).map_err(IssueError::Sign)?;
    let unusable = |cause: Cause| IssueError::Unusable(cause.of(crate::Part::CaBundle));
    let bundle = CaBundle::read(certificate.pem().as_bytes()).map_err(unusable)?;
    let authority = Authority::read(&bundle, PrivateKey::new(key.serialize_pem())).map_err(unusable)?;
    let leaf = authority.issue(names, now)?;
    Ok(KeyMaterial { bundle, authority: Some(authority), leaf })
}

/// What an action makes of the material; `None` if it makes nothing.
pub(crate) fn carry_out(
    action: &Action,
    material: Option<&KeyMaterial>,
    now: Timestamp,
) -> Result<Option<KeyMaterial>, IssueError> {
    match action {
        Action::Keep { .. } | Action::Await(_) => Ok(None),
        Action::IssueAll { names, .. } => issue_all(names, now).map(Some),
        Action::IssueLeaf { names, .. } => material
            .and_then(|material| Some((material, material.authority.as_ref()?)))
            .map(|(material, authority)| Ok(KeyMaterial { leaf: authority.issue(names, now)?, ..material.clone() }))
            .transpose(),
    }
}

fn named(common: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn valid(params: &mut CertificateParams, now: Timestamp, ends: Timestamp) {
    let at = |time: Timestamp| {
        let since_1970 = Duration::from_secs(time.as_second().max(0).unsigned_abs());
        rcgen::date_time_ymd(1970, 1, 1) + since_1970
    };
    params.not_before = at(now - BACKDATED);
    params.not_after = at(ends);
}
