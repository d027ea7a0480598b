//! Calls to a webhook's port over TLS, as the API server makes them and as it never would.

use ground::Layout;
use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A webhook's port, trusted by the CA in the directory of certificates.
pub struct Wire {
    config: Arc<ClientConfig>,
    address: SocketAddr,
    timeout: &'static str,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The `response` of a review that was answered with 200.
    #[track_caller]
    pub fn response(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        let review: Value = serde_json::from_str(&self.body).expect("an AdmissionReview");
        review["response"].clone()
    }
}

/// A call that has begun.
pub struct Call(StreamOwned<ClientConnection, TcpStream>);

impl Wire {
    /// The webhook on a port of loopback.
    #[track_caller]
    pub fn new(layout: &Layout, port: u16) -> Self {
        let pem = std::fs::read(layout.certs().join("ca.crt")).expect("a CA");
        Self::trusting(&pem, port)
    }

    /// A port of loopback, trusted by these CAs.
    #[track_caller]
    pub fn trusting(pem: &[u8], port: u16) -> Self {
        Self::of(config(pem).with_no_client_auth(), port)
    }

    fn of(config: ClientConfig, port: u16) -> Self {
        Self { config: Arc::new(config), address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), timeout: "5s" }
    }

    /// The same port, told that the caller waits so long: `30s`.
    #[must_use]
    pub fn waiting(self, timeout: &'static str) -> Self {
        Self { timeout, ..self }
    }

    /// A connection on which nothing is said yet, not even that it is TLS.
    #[track_caller]
    pub fn silent(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("the webhook listens")
    }

    /// A connection that has shaken hands, and has begun to ask something that it never ends.
    #[track_caller]
    pub fn idle(&self) -> Call {
        let stream = TcpStream::connect(self.address).expect("the webhook listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let name = ServerName::from(self.address.ip());
        let client = ClientConnection::new(Arc::clone(&self.config), name).expect("a client");
        let mut call = Call(StreamOwned::new(client, stream));
        call.send(b"P");
        call
    }

    /// The same as [`Wire::trusting`], by a client that shows the certificate in a file.
    #[track_caller]
    pub fn showing(pem: &[u8], port: u16, certificate: &str, key: &str) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).expect("a file").collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let config = config(pem).with_client_auth_cert(chain.expect("certificates"), key).expect("a pair");
        Self::of(config, port)
    }

    /// Connects, and asks for something that is not there: whether there is any answer.
    pub fn knock(&self) -> Result<(), String> {
        let stream = TcpStream::connect(self.address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(LIMIT)).map_err(|error| error.to_string())?;
        let name = ServerName::from(self.address.ip());
        let client = ClientConnection::new(Arc::clone(&self.config), name).map_err(|error| error.to_string())?;
        let mut stream = StreamOwned::new(client, stream);
        let asked = stream.write_all(b"GET /knock HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        asked.map_err(|error| error.to_string())?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).map_err(|error| error.to_string())?;
        (begin == *b"HTTP/1.1 404").then_some(()).ok_or_else(|| String::from_utf8_lossy(&begin).into_owned())
    }

    /// Whether anybody listens.
    pub fn is_open(&self) -> bool {
        TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok()
    }

    /// Announces a body of this length and sends none of it yet.
    #[track_caller]
    pub fn begin(&self, path: &str, length: usize) -> Call {
        let stream = TcpStream::connect(self.address).expect("the webhook listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        stream.set_write_timeout(Some(LIMIT)).expect("a limit");
        let name = ServerName::from(self.address.ip());
        let client = ClientConnection::new(Arc::clone(&self.config), name).expect("a client");
        let mut call = Call(StreamOwned::new(client, stream));
        let head = format!(
            "POST {path}?timeout={} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.timeout
        );
        call.send(head.as_bytes());
        call
    }

    /// Sends a whole body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        let mut call = self.begin(path, body.len());
        call.send(body);
        call.answer()
    }
}

fn config(pem: &[u8]) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.expect("a certificate")).expect("a CA");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().expect("the provider's versions").with_root_certificates(roots)
}

impl Call {
    /// Sends a part. A server that has heard enough may have closed its side already; its answer says so.
    pub fn send(&mut self, part: &[u8]) {
        let _heard_enough = self.0.write_all(part).and_then(|()| self.0.flush());
    }

    /// What the server says until it closes.
    #[track_caller]
    pub fn answer(mut self) -> Answer {
        let mut bytes = Vec::new();
        // However the connection ends, what came before is the answer.
        let _ended = self.0.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, body: body.to_owned() }
    }
}

/// A plain GET, without TLS: status and body, or nothing where nobody listens.
pub fn get_plain(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
