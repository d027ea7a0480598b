//! Makes CAs and serving certificates. The only randomness is in the keys.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;

use crate::material::{AUTHORITY_LIFE, Authority, CaBundle, LEAF_LIFE, Leaf, Life, Part, PrivateKey, Unusable};
use crate::{Action, KeyMaterial, ServingName};

/// The first certificates are valid from before they were made, because the clocks of API servers differ from ours.
pub const BACKDATED: SignedDuration = SignedDuration::from_hours(24);

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

impl Authority {
    /// A new CA. One that follows another is valid at least as long as that one is, see [`span`].
    fn create(now: Timestamp, after: Option<Life>) -> Result<Self, IssueError> {
        let mut params = CertificateParams::default();
        // The time tells two of our CAs apart where people see them side by side.
        params.distinguished_name = named(&format!("Sluice CA {now:.0}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        valid(&mut params, span(now, AUTHORITY_LIFE, after));

        let key = KeyPair::generate().map_err(IssueError::Generate)?;
        let certificate = params.self_signed(&key).map_err(IssueError::Sign)?.der().clone();
        let made = Self::of(certificate, PrivateKey::new(key.serialize_pem()));
        made.map_err(|cause| IssueError::Unusable(cause.of(Part::CaBundle)))
    }

    /// A serving certificate for exactly these names, with a key of its own, in the place of `after`.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn issue(&self, names: &[ServingName], now: Timestamp, after: Option<Life>) -> Result<Leaf, IssueError> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).map_err(IssueError::Names)?;
        params.distinguished_name = named("Sluice");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let Life { starts, ends } = span(now, LEAF_LIFE, after);
        valid(&mut params, Life { starts: starts.max(self.life().starts), ends: ends.min(self.life().ends) });

        let signer = KeyPair::from_pem(self.key().pem()).map_err(IssueError::Sign)?;
        let issuer = Issuer::from_ca_cert_der(self.certificate(), signer).map_err(IssueError::Sign)?;
        let key = KeyPair::generate().map_err(IssueError::Generate)?;
        let certificate = params.signed_by(&key, &issuer).map_err(IssueError::Sign)?;
        Leaf::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).map_err(IssueError::Unusable)
    }
}

/// A new CA and a serving certificate of it. `known` are CAs that clients trust already: they stay in the bundle for an overlap.
///
/// # Errors
/// When a key or a certificate cannot be made.
pub fn issue_all(
    names: &[ServingName],
    now: Timestamp,
    known: &[CertificateDer<'static>],
) -> Result<KeyMaterial, IssueError> {
    let authority = Authority::create(now, None)?;
    let bundle = bundle(known.iter().chain([authority.certificate()]))?;
    let leaf = authority.issue(names, now, None)?;
    Ok(KeyMaterial { bundle, authority: Some(authority), next: None, leaf })
}

/// What an action makes of the material; `None` if it makes nothing. `known` are the CAs of which clients know besides.
pub(crate) fn carry_out(
    action: &Action,
    material: Option<&KeyMaterial>,
    known: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<Option<KeyMaterial>, IssueError> {
    if let Action::IssueAll { names, .. } = action {
        return issue_all(names, now, known).map(Some);
    }
    let Some((material, authority)) = material.and_then(|it| Some((it, it.authority.as_ref()?))) else {
        return Ok(None);
    };
    let same = material.clone();
    let (own, replaced) = (material.bundle.certificates(), Some(material.leaf.life()));
    let made = match action {
        Action::Keep { .. } | Action::Await(_) | Action::Settle | Action::Overlap | Action::IssueAll { .. } => {
            return Ok(None);
        }
        Action::IssueLeaf { names, .. } => KeyMaterial { leaf: authority.issue(names, now, replaced)?, ..same },
        Action::Announce { .. } => {
            let next = Authority::create(now, Some(authority.life()))?;
            KeyMaterial { bundle: bundle(own.iter().chain([next.certificate()]))?, next: Some(next), ..same }
        }
        Action::Switch { names } => {
            let Some(next) = &material.next else { return Ok(None) };
            KeyMaterial { leaf: next.issue(names, now, replaced)?, authority: Some(next.clone()), next: None, ..same }
        }
        Action::Readmit => KeyMaterial { bundle: bundle(known.iter().chain(own))?, ..same },
        Action::Retire => KeyMaterial { bundle: bundle([authority.certificate()])?, ..same },
    };
    Ok(Some(made))
}

pub(crate) fn bundle<'a>(
    certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> Result<CaBundle, IssueError> {
    CaBundle::of(certificates).map_err(|cause| IssueError::Unusable(cause.of(Part::CaBundle)))
}

/// From when to when something is valid that replaces `after`. It is valid whenever that was: whatever our clock says, no client for
/// which the old one is valid finds the new one in the past or in the future.
fn span(now: Timestamp, life: SignedDuration, after: Option<Life>) -> Life {
    let fresh = Life { starts: now - BACKDATED, ends: now + life };
    after.map_or(fresh, |after| Life { starts: fresh.starts.min(after.starts), ends: fresh.ends.max(after.ends) })
}

fn named(common: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn valid(params: &mut CertificateParams, life: Life) {
    let at = |time: Timestamp| {
        let since_1970 = Duration::from_secs(time.as_second().max(0).unsigned_abs());
        rcgen::date_time_ymd(1970, 1, 1) + since_1970
    };
    params.not_before = at(life.starts);
    params.not_after = at(life.ends);
}
