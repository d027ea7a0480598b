//! `cargo xtask bench`: builds the release, and what measures it.

use crate::build;
use anyhow::{Context, Result};
use std::process::{Command, ExitCode};

/// Measures how fast Sluice is.
///
/// The release build of `sluice webhook`, on a control plane of its own with 200 bound projects and 2,000 Pods, answers
/// reviews that were recorded there, over 8 TLS connections; two floors take turns with it: a webhook that does nothing,
/// and one that parses the review and allows. Then `policy_engine::admission::admit` by criterion, and Pod creations a second with
/// Sluice's webhook configurations, with the same ones naming the parsing floor, and without them; and Pods charged to
/// one project by 64 writers, on a file of SQLite and on PostgreSQL. And how long a Pod waits for the device of a lower queue, and what
/// a plan of preemptions costs. All load is on loopback, and everything ends with
/// this command.
///
/// `-o json` prints one object. Every measured thing is an object `{"value": <median of the runs>, "runs": [<each run>]}`:
///
/// webhook.{p50_ms, p99_ms, large_p50_ms, rate, cpu_us, rss_idle_mb, rss_loaded_mb},
/// webhook.{rate_vs_parsing_floor, rate_vs_noop_floor, cpu_vs_parsing_floor} (ratios round by round),
/// webhook_with_ledger: the same of reviews where every Pod that is created is charged (SQLite),
/// floors.{noop, parsing}.{p50_ms, … as of webhook},
/// admit_us, admit.{pod_us, by_projects_us.<n>, by_containers_us.<n>, growth_10_to_10000_projects, growth_100_to_1000_containers},
/// creation_rate_on_vs_off, creation_rate_on_vs_floor, creation_rate.{on, floor, off},
/// ledger.{sqlite, postgres}.{accepted_s, released_s, p50_ms, p99_ms},
/// preemption.{median_s, with_grace_s, plan_4000_ms, plan_ms.<n>, plan_growth_1000_to_10000};
/// and `goals`, a list of {what, value, goal, met}.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// For trying: one short run of each, on a small cluster
    #[arg(long)]
    quick: bool,
    /// Only these parts: webhook, admit, creations, ledger, preemption
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What standard output gets: text or json
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { quick, only, output } = self;
        eprintln!("building the release");
        ground::provide_binaries(false)?;
        build::release(&["sluice", "bench", "floor"])?;
        let mut bench = Command::new(ground::target().join("release/bench"));
        bench.args(["--output", &output]);
        bench.args(quick.then_some("--quick"));
        if !only.is_empty() {
            bench.args(["--only", &only.join(",")]);
        }
        let status = bench.status().context("cannot run the bench")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
