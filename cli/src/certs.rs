//! `sluice certs`: what the webhook serves with, a rotation before its time, and mutual TLS with the API server.

mod mtls;
mod rotate;
mod show;

use std::path::PathBuf;

use ::certs::{Configuration, ConfigurationKind, Keep, KeyMaterial, Publication};
use clap::{Args, Subcommand};

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};

/// Look at certificates, rotate them, or have the API server show one
///
/// Exit codes: 0 fine, 3 bad input, 4 no answer.
#[derive(Args, Debug)]
pub(crate) struct Certs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    Rotate(rotate::Rotate),
    Mtls(mtls::Mtls),
}

impl Certs {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        match self.command {
            Command::Show(show) => show.run().await,
            Command::Rotate(rotate) => rotate.run().await,
            Command::Mtls(mtls) => mtls.run(),
        }
    }
}

/// Where certificates are kept.
#[derive(Args, Debug)]
struct Place {
    /// The directory that keeps them, instead of a Secret
    #[arg(long, value_name = "DIR")]
    certs_dir: Option<PathBuf>,
    /// The Secret that keeps them
    #[arg(long, value_name = "NAME", default_value = "sluice-certs", conflicts_with = "certs_dir")]
    certs_secret: String,
    /// The namespace of that Secret
    #[arg(short, long, default_value = "sluice-system", env = "SLUICE_NAMESPACE")]
    namespace: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The name of the webhook configurations
    #[arg(long, default_value = "sluice")]
    webhook_configuration: String,
}

impl Place {
    async fn keep(&self) -> Result<Keep, Failure> {
        Ok(match &self.certs_dir {
            Some(directory) => Keep::Directory(directory.clone()),
            None => Keep::Secret {
                client: self.cluster.client().await?,
                namespace: self.namespace.clone(),
                name: self.certs_secret.clone(),
            },
        })
    }

    async fn publication(&self) -> Result<Publication, Failure> {
        let configuration = |kind| Configuration { kind, name: self.webhook_configuration.clone() };
        let kinds = [ConfigurationKind::Mutating, ConfigurationKind::Validating];
        let configurations = kinds.map(configuration).into();
        Ok(Publication { client: self.cluster.client().await?, configurations, writes: false })
    }
}

/// What is kept, which must be there.
async fn kept(keep: &Keep) -> Result<KeyMaterial, Failure> {
    let found = keep.look().await.map_err(|error| Failure::Unanswered(error.into()))?;
    found.ok_or_else(|| {
        Failure::input(anyhow::anyhow!(
            "there is no certificate in {keep}; say by --certs-secret, --namespace or --certs-dir where"
        ))
    })
}
