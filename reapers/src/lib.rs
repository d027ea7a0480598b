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
pub mod switch_queue;
mod tell;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod window_close;
pub mod workspaces;

use cluster::leases::{Leadership, identity};
use cluster::world::{Topic, Unfit, World};
use futures::future::join_all;
use prometheus_client::registry::Registry;
use store::Ledger;
use tokio_util::sync::CancellationToken;

use cycle::Daemon;
use stage::Stage;
use tell::Teller;

/// All daemons.
const DAEMONS: &[Daemon] = &[
    follow::DAEMON,
    plan_window::DAEMON,
    switch_queue::DAEMON,
    window_close::DAEMON,
    workspaces::DAEMON,
    preemption::DAEMON,
    templates::DAEMON,
    ledger::DAEMON,
    nudge::DAEMON,
    counts::DAEMON,
];

/// The Lease that the acting replica holds, where a process runs all daemons.
pub const LEASE: &str = "sluice-reapers";

/// The names of all daemons.
pub fn names() -> impl Iterator<Item = &'static str> {
    DAEMONS.iter().map(|daemon| daemon.name)
}

/// Which daemons run in a process, and whether they act.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Their [`names`]; none is all.
    pub only: Vec<String>,
    /// Whether they only say what they would do.
    pub observes: bool,
}

impl Choice {
    fn daemons(&self) -> impl Iterator<Item = &'static Daemon> {
        DAEMONS.iter().filter(|daemon| self.only.is_empty() || self.only.iter().any(|name| name == daemon.name))
    }

    /// What these daemons see: the process's [`World`] has to watch it.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        self.daemons().flat_map(|daemon| daemon.hears.iter().copied())
    }

    /// Processes with the same daemons elect one of them. Which daemons a Lease is about stands in its name.
    fn lease(&self) -> String {
        let only: std::collections::BTreeSet<_> = self.only.iter().map(String::as_str).collect();
        only.into_iter().fold(LEASE.to_owned(), |name, daemon| format!("{name}-{daemon}"))
    }
}

/// The daemons of this process. Clones share everything.
#[derive(Clone)]
pub struct Reapers {
    stage: Stage,
    choice: Choice,
    shutdown: CancellationToken,
}

impl Reapers {
    /// The daemons of a process whose world has their [`topics`](Choice::topics). Nothing is written before [`run`](Self::run).
    pub fn new(world: World, own_namespace: &str, ledger: Ledger, choice: Choice, shutdown: CancellationToken) -> Self {
        Self { stage: Stage::new(world, own_namespace, ledger), choice, shutdown }
    }

    /// Whether every daemon could act if this replica led.
    ///
    /// # Errors
    /// Why one could not.
    pub fn ready(&self) -> Result<(), Unfit> {
        self.choice.daemons().try_for_each(|daemon| self.stage.world.fit(daemon.hears))
    }

    /// Adds what the daemons count to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        self.stage.metrics.register(registry);
    }

    /// Runs the daemons, while this replica leads, until the process is told to stop. Those that only observe need not lead: they
    /// stand beside those that act.
    pub async fn run(self) {
        let Self { stage, choice, shutdown } = self;
        if choice.observes {
            tracing::warn!("observes: says what it would do, and does nothing");
            let watch = |daemon| cycle::observe(daemon, &stage, &shutdown);
            join_all(choice.daemons().map(watch)).await;
            return;
        }
        let (world, namespace) = (&stage.world, &stage.own_namespace);
        let (lease, holder) = (choice.lease(), identity());
        let (leadership, election) =
            Leadership::seek(world, namespace, lease.clone(), holder.clone(), shutdown.clone());
        let live = |daemon| cycle::live(daemon, &stage, leadership.clone(), &shutdown);
        let teller = Teller { lease, holder, daemons: choice.daemons().map(|daemon| daemon.name).collect() };
        tokio::join!(join_all(choice.daemons().map(live)), teller.run(&stage, leadership.clone(), &shutdown));
        if let Err(died) = election.await {
            tracing::error!(error = &died as &dyn std::error::Error, "the election ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_with_other_daemons_do_not_wait_for_each_other() {
        let only =
            |names: &[&str]| Choice { only: names.iter().map(|name| (*name).to_owned()).collect(), observes: false };
        assert_eq!(only(&[]).lease(), "sluice-reapers");
        assert_eq!(only(&["nudge", "follow"]).lease(), only(&["follow", "nudge", "follow"]).lease());
        assert_ne!(only(&["follow"]).lease(), only(&["nudge"]).lease());
        let chosen: Vec<_> = only(&["nudge", "follow"]).daemons().map(|daemon| daemon.name).collect();
        assert_eq!(chosen, ["follow", "nudge"]);
        assert_eq!(only(&[]).daemons().count(), names().count());
    }
}
