//! The one task of this process that writes: it gathers what waits, and a batch is one transaction.
//!
//! Batches of all processes come one after another: SQLite has one writer, PostgreSQL a lock that every batch takes
//! first. So a batch is decided against what nobody else changes meanwhile, and there is no order in which two could lock
//! each other out.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use policy_engine::ledger::{Drift, Entry, Reach, Stamp, Verdict, decide};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::Unavailable;
use crate::dialect::{COMMIT, ROLLBACK};
use crate::load_store;
use crate::session::{Address, CONNECT_LIMIT, Session};
use crate::sums::Sums;

/// So many wait; who comes then is told so.
pub(crate) const MOST_WAITING: usize = 4096;
/// So many are decided in one transaction.
const MOST_IN_A_BATCH: usize = 256;
/// A transaction that takes longer is given up with its connection.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(2);
/// A connection that broke is made anew, and the batch is taken again: a step that was written is not written twice.
const ATTEMPTS: usize = 3;

/// What is asked of the writer.
pub(crate) enum Job {
    Step(Box<Step>),
    /// Adds everything up anew and corrects the sums.
    Recount(oneshot::Sender<Result<Vec<Drift>, Unavailable>>),
}

pub(crate) struct Step {
    pub entry: Entry,
    pub stamp: Stamp,
    pub deadline: Instant,
    pub answer: oneshot::Sender<Result<Verdict, Unavailable>>,
}

impl Step {
    /// Nobody waits for it any more: then it is not written.
    fn given_up(&self) -> bool {
        self.answer.is_closed() || Instant::now() >= self.deadline
    }
}

pub(crate) struct Writer {
    pub address: Address,
    /// The connection, while it is good.
    pub session: Option<Session>,
    /// What was written for somebody who had given up when it was. What cannot be taken back is found by the reconciler.
    pub withdrawals: Vec<(Entry, Stamp)>,
    pub sums: Sums,
}

impl Writer {
    /// Until nobody can ask any more.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::with_capacity(MOST_IN_A_BATCH);
        loop {
            gather(&jobs).await;
            if self.withdrawals.is_empty() {
                if jobs.recv_many(&mut waiting, MOST_IN_A_BATCH).await == 0 {
                    return;
                }
            } else {
                while waiting.len() < MOST_IN_A_BATCH
                    && let Ok(job) = jobs.try_recv()
                {
                    waiting.push(job);
                }
            }
            let mut steps = Vec::with_capacity(waiting.len());
            let mut recounts = Vec::new();
            for job in waiting.drain(..) {
                match job {
                    Job::Step(step) => steps.push(*step),
                    Job::Recount(answer) => recounts.push(answer),
                }
            }
            self.take(steps).await;
            for answer in recounts {
                let recounted = self.recount().await;
                let _nobody_waits = answer.send(recounted);
            }
        }
    }

    async fn take(&mut self, mut steps: Vec<Step>) {
        steps.sort_by_key(|step| !step.entry.makes_room());
        let mut attempts = 0;
        let failed = loop {
            steps = expire(steps);
            if steps.is_empty() && self.withdrawals.is_empty() {
                return;
            }
            match self.attempt(&steps).await {
                Ok(Some(verdicts)) => return self.answer(steps, verdicts),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "the ledger's transaction failed");
                    // It may hold half a transaction, and its end rolls that back.
                    let connected = self.session.take().is_some();
                    attempts += 1;
                    if !connected || attempts == ATTEMPTS {
                        break error;
                    }
                }
            }
        };
        self.withdrawals.clear();
        for step in steps {
            let _nobody_waits = step.answer.send(Err(failed.clone()));
        }
    }

    async fn attempt(&mut self, steps: &[Step]) -> Result<Option<Vec<Verdict>>, Unavailable> {
        let dialect = self.address.dialect();
        let session = connected(&self.address, &mut self.session).await?;
        let (withdrawals, sums) = (&self.withdrawals, &self.sums);
        // Who only asks takes nobody's turn.
        let writes = !withdrawals.is_empty() || steps.iter().any(|step| step.entry.writes());
        let transaction = async {
            if writes {
                session.say(dialect.begin).await?;
            }
            let mut reach = Reach::default();
            withdrawals.iter().for_each(|(entry, _)| reach.add(entry));
            steps.iter().for_each(|step| reach.add(&step.entry));
            let mut accounts = reach.accounts.clone();
            let mut books = load_store::load(session, dialect, reach).await?;
            for (entry, stamp) in withdrawals {
                decide(&mut books, entry, *stamp);
            }
            let verdicts = steps.iter().map(|step| decide(&mut books, &step.entry, step.stamp)).collect();
            if !writes {
                sums.note(&accounts, &books);
                return Ok(Some(verdicts));
            }
            let changes = books.take_changes();
            accounts.extend(changes.accounts.iter().map(|(account, _)| account.clone()));
            load_store::write(session, dialect, changes).await?;
            if steps.iter().any(Step::given_up) {
                session.say(ROLLBACK).await?;
                return Ok(None);
            }
            session.say(COMMIT).await?;
            sums.note(&accounts, &books);
            Ok(Some(verdicts))
        };
        tokio::time::timeout(TRANSACTION_LIMIT, transaction).await.unwrap_or(Err(too_slow()))
    }

    fn answer(&mut self, steps: Vec<Step>, verdicts: Vec<Verdict>) {
        self.withdrawals.clear();
        for (step, verdict) in steps.into_iter().zip(verdicts) {
            let Step { entry, stamp, answer, .. } = step;
            if answer.send(Ok(verdict)).is_err()
                && let Some(withdrawal) = entry.withdrawal(stamp.ticket)
            {
                self.withdrawals.push((withdrawal, Stamp { now: Timestamp::now(), ..stamp }));
            }
        }
    }

    async fn recount(&mut self) -> Result<Vec<Drift>, Unavailable> {
        let dialect = self.address.dialect();
        let session = connected(&self.address, &mut self.session).await?;
        let transaction = async {
            session.say(dialect.begin).await?;
            let mut books = load_store::load_all(session).await?;
            let drifts = books.recount();
            load_store::write(session, dialect, books.take_changes()).await?;
            session.say(COMMIT).await?;
            Ok(drifts)
        };
        let recounted = tokio::time::timeout(TRANSACTION_LIMIT, transaction).await.unwrap_or(Err(too_slow()));
        if recounted.is_err() {
            self.session = None;
        }
        recounted
    }
}

/// Until nobody comes any more: who was just answered and asks again at once comes into this batch. Else there would be
/// two crowds that wait for each other, each of half the size.
async fn gather(jobs: &mpsc::Receiver<Job>) {
    let mut waiting = usize::MAX;
    while jobs.len() != waiting && jobs.len() < MOST_IN_A_BATCH {
        waiting = jobs.len();
        tokio::task::yield_now().await;
    }
}

async fn connected<'s>(address: &Address, session: &'s mut Option<Session>) -> Result<&'s mut Session, Unavailable> {
    match session {
        Some(session) => Ok(session),
        None => Ok(session.insert(address.connect(CONNECT_LIMIT).await?)),
    }
}

/// Tells those whose deadline has passed; the others are left.
fn expire(steps: Vec<Step>) -> Vec<Step> {
    let (late, left): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(Step::given_up);
    for step in late {
        let _nobody_waits = step.answer.send(Err(Unavailable::Deadline));
    }
    left
}

fn too_slow() -> Unavailable {
    Unavailable::Database(Arc::new(sqlx::Error::PoolTimedOut))
}
