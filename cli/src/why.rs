//! `sluice why`: why something waits, was refused or was stopped.

mod target;
mod text;

use clap::Args;

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::output::Format;
use crate::question;

pub(crate) use target::{NoTarget, Target};

/// Say why something waits, was refused or was stopped, and what to do
///
/// Asked about a Pod, a claim, a workload, or a decision: the id that stands in every refusal. The reasons come in the order in
/// which they have to be mended: gate, quota, devices, budget, image. Sluice answers through the API server, as you: any
/// kubeconfig of the cluster is enough, and you are told of what is in projects that you are a member of.
///
/// Exit codes: 0 shown, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct WhyArgs {
    /// NAME of a Pod, or pod/NAME, claim/NAME, deployment/NAME, replicaset/NAME, statefulset/NAME, daemonset/NAME, job/NAME, cronjob/NAME, or the id
    /// of a decision
    #[arg(value_name = "POD|KIND/NAME|ID")]
    target: Target,
    /// The namespace; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

impl WhyArgs {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { target, namespace, cluster, output } = self;
        let server = cluster.server().await?;
        let about = target.about(namespace, server.default_namespace());
        let why = question::why(&server, about).await?;
        output.print(&why, text::render)?;
        Ok(Ending::Fine)
    }
}
