//! The part of the ledger that a batch touches, in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Amounts, Charge, ChargeKey, ObjectName, UsageChange, UseKey};

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Bound: scheduled Pods, allocated claims.
    pub used: Amounts,
    /// Charged to what waits.
    pub reserved: Amounts,
}

impl Balance {
    /// What counts against limits.
    #[must_use]
    pub fn total(&self) -> Amounts {
        self.used.plus(self.reserved)
    }
}

/// Sums, charges and uses. Whoever loads them loads whole places: all charges and all uses of each.
#[derive(Clone, Debug, Default)]
pub struct Books {
    accounts: BTreeMap<Account, Balance>,
    charges: BTreeMap<ChargeKey, Charge>,
    at_place: BTreeMap<ObjectName, BTreeSet<ChargeKey>>,
    uses: BTreeMap<ObjectName, BTreeSet<String>>,
    changed: Changed,
}

#[derive(Clone, Debug, Default)]
struct Changed {
    accounts: BTreeSet<Account>,
    charges: BTreeSet<ChargeKey>,
    uses: BTreeSet<UseKey>,
    usage: Vec<UsageChange>,
}

/// What is to be written, each row at most once. What already is as it should be may be among it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Sums as they are now.
    pub accounts: Vec<(Account, Balance)>,
    /// Charges as they are now.
    pub charges: Vec<Charge>,
    /// Charges that are no more.
    pub dropped_charges: Vec<ChargeKey>,
    /// Uses that there are now.
    pub uses: Vec<UseKey>,
    /// Uses that are no more.
    pub dropped_uses: Vec<UseKey>,
    /// Intervals that begin and end, in order.
    pub usage: Vec<UsageChange>,
}

/// An account whose sum is not what its charges add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which.
    pub account: Account,
    /// What the sum says.
    pub kept: Balance,
    /// What the charges say.
    pub counted: Balance,
}

impl Books {
    /// What was loaded.
    pub fn new(
        accounts: impl IntoIterator<Item = (Account, Balance)>,
        charges: impl IntoIterator<Item = Charge>,
        uses: impl IntoIterator<Item = UseKey>,
    ) -> Self {
        let mut books = Self { accounts: accounts.into_iter().collect(), ..Self::default() };
        for charge in charges {
            books.set_charge(charge.key.clone(), Some(charge));
        }
        for key in uses {
            books.set_use(key, true);
        }
        books.changed = Changed::default();
        books
    }

    /// What an account has; nothing if nothing was ever charged to it.
    pub fn balance(&self, account: &Account) -> Balance {
        self.accounts.get(account).copied().unwrap_or_default()
    }

    /// All charges.
    pub fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.charges.values()
    }

    /// What changed since this was loaded.
    pub fn take_changes(&mut self) -> Changes {
        let Changed { accounts, charges, uses, usage } = std::mem::take(&mut self.changed);
        let mut changes = Changes { usage, ..Changes::default() };
        changes.accounts = accounts.into_iter().map(|account| (account.clone(), self.balance(&account))).collect();
        for key in charges {
            match self.charges.get(&key) {
                Some(charge) => changes.charges.push(charge.clone()),
                None => changes.dropped_charges.push(key),
            }
        }
        for key in uses {
            let list = if self.is_used_by(&key) { &mut changes.uses } else { &mut changes.dropped_uses };
            list.push(key);
        }
        changes
    }

    /// Adds everything up anew and corrects the sums. To be asked of a ledger that is loaded whole.
    pub fn recount(&mut self) -> Vec<Drift> {
        let mut counted: BTreeMap<Account, Balance> = BTreeMap::new();
        for place in self.at_place.keys() {
            let used = self.uses.get(place).is_some_and(|pods| !pods.is_empty());
            for (account, balance) in contribution(self.at(place), place, used) {
                let sum = counted.entry(account).or_default();
                *sum = Balance { used: sum.used.plus(balance.used), reserved: sum.reserved.plus(balance.reserved) };
            }
        }
        let accounts: BTreeSet<Account> = self.accounts.keys().chain(counted.keys()).cloned().collect();
        let compare = |account: Account| {
            let (kept, counted) = (self.balance(&account), counted.get(&account).copied().unwrap_or_default());
            (kept != counted).then_some(Drift { account, kept, counted })
        };
        let drifts: Vec<Drift> = accounts.into_iter().filter_map(compare).collect();
        for Drift { account, counted, .. } in &drifts {
            self.set_standing(account.clone(), *counted);
        }
        drifts
    }

    pub(super) fn charge(&self, key: &ChargeKey) -> Option<&Charge> {
        self.charges.get(key)
    }

    pub(super) fn at(&self, place: &ObjectName) -> impl Iterator<Item = &Charge> {
        self.at_place.get(place).into_iter().flatten().filter_map(|key| self.charges.get(key))
    }

    pub(super) fn users_of(&self, place: &ObjectName) -> impl Iterator<Item = &str> {
        self.uses.get(place).into_iter().flatten().map(String::as_str)
    }

    pub(super) fn uses_of(&self, pod_uid: &str) -> Vec<UseKey> {
        let places = self.uses.iter().filter(|(_, pods)| pods.contains(pod_uid));
        places.map(|(place, _)| UseKey { place: place.clone(), pod_uid: pod_uid.to_owned() }).collect()
    }

    pub(super) fn set_charge(&mut self, key: ChargeKey, charge: Option<Charge>) {
        if let Some(old) = self.charges.remove(&key)
            && let Some(keys) = self.at_place.get_mut(&old.place)
        {
            keys.remove(&key);
        }
        if let Some(charge) = charge {
            self.at_place.entry(charge.place.clone()).or_default().insert(key.clone());
            self.charges.insert(key.clone(), charge);
        }
        self.changed.charges.insert(key);
    }

    pub(super) fn set_use(&mut self, key: UseKey, there: bool) {
        let pods = self.uses.entry(key.place.clone()).or_default();
        if there {
            pods.insert(key.pod_uid.clone());
        } else {
            pods.remove(&key.pod_uid);
        }
        self.changed.uses.insert(key);
    }

    pub(super) fn set_standing(&mut self, account: Account, balance: Balance) {
        self.accounts.insert(account.clone(), balance);
        self.changed.accounts.insert(account);
    }

    pub(super) fn add_usage(&mut self, changes: Vec<UsageChange>) {
        self.changed.usage.extend(changes);
    }

    fn is_used_by(&self, key: &UseKey) -> bool {
        self.uses.get(&key.place).is_some_and(|pods| pods.contains(&key.pod_uid))
    }
}

/// What a place costs each account: the dearest of its charges, and of those that are bound the dearest as *used*. Claims
/// cost nothing while no Pod uses them or holds them all the same, and what stands for a claim nothing once that is made.
pub(super) fn contribution<'a>(
    charges: impl Iterator<Item = &'a Charge>,
    place: &ObjectName,
    used: bool,
) -> BTreeMap<Account, Balance> {
    use super::charge::ChargedKind;
    let mut most: BTreeMap<&Account, (Amounts, Amounts)> = BTreeMap::new();
    let counts = |charge: &&Charge| match place.kind() {
        ChargedKind::Pod => true,
        ChargedKind::Inline => charge.claim.is_none(),
        ChargedKind::Claim => used || charge.bound,
    };
    for charge in charges.filter(counts) {
        for account in charge.payers.accounts() {
            let (total, bound) = most.entry(account).or_default();
            *total = total.max(charge.amounts);
            if charge.bound {
                *bound = bound.max(charge.amounts);
            }
        }
    }
    let balance = |(total, used): (Amounts, Amounts)| Balance { used, reserved: total.minus(used) };
    most.into_iter().map(|(account, sums)| (account.clone(), balance(sums))).collect()
}
