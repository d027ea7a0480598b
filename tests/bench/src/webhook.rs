//! The webhook and its floors in turns, under the same load.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use ground::Ground;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::numbers::Measured;
use crate::reviews::{Mix, Review};
use crate::servers::{Running, Server};
use crate::{api, process, progress};

/// Before a process is called idle: what it read at its start is processed by then.
const SETTLE: Duration = Duration::from_secs(2);
/// Before measuring: connections are open, and what is looked up once is looked up.
const WARM_UP: Duration = Duration::from_secs(1);

/// So many kinds of reviews are shown that take longest.
const SHOWN: usize = 8;

/// What one webhook did, run by run.
#[derive(Clone, Debug, Serialize)]
pub struct Performance {
    /// Half of the reviews were answered within this, in milliseconds.
    pub p50_ms: Measured,
    /// 99 of 100 were.
    pub p99_ms: Measured,
    /// Half of the reviews of a mebibyte were answered within this, in milliseconds.
    pub large_p50_ms: Measured,
    /// Reviews a second.
    pub rate: Measured,
    /// Processor time of a review, in microseconds.
    pub cpu_us: Measured,
    /// Resident memory before the load, in MB.
    pub rss_idle_mb: Measured,
    /// The most resident memory until after the load, in MB.
    pub rss_loaded_mb: Measured,
}

/// All, in the order of [`Server::ALL`].
pub fn compare(
    ground: &mut Ground,
    runtime: &Runtime,
    reviews: Vec<Review>,
    rounds: usize,
    lasts: Duration,
) -> Result<[Performance; 4]> {
    let mix = Arc::new(Mix::of(reviews)?);
    let charged = Arc::new(mix.charged()?);
    let mut runs: [Vec<Run>; 4] = Default::default();
    for round in 1..=rounds {
        for (server, runs) in Server::ALL.into_iter().zip(&mut runs) {
            let mix = if server == Server::Charging { &charged } else { &mix };
            let run = run(server, ground, runtime, mix, lasts).with_context(|| server.label())?;
            progress(format_args!("  round {round} of {rounds}: {:<16} {run}", server.label()));
            for (what, entry, p50_ms) in &run.slowest {
                progress(format_args!("    p50 {p50_ms:>6.2} ms  {what}, {entry}"));
            }
            runs.push(run);
        }
    }
    Ok(runs.map(|runs| performance(&runs)))
}

struct Run {
    p50_ms: f64,
    p99_ms: f64,
    large_ms: f64,
    rate: f64,
    cpu_us: f64,
    idle_mb: f64,
    loaded_mb: f64,
    /// Of Sluice, the reviews that take longest.
    slowest: Vec<(&'static str, String, f64)>,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50_ms, p99_ms, rate, cpu_us, loaded_mb, .. } = self;
        write!(f, "{rate:>8.0}/s  p50 {p50_ms:.2} ms  p99 {p99_ms:.2} ms  {cpu_us:.0} µs CPU  {loaded_mb:.0} MB")
    }
}

fn performance(runs: &[Run]) -> Performance {
    let each = |of: fn(&Run) -> f64| Measured::of(runs.iter().map(of));
    Performance {
        p50_ms: each(|run| run.p50_ms),
        p99_ms: each(|run| run.p99_ms),
        large_p50_ms: each(|run| run.large_ms),
        rate: each(|run| run.rate),
        cpu_us: each(|run| run.cpu_us),
        rss_idle_mb: each(|run| run.idle_mb),
        rss_loaded_mb: each(|run| run.loaded_mb),
    }
}

fn run(server: Server, ground: &mut Ground, runtime: &Runtime, mix: &Arc<Mix>, lasts: Duration) -> Result<Run> {
    let running = Running::start(server, ground)?;
    std::thread::sleep(SETTLE);
    let idle_mb = process::memory(running.pid)?.resident;
    let answers = runtime.block_on(running.target.ask(mix))?;
    for (review, answer) in mix.all().iter().zip(&answers) {
        judge(server, review, answer).with_context(|| format!("{} on {}", review.what, review.path))?;
    }
    let answers = Arc::new(answers);
    runtime.block_on(running.target.load(mix, &answers, WARM_UP))?;
    let before = process::cpu(running.pid)?;
    let mut load = runtime.block_on(running.target.load(mix, &answers, lasts))?;
    let used = process::cpu(running.pid)? - before;
    let loaded_mb = process::memory(running.pid)?.peak;
    running.stop(ground)?;
    Ok(Run {
        p50_ms: load.percentile_ms(50.0),
        p99_ms: load.percentile_ms(99.0),
        large_ms: load.large_ms(),
        rate: load.rate(),
        cpu_us: used.as_secs_f64() * 1e6 / load.latencies.len() as f64,
        idle_mb,
        loaded_mb,
        slowest: if server == Server::Sluice { load.slowest(mix, SHOWN) } else { Vec::new() },
    })
}

/// A floor says yes. Sluice says yes to this very request, and changes what is created.
fn judge(server: Server, review: &Review, answer: &Bytes) -> Result<()> {
    let text = std::str::from_utf8(answer)?;
    let response = &api::parsed(text)?["response"];
    ensure!(response["allowed"] == true, "not allowed: {text}");
    if matches!(server, Server::Sluice | Server::Charging) {
        let request = &api::parsed(std::str::from_utf8(&review.body)?)?["request"];
        ensure!(response["uid"] == request["uid"], "an answer to another request: {text}");
        let changed = response["patchType"] == "JSONPatch";
        let created = request["operation"] == "CREATE" && review.path.contains("mutate");
        ensure!(changed || !created, "nothing was changed: {text}");
    }
    Ok(())
}
