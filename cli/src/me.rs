//! `sluice me`: what is mine on the platform, and what is left of it.

mod table;

use clap::Args;

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::output::Format;
use crate::question;

/// Show my projects and queues, what is left of my GPUs, and what of mine runs and waits
///
/// Sluice answers through the API server, as you: any kubeconfig of the cluster is enough. You are told your own work, use
/// and hours, and of your projects and those above them what is used in all. `kubectl create --dry-run=server -o yaml` of a
/// PlatformReview gives the same answer.
///
/// Exit codes: 0 shown, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct Mine {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

impl Mine {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { cluster, output } = self;
        let me = question::me(&cluster.server().await?).await?;
        output.print(&me, table::render)?;
        Ok(Ending::Fine)
    }
}
