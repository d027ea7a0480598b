//! The ledger by itself, on each database: 64 writers charge Pods with a GPU each to one project, and beside them a
//! reconciler takes back as many.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use ground::Postgres;
use jiff::Timestamp;
use policy_engine::ledger::{
    Account, AdmitPod, Amounts, Balance, Limits, Outcome, REQUEST_TIMEOUT, Request, Sight, Use,
};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::quota::Quota;
use serde::Serialize;
use store::{Ledger, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::numbers::{Measured, micros, percentile_ms};
use crate::progress;

/// So many wait for an answer at any time.
pub const WRITERS: usize = 64;
/// What the reconciler says at once.
const SIGHTS: usize = 64;
/// Writers that are so far ahead of the reconciler wait for it: as much is taken back as is charged.
const AHEAD: usize = 256;
/// The time in which an admission has to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one database did, run by run.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// Pods charged a second.
    pub accepted_s: Measured,
    /// Pods taken back a second, beside them.
    pub released_s: Measured,
    /// Half of the Pods were charged within this, in milliseconds.
    pub p50_ms: Measured,
    /// 99 of 100 were.
    pub p99_ms: Measured,
}

/// Both databases.
#[derive(Clone, Debug, Serialize)]
pub struct Ledgers {
    /// A file, synced at every commit.
    pub sqlite: Rates,
    /// A server on loopback, that syncs at every commit.
    pub postgres: Rates,
}

/// Measures both, each so many times, so long. The files are in `directory`.
pub fn measure(runtime: &Runtime, directory: &TempDir, rounds: usize, lasts: Duration) -> Result<Ledgers> {
    let server_directory = directory.path().join("postgres");
    std::fs::create_dir(&server_directory)?;
    let server = Postgres::start(&server_directory, true)?;
    let mut runs = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        let file = directory.path().join(format!("ledger-{round}.db"));
        let urls = [format!("sqlite://{}", file.display()), server.create(&format!("bench{round}"))?];
        for ((name, url), runs) in ["SQLite", "PostgreSQL"].into_iter().zip(urls).zip(&mut runs) {
            let run = runtime.block_on(run(&url, lasts)).context(name)?;
            let Run { accepted_s, released_s, p50_ms, p99_ms } = run;
            progress(format_args!(
                "  round {round} of {rounds}: {name:<10} {accepted_s:>6.0} charged/s {released_s:>6.0} taken back/s  \
                 p50 {p50_ms:.2} ms  p99 {p99_ms:.2} ms"
            ));
            runs.push(run);
        }
    }
    let [sqlite, postgres] = runs.map(|runs| {
        let each = |of: fn(&Run) -> f64| Measured::of(runs.iter().map(of));
        Rates {
            accepted_s: each(|run| run.accepted_s),
            released_s: each(|run| run.released_s),
            p50_ms: each(|run| run.p50_ms),
            p99_ms: each(|run| run.p99_ms),
        }
    });
    Ok(Ledgers { sqlite, postgres })
}

struct Run {
    accepted_s: f64,
    released_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

async fn run(url: &str, lasts: Duration) -> Result<Run> {
    let ledger = Store::open(url).await?.ledger();
    let (charged, to_release) = mpsc::channel(AHEAD);
    let started = Instant::now();
    let releasing = tokio::spawn(release(ledger.clone(), to_release));
    let writers =
        (0..WRITERS).map(|writer| tokio::spawn(write(ledger.clone(), writer, charged.clone(), started + lasts)));
    let latencies = try_join_all(writers).await?.into_iter().collect::<Result<Vec<_>>>()?;
    let took = started.elapsed().as_secs_f64();
    drop(charged);
    let released = releasing.await??;
    let until_released = started.elapsed().as_secs_f64();
    let mut latencies = latencies.concat();
    ensure!(released == latencies.len(), "{} Pods were charged and {released} taken back", latencies.len());
    let left = ledger.balance(&project()).await?;
    ensure!(left == Balance::default(), "something is left in the ledger: {left:?}");
    let (p50_ms, p99_ms) = (percentile_ms(&mut latencies, 50.0), percentile_ms(&mut latencies, 99.0));
    let count = released as f64;
    Ok(Run { accepted_s: count / took, released_s: count / until_released, p50_ms, p99_ms })
}

/// Charges one Pod after another; how long each took, in microseconds.
async fn write(ledger: Ledger, writer: usize, charged: mpsc::Sender<String>, until: Instant) -> Result<Vec<u32>> {
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let uid = format!("{writer:02}-{:08}", latencies.len());
        let begin = Instant::now();
        let outcome = ledger.reserve(pod(&uid), (begin + PATIENCE).into()).await?;
        latencies.push(micros(begin.elapsed()));
        ensure!(outcome == Outcome::Reserved, "{uid} was refused: {outcome:?}");
        charged.send(uid).await?;
    }
    Ok(latencies)
}

/// Says of all that it is gone, as the reconciler does; how many that were.
async fn release(ledger: Ledger, mut charged: mpsc::Receiver<String>) -> Result<usize> {
    let (mut gone, mut count) = (Vec::new(), 0);
    // What was charged a moment ago may still be on its way, so it is seen in the future.
    let ahead = REQUEST_TIMEOUT.saturating_mul(2);
    while charged.recv_many(&mut gone, SIGHTS).await > 0 {
        count += gone.len();
        let at = Timestamp::now() + ahead;
        ledger.observe(gone.drain(..).map(|uid| Sight::PodGone { uid, at }).collect()).await?;
    }
    Ok(count)
}

fn project() -> Account {
    Account::Project(ProjectId::new("bench"))
}

/// A Pod of one core with a GPU of its own. The project's limits are looked at, and are wide.
fn pod(uid: &str) -> Request {
    let wide =
        Quota { milli_gpu: Some(1_000_000), devices: Some(1_000), milli_cpu: Some(1_000_000), memory_bytes: None };
    let payers = Limits::from_iter([(project(), wide)]);
    let amounts = Amounts { milli_cpu: 1000, memory_bytes: 1 << 30, ..Amounts::NOTHING };
    let price = Amounts { milli_gpu: 1000, devices: 1, ..Amounts::NOTHING };
    let uses = vec![Use::Inline { reference: "gpu".into(), price }];
    Request::AdmitPod(AdmitPod { uid: uid.into(), namespace: "bench".into(), name: uid.into(), amounts, payers, uses })
}
