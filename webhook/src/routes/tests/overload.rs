//! The API server lets a deletion through that is not answered. Whatever large reviews wait, a small one is.

use axum::body::Bytes;
use futures::StreamExt as _;
use hyper::Response as HyperResponse;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::*;
use crate::connections::{self, MAX_CONNECTIONS, Places};

/// Less than any body may take to arrive, so that nobody has given up yet.
const IN_TIME: Duration = Duration::from_secs(3);
/// What a connection of the kernel holds on its way.
const ON_ITS_WAY: usize = 64 << 10;

/// A server with its limits, to which the test connects without TLS.
#[derive(Clone)]
struct Server {
    router: Router,
    places: Places,
}

impl Server {
    async fn new() -> Self {
        Self { router: cold().await, places: Places::default() }
    }

    fn connect(&self) -> TokioIo<DuplexStream> {
        let (client, server) = tokio::io::duplex(ON_ITS_WAY);
        let this = self.clone();
        tokio::spawn(async move {
            let Ok(stream) = this.places.guard(server, None).await else { return };
            let router = this.router.layer(axum::Extension(stream.connection()));
            let mut builder = Builder::new(TokioExecutor::new());
            connections::limit(&mut builder);
            drop(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await);
        });
        TokioIo::new(client)
    }

    async fn call_alone(&self, request: HttpRequest<Body>) -> hyper::Result<HyperResponse<Incoming>> {
        let (mut client, connection) = http1::handshake(self.connect()).await?;
        tokio::spawn(connection);
        client.send_request(request).await
    }
}

fn deletion() -> HttpRequest<Body> {
    let mut request = asked();
    (request["operation"], request["oldObject"]) = ("DELETE".into(), request["object"].take());
    HttpRequest::post("http://sluice/deletes?timeout=5s").body(review(request).into()).expect("a request")
}

/// A large review, which is sent as fast as it is read. It says when the first of it was asked for.
fn large(begun: &mpsc::UnboundedSender<()>) -> HttpRequest<Body> {
    sending(begun, 2 << 20, futures::stream::empty())
}

/// A review as large as can be, of which the end does not come.
fn endless(begun: &mpsc::UnboundedSender<()>) -> HttpRequest<Body> {
    sending(begun, 1 << 20, futures::stream::pending())
}

fn sending(
    begun: &mpsc::UnboundedSender<()>,
    bytes: usize,
    then: impl futures::Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> HttpRequest<Body> {
    const PART: &[u8] = &[b' '; 16 << 10];
    let begun = begun.clone();
    let first = futures::stream::once(async move {
        // Nobody listens where the test has failed already.
        let _ = begun.send(());
        Ok(Bytes::from_static(PART))
    });
    let rest = futures::stream::iter((1..bytes / PART.len()).map(|_| Ok(Bytes::from_static(PART))));
    let body = Body::from_stream(first.chain(rest).chain(then));
    HttpRequest::post("http://sluice/governed/validate?timeout=10s").body(body).expect("a request")
}

async fn assert_answered(answer: impl Future<Output = hyper::Result<HyperResponse<Incoming>>>) {
    let answer = tokio::time::timeout(IN_TIME, answer).await.expect("an answer in time").expect("an answer");
    let status = answer.status();
    let said = answer.into_body().collect().await.expect("a body").to_bytes();
    let said: Value = serde_json::from_slice(&said).expect("an AdmissionReview");
    assert_eq!((status, &said["response"]["uid"]), (StatusCode::OK, &json!("7f0b2c9e")), "{said}");
}

/// So many of the largest take the whole budget, also when they have announced nothing.
const FILLING: usize = 8;

#[tokio::test]
async fn class_exhaustion_over_http2_a_deletion_is_answered_while_large_bodies_on_its_connection_wait() {
    let (client, connection) =
        http2::handshake(TokioExecutor::new(), Server::new().await.connect()).await.expect("a connection");
    tokio::spawn(connection);
    let (begun, mut begin) = mpsc::unbounded_channel();
    let waiting = (0..FILLING).map(|_| endless(&begun)).chain((0..56).map(|_| large(&begun)));
    for request in waiting {
        let mut client = client.clone();
        tokio::spawn(async move { drop(client.send_request(request).await) });
        begin.recv().await.expect("a review that begins");
    }
    for _ in 0..32 {
        assert_answered(client.clone().send_request(deletion())).await;
    }
}

#[tokio::test]
async fn class_exhaustion_over_http1_a_deletion_gets_a_connection_while_large_bodies_wait() {
    let server = Server::new().await;
    let (begun, mut begin) = mpsc::unbounded_channel();
    let waiting = (0..FILLING).map(|_| endless(&begun)).chain((0..MAX_CONNECTIONS).map(|_| large(&begun)));
    let mut calls = tokio::task::JoinSet::new();
    for request in waiting {
        let server = server.clone();
        calls.spawn(async move { drop(server.call_alone(request).await) });
        begin.recv().await.expect("a review that begins");
    }
    assert_answered(server.call_alone(deletion())).await;
    assert!(calls.try_join_next().is_some(), "what had no place was refused at once");
    assert!(!calls.is_empty(), "large reviews wait");
}
