//! Which cluster a command asks: the same flags for all of them, and they mean what kubectl's mean.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use cluster::client::{self, Access, ConnectFailed};
use cluster::dry_run::Server;

use crate::ending::Failure;

/// Which cluster to ask.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ClusterArgs {
    /// A kubeconfig; without one $KUBECONFIG, then ~/.kube/config, then the Pod's service account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; without one its current context
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Whether the client got no answer at all.
fn is_silence(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Service(_) | kube::Error::HyperError(_)))
}

impl ClusterArgs {
    /// What a connection is made from.
    pub(crate) fn access(&self) -> Access {
        let Self { kubeconfig, context } = self.clone();
        Access { kubeconfig, context, ..Access::default() }
    }

    /// A client; nothing is asked yet.
    pub(crate) async fn client(&self) -> Result<kube::Client, Failure> {
        client::connect(&self.access()).await.map_err(|error| self.failed(error))
    }

    /// What commands ask of the API server; nothing is asked yet.
    pub(crate) async fn server(&self) -> Result<Server, Failure> {
        self.server_as(&self.access()).await
    }

    /// The same, as somebody else.
    pub(crate) async fn server_as(&self, access: &Access) -> Result<Server, Failure> {
        Server::connect(access).await.map_err(|error| self.failed(error))
    }

    /// Says of what got no answer from the API server which one that is, and what to do.
    pub(crate) async fn unasked(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Unanswered(error) if is_silence(&error) => {
                let which = client::address(&self.access()).await.unwrap_or_default();
                let what = format!(
                    "the API server {which} could not be asked; see that it runs, and that --kubeconfig and --context name the one that you mean"
                );
                Failure::Unanswered(error.context(what))
            }
            Failure::Unanswered(_)
            | Failure::BadInput(_)
            | Failure::Refused(_)
            | Failure::Output(_)
            | Failure::Ended(_) => failure,
        }
    }

    /// A flag that leads nowhere is bad input; without one there is nobody to ask.
    fn failed(&self, error: ConnectFailed) -> Failure {
        let Self { kubeconfig, context } = self;
        match kubeconfig.is_some() || context.is_some() {
            true => Failure::input(error),
            false => Failure::Unanswered(error.into()),
        }
    }

    /// The flags that were given, where a command asks no cluster.
    pub(crate) fn in_vain(&self) -> Option<anyhow::Error> {
        let Self { kubeconfig, context } = self;
        let given = [kubeconfig.is_some().then_some("--kubeconfig"), context.is_some().then_some("--context")];
        let given: Vec<_> = given.into_iter().flatten().collect();
        let needs = if given.len() == 1 { "needs" } else { "need" };
        (!given.is_empty())
            .then(|| anyhow!("{} {needs} a cluster to ask: --policy names a directory", given.join(" and ")))
    }
}
