//! The long-running processes: `sluice run`, and its parts `sluice webhook` and `sluice reapers`.

mod health;
mod tls;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use cluster::client;
use cluster::lookup::{self, owners::Owners};
use cluster::world::{Topic, World};
use prometheus_client::registry::Registry;
use reapers::{Choice, Reapers};
use store::Ledger;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use webhook::Webhook;

use crate::cluster_args::ClusterArgs;
use crate::database::DatabaseArgs;
use health::Health;
pub(crate) use tls::duration;

/// What every long-running process needs.
#[derive(Args, Debug)]
pub(crate) struct ProcessArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Where /healthz, /readyz and /metrics are answered, over plain HTTP
    #[arg(long, default_value = "0.0.0.0:8080", env = "SLUICE_METRICS_LISTEN")]
    metrics_listen: SocketAddr,
    /// The namespace that Sluice itself runs in
    #[arg(long, default_value = "sluice-system", env = "SLUICE_NAMESPACE")]
    namespace: String,
    #[command(flatten)]
    database: DatabaseArgs,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "SLUICE_LOG_FORMAT")]
    log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the webhook needs besides.
#[derive(Args, Debug)]
pub(crate) struct WebhookArgs {
    /// Where the API server calls, over TLS
    #[arg(long, default_value = "0.0.0.0:8443", env = "SLUICE_LISTEN")]
    listen: SocketAddr,
    #[command(flatten)]
    tls: tls::TlsArgs,
}

/// What the daemons need besides.
#[derive(Args, Debug)]
pub(crate) struct DaemonArgs {
    /// Run only these daemons (all replicas that share a task say the same)
    #[arg(long, value_delimiter = ',', value_name = "DAEMON", env = "SLUICE_ONLY", value_parser = PossibleValuesParser::new(reapers::names()))]
    only: Vec<String>,
    /// Say in the log what the daemons would do, and do nothing
    #[arg(long, env = "SLUICE_OBSERVE")]
    observe: bool,
}

impl From<DaemonArgs> for Choice {
    fn from(DaemonArgs { only, observe }: DaemonArgs) -> Self {
        Self { only, observes: observe }
    }
}

/// Webhook and daemons in one process.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    webhook: WebhookArgs,
    #[command(flatten)]
    daemons: DaemonArgs,
}

/// The webhook alone.
#[derive(Args, Debug)]
pub(crate) struct WebhookCommand {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    webhook: WebhookArgs,
}

/// The daemons alone.
#[derive(Args, Debug)]
pub(crate) struct ReapersCommand {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    daemons: DaemonArgs,
}

/// Runs webhook and daemons until the process is asked to stop.
pub(crate) async fn run(args: RunArgs) -> Result<()> {
    let RunArgs { process, webhook, daemons } = args;
    Process::start(process).await?.until_stopped(Some(webhook), Some(daemons.into())).await
}

/// Runs the webhook until the process is asked to stop.
pub(crate) async fn webhook(args: WebhookCommand) -> Result<()> {
    let WebhookCommand { process, webhook } = args;
    Process::start(process).await?.until_stopped(Some(webhook), None).await
}

/// Runs the daemons until the process is asked to stop.
pub(crate) async fn reapers(args: ReapersCommand) -> Result<()> {
    let ReapersCommand { process, daemons } = args;
    Process::start(process).await?.until_stopped(None, Some(daemons.into())).await
}

/// A process that follows the cluster.
struct Process {
    args: ProcessArgs,
    access: kube::Client,
    ledger: Ledger,
    shutdown: CancellationToken,
}

impl Process {
    async fn start(args: ProcessArgs) -> Result<Self> {
        log(args.log_format);
        let shutdown = stop_signal()?;
        let access = client::connect(&args.cluster.access()).await?;
        let ledger = args.database.url().open().await.context("cannot open the ledger")?;
        Ok(Self { args, access, ledger, shutdown })
    }

    async fn until_stopped(self, webhook: Option<WebhookArgs>, daemons: Option<Choice>) -> Result<()> {
        let Self { args, access, ledger, shutdown } = self;
        let world = World::start(access.clone(), topics(webhook.is_some(), daemons.as_ref()), shutdown.clone());
        let metrics = Arc::new(webhook::Metrics::default());
        let certificates = ::certs::Metrics::default();
        let reapers = daemons
            .map(|choice| Reapers::new(world.clone(), &args.namespace, ledger.clone(), choice, shutdown.clone()));
        let served = webhook.is_some().then_some(&certificates);
        let registry = registry(&world, &metrics, served, reapers.as_ref());
        // Beside a webhook the daemons are no reason to take no calls.
        let alone = reapers.clone().filter(|_| webhook.is_none());
        let health = Health::new(world.clone(), alone, registry);
        let watched = health::serve(health.clone(), args.metrics_listen, shutdown.clone());
        let answered = async {
            let Some(webhook) = &webhook else { return Ok(()) };
            let tls = tls::start(webhook, &access, &args.namespace, certificates);
            let Some(tls) = shutdown.run_until_cancelled(tls).await else { return Ok(()) };
            let tls = tls?;
            let follow = tls.follow(webhook.tls.check_interval(), shutdown.clone());
            let handler = Webhook::new(world.clone(), Owners::new(access.clone()), metrics, ledger.clone());
            let serve = webhook::serve(handler, webhook.listen, tls.acceptor(), shutdown.clone());
            health.listening();
            let (served, ()) = tokio::join!(serve, follow);
            served.context("the webhook ended")
        };
        let daemons = async {
            if let Some(reapers) = reapers {
                reapers.run().await;
            }
            anyhow::Ok(())
        };
        // What fails first takes the others with it: half a process would look alive.
        let result = tokio::try_join!(watched, answered, daemons);
        shutdown.cancel();
        result.map(|_| tracing::info!("stopped"))
    }
}

/// What a process watches beside records and Namespaces: what its parts look at, and nothing else. Each part has rights of its
/// own, and memory is mostly caches.
pub(crate) fn topics(webhook: bool, daemons: Option<&Choice>) -> BTreeSet<Topic> {
    let asked = [lookup::TOPICS, decide::me::TOPICS].concat();
    let webhook = webhook.then_some(asked).into_iter().flatten();
    webhook.chain(daemons.map(Choice::topics).into_iter().flatten()).collect()
}

/// What `/metrics` shows.
pub(crate) fn registry(
    world: &World,
    webhook: &webhook::Metrics,
    certificates: Option<&::certs::Metrics>,
    reapers: Option<&Reapers>,
) -> Registry {
    let mut registry = Registry::with_prefix("sluice");
    health::register_caches(world, &mut registry);
    webhook.register(&mut registry);
    if let Some(certificates) = certificates {
        certificates.register(&mut registry);
    }
    if let Some(reapers) = reapers {
        reapers.register(&mut registry);
    }
    registry
}

fn log(format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    // kube_client calls every failed attempt to connect an error, and the watcher warns at each try; our own lines say what it means.
    const DEFAULT: &str = "info,kube_client=off,kube_runtime::watcher=error";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Cancelled when the process is asked to stop.
fn stop_signal() -> Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: open calls are answered first");
        token.cancel();
    });
    Ok(shutdown)
}
