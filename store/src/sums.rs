//! Sums as this process saw them a moment ago: whoever only foresees needs no statement while they are young.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use policy_engine::ledger::{Account, Balance, Books, Entry, Outcome, Reach, Request, Stamp, decide};

/// How long a sum is believed. What another process charges meanwhile is not in it, and what is foreseen is a warning
/// that can be older than this by the time that somebody reads it.
pub(crate) const YOUNG: Duration = Duration::from_secs(1);
/// How many accounts are remembered: some 200 bytes each.
const MOST: u64 = 16 << 10;

/// Sums of accounts that the writer has loaded or written lately. Clones are the same sums.
#[derive(Clone)]
pub(crate) struct Sums(Cache<Account, Balance>);

impl Sums {
    pub(crate) fn new(young: Duration) -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(young).build())
    }

    /// Notes what a transaction has left behind, or read. `accounts` had been asked for: one of which the books know
    /// nothing was never charged.
    pub(crate) fn note(&self, accounts: &BTreeSet<Account>, books: &Books) {
        for account in accounts {
            self.0.insert(account.clone(), books.balance(account));
        }
    }

    /// What would become of a request that is only foreseen, where all its sums are young.
    pub(crate) fn foresee(&self, request: &Request, now: Timestamp) -> Option<Outcome> {
        let step = Entry::Try(request.clone());
        let mut reach = Reach::default();
        reach.add(&step);
        let Reach { uids, places, accounts } = reach;
        if !uids.is_empty() || !places.is_empty() {
            return None;
        }
        let sums = accounts.into_iter().map(|account| self.0.get(&account).map(|sum| (account, sum)));
        let mut books = Books::new(sums.collect::<Option<Vec<_>>>()?, [], []);
        // Nothing is charged, so that no other step has to be told apart from this one.
        Some(decide(&mut books, &step, Stamp { now, ticket: 0 }).outcome)
    }
}
