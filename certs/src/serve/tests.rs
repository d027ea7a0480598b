use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, ServerConnection, version};

use super::*;
use crate::testing::{NAME, names, now};
use crate::{CaBundle, KeyMaterial, issue_all};

#[derive(Debug)]
struct At(UnixTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

struct Met {
    certificate: CertificateDer<'static>,
    alpn: Option<Vec<u8>>,
}

/// A client that trusts `bundle` calls us `name`; what it met, or why it turned away.
fn call(server: &Arc<ServerConfig>, bundle: &CaBundle, name: &str) -> Result<Met, Error> {
    let clock = At(UnixTime::since_unix_epoch(Duration::from_secs(now().as_second().unsigned_abs())));
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(bundle.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        read(&wire, |bytes| server.read_tls(bytes));
        server.process_new_packets()?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        read(&wire, |bytes| client.read_tls(bytes));
        client.process_new_packets()?;
    }
    Ok(Met {
        certificate: client.peer_certificates().unwrap()[0].clone(),
        alpn: client.alpn_protocol().map(<[u8]>::to_vec),
    })
}

fn read(mut wire: &[u8], mut into: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !wire.is_empty() {
        assert_ne!(into(&mut wire).unwrap(), 0, "the peer takes all bytes");
    }
}

fn serving(names_served: &[&str]) -> (KeyMaterial, Arc<ServingCertificate>, Arc<ServerConfig>) {
    let material = issue_all(&names(names_served), now(), &[]).unwrap();
    let certificate = Arc::new(ServingCertificate::new(&material.leaf));
    let config = server_config(Arc::clone(&certificate), None).unwrap();
    (material, certificate, config)
}

#[test]
fn a_client_that_trusts_the_bundle_gets_through_by_every_name() {
    let (material, _, server) = serving(&[NAME, "127.0.0.1", "::1"]);
    for name in [NAME, "127.0.0.1", "::1"] {
        let met = call(&server, &material.bundle, name).unwrap();
        assert_eq!(met.certificate, material.leaf.certificates()[0]);
        assert_eq!(met.alpn.as_deref(), Some(&b"http/1.1"[..]));
    }
}

#[test]
fn a_name_that_is_not_covered_is_refused() {
    let (material, _, server) = serving(&[NAME]);
    for name in ["sluice.other.svc", "127.0.0.1"] {
        let refused = call(&server, &material.bundle, name).err();
        assert!(
            matches!(refused, Some(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))),
            "{refused:?}"
        );
    }
}

#[test]
fn a_client_that_trusts_another_authority_turns_away() {
    let (_, _, server) = serving(&[NAME]);
    let other = issue_all(&names(&[NAME]), now(), &[]).unwrap();
    let refused = call(&server, &other.bundle, NAME).err();
    // Both CAs have the same name, so the client finds one and then that the signature is not its.
    assert_eq!(refused, Some(Error::InvalidCertificate(CertificateError::BadSignature)));
}

#[test]
fn the_next_handshake_sees_a_swap() {
    let (material, certificate, server) = serving(&[NAME]);
    let authority = material.authority.as_ref().unwrap();
    let renewed = authority.issue(&names(&[NAME]), now(), None).unwrap();

    let before = call(&server, &material.bundle, NAME).unwrap();
    certificate.swap(&renewed);
    let after = call(&server, &material.bundle, NAME).unwrap();

    assert_eq!(before.certificate, material.leaf.certificates()[0]);
    assert_eq!(after.certificate, renewed.certificates()[0]);
    assert_ne!(before.certificate, after.certificate);
}

#[test]
fn a_bundle_of_two_authorities_trusts_both() {
    let (old, certificate, server) = serving(&[NAME]);
    let new = issue_all(&names(&[NAME]), now(), &[]).unwrap();
    let both = format!("{}{}", old.bundle.pem(), new.bundle.pem());
    let both = CaBundle::read(both.as_bytes()).unwrap();

    for material in [&old, &new] {
        certificate.swap(&material.leaf);
        let met = call(&server, &both, NAME).unwrap();
        assert_eq!(met.certificate, material.leaf.certificates()[0]);
    }
}
