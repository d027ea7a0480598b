//! `sluice status`: whether the platform works, and what is broken.

mod chart;
mod daemons;
mod entries;
mod finding;
mod hearing;
mod seen;
mod selection;
mod static_policies;
mod text;
mod verdict;

#[cfg(test)]
mod tests;

use clap::Args;
use serde::Serialize;

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::output::Format;
use daemons::Row;
use finding::{Area, Finding};
use seen::{Seen, Where};
use verdict::Unseen;

/// How the chart calls both webhook configurations.
const CONFIGURATION: &str = "sluice";

/// Show whether the platform works, what is broken and what to do about it, and how each daemon is
///
/// The first thing to run when something is wrong. It asks the API server alone: the PlatformPolicy, in whose status the
/// daemons say how they are; the Lease by which one replica leads; the webhook configurations and the static policies, which
/// are compared with what the chart renders; the records; and whether a question is answered. What you may not read is named, and is no failure of the platform.
///
/// Exit codes: 0 it works, 1 it is broken, 2 it works and something wants attention, 3 bad input, 4 no answer.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// The namespace that Sluice itself runs in
    #[arg(short, long, default_value = "sluice-system", env = "SLUICE_NAMESPACE")]
    namespace: String,
    /// The name of the webhook configurations
    #[arg(long, default_value = CONFIGURATION)]
    webhook_configuration: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// How the platform stands: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// The verdict, in a sentence.
    verdict: String,
    /// Whether it decides and its daemons work, as far as could be read.
    works: bool,
    /// When it was looked at, RFC 3339, by the API server's clock.
    at: String,
    /// What is broken or wants attention; what is worse comes first.
    findings: Vec<Finding>,
    /// What could not be read.
    unread: Vec<Unseen>,
    /// Every daemon.
    daemons: Vec<Row>,
}

impl StatusArgs {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { namespace, webhook_configuration, cluster, output } = self;
        let place = Where { namespace, configuration: webhook_configuration };
        let seen = Seen::look(&cluster.client().await?, place).await?;
        let status = Status::of(&seen);
        output.print(&status, text::render)?;
        Ok(status.ending())
    }
}

impl Status {
    fn of(seen: &Seen) -> Self {
        let (findings, rows) = verdict::findings(seen);
        let unread = verdict::unread(seen);
        let works = findings.iter().all(|finding| finding.area == Area::Attention);
        let verdict = verdict::sentence(&findings, !unread.is_empty());
        Self { verdict, works, at: seen.now.to_string(), findings, unread, daemons: rows }
    }

    fn ending(&self) -> Ending {
        match (self.works, self.findings.is_empty()) {
            (false, _) => Ending::Denied,
            (true, false) => Ending::Warned,
            (true, true) => Ending::Fine,
        }
    }
}
