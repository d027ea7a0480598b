//! Who may call, where callers need a certificate (mTLS).
//!
//! A CA that signs for the API server often signs for people too: the cluster's own does. Names say which of them may call.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError, SignatureScheme,
};

use crate::material::{CaBundle, Cause, parse};

/// Who may call.
#[derive(Clone, Debug)]
pub struct Clients {
    /// A file with the CAs, in PEM, of the callers' certificates. It is read again whenever certificates are looked at.
    pub authorities: PathBuf,
    /// The common names that may call; any that a CA has signed where there are none.
    pub names: Vec<String>,
}

/// The callers' CAs cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the CAs of callers in {}", path.display())]
pub struct ClientsError {
    path: PathBuf,
    #[source]
    source: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Unusable(#[from] Cause),
    #[error("they verify nothing")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// A certificate that a listed CA has signed, under a name that is not listed.
#[derive(Debug, thiserror::Error)]
#[error("its common name is {found:?}, and --client-name allows {}", allowed.join(", "))]
struct WrongName {
    found: String,
    allowed: Vec<String>,
}

/// Verifies callers. What it verifies with changes with the file.
pub(crate) struct Verifier {
    clients: Clients,
    current: ArcSwap<Current>,
}

struct Current {
    pem: Vec<u8>,
    inner: Arc<dyn ClientCertVerifier>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("clients", &self.clients).finish_non_exhaustive()
    }
}

impl Verifier {
    pub(crate) fn new(clients: Clients) -> Result<Self, ClientsError> {
        let current = ArcSwap::from_pointee(read(&clients.authorities, None)?);
        Ok(Self { clients, current })
    }

    /// Takes up what is in the file now. Where that cannot be used, what was there goes on.
    pub(crate) fn look(&self) -> Result<(), ClientsError> {
        let before = self.current.load_full();
        let now = read(&self.clients.authorities, Some(&before))?;
        if now.pem != before.pem {
            tracing::info!(path = %self.clients.authorities.display(), "other CAs of callers from now on");
            self.current.store(Arc::new(now));
        }
        Ok(())
    }

    fn inner(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.current.load().inner)
    }
}

fn read(path: &Path, before: Option<&Current>) -> Result<Current, ClientsError> {
    let verifier = || {
        let pem = std::fs::read(path)?;
        let inner = match before.filter(|before| before.pem == pem) {
            Some(before) => Arc::clone(&before.inner),
            None => {
                let roots = CaBundle::read(&pem)?.roots();
                WebPkiClientVerifier::builder_with_provider(roots, Arc::new(ring::default_provider())).build()?
            }
        };
        Ok(Current { pem, inner })
    };
    verifier().map_err(|source| ClientsError { path: path.to_owned(), source })
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = parse(certificate).ok()?;
    let mut names = parsed.subject().iter_common_name();
    names.next()?.as_str().ok().map(str::to_owned)
}

impl ClientCertVerifier for Verifier {
    // Hints help callers with several certificates to choose; the API server is told which one it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let verified = self.inner().verify_client_cert(end_entity, intermediates, now)?;
        let allowed = &self.clients.names;
        let found = common_name(end_entity).unwrap_or_default();
        if allowed.is_empty() || allowed.contains(&found) {
            return Ok(verified);
        }
        let wrong = WrongName { found, allowed: allowed.clone() };
        Err(TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, TlsError> {
        self.inner().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, TlsError> {
        self.inner().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner().supported_verify_schemes()
    }
}
