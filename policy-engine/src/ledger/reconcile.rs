//! The ledger compared with the cluster: what is to be observed, adopted and looked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::charge::ChargedKind;
use super::sight::{Got, settled};
use super::{AdmitPod, Charge, ClaimMade, Entry, ForPod, ObjectName, Request, Sight, Tags, Use};

/// What is there, by UID: every governed Pod and claim.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Pods.
    pub pods: BTreeMap<String, LivePod>,
    /// Claims.
    pub claims: BTreeMap<String, LiveClaim>,
    /// UIDs of what the watch has heard of since the last view: also of what came and went in between.
    pub passed: BTreeSet<String>,
    /// When it was so. Not later than the charges that it is compared with were read.
    pub at: Timestamp,
}

impl View {
    /// UIDs of everything in it.
    pub fn uids(&self) -> BTreeSet<String> {
        self.pods.keys().chain(self.claims.keys()).cloned().collect()
    }
}

/// A Pod as it is.
#[derive(Clone, Debug)]
pub struct LivePod {
    /// What its admission asks. An inline claim that exists may be said by its reference or by its name.
    pub charge: AdmitPod,
    /// Where it is in its life.
    pub life: Life,
}

/// Where a Pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has a scheduling gate.
    Gated,
    /// It waits for a node.
    Waiting,
    /// It is scheduled, and has not ended.
    Scheduled,
    /// It has ended, whatever of it is still to be read.
    Finished,
}

/// A claim as it is.
#[derive(Clone, Debug)]
pub struct LiveClaim {
    /// What its creation asks.
    pub charge: ClaimMade,
    /// Whose resource-hours it spends, if it is allocated and reserved for a Pod that has not ended.
    pub bound: Option<Tags>,
    /// What it got, where it had a choice.
    pub got: Option<Got>,
}

impl LiveClaim {
    /// That it is so.
    pub fn sight(&self, at: Timestamp) -> Sight {
        let Self { charge: ClaimMade { uid, namespace, name, price, payers, shared, .. }, bound, got } = self;
        let place = ObjectName::claim(namespace, name, payers, *shared);
        let (uid, bound, got, payers) = (uid.clone(), bound.clone(), got.clone(), payers.clone());
        Sight::Claim { uid, bound, price: *price, got, payers, place, at }
    }
}

/// Until what was admitted is seen, as a rule.
const ORDINARY: SignedDuration = SignedDuration::from_secs(3);

/// What a comparison says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconciliation {
    /// Steps to take, in order.
    pub steps: Vec<Entry>,
    /// What is in the view and not charged. Where the ledger was compared before, it may be gone already and somebody
    /// else has seen that: to be asked of the API server by name, and [adopted](Entry::Adopt) if it is there.
    pub uncharged: Vec<(Missing, Request)>,
    /// What somebody has seen, or heard of, or was charged longer ago than a request lasts, and is not in the view: to be
    /// asked of the API server by name. What is not there under this UID either is [gone](Sight::PodGone).
    pub look_for: Vec<Missing>,
    /// What was charged longer ago than an ordinary request takes, and nobody has seen: whoever creates a name that is taken
    /// is refused after it was charged. What finds another under its name does not come.
    pub doubtful: Vec<Missing>,
    /// Claims that are not in the view though a Pod holds them, which are charged on: nobody should have been able to
    /// delete them.
    pub held: Vec<Held>,
}

/// A claim that is gone while a Pod holds its devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The claim.
    pub claim: Missing,
    /// The Pod's name.
    pub pod: String,
    /// The Pod's UID.
    pub pod_uid: String,
}

/// An object that may be nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// UID of the Pod or claim.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether it is a claim, and not a Pod.
    pub claim: bool,
}

impl Missing {
    /// What is charged; `None` of what stands for a claim that is still to be made, and goes with its Pod.
    pub fn of(charge: &Charge) -> Option<Self> {
        let claim = match charge.place.kind() {
            ChargedKind::Pod => false,
            ChargedKind::Claim => true,
            ChargedKind::Inline => return None,
        };
        let (namespace, name) = charge.place.names();
        Some(Self { uid: charge.key.uid.clone(), namespace: namespace.to_owned(), name: name.to_owned(), claim })
    }

    /// That it is not there, or will not come.
    pub fn gone(self, at: Timestamp) -> Sight {
        let Self { uid, claim, .. } = self;
        if claim { Sight::ClaimGone { uid, at } } else { Sight::PodGone { uid, at } }
    }
}

/// Compares all charges with the view. `before` are the UIDs of the last view of the same watch.
///
/// # Assumptions
/// UIDs are never used again, and a watch never goes back: what its last view had and this one has not is gone. What only
/// another process has seen may be too new for this watch.
pub fn reconcile<'a>(
    charges: impl IntoIterator<Item = &'a Charge>,
    view: &View,
    before: &BTreeSet<String>,
) -> Reconciliation {
    let mut found = Reconciliation::default();
    let mut known = BTreeSet::new();
    let holders = Holders::of(view);
    for charge in charges {
        if charge.place.kind() == ChargedKind::Inline {
            continue;
        }
        known.insert(charge.key.uid.as_str());
        if let Some((claim, pod)) = Missing::of(charge).zip(holders.of_gone(charge, view)) {
            let AdmitPod { name, uid, .. } = pod.charge.clone();
            found.held.push(Held { claim, pod: name, pod_uid: uid });
            continue;
        }
        match sight(charge, view, before) {
            Some(sight) => found.steps.extend(news(charge, sight).map(Entry::Observe)),
            None if charge.seen || settled(charge, view.at) || view.passed.contains(&charge.key.uid) => {
                found.look_for.extend(Missing::of(charge));
            }
            None if view.at.duration_since(charge.raised_at) >= ORDINARY => {
                found.doubtful.extend(Missing::of(charge));
            }
            None => {}
        }
    }
    let claims = view.claims.values().filter(|claim| !known.contains(claim.charge.uid.as_str()));
    found.uncharged.extend(claims.map(|claim| {
        let ClaimMade { uid, namespace, name, .. } = claim.charge.clone();
        (Missing { uid, namespace, name, claim: true }, Request::ClaimMade(claim.charge.clone()))
    }));
    let pods = view.pods.values().filter(|pod| !known.contains(pod.charge.uid.as_str()));
    let pods = pods.filter(|pod| matches!(pod.life, Life::Waiting | Life::Scheduled));
    found.uncharged.extend(pods.map(|pod| {
        let AdmitPod { uid, namespace, name, .. } = pod.charge.clone();
        (Missing { uid, namespace, name, claim: false }, Request::AdmitPod(pod.charge.clone()))
    }));
    found
}

/// The scheduled Pods that name a claim which none of that name is allocated for: they hold what they were scheduled with.
struct Holders<'a> {
    by_name: BTreeMap<(&'a str, &'a str), Vec<&'a LivePod>>,
    /// Claims that were made for a Pod, are there and are used.
    made: BTreeSet<&'a ForPod>,
}

impl<'a> Holders<'a> {
    fn of(view: &'a View) -> Self {
        let is_used = |uid: &str| view.claims.get(uid).is_some_and(|claim| claim.bound.is_some());
        let scheduled = view.pods.values().filter(|pod| pod.life == Life::Scheduled);
        let named = scheduled.flat_map(|pod| pod.charge.uses.iter().map(move |wanted| (pod, wanted)));
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (pod, wanted) in named {
            let name = match wanted {
                Use::Claim { name, uid, .. } if !is_used(uid) => name,
                Use::Unborn { name } => name,
                Use::Claim { .. } | Use::Inline { .. } => continue,
            };
            by_name.entry((pod.charge.namespace.as_str(), name.as_str())).or_default().push(pod);
        }
        let used = view.claims.values().filter(|claim| claim.bound.is_some());
        Self { by_name, made: used.filter_map(|claim| claim.charge.for_pod.as_ref()).collect() }
    }

    /// The Pod that holds what is charged, where that is a claim and gone. One that nobody has seen may never have come; one
    /// that the Pod may not use, and that was not seen to be held, a colleague has made and taken away under that name.
    fn of_gone(&self, charge: &Charge, view: &'a View) -> Option<&'a LivePod> {
        let is_there = view.claims.contains_key(&charge.key.uid);
        if charge.place.kind() != ChargedKind::Claim || is_there || !charge.seen {
            return None;
        }
        match &charge.made_for {
            Some(made_for) if self.made.contains(made_for) => None,
            Some(made_for) => view.pods.get(&made_for.uid).filter(|pod| pod.life == Life::Scheduled),
            None => {
                let (namespace, name) = charge.place.names();
                let is_for =
                    |pod: &LivePod| ObjectName::claims_for(namespace, name, &pod.charge.payers).contains(&charge.place);
                let pods = self.by_name.get(&(namespace, name))?;
                pods.iter().find(|pod| charge.bound || is_for(pod)).copied()
            }
        }
    }
}

/// What the view says of a charge; nothing of one that is not there and never was in this watch.
fn sight(charge: &Charge, view: &View, before: &BTreeSet<String>) -> Option<Sight> {
    let (uid, at) = (charge.key.uid.clone(), view.at);
    let was_there = before.contains(&uid);
    if charge.place.kind() == ChargedKind::Claim {
        return match view.claims.get(&uid) {
            Some(claim) => Some(claim.sight(at)),
            None => was_there.then_some(Sight::ClaimGone { uid, at }),
        };
    }
    let Some(LivePod { charge: AdmitPod { amounts, payers, .. }, life }) = view.pods.get(&uid) else {
        return was_there.then_some(Sight::PodGone { uid, at });
    };
    Some(match life {
        Life::Gated => Sight::GatedPod { uid, at },
        Life::Finished => Sight::PodGone { uid, at },
        Life::Waiting | Life::Scheduled => {
            Sight::Pod { uid, bound: *life == Life::Scheduled, amounts: *amounts, payers: payers.clone(), at }
        }
    })
}

/// The sight, if the ledger does not say so already.
fn news(charge: &Charge, sight: Sight) -> Option<Sight> {
    let says_more = match &sight {
        Sight::Pod { .. } | Sight::Claim { .. } => sight.seen(charge) != *charge,
        Sight::GatedPod { at, .. } => settled(charge, *at),
        Sight::PodGone { .. } | Sight::ClaimGone { .. } => true,
    };
    says_more.then_some(sight)
}

#[cfg(test)]
mod tests;
