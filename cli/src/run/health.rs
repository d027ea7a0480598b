//! `/healthz`, `/readyz` and `/metrics` on a port of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cluster::world::World;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use reapers::Reapers;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What probes and scrapers ask.
#[derive(Clone)]
pub(super) struct Health {
    world: World,
    /// The daemons of a process without a webhook.
    reapers: Option<Reapers>,
    listening: Arc<AtomicBool>,
    registry: Arc<Registry>,
}

impl Health {
    pub(super) fn new(world: World, reapers: Option<Reapers>, registry: Registry) -> Self {
        Self { world, reapers, listening: Arc::default(), registry: Arc::new(registry) }
    }

    /// The webhook has its certificate and takes calls from now on.
    pub(super) fn listening(&self) {
        self.listening.store(true, Ordering::Release);
    }
}

pub(super) async fn serve(health: Health, address: SocketAddr, shutdown: CancellationToken) -> Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .context("cannot answer probes")
}

async fn ready(State(health): State<Health>) -> Response {
    if let Err(unusable) = health.world.usable() {
        return (StatusCode::SERVICE_UNAVAILABLE, unusable.to_string()).into_response();
    }
    if let Some(reapers) = &health.reapers {
        return match reapers.ready() {
            Ok(()) => "ok".into_response(),
            Err(unfit) => (StatusCode::SERVICE_UNAVAILABLE, unfit.to_string()).into_response(),
        };
    }
    if !health.listening.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the webhook has no certificate yet").into_response();
    }
    "ok".into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &health.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Shows how much each cache holds.
pub(super) fn register_caches(world: &World, registry: &mut Registry) {
    registry.register_collector(Box::new(CacheSizes(world.clone())));
}

struct CacheSizes(World);

impl std::fmt::Debug for CacheSizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheSizes")
    }
}

impl Collector for CacheSizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauge = ConstGauge::new(0_i64);
        let mut family =
            encoder.encode_descriptor("cache_size", "Objects that a cache holds", None, gauge.metric_type())?;
        for cache in self.0.health() {
            let objects = i64::try_from(cache.size).unwrap_or(i64::MAX);
            ConstGauge::new(objects).encode(family.encode_family(&[("cache", cache.name)])?)?;
        }
        let mut family = encoder.encode_descriptor(
            "cache_age_seconds",
            "How long ago the API server was last heard on the watch of a cache; bookmarks come about once a minute",
            None,
            ConstGauge::new(0.0).metric_type(),
        )?;
        for cache in self.0.health() {
            if let Some(heard) = cache.last_heard {
                let age = ConstGauge::new(heard.elapsed().as_secs_f64());
                age.encode(family.encode_family(&[("cache", cache.name)])?)?;
            }
        }
        Ok(())
    }
}
