//! The daemons: they make the cluster look as the records say.
//!
//! Each is a definition that lets people predict what happens to their things, a plan function in `policy_engine`,
//! and a line in [`DAEMONS`]. Observing, planning, recording, acting and reporting are the same for all: [`cycle`].

pub mod cycle;
pub mod follow;
mod ledger;
pub mod metrics;
pub mod plan_window;
pub mod templates;

use std::sync::Arc;

use cluster::charged::Charged;
use cluster::governed::{Governed, Unfit};
use cluster::leases::{Leadership, identity};
use cluster::templates::Templates;
use cluster::waiting::Waiting;
use cluster::watch::Caches;
use cluster::write::Writer;
use futures::future::join_all;
use prometheus_client::registry::Registry;
use store::Ledger;
use tokio_util::sync::CancellationToken;

use cycle::{Daemon, Stage};
use ledger::Reconciler;
use metrics::Metrics;

/// All daemons.
const DAEMONS: &[Daemon] = &[follow::DAEMON, plan_window::DAEMON, templates::DAEMON];

/// The Lease that the acting replica holds.
const LEASE: &str = "sluice-reapers";

/// The daemons of this process. Clones share everything.
#[derive(Clone)]
pub struct Reapers {
    stage: Stage,
    own_namespace: Arc<str>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
}

impl Reapers {
    /// Starts to watch what the daemons look after. Nothing is written before [`run`](Self::run).
    pub fn start(caches: &Caches, own_namespace: &str, ledger: Ledger, shutdown: CancellationToken) -> Self {
        let governed = Governed::start(caches.clone(), own_namespace, shutdown.clone());
        let waiting = Waiting::start(caches.clone(), own_namespace, shutdown.clone());
        let charged = Charged::start(caches.clone(), shutdown.clone());
        let templates = Templates::start(caches.clone(), own_namespace, shutdown.clone());
        let stage = Stage { governed, waiting, templates, writer: Writer::new(caches, identity()), charged, ledger };
        Self { stage, own_namespace: own_namespace.into(), metrics: Arc::default(), shutdown }
    }

    /// Whether the daemons could act if this replica led.
    ///
    /// # Errors
    /// Why they could not.
    pub fn ready(&self) -> Result<(), Unfit> {
        self.stage.governed.fit()?;
        self.stage.waiting.fit()?;
        self.stage.charged.fit()
    }

    /// Adds what the daemons count to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Runs all daemons, while this replica leads, until the process is told to stop.
    pub async fn run(self) {
        let Self { stage, own_namespace, metrics, shutdown } = self;
        let caches = stage.governed.caches().clone();
        let (leadership, election) = Leadership::seek(&caches, &own_namespace, LEASE, identity(), shutdown.clone());
        let lives = DAEMONS
            .iter()
            .map(|daemon| cycle::live(daemon, stage.clone(), leadership.clone(), metrics.clone(), shutdown.clone()));
        let reconciler =
            Reconciler { stage: stage.clone(), own_namespace: own_namespace.clone(), metrics: metrics.clone() };
        let reconciled = reconciler.live(leadership.clone(), shutdown.clone());
        tokio::join!(join_all(lives), reconciled);
        if let Err(died) = election.await {
            tracing::error!(error = &died as &dyn std::error::Error, "the election ended badly");
        }
    }
}
