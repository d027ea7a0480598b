//! People at work: three of them send requests at random, in bursts and at once, and a ledger that knows nothing of Sluice's
//! reckons from the API server's objects alone what they hold.
//!
//! Every request may be refused. What must hold is this. At no revision of the cluster does what is bound pass a limit, is a
//! device in two allocations, or does a Pod run with what belongs to somebody else and is not shared. At rest, `sluice usage`
//! says the same sums as the objects do, and when everything is gone it says nothing.
//!
//! A seed deals the same requests to each person in the same order. Which of two people the API server hears first is not
//! dealt: a seed that showed a difference shows it often, not always.

mod acts;
mod change;
mod hand;
mod history;
mod project;
mod replay;
mod rest;
mod scene;
mod send;
mod state;
mod sums;

use anyhow::{Context, Result};
use ground::{Ground, Layout};
use hand::Hand;
use history::History;
use project::PEOPLE;
use send::{Log, Sender};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How it is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where the dice begin.
    pub seed: u64,
    /// How long people send.
    pub time: Duration,
}

/// What came of one seed: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where the dice began.
    pub seed: u64,
    /// How many requests were sent.
    pub requests: usize,
    /// How many of them were accepted.
    pub accepted: usize,
    /// Answers to the others, by what they say.
    pub refused: BTreeMap<String, usize>,
    /// Revisions of the cluster that were looked at.
    pub revisions: usize,
    /// The most that was bound at once, of the project's.
    pub most: String,
    /// What did not hold, each with the requests that led there.
    pub differences: Vec<String>,
}

/// Runs these seeds one after the other on a control plane of its own.
///
/// # Errors
/// Where it could not be run. What it shows is in the reports, also where it is bad.
pub fn run(seeds: &[u64], time: Duration) -> Result<Vec<Report>> {
    let mut ground = Ground::start(Layout::e2e("people"))?;
    ground.run_platform()?;
    seeds.iter().map(|seed| on(&ground, Options { seed: *seed, time })).collect()
}

/// Runs one seed on a control plane with Sluice on it, in a project that it makes and removes.
///
/// # Errors
/// Where it could not be run.
pub fn on(ground: &Ground, options: Options) -> Result<Report> {
    let Options { seed, time } = options;
    eprintln!("seed {seed}: {} people send for {:.0} s", PEOPLE.len(), time.as_secs_f64());
    scene::set(ground)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let admin = runtime.block_on(scene::client(ground, None))?;
    let history = Arc::new(History::default());
    let watching = runtime.block_on(history::watch(&admin, &history))?;
    let log = Arc::new(Log::default());
    let begin = Instant::now();
    send_all(&runtime, ground, options, &history, &log)?;
    eprintln!("  {} requests in {:.0} s", log.len(), begin.elapsed().as_secs_f64());

    let mut differences = rest::differences(ground, &history, &log, "at rest")?;
    runtime.block_on(scene::clear(&admin, || history.now().0.is_empty()))?;
    differences.extend(rest::differences(ground, &history, &log, "when everything is gone")?);
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    let replay = replay::replay(&history, &log);
    differences.extend(replay.differences);
    scene::strike(ground)?;
    let (accepted, refused) = log.tally();
    let most = replay.most.to_string();
    Ok(Report { seed, requests: log.len(), accepted, refused, revisions: replay.revisions, most, differences })
}

fn send_all(
    runtime: &Runtime,
    ground: &Ground,
    options: Options,
    history: &Arc<History>,
    log: &Arc<Log>,
) -> Result<()> {
    let until = Instant::now() + options.time;
    let mut sending = Vec::new();
    for who in PEOPLE {
        let client = runtime.block_on(scene::client(ground, Some(who)))?;
        let sender = Sender::new(client, who, history.clone(), log.clone());
        sending.push(runtime.spawn(work(sender, Hand::deal(options.seed, who), until)));
    }
    sending.into_iter().try_for_each(|person| runtime.block_on(person).context("a person stopped"))
}

async fn work(sender: Sender, mut hand: Hand, until: Instant) {
    while Instant::now() < until {
        let (burst, pause) = hand.burst(acts::any);
        sender.all(burst).await;
        tokio::time::sleep(pause).await;
    }
}
