//! The serving certificate of the webhook.

use std::path::PathBuf;
use std::time::Duration;

use ::certs::{
    Clients, Configuration, ConfigurationKind, Keep, Metrics, Pace, Publication, ServingName, Settings, Tls,
};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use kube::Client;

use super::WebhookArgs;

/// How long to wait for whoever issues the first certificate, before looking again.
const ABSENT_RETRY: Duration = Duration::from_secs(1);

/// Where certificates come from, and who hears of them.
#[derive(Args, Debug)]
pub(crate) struct TlsArgs {
    /// The Service through which the API server calls; without one it calls --listen by its address
    #[arg(long)]
    service_name: Option<String>,
    /// Directory that keeps the CA and the serving certificate, or where a Secret with them is mounted
    #[arg(long, conflicts_with = "certs_secret", required_unless_present = "certs_secret")]
    certs_dir: Option<PathBuf>,
    /// Secret that keeps the CA and the serving certificate, for all replicas
    #[arg(long)]
    certs_secret: Option<String>,
    /// Who issues the certificates that are kept there
    #[arg(long, value_enum, default_value_t = Issuer::Sluice)]
    certs_issuer: Issuer,
    /// How long a new CA is known to API servers before a certificate of it is served
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    certs_settle: Duration,
    /// How long a former CA stays trusted after a certificate of the new one is kept
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    certs_overlap: Duration,
    /// How often kept certificates and published bundles are compared with what is served
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    certs_check: Duration,
    /// File with the CAs, in PEM, of the callers' certificates: who has none is not answered (see `sluice certs mtls`)
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Common name that a caller's certificate may have; may be repeated. Without one, any that the CA has signed
    #[arg(long, value_name = "NAME", requires = "client_ca")]
    client_name: Vec<String>,
    /// Name of the webhook configurations into which the CA is written
    #[arg(long, default_value = "sluice")]
    webhook_configuration: String,
    /// Who writes the CA into the webhook configurations
    #[arg(long, value_enum, default_value_t = CaBundleBy::Sluice)]
    ca_bundle: CaBundleBy,
}

/// Who issues certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Issuer {
    /// This program, where there is none and before they end
    Sluice,
    /// Somebody else, e.g. cert-manager: nothing is ever written there
    External,
}

/// Who writes `caBundle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CaBundleBy {
    /// This program
    Sluice,
    /// Somebody else, e.g. cert-manager's cainjector
    External,
}

/// A length of time above zero, as `30s` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
    parsed.filter(|it| !it.is_zero()).ok_or_else(|| "give a length of time above zero, such as 30s or 1h30m".to_owned())
}

impl TlsArgs {
    /// How often to look.
    pub(super) fn check_interval(&self) -> Duration {
        self.certs_check
    }

    /// Within an overlap every replica must have looked, waited and looked again, also one whose look failed once.
    fn pace(&self) -> Result<Pace> {
        let (settle, overlap) = (self.certs_settle, self.certs_overlap);
        let needed = settle * 2 + self.certs_check * 2;
        if overlap < needed {
            return Err(anyhow!(
                "--certs-overlap is {overlap:?}, and with --certs-settle {settle:?} and --certs-check {:?} a replica may need \
                 {needed:?} to take up a new certificate; give at least that",
                self.certs_check
            ));
        }
        Ok(Pace { settle, overlap })
    }
}

/// Obtains a certificate and publishes its CA. Waits where somebody else issues and has not yet.
pub(super) async fn start(args: &WebhookArgs, client: &Client, namespace: &str, metrics: Metrics) -> Result<Tls> {
    let WebhookArgs { listen, tls: args } = args;
    let keep = match (&args.certs_dir, &args.certs_secret) {
        (Some(directory), _) => Keep::Directory(directory.clone()),
        (None, Some(secret)) => {
            Keep::Secret { client: client.clone(), namespace: namespace.into(), name: secret.clone() }
        }
        (None, None) => anyhow::bail!("say by --certs-dir or --certs-secret where certificates are kept"),
    };
    let name = match &args.service_name {
        Some(service) => ServingName::service(service, namespace)?,
        None => listen.ip().to_string().parse()?,
    };
    let configuration = |kind| Configuration { kind, name: args.webhook_configuration.clone() };
    let publication = Publication {
        client: client.clone(),
        configurations: vec![configuration(ConfigurationKind::Mutating), configuration(ConfigurationKind::Validating)],
        writes: args.ca_bundle == CaBundleBy::Sluice,
    };
    let settings = Settings {
        keep,
        issues: args.certs_issuer == Issuer::Sluice,
        names: vec![name],
        publication: Some(publication),
        pace: args.pace()?,
        clients: args.client_ca.clone().map(|authorities| Clients { authorities, names: args.client_name.clone() }),
        metrics,
    };
    let mut said = None;
    loop {
        match ::certs::start(settings.clone(), Timestamp::now()).await {
            Err(error @ (::certs::Error::Absent { .. } | ::certs::Error::Unfit { .. })) => {
                let error = error.to_string();
                if said.as_ref() != Some(&error) {
                    tracing::warn!("{error}; waiting for one that can be served");
                }
                said = Some(error);
                tokio::time::sleep(ABSENT_RETRY).await;
            }
            started => return started.context("cannot set up TLS"),
        }
    }
}
