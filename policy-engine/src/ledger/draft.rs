//! What the books would be if a step was taken: made beside them, weighed, and then taken or thrown away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::books::contribution;
use super::{Account, Amounts, Balance, Books, Charge, ChargeKey, ForPod, ObjectName, UseKey, usage};
use crate::policy::quota::Quota;

pub(super) struct Draft<'a> {
    books: &'a Books,
    charges: BTreeMap<ChargeKey, Option<Charge>>,
    uses: BTreeMap<UseKey, bool>,
}

/// A draft without the books, ready to be taken over.
pub(super) struct Made {
    charges: BTreeMap<ChargeKey, Option<Charge>>,
    uses: BTreeMap<UseKey, bool>,
    /// What each account would have, and has: only those that change.
    pub sums: BTreeMap<Account, (Balance, Balance)>,
    /// The limits that those who pay had when they were last admitted.
    pub limits: BTreeMap<Account, Quota>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(books: &'a Books) -> Self {
        Self { books, charges: BTreeMap::new(), uses: BTreeMap::new() }
    }

    pub(super) fn charge(&self, key: &ChargeKey) -> Option<&Charge> {
        self.charges.get(key).map_or_else(|| self.books.charge(key), Option::as_ref)
    }

    pub(super) fn put(&mut self, charge: Charge) {
        self.charges.insert(charge.key.clone(), Some(charge));
    }

    pub(super) fn drop_charge(&mut self, key: ChargeKey) {
        self.charges.insert(key, None);
    }

    pub(super) fn put_use(&mut self, place: ObjectName, pod_uid: &str) {
        self.uses.insert(UseKey { place, pod_uid: pod_uid.to_owned() }, true);
    }

    pub(super) fn drop_uses_of(&mut self, pod_uid: &str) {
        for key in self.books.uses_of(pod_uid) {
            self.uses.insert(key, false);
        }
    }

    /// The claims that were made for a reference of a Pod. One of them exists; of the others nobody knows yet that they
    /// never came, or are gone.
    pub(super) fn made_for(&self, pod: &ForPod) -> impl Iterator<Item = &Charge> {
        self.charges_where(move |charge| charge.made_for.as_ref() == Some(pod))
    }

    /// What stands for a claim of this UID.
    pub(super) fn standing_for(&self, claim_uid: &str) -> Vec<Charge> {
        self.charges_where(|charge| charge.claim.as_deref() == Some(claim_uid)).cloned().collect()
    }

    /// What stands for claims of this Pod that are still to be made.
    pub(super) fn inline_of(&self, pod_uid: &str) -> Vec<ChargeKey> {
        let inline = |charge: &Charge| charge.key.uid == pod_uid && !charge.key.reference.is_empty();
        self.charges_where(inline).map(|charge| charge.key.clone()).collect()
    }

    /// Puts what was reserved for a claim of a Pod's own, and charges a claim that was made for it instead, if there is one.
    ///
    /// While nobody has seen that claim it costs no less than was reserved: it may never come, and the next one be as
    /// large. A smaller one that was seen gives the difference back for good: it may be somebody else's by the time that
    /// the claim is gone. So what a claim leaves behind is never more than it cost.
    pub(super) fn stand_for_claim(&mut self, mut stands: Charge) {
        let ChargeKey { uid, reference } = stands.key.clone();
        let made = self.made_for(&ForPod { uid, reference }).max_by_key(|claim| claim.seen).cloned();
        stands.claim = made.as_ref().map(|claim| claim.key.uid.clone());
        if let Some(mut claim) = made {
            if claim.seen {
                stands.amounts = stands.amounts.min(claim.amounts);
            } else {
                claim.amounts = claim.amounts.max(stands.amounts);
                self.put(claim);
            }
        }
        self.put(stands);
    }

    fn charges_where(&self, wanted: impl Fn(&Charge) -> bool + Copy) -> impl Iterator<Item = &Charge> {
        // Few are wanted: the others need not be looked for among what changes.
        let kept = self.books.charges().filter(move |it| wanted(it) && !self.charges.contains_key(&it.key));
        kept.chain(self.charges.values().flatten().filter(move |it| wanted(it)))
    }

    /// A place that a new charge would have with so many others or more.
    pub(super) fn crowded(&self, most: usize) -> Option<&ObjectName> {
        let new = self.charges.values().flatten().filter(|charge| self.books.charge(&charge.key).is_none());
        new.map(|charge| &charge.place).find(|place| self.books.at(place).count() >= most)
    }

    /// Adds up what changes: before and after, of each place that the draft touches.
    pub(super) fn made(self) -> Made {
        let mut places: BTreeSet<&ObjectName> = self.uses.keys().map(|key| &key.place).collect();
        places.extend(self.charges.values().flatten().map(|charge| &charge.place));
        places.extend(self.charges.keys().filter_map(|key| self.books.charge(key)).map(|charge| &charge.place));
        let mut sums: BTreeMap<Account, (Balance, Balance)> = BTreeMap::new();
        let mut limits: BTreeMap<Account, (Timestamp, Quota)> = BTreeMap::new();
        for place in places {
            for charge in self.at(place) {
                for (account, quota) in &charge.payers.0 {
                    let known = limits.entry(account.clone()).or_insert((charge.raised_at, *quota));
                    if known.0 < charge.raised_at {
                        *known = (charge.raised_at, *quota);
                    }
                }
            }
            let used = self.books.users_of(place).next().is_some();
            let before = contribution(self.books.at(place), place, used);
            let after = contribution(self.at(place), place, self.is_used(place));
            for (account, balance) in before {
                let (new, _) = entry(&mut sums, self.books, account);
                *new = Balance { used: new.used.minus(balance.used), reserved: new.reserved.minus(balance.reserved) };
            }
            for (account, balance) in after {
                let (new, _) = entry(&mut sums, self.books, account);
                *new = Balance { used: new.used.plus(balance.used), reserved: new.reserved.plus(balance.reserved) };
            }
        }
        sums.retain(|_, (new, old)| new != old);
        let limits = limits.into_iter().map(|(account, (_, quota))| (account, quota)).collect();
        Made { charges: self.charges, uses: self.uses, sums, limits }
    }

    fn at(&self, place: &ObjectName) -> impl Iterator<Item = &Charge> {
        let kept = self.books.at(place).filter(|charge| !self.charges.contains_key(&charge.key));
        kept.chain(self.charges.values().flatten().filter(move |charge| charge.place == *place))
    }

    fn is_used(&self, place: &ObjectName) -> bool {
        self.users_of(place).next().is_some()
    }

    /// UIDs of the Pods that use a place.
    pub(super) fn users_of<'s>(&'s self, place: &'s ObjectName) -> impl Iterator<Item = &'s str> {
        let said = |pod_uid: &str| self.uses.get(&UseKey { place: place.clone(), pod_uid: pod_uid.to_owned() });
        let kept = self.books.users_of(place).filter(move |pod_uid| said(pod_uid).is_none_or(|there| *there));
        let new = self.uses.iter().filter(move |(key, there)| **there && key.place == *place);
        kept.chain(new.map(|(key, _)| key.pod_uid.as_str()))
    }
}

fn entry<'s>(
    sums: &'s mut BTreeMap<Account, (Balance, Balance)>,
    books: &Books,
    account: Account,
) -> &'s mut (Balance, Balance) {
    let balance = books.balance(&account);
    sums.entry(account).or_insert((balance, balance))
}

impl Made {
    /// What an account would have more.
    pub(super) fn asked(new: &Balance, old: &Balance) -> Amounts {
        new.total().minus(old.total())
    }

    /// Makes it so.
    pub(super) fn take_over(self, books: &mut Books, at: Timestamp) {
        for (key, charge) in self.charges {
            if books.charge(&key) == charge.as_ref() {
                continue;
            }
            books.add_usage(usage::changes(books.charge(&key), charge.as_ref(), at));
            books.set_charge(key, charge);
        }
        for (key, there) in self.uses {
            books.set_use(key, there);
        }
        for (account, (new, _)) in self.sums {
            books.set_standing(account, new);
        }
    }
}
