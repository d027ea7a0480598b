//! The floors: what any webhook in Rust costs, with the server, the TLS and the certificate that Sluice has.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Bytes, extract::DefaultBodyLimit, routing::post};
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

/// As much as Sluice reads.
const MAX_BODY_BYTES: usize = 8 << 20;

/// How little a webhook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Floor {
    /// Reads the body, looks at nothing and allows.
    Noop,
    /// Parses the review into a `serde_json::Value`, allows and answers with its uid.
    Parse,
}

/// The floor's routes: any path.
pub fn router(floor: Floor) -> Router {
    let answer = match floor {
        Floor::Noop => post(|_: Bytes| async { noop() }),
        Floor::Parse => post(|body: Bytes| async move { parse(&body) }),
    };
    Router::new().fallback_service(answer.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)))
}

fn noop() -> Response {
    const ANSWER: &str =
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"","allowed":true}}"#;
    ([(CONTENT_TYPE, "application/json")], ANSWER).into_response()
}

fn parse(body: &[u8]) -> Response {
    match serde_json::from_slice::<Value>(body) {
        Ok(review) => axum::Json(allow(&review["request"]["uid"])).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// The shortest review that lets a request through.
pub fn allow(uid: &Value) -> Value {
    let response = json!({"uid": uid, "allowed": true});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

/// Serves until the process ends, with the certificate that a Sluice keeps in this directory.
pub async fn serve(router: Router, listener: TcpListener, certs: &Path) -> Result<()> {
    let tls = RustlsConfig::from_config(server_config(certs)?);
    listener.set_nonblocking(true)?;
    axum_server::from_tcp_rustls(listener, tls)?.serve(router.into_make_service()).await.context("cannot serve")
}

fn server_config(certs: &Path) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certs.join("tls.crt")).context("no serving certificate")?;
    let key = PrivateKeyDer::from_pem_file(certs.join("tls.key")).context("no serving key")?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain.collect::<Result<_, _>>()?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
