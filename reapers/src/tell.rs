//! How the daemons are, told to who has no access to their process: in the status of the PlatformPolicy, while this replica leads.

use std::time::Duration;

use cluster::leases::Leadership;
use cluster::write::{Outcome, instant};
use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// It is told so often, also where nothing is new: that it is told is news.
const INTERVAL: Duration = Duration::from_secs(30);
/// Who leads from now on has its first turns before it is told how they went.
const FIRST: Duration = Duration::from_secs(3);

/// Who tells, and of whom.
pub(crate) struct Teller {
    /// The Lease by which this replica leads.
    pub(crate) lease: String,
    /// This replica, as that Lease names it.
    pub(crate) holder: String,
    /// The daemons of this process.
    pub(crate) daemons: Vec<&'static str>,
}

impl Teller {
    /// Tells until the process is told to stop.
    pub(crate) async fn run(self, stage: &Stage, mut leadership: Leadership, shutdown: &CancellationToken) {
        while let Some(()) = shutdown.run_until_cancelled(leadership.gained()).await {
            let mut pause = FIRST;
            while shutdown.run_until_cancelled(sleep(pause)).await.is_some() && leadership.leads() {
                self.tell(stage, Timestamp::now()).await;
                pause = INTERVAL;
            }
        }
    }

    async fn tell(&self, stage: &Stage, now: Timestamp) {
        let mut daemons = stage.metrics.told(self.daemons.iter().copied());
        for daemon in &mut daemons {
            daemon.lease.clone_from(&self.lease);
            daemon.holder.clone_from(&self.holder);
            daemon.observed_at = instant(now);
        }
        match stage.writer.tell_of_daemons(&self.lease, daemons).await {
            Ok(Outcome::Written | Outcome::Overtaken | Outcome::BlockedByBudget) => {}
            Ok(Outcome::Gone) => tracing::debug!("there is no PlatformPolicy to say in how the daemons are"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "could not tell how the daemons are; told again in a while");
            }
        }
    }
}

#[cfg(test)]
mod tests;
