//! One step after another against running sums, each on its own.

use std::collections::BTreeSet;

use super::draft::{Draft, Made};
use super::{
    Account, Amounts, Balance, Books, Charge, ChargeKey, Limits, ObjectName, Request, Resource, Sight, Stamp, Use,
    reserve, sight,
};
use crate::policy::quota::Quota;

/// Beyond this nothing can be counted, also where nothing is limited.
pub const LARGEST: u64 = i64::MAX.unsigned_abs();

/// So many objects of one name are charged at a time. The API server lets one of them exist; the others were tried, and
/// are charged until it is certain that they never came. Whoever tries more often would make every look at the name dear.
pub const MOST_OF_A_NAME: usize = 256;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Charges it, if every account that would have more stays within its limits.
    Reserve(Request),
    /// Says what [`Entry::Reserve`] would, and charges nothing.
    Try(Request),
    /// Charges it whatever the limits say: it runs already.
    Adopt(Request),
    /// What the reconciler has seen.
    Observe(Sight),
    /// Takes back what the request of this ticket charged to a Pod or claim that the ledger did not know before, because
    /// who asked for it has given up. Not if another request has confirmed it since.
    Withdraw {
        /// UID of the Pod or claim.
        uid: String,
        /// The request's.
        ticket: i64,
    },
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is charged.
    Reserved,
    /// Nothing is charged, because these accounts have no room. All of them.
    Refused(Vec<Shortage>),
    /// Nothing is charged, because [so many](MOST_OF_A_NAME) objects that may have this name are.
    Crowded(ObjectName),
}

/// A limit that a request would pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Whose.
    pub account: Account,
    /// Of what.
    pub resource: Resource,
    /// What is used.
    pub used: u64,
    /// What is reserved beside it.
    pub reserved: u64,
    /// What the request would add.
    pub asked: u64,
    /// The limit.
    pub limit: u64,
}

impl Shortage {
    /// The limits that an account passes that has this balance and asks so much more.
    pub fn of(account: &Account, balance: Balance, asked: Amounts, quota: &Quota) -> Vec<Self> {
        let of = |resource: Resource| {
            let limit = resource.limit(quota).unwrap_or(LARGEST).min(LARGEST);
            let (used, reserved) = (balance.used.of(resource), balance.reserved.of(resource));
            let asked = asked.of(resource);
            let account = account.clone();
            let is_passed = used.saturating_add(reserved).saturating_add(asked) > limit;
            is_passed.then_some(Self { account, resource, used, reserved, asked, limit })
        };
        Resource::ALL.into_iter().filter_map(of).collect()
    }
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it. Sights are always [`Outcome::Reserved`].
    pub outcome: Outcome,
    /// The accounts that have more room now.
    pub lowered: BTreeSet<Account>,
    /// The limits that a step which nobody weighed passes, or passes by more than before: of what is adopted, or is seen
    /// to have grown.
    pub over: Vec<Shortage>,
}

impl Verdict {
    fn unchanged(outcome: Outcome) -> Self {
        Self { outcome, lowered: BTreeSet::new(), over: Vec::new() }
    }
}

/// Takes one step.
///
/// # Guarantees
/// A refused or tried step leaves the books as they are. Taking the same step again changes no sum. No step but
/// [`Entry::Adopt`] and [`Entry::Observe`] takes a sum above the limits of the request.
///
/// # Assumptions
/// The books have all that the step [reaches](Reach).
pub fn decide(books: &mut Books, step: &Entry, stamp: Stamp) -> Verdict {
    let mut draft = Draft::of(books);
    let mut at = stamp.now;
    let mut over = Vec::new();
    let made = match step {
        Entry::Reserve(request) | Entry::Try(request) => {
            reserve::draft(&mut draft, request, stamp);
            if let Some(place) = draft.crowded(MOST_OF_A_NAME) {
                return Verdict::unchanged(Outcome::Crowded(place.clone()));
            }
            let made = draft.made();
            let shortages = shortages(&made, &reserve::limits(request));
            if !shortages.is_empty() || matches!(step, Entry::Try(_)) {
                let outcome = if shortages.is_empty() { Outcome::Reserved } else { Outcome::Refused(shortages) };
                return Verdict::unchanged(outcome);
            }
            made
        }
        Entry::Adopt(request) => {
            reserve::draft(&mut draft, request, stamp);
            let made = draft.made();
            over = shortages(&made, &reserve::limits(request));
            made
        }
        Entry::Observe(sight) => {
            let before = draft.charge(&ChargeKey::of(sight.uid())).cloned();
            sight::draft(&mut draft, sight);
            at = sight.at();
            let made = draft.made();
            over = before.map(|before| grown(&made, sight, &before)).unwrap_or_default();
            made
        }
        Entry::Withdraw { uid, ticket } => {
            sight::withdraw(&mut draft, uid, *ticket);
            draft.made()
        }
    };
    let lowered = made.sums.iter().filter(|(_, (new, old))| !old.total().minus(new.total()).is_nothing());
    let lowered = lowered.map(|(account, _)| account.clone()).collect();
    made.take_over(books, at);
    Verdict { outcome: Outcome::Reserved, lowered, over }
}

/// The limits above which something has grown. It is an Admin's doing, and nothing has grown, where somebody pays who did
/// not before, or where what a claim asks has become dearer: what it asks never changes.
fn grown(made: &Made, sight: &Sight, before: &Charge) -> Vec<Shortage> {
    let is_dearer = matches!(sight, Sight::Claim { price, .. } if !price.minus(before.amounts).is_nothing());
    let mut found = if is_dearer { Vec::new() } else { shortages(made, sight.payers().as_slice()) };
    found.retain(|shortage| before.payers.0.contains_key(&shortage.account));
    found
}

/// The limits above which a step takes those who would have more: the limits that it says, else those of the last admission.
fn shortages(made: &Made, limits: &[&Limits]) -> Vec<Shortage> {
    let mut found = Vec::new();
    for (account, (new, old)) in &made.sums {
        let asked = Made::asked(new, old);
        let of_step = limits.iter().find_map(|limits| limits.0.get(account));
        let Some(quota) = of_step.or_else(|| made.limits.get(account)) else { continue };
        found.extend(Shortage::of(account, *old, asked, quota).into_iter().filter(|it| it.asked > 0));
    }
    found
}

/// What a step may read or change: all charges and uses in these places, in all places of charges of, for, or standing for
/// these UIDs, or made for the same Pods, and in all places that Pods of these UIDs use; and the accounts of everything that
/// is found so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// UIDs of Pods and claims.
    pub uids: BTreeSet<String>,
    /// Places.
    pub places: BTreeSet<ObjectName>,
    /// Accounts.
    pub accounts: BTreeSet<Account>,
}

impl Reach {
    /// Adds what one more step reaches.
    pub fn add(&mut self, step: &Entry) {
        match step {
            Entry::Reserve(request) | Entry::Try(request) | Entry::Adopt(request) => self.add_request(request),
            Entry::Observe(sight) => {
                self.uids.insert(sight.uid().to_owned());
                self.places.extend(sight.place().cloned());
            }
            Entry::Withdraw { uid, .. } => {
                self.uids.insert(uid.clone());
            }
        }
    }

    fn add_request(&mut self, request: &Request) {
        for limits in reserve::limits(request) {
            self.accounts.extend(limits.accounts().cloned());
        }
        match request {
            Request::AdmitPod(pod) => {
                // One that is foreseen has neither UID nor name, and nothing of its own is anywhere.
                let is_foreseen = pod.uid.is_empty();
                if !is_foreseen {
                    self.uids.insert(pod.uid.clone());
                    self.places.insert(ObjectName::pod(&pod.namespace, &pod.name, &pod.payers));
                }
                for wanted in &pod.uses {
                    match wanted {
                        Use::Inline { .. } if is_foreseen => {}
                        Use::Inline { reference, .. } => {
                            self.places.insert(ObjectName::inline(&pod.namespace, &pod.name, reference));
                        }
                        Use::Claim { name, payers, shared, .. } => {
                            self.places.insert(ObjectName::claim(&pod.namespace, name, payers, *shared));
                            self.places.extend(ObjectName::claims_for(&pod.namespace, name, &pod.payers));
                        }
                        Use::Unborn { name } => {
                            self.places.extend(ObjectName::claims_for(&pod.namespace, name, &pod.payers));
                        }
                    }
                }
            }
            Request::ClaimMade(claim) => {
                self.uids.insert(claim.uid.clone());
                self.uids.extend(claim.for_pod.iter().map(|pod| pod.uid.clone()));
                self.places.insert(ObjectName::claim(&claim.namespace, &claim.name, &claim.payers, claim.shared));
            }
        }
    }
}

impl Entry {
    /// What takes it back if who asked for it has given up; `None` where that is nothing to take back.
    pub fn withdrawal(&self, ticket: i64) -> Option<Self> {
        let uid = match self {
            Self::Reserve(Request::AdmitPod(pod)) => &pod.uid,
            Self::Reserve(Request::ClaimMade(claim)) => &claim.uid,
            Self::Try(_) | Self::Adopt(_) | Self::Observe(_) | Self::Withdraw { .. } => return None,
        };
        Some(Self::Withdraw { uid: uid.clone(), ticket })
    }

    /// Whether it may change anything.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Try(_))
    }

    /// Whether it can only make room, so that it is taken before what asks for room.
    pub fn makes_room(&self) -> bool {
        match self {
            Self::Observe(_) | Self::Withdraw { .. } => true,
            Self::Reserve(_) | Self::Try(_) | Self::Adopt(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
