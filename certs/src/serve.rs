//! The serving side of TLS: a configuration whose certificate changes between two handshakes.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Leaf;
use crate::clients::Verifier;

/// The certificate of the next handshake. Connections that are open keep theirs.
pub struct ServingCertificate {
    current: ArcSwap<CertifiedKey>,
}

impl ServingCertificate {
    /// Starts with this one.
    #[must_use]
    pub fn new(leaf: &Leaf) -> Self {
        Self { current: ArcSwap::new(Arc::clone(leaf.certified())) }
    }

    /// Serves another one from now on. Publish the bundle that vouches for it before.
    pub fn swap(&self, leaf: &Leaf) {
        self.current.store(Arc::clone(leaf.certified()));
    }
}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServingCertificate").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for ServingCertificate {
    // Whatever name was asked for: API servers that call an IP address send none.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// A configuration for a server. Callers need a certificate where there is something to verify it with.
///
/// # Errors
/// When the cryptography library supports no protocol version, which would be a defect.
pub(crate) fn server_config(
    certificate: Arc<ServingCertificate>,
    callers: Option<Arc<Verifier>>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let verifies = callers.is_some();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match callers {
        Some(callers) => builder.with_client_cert_verifier(callers),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificate);
    if verifies {
        // A session that goes on is not verified anew.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
