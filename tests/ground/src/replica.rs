//! A second Sluice beside the platform's: another replica, another version, or one that is treated badly.

use crate::Ground;
use crate::component::{Component, Health};
use crate::error::Result;
use crate::http;
use crate::platform::SYSTEM_NAMESPACE;
use crate::ports;
use std::path::PathBuf;

/// What its process is called.
pub(crate) const NAME: &str = "sluice-2";

/// How it is to be started: as the first one, where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    /// Another binary.
    pub program: Option<PathBuf>,
    /// Another way to the API server.
    pub kubeconfig: Option<PathBuf>,
    /// What it runs besides `sluice`; the webhook alone where nothing is said.
    pub command: Option<&'static str>,
    /// Another directory of certificates.
    pub certs: Option<PathBuf>,
    /// The URL of another database.
    pub database: Option<String>,
    /// Further variables of its environment.
    pub env: Vec<(&'static str, PathBuf)>,
}

/// Where it answers.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// The webhook.
    pub webhook: u16,
    /// `/metrics`, `/healthz` and `/readyz`.
    pub metrics: u16,
}

impl Doors {
    /// Status and body of a page; nothing where nobody answers.
    pub fn says(&self, path: &str) -> Option<(u16, String)> {
        http::get(self.metrics, path).ok()
    }

    /// Whether it takes calls.
    pub fn ready(&self) -> bool {
        self.says("/readyz").is_some_and(|(status, _)| status == 200)
    }
}

impl Ground {
    /// Starts another `sluice`, by default `sluice webhook` with the certificates of the first one. Returns when it lives, ready or not. One at a time.
    pub fn start_replica(&mut self, replica: &Replica) -> Result<Doors> {
        let Replica { program, kubeconfig, command, certs, database, env } = replica.clone();
        let database = database.unwrap_or_else(|| self.layout().database_url());
        let certs = certs.unwrap_or_else(|| self.layout().certs());
        let [webhook, metrics] = ports::two_more()?;
        let kubeconfig = kubeconfig.unwrap_or_else(|| self.layout().component_kubeconfig("sluice"));
        let component = Component {
            name: NAME,
            program: program.unwrap_or_else(|| self.layout().bin("sluice")),
            args: vec![
                command.unwrap_or("webhook").into(),
                format!("--listen=127.0.0.1:{webhook}"),
                format!("--metrics-listen=127.0.0.1:{metrics}"),
                format!("--namespace={SYSTEM_NAMESPACE}"),
                format!("--certs-dir={}", certs.display()),
                format!("--database-url={database}"),
            ],
            env: [("KUBECONFIG", kubeconfig), ("NO_COLOR", "1".into())].into_iter().chain(env).collect(),
            ports: vec![webhook, metrics],
            health: Health::Http(metrics, "/healthz"),
            heeds_term: true,
        };
        self.start_component(&component)?;
        Ok(Doors { webhook, metrics })
    }

    /// Ends the second Sluice, if there is one.
    pub fn stop_replica(&mut self) -> Result<bool> {
        self.end(NAME)
    }
}
