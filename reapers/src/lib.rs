//! The daemons: they make the cluster look as the records say.
//!
//! Each is a definition that lets people predict what happens to their things, a plan function in `policy_engine`,
//! and a line in [`DAEMONS`]. Observing, planning, recording, acting and reporting are the same for all: [`cycle`].

mod attempts;
pub mod counts;
pub mod cycle;
pub mod follow;
pub mod ledger;
pub mod metrics;
pub mod nudge;
pub mod plan_window;
pub mod preemption;
pub mod stage;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod window_close;

use cluster::leases::{Leadership, identity};
use cluster::world::{Topic, Unfit, World};
use futures::future::join_all;
use prometheus_client::registry::Registry;
use store::Ledger;
use tokio_util::sync::CancellationToken;

use cycle::Daemon;
use stage::Stage;

/// All daemons.
const DAEMONS: &[Daemon] = &[
    follow::DAEMON,
    plan_window::DAEMON,
    window_close::DAEMON,
    preemption::DAEMON,
    templates::DAEMON,
    ledger::DAEMON,
    nudge::DAEMON,
    counts::DAEMON,
];

/// The Lease that the acting replica holds.
const LEASE: &str = "sluice-reapers";

/// What the daemons see: the process's [`World`] has to watch it.
pub fn topics() -> impl Iterator<Item = Topic> {
    DAEMONS.iter().flat_map(|daemon| daemon.hears.iter().copied())
}

/// The daemons of this process. Clones share everything.
#[derive(Clone)]
pub struct Reapers {
    stage: Stage,
    shutdown: CancellationToken,
}

impl Reapers {
    /// The daemons of a process whose world has their [`topics`]. Nothing is written before [`run`](Self::run).
    pub fn new(world: World, own_namespace: &str, ledger: Ledger, shutdown: CancellationToken) -> Self {
        Self { stage: Stage::new(world, own_namespace, ledger), shutdown }
    }

    /// Whether every daemon could act if this replica led.
    ///
    /// # Errors
    /// Why one could not.
    pub fn ready(&self) -> Result<(), Unfit> {
        DAEMONS.iter().try_for_each(|daemon| self.stage.world.fit(daemon.hears))
    }

    /// Adds what the daemons count to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        self.stage.metrics.register(registry);
    }

    /// Runs all daemons, while this replica leads, until the process is told to stop.
    pub async fn run(self) {
        let Self { stage, shutdown } = self;
        let (world, namespace) = (&stage.world, &stage.own_namespace);
        let (leadership, election) = Leadership::seek(world, namespace, LEASE, identity(), shutdown.clone());
        let live = |daemon| cycle::live(daemon, &stage, leadership.clone(), &shutdown);
        join_all(DAEMONS.iter().map(live)).await;
        if let Err(died) = election.await {
            tracing::error!(error = &died as &dyn std::error::Error, "the election ended badly");
        }
    }
}
