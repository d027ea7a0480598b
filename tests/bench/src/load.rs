//! The load generator: 8 connections over TLS, kept open, each sending its next review when the last is answered.
//!
//! The first answer to each review is judged by whoever calls; every later one must be the same, byte for byte. An
//! answer that is an error, or another one, fails the run: what is measured must be work that was done.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use futures::future::try_join_all;
use hyper::Method;

use crate::numbers::{micros, percentile_ms};
use crate::reviews::{Mix, Review};
use crate::wire::{Connection, Door};

/// As many as the API server keeps open under load.
pub const CONNECTIONS: usize = 8;

/// A webhook that is asked.
#[derive(Clone)]
pub struct Target(Door);

/// The number of the next call that this process makes.
fn next() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}

/// What one run of load gave.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// How long each review took, in microseconds, in no order.
    pub latencies: Vec<u32>,
    /// The same of the large reviews alone.
    pub large: Vec<u32>,
    /// The same by the review's index in the mix.
    pub by_index: BTreeMap<usize, Vec<u32>>,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Load {
    /// Reviews a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// A percentile of the latencies, in milliseconds.
    pub fn percentile_ms(&mut self, percent: f64) -> f64 {
        percentile_ms(&mut self.latencies, percent)
    }

    /// The reviews that take longest, the slowest first: what happened, the entry, and the median in milliseconds.
    pub fn slowest(&mut self, mix: &Mix, count: usize) -> Vec<(&'static str, String, f64)> {
        let mut all: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for (index, took) in std::mem::take(&mut self.by_index) {
            let review = &mix.all()[index];
            let entry = review.path.split('?').next().unwrap_or_default();
            all.entry((review.what, entry.to_owned())).or_default().extend(took);
        }
        let medians = all.into_iter().map(|((what, entry), mut took)| (what, entry, percentile_ms(&mut took, 50.0)));
        let mut medians: Vec<_> = medians.collect();
        medians.sort_by(|(.., one), (.., other)| other.total_cmp(one));
        medians.truncate(count);
        medians
    }

    /// The median of the large reviews' latencies, in milliseconds.
    pub fn large_ms(&mut self) -> f64 {
        percentile_ms(&mut self.large, 50.0)
    }
}

impl Target {
    /// The webhook on a port of loopback, trusted by the CA in a Sluice's directory of certificates.
    pub fn new(port: u16, certs: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self(Door::new(address, &certs.join("ca.crt"), None)?))
    }

    /// Where it is, as webhook configurations say it.
    pub fn url(&self) -> String {
        format!("https://{}", self.0.address())
    }

    /// The answer to each review, sent once.
    pub async fn ask(&self, mix: &Mix) -> Result<Vec<Bytes>> {
        let mut connection = self.0.connect().await?;
        let mut answers = Vec::new();
        for review in mix.all() {
            answers.push(send(&mut connection, review).await.with_context(|| review.what)?);
        }
        Ok(answers)
    }

    /// Sends reviews for a while; `answers` are what they must be answered with.
    pub async fn load(&self, mix: &Arc<Mix>, answers: &Arc<Vec<Bytes>>, lasts: Duration) -> Result<Load> {
        let connections = try_join_all((0..CONNECTIONS).map(|_| self.0.connect())).await?;
        let started = Instant::now();
        let until = started + lasts;
        let each = connections.into_iter().enumerate().map(|(number, connection)| {
            // Each connection is elsewhere in the order, or large reviews would come at once.
            let first = number * 1117;
            tokio::spawn(keep_sending(connection, Arc::clone(mix), Arc::clone(answers), first, until))
        });
        let mut all = Load::default();
        for one in try_join_all(each).await? {
            let one = one?;
            all.latencies.extend(one.latencies);
            all.large.extend(one.large);
            one.by_index.into_iter().for_each(|(index, took)| all.by_index.entry(index).or_default().extend(took));
        }
        all.took = started.elapsed();
        Ok(all)
    }
}

async fn send(connection: &mut Connection, review: &Review) -> Result<Bytes> {
    let (status, body) = connection.send(Method::POST, &review.path, review.body(next())).await?;
    ensure!(status == 200, "was answered with {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}

async fn keep_sending(
    mut connection: Connection,
    mix: Arc<Mix>,
    answers: Arc<Vec<Bytes>>,
    first: usize,
    until: Instant,
) -> Result<Load> {
    let mut load = Load::default();
    for step in first.. {
        let index = mix.at(step);
        let review = &mix.all()[index];
        let begin = Instant::now();
        let answer = send(&mut connection, review).await.with_context(|| review.what)?;
        let micros = micros(begin.elapsed());
        ensure!(
            answer == answers[index],
            "{} was answered with\n{}\nand before with\n{}",
            review.what,
            String::from_utf8_lossy(&answer),
            String::from_utf8_lossy(&answers[index])
        );
        load.latencies.push(micros);
        load.by_index.entry(index).or_default().push(micros);
        if review.is_large() {
            load.large.push(micros);
        }
        if begin >= until {
            break;
        }
    }
    Ok(load)
}
