//! AdmissionReview in, AdmissionReview out.
//!
//! [`serve`] answers the API server over TLS on one path per webhook entry of the chart. What is decided, and why, is
//! `policy-engine`'s; here is what the decision needs to know, how it is said, and what is said when it cannot be made.

pub mod answer;
mod binding;
mod connections;
mod elsewhere;
mod governed;
mod left_over;
mod limits;
mod low_priority_thread;
pub mod metrics;
mod outage;
pub mod path;
mod records;
mod reserve;
pub mod review;
mod reviews;
mod rollout;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum_server::Handle;
use certs::Acceptor;
use cluster::lookup::owners::Owners;
use cluster::world::World;
use decide::Sources;
use store::{Ledger, Refusals};
use tokio_util::sync::CancellationToken;

use left_over::LeftOver;
use limits::Limits;
pub use metrics::Metrics;

/// How long open calls may take to end after the process was asked to stop. The API server waits no longer for an answer.
const DRAIN: Duration = Duration::from_secs(10);

/// What every call needs.
pub struct Webhook {
    caches: World,
    sources: Sources,
    metrics: Arc<Metrics>,
    limits: Limits,
    ledger: Ledger,
    refusals: Refusals,
    /// Whether the ledger is known to hold what runs.
    compared: AtomicBool,
    left_over: LeftOver,
    owners: Owners,
}

impl Webhook {
    /// A webhook that knows what the caches know.
    pub fn new(caches: World, owners: Owners, metrics: Arc<Metrics>, ledger: Ledger) -> Self {
        let sources = Sources::cached(&caches, owners.clone());
        Self {
            caches,
            sources,
            metrics,
            limits: Limits::default(),
            refusals: ledger.refusals(),
            ledger,
            compared: AtomicBool::default(),
            left_over: LeftOver::default(),
            owners,
        }
    }
}

/// The server could not run.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve webhooks on {address}")]
pub struct ServeFailed {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// Answers webhook calls until the shutdown, then lets open calls end.
///
/// # Errors
/// Where the address cannot be listened on.
pub async fn serve(
    webhook: Webhook,
    address: SocketAddr,
    tls: Acceptor,
    shutdown: CancellationToken,
) -> Result<(), ServeFailed> {
    let handle = Handle::new();
    let draining = handle.clone();
    let drain = async move {
        shutdown.cancelled().await;
        draining.graceful_shutdown(Some(DRAIN));
    };
    let mut server = axum_server::bind(address).acceptor(connections::Acceptor::new(tls)).handle(handle);
    connections::limit(server.http_builder());
    let server = server.serve(routes::router(webhook).into_make_service());
    let (served, ()) = tokio::join!(server, drain);
    served.map_err(|source| ServeFailed { address, source })
}
