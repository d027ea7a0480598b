//! The CA that issues. How it issues is in `issue.rs`.

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;

use super::{CaBundle, Cause, Life, PrivateKey, fingerprint, parse};

/// A CA: a certificate of the bundle and the key that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: PrivateKey,
    life: Life,
}

impl Authority {
    pub(super) fn read(bundle: &CaBundle, key: PrivateKey) -> Result<Self, Cause> {
        let public = KeyPair::from_pem(key.pem()).map_err(Cause::SigningKey)?.subject_public_key_info();
        for certificate in bundle.certificates() {
            let parsed = parse(certificate)?;
            if parsed.is_ca() && parsed.public_key().raw == public {
                return Self::of(certificate.clone(), key);
            }
        }
        Err(Cause::KeyOfNoAuthority)
    }

    /// A certificate and the key that it was made with.
    pub(crate) fn of(certificate: CertificateDer<'static>, key: PrivateKey) -> Result<Self, Cause> {
        Ok(Self { life: Life::of(&certificate)?, certificate, key })
    }

    /// When it is valid.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }

    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// SHA-256 of the certificate, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}
