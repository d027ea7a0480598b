//! The serving certificate of the webhook.

use std::time::Duration;

use anyhow::{Context, Result};
use certs::{Configuration, ConfigurationKind, Keep, Publication, ServingName, Settings, Tls};
use jiff::Timestamp;
use kube::Client;

use super::WebhookArgs;

/// How often kept certificates and published bundles are compared with what is served.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Obtains a certificate and publishes its CA.
pub(super) async fn start(args: &WebhookArgs, client: &Client, namespace: &str) -> Result<Tls> {
    let keep = match (&args.certs_dir, &args.certs_secret) {
        (Some(directory), _) => Keep::Directory(directory.clone()),
        (None, Some(secret)) => {
            Keep::Secret { client: client.clone(), namespace: namespace.into(), name: secret.clone() }
        }
        (None, None) => anyhow::bail!("say by --certs-dir or --certs-secret where certificates are kept"),
    };
    let name = match &args.service_name {
        Some(service) => ServingName::service(service, namespace)?,
        None => args.listen.ip().to_string().parse()?,
    };
    let configuration = |kind| Configuration { kind, name: args.webhook_configuration.clone() };
    let publication = Publication {
        client: client.clone(),
        configurations: vec![configuration(ConfigurationKind::Mutating), configuration(ConfigurationKind::Validating)],
    };
    let settings = Settings { keep, names: vec![name], publication: Some(publication) };
    certs::start(settings, Timestamp::now()).await.context("cannot set up TLS")
}
