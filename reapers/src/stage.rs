//! What daemons see, what they write with, and what one lets another hear.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use cluster::leases::identity;
use cluster::view::ledger::Prices;
use cluster::world::World;
use cluster::write::Writer;
use policy_engine::ledger::Account;
use store::Ledger;
use tokio::sync::watch;

use crate::metrics::Metrics;

/// What all daemons of a process share. Clones share it too.
#[derive(Clone)]
pub struct Stage {
    /// What exists.
    pub world: World,
    /// All writes to the API server.
    pub writer: Writer,
    /// What is charged.
    pub ledger: Ledger,
    /// What claims cost.
    pub prices: Prices,
    /// Who has more room in the ledger than before.
    pub room: Room,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: Arc<str>,
}

impl Stage {
    /// A stage on what this process knows.
    pub fn new(world: World, own_namespace: &str, ledger: Ledger) -> Self {
        Self {
            writer: Writer::new(&world, identity()),
            world,
            ledger,
            prices: Prices::default(),
            room: Room::default(),
            metrics: Arc::default(),
            own_namespace: own_namespace.into(),
        }
    }
}

/// The accounts that have more room than when somebody last took note of them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Room {
    accounts: Arc<Mutex<BTreeSet<Account>>>,
    grew: watch::Sender<()>,
}

impl Room {
    /// These have more room now.
    pub fn grew(&self, accounts: BTreeSet<Account>) {
        if !accounts.is_empty() {
            self.accounts.lock().unwrap_or_else(PoisonError::into_inner).extend(accounts);
            self.grew.send_replace(());
        }
    }

    /// Those that have more room since this was last asked.
    pub fn take(&self) -> BTreeSet<Account> {
        std::mem::take(&mut *self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears when there are more.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.grew.subscribe()
    }
}
