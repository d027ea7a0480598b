//! What is charged for objects that are no more, or never came.
//!
//! Daemons find both within seconds. Who deletes a Pod and creates the next one does so within milliseconds. So before anybody
//! is refused for lack of room, the ledger hears what has ended since it was last told.
//!
//! Whoever creates a name that exists is refused by the API server after the ledger has reserved for it, under a UID that
//! nobody will see: for a minute it would stand in everybody's way. So what nobody has seen yet in the accounts that are
//! short is asked for by name. Where the name is another object's, which is not being deleted, what was to get the name does
//! not come.

use std::collections::BTreeSet;
use std::time::Duration;

use cluster::lookup::names::{UnderItsName, under_its_name};
use cluster::view;
use cluster::view::ledger::Prices;
use cluster::world::World;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use moka::sync::Cache;
use policy_engine::ledger::{Account, Missing, Sight};
use policy_engine::policy::Policy;
use store::Ledger;
use tokio::time::{Instant, timeout_at};

/// At most so many are read of the ledger, and asked of the API server, for one refusal; the dearest come first.
const MOST: u16 = 32;
/// So many are asked for at a time.
const AT_A_TIME: usize = 8;
/// Of an account it is not asked more often than this: controllers try again and again what is refused.
const EVERY: Duration = Duration::from_millis(500);
/// How many accounts are remembered: some 100 bytes each.
const MOST_ACCOUNTS: u64 = 16 << 10;

/// Remembers which accounts were asked for lately, and what claims cost. Clones are the same memory.
#[derive(Clone)]
pub(crate) struct LeftOver {
    asked: Cache<Account, ()>,
    pub(crate) prices: Prices,
}

impl Default for LeftOver {
    fn default() -> Self {
        let asked = Cache::builder().max_capacity(MOST_ACCOUNTS).time_to_live(EVERY).build();
        Self { asked, prices: Prices::default() }
    }
}

impl LeftOver {
    /// Gives back what has ended, whoever paid for it, and what these accounts pay for objects that do not come. Says whether
    /// it was anything.
    pub(crate) async fn give_back(
        &self,
        (ledger, world, policy): (&Ledger, &World, &Policy),
        short: &BTreeSet<Account>,
        deadline: Instant,
    ) -> bool {
        let ended = view::ledger::ended(world, &self.prices, policy);
        let any_ended = observe(ledger, ended, deadline).await;
        let due: BTreeSet<_> = short.iter().filter(|account| self.is_due(account)).collect();
        if due.is_empty() {
            return any_ended;
        }
        // Where the ledger does not answer in time the refusal stands; the reconciler looks for them later.
        let unseen = match timeout_at(deadline, ledger.unseen(MOST)).await {
            Ok(Ok(unseen)) => unseen,
            Ok(Err(unavailable)) => return unanswered(&unavailable) || any_ended,
            Err(late) => return unanswered(&late) || any_ended,
        };
        let of_theirs = unseen.into_iter().filter(|charge| charge.payers.accounts().any(|payer| due.contains(payer)));
        let asked = of_theirs.filter_map(|charge| Missing::of(&charge)).map(async |missing| {
            let found = under_its_name(world, &missing, deadline).await;
            matches!(found, Ok(UnderItsName::Another)).then(|| missing.gone(Timestamp::now()))
        });
        let gone: Vec<Sight> =
            stream::iter(asked).buffer_unordered(AT_A_TIME).filter_map(async |gone| gone).collect().await;
        observe(ledger, gone, deadline).await || any_ended
    }

    fn is_due(&self, account: &Account) -> bool {
        self.asked.entry_by_ref(account).or_insert(()).is_fresh()
    }
}

/// Says whether anybody has more room now.
async fn observe(ledger: &Ledger, sights: Vec<Sight>, deadline: Instant) -> bool {
    if sights.is_empty() {
        return false;
    }
    match timeout_at(deadline, ledger.observe(sights)).await {
        Ok(Ok(lowered)) => !lowered.is_empty(),
        Ok(Err(unavailable)) => unanswered(&unavailable),
        Err(late) => unanswered(&late),
    }
}

fn unanswered(error: &(dyn std::error::Error + 'static)) -> bool {
    tracing::debug!(error, "what is left over was not given back before a refusal");
    false
}
