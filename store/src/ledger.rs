//! The ledger's front door.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use policy_engine::ledger::{
    Account, Balance, Charge, Drift, Entry, Hours, Outcome, Request, Sight, Stamp, UseKey, Verdict,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::Unavailable;
use crate::journal::Journal;
use crate::reader::Reader;
use crate::refusals::Refusals;
use crate::sums::Sums;
use crate::usage::UsageQuery;
use crate::writer::{Job, Step};

/// What nobody waits for with a deadline of its own is given up after this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many steps of the reconciler are handed over at a time, so that admissions find room between them.
const MOST_AT_ONCE: usize = 64;

/// Reserves, observes and answers. Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) reader: Reader,
    pub(crate) journal: Journal,
    pub(crate) refusals: Refusals,
    pub(crate) sums: Sums,
    pub(crate) tickets: Arc<AtomicI64>,
    #[cfg(test)]
    pub(crate) fuse: crate::tests::Fuse,
}

impl Ledger {
    /// The journal in the same database.
    pub fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// What was refused lately, in the same database.
    pub fn refusals(&self) -> Refusals {
        self.refusals.clone()
    }

    /// Charges what is admitted, or says which accounts have no room.
    ///
    /// # Expected flow
    /// From the validating call, when the engine has admitted the object: its UID is set and final there. The same UID
    /// may be reserved again and again: it is charged once.
    ///
    /// # Guarantees
    /// No sum passes a limit of the request, with any number of processes on the same database. What is refused has
    /// changed nothing. What is not answered in time is not written, or is taken back; where the database is lost at that
    /// very moment, the reconciler takes it back.
    ///
    /// # Assumptions
    /// The deadline leaves the caller time to answer.
    ///
    /// # Caveats
    /// A reservation ends when the reconciler has seen that its object is gone, never by time alone.
    ///
    /// # Errors
    /// There is no answer: the caller says *retry*, never that there is no room.
    pub async fn reserve(&self, request: Request, deadline: Instant) -> Result<Outcome, Unavailable> {
        Ok(self.step(Entry::Reserve(request), Timestamp::now(), deadline).await?.outcome)
    }

    /// What [`reserve`](Self::reserve) would say now. Writes nothing.
    ///
    /// # Caveats
    /// A workload's Pods that are only foreseen are weighed against sums that this process saw within the last second.
    ///
    /// # Errors
    /// As `reserve`.
    pub async fn would_fit(&self, request: Request, deadline: Instant) -> Result<Outcome, Unavailable> {
        let now = Timestamp::now();
        match self.sums.foresee(&request, now) {
            Some(foreseen) => Ok(foreseen),
            None => Ok(self.step(Entry::Try(request), now, deadline).await?.outcome),
        }
    }

    /// Charges what runs already, whatever the limits say.
    ///
    /// # Errors
    /// There is no answer; to be said again.
    pub async fn adopt(&self, request: Request) -> Result<(), Unavailable> {
        self.reconcile(vec![Entry::Adopt(request)]).await.map(drop)
    }

    /// Notes what the reconciler has seen. Answers which accounts have more room now.
    ///
    /// # Errors
    /// There is no answer; to be said again.
    pub async fn observe(&self, sights: Vec<Sight>) -> Result<BTreeSet<Account>, Unavailable> {
        let verdicts = self.reconcile(sights.into_iter().map(Entry::Observe).collect()).await?;
        Ok(verdicts.into_iter().flat_map(|verdict| verdict.lowered).collect())
    }

    /// Takes the steps of a [`reconcile`](policy_engine::ledger::reconcile). Answers what became of each, in order.
    ///
    /// # Errors
    /// There is no answer; some steps may have been taken, and all may be taken again.
    pub async fn reconcile(&self, steps: Vec<Entry>) -> Result<Vec<Verdict>, Unavailable> {
        let mut verdicts = Vec::with_capacity(steps.len());
        let mut steps = steps.into_iter().peekable();
        while steps.peek().is_some() {
            let deadline = Instant::now() + PATIENCE;
            let mut answers = Vec::with_capacity(MOST_AT_ONCE);
            for entry in steps.by_ref().take(MOST_AT_ONCE) {
                answers.push(self.hand_over(entry, Timestamp::now(), deadline).await?);
            }
            for answer in answers {
                verdicts.push(answered(answer, deadline).await?);
            }
        }
        Ok(verdicts)
    }

    /// Adds everything up anew, and corrects sums that are not what their charges add up to. There are none, unless
    /// somebody else wrote to the database.
    ///
    /// # Errors
    /// There is no answer; to be asked again.
    pub async fn recount(&self) -> Result<Vec<Drift>, Unavailable> {
        let (answer, answers) = oneshot::channel();
        self.jobs.send(Job::Recount(answer)).await.map_err(|_| Unavailable::Closed)?;
        answered(answers, Instant::now() + PATIENCE).await
    }

    /// Whether somebody has [compared](Self::compared) this ledger with the cluster since it was made. One that nobody
    /// has knows nothing of what runs, and everything seems to fit.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn was_compared(&self) -> Result<bool, Unavailable> {
        self.reader.was_compared().await
    }

    /// Notes that the ledger holds what is there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn compared(&self) -> Result<(), Unavailable> {
        self.reader.compared(Timestamp::now()).await
    }

    /// What an account has.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn balance(&self, account: &Account) -> Result<Balance, Unavailable> {
        Ok(self
            .balances()
            .await?
            .into_iter()
            .find(|(known, _)| known == account)
            .map(|(_, sum)| sum)
            .unwrap_or_default())
    }

    /// What every account has to which something was ever charged.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn balances(&self) -> Result<Vec<(Account, Balance)>, Unavailable> {
        self.reader.balances().await
    }

    /// Everything that is charged, or will be once a Pod uses it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn charges(&self) -> Result<Vec<Charge>, Unavailable> {
        self.reader.charges().await
    }

    /// What is charged and nobody has seen yet, the dearest first, at most so many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn unseen(&self, most: u16) -> Result<Vec<Charge>, Unavailable> {
        self.reader.unseen(most.into()).await
    }

    /// Which Pods use which claims.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn uses(&self) -> Result<Vec<UseKey>, Unavailable> {
        self.reader.uses().await
    }

    /// Resource-hours, by whoever spent them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<Hours>, Unavailable> {
        self.reader.usage(query).await
    }

    /// Forgets intervals that were closed before this time. Answers how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_usage(&self, before: Timestamp) -> Result<u64, Unavailable> {
        self.reader.forget_usage(before).await
    }

    pub(crate) async fn step(&self, entry: Entry, now: Timestamp, deadline: Instant) -> Result<Verdict, Unavailable> {
        let (answer, answers) = oneshot::channel();
        let step = Step { entry, stamp: self.stamp(now), deadline, answer };
        self.jobs.try_send(Job::Step(Box::new(step))).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Unavailable::Busy,
            mpsc::error::TrySendError::Closed(_) => Unavailable::Closed,
        })?;
        answered(answers, deadline).await
    }

    /// Unlike an admission, waits for room in the queue.
    pub(crate) async fn hand_over(
        &self,
        entry: Entry,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<Verdict, Unavailable>>, Unavailable> {
        let (answer, answers) = oneshot::channel();
        let step = Step { entry, stamp: self.stamp(now), deadline, answer };
        let sent = tokio::time::timeout_at(deadline, self.jobs.send(Job::Step(Box::new(step)))).await;
        sent.map_err(|_| Unavailable::Deadline)?.map_err(|_| Unavailable::Closed)?;
        Ok(answers)
    }

    fn stamp(&self, now: Timestamp) -> Stamp {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let next = || self.tickets.fetch_add(1, Ordering::Relaxed);
        Stamp { now, ticket: if ticket == Charge::CONFIRMED { next() } else { ticket } }
    }
}

async fn answered<T>(answers: oneshot::Receiver<Result<T, Unavailable>>, deadline: Instant) -> Result<T, Unavailable> {
    match tokio::time::timeout_at(deadline, answers).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Unavailable::Closed),
        Err(_) => Err(Unavailable::Deadline),
    }
}
