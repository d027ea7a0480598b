//! What the reconciler has seen in the cluster, and what that changes. Limits do not matter here: it is so.

use jiff::{SignedDuration, Timestamp};

use super::charge::ChargedKind;
use super::draft::Draft;
use super::{Amounts, Charge, ChargeKey, Limits, ObjectName, Tags};

/// A request that the API server works on ends within this time, its `--request-timeout`. What is admitted and not seen
/// after it never comes.
///
/// # Why not sooner
/// Our validating call is not the last step of a creation: the other webhooks are called beside it and may take 30 s each, then
/// come Kubernetes' own quota and the write, for which only the request as a whole has a bound. What an API server still works on it
/// tells nobody, and what it has not written yet has no resource version. So neither a look by name that finds nothing nor a
/// watch that has passed whatever version proves that it will not come: both say that it was not written *before*. Nor does a
/// controller that tries again: what it was answered with may have been a time-out, and it makes several Pods at a time. There are
/// two proofs, and both are taken within seconds: the object itself, and another under its name. What a later admission
/// refused leaves neither, and is charged for this time. Tries of one name do not add up; there the dearest counts.
pub const REQUEST_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// Something seen. A UID that the ledger does not know changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// A Pod is there, ungated and unfinished.
    Pod {
        /// Its UID.
        uid: String,
        /// Whether it is scheduled.
        bound: bool,
        /// What it costs. Less than was charged counts only when no resize can be on its way any more.
        amounts: Amounts,
        /// Who pays.
        payers: Limits,
        /// When it was so.
        at: Timestamp,
    },
    /// A Pod is there and gated. It costs nothing, unless the request that takes its gate off may be on its way.
    GatedPod {
        /// Its UID.
        uid: String,
        /// When it was so.
        at: Timestamp,
    },
    /// A Pod is gone, finished, or never came.
    PodGone {
        /// Its UID.
        uid: String,
        /// When that was, or was seen.
        at: Timestamp,
    },
    /// A claim is there.
    Claim {
        /// Its UID.
        uid: String,
        /// Whose resource-hours it spends, if it is allocated and reserved for a live Pod.
        bound: Option<Tags>,
        /// Its price: at its dearest, whatever it got.
        price: Amounts,
        /// What it got, where that may cost less.
        got: Option<Got>,
        /// Who pays.
        payers: Limits,
        /// Where it is, as it is shared now.
        place: ObjectName,
        /// Since when it is so.
        at: Timestamp,
    },
    /// A claim is gone, or never came.
    ClaimGone {
        /// Its UID.
        uid: String,
        /// When that was, or was seen.
        at: Timestamp,
    },
}

/// Which of its alternatives a claim got. It keeps them while one of the holders is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// What they cost.
    pub price: Amounts,
    /// UIDs of the Pods that it is reserved for, and that are scheduled. Whoever else names it may start when they have ended, with
    /// another alternative.
    pub holders: Vec<String>,
}

impl Sight {
    /// When it was so.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Pod { at, .. }
            | Self::GatedPod { at, .. }
            | Self::PodGone { at, .. }
            | Self::Claim { at, .. }
            | Self::ClaimGone { at, .. } => *at,
        }
    }

    /// UID of what was seen.
    pub fn uid(&self) -> &str {
        match self {
            Self::Pod { uid, .. }
            | Self::GatedPod { uid, .. }
            | Self::PodGone { uid, .. }
            | Self::Claim { uid, .. }
            | Self::ClaimGone { uid, .. } => uid,
        }
    }

    /// Where what was seen is, if that may have changed.
    pub(super) fn place(&self) -> Option<&ObjectName> {
        match self {
            Self::Claim { place, .. } => Some(place),
            Self::Pod { .. } | Self::GatedPod { .. } | Self::PodGone { .. } | Self::ClaimGone { .. } => None,
        }
    }

    /// Who pays, with their limits now; `None` for what is gone.
    pub(super) fn payers(&self) -> Option<&Limits> {
        match self {
            Self::Pod { payers, .. } | Self::Claim { payers, .. } => Some(payers),
            Self::GatedPod { .. } | Self::PodGone { .. } | Self::ClaimGone { .. } => None,
        }
    }

    /// The charge as this sight makes it, if it stays.
    pub fn seen(&self, charge: &Charge) -> Charge {
        let mut seen = Charge { seen: true, ..charge.clone() };
        match self {
            Self::Pod { bound, amounts, payers, at, .. } => {
                seen.bound = *bound;
                seen.amounts = if settled(charge, *at) { *amounts } else { charge.amounts.max(*amounts) };
                seen.payers = payers.clone();
            }
            Self::Claim { bound, price, got, payers, place, .. } => {
                seen.place.clone_from(place);
                seen.bound = bound.is_some();
                seen.tags.clone_from(bound);
                seen.amounts = got.as_ref().map_or(*price, |got| got.price);
                seen.payers = payers.clone();
            }
            Self::GatedPod { .. } | Self::PodGone { .. } | Self::ClaimGone { .. } => {}
        }
        seen
    }
}

/// Whether no request that raised the charge can be on its way any more.
pub(super) fn settled(charge: &Charge, at: Timestamp) -> bool {
    at.duration_since(charge.raised_at) >= REQUEST_TIMEOUT
}

pub(super) fn draft(draft: &mut Draft<'_>, sight: &Sight) {
    let Some(charge) = draft.charge(&ChargeKey::of(sight.uid())).cloned() else { return };
    match sight {
        Sight::Pod { .. } => draft.put(sight.seen(&charge)),
        Sight::Claim { uid, price, got, place, .. } => {
            let mut seen = sight.seen(&charge);
            if got.as_ref().is_some_and(|got| draft.users_of(place).any(|pod| !got.holders.iter().any(|it| it == pod)))
            {
                seen.amounts = *price;
            }
            draft.put(seen);
            draft.standing_for(uid).into_iter().for_each(|stands| draft.stand_for_claim(stands));
        }
        Sight::GatedPod { at, .. } if settled(&charge, *at) => drop_pod(draft, sight.uid()),
        Sight::GatedPod { .. } => {}
        Sight::PodGone { uid, .. } => drop_pod(draft, uid),
        Sight::ClaimGone { uid, .. } => drop_claim(draft, uid),
    }
}

/// Only what this very request put there, and no other has relied on since.
pub(super) fn withdraw(draft: &mut Draft<'_>, uid: &str, ticket: i64) {
    let Some(charge) = draft.charge(&ChargeKey::of(uid)) else { return };
    if charge.ticket != ticket || charge.seen {
        return;
    }
    match charge.place.kind() {
        ChargedKind::Pod => drop_pod(draft, uid),
        ChargedKind::Claim | ChargedKind::Inline => drop_claim(draft, uid),
    }
}

fn drop_pod(draft: &mut Draft<'_>, uid: &str) {
    for inline in draft.inline_of(uid) {
        draft.drop_charge(inline);
    }
    draft.drop_uses_of(uid);
    draft.drop_charge(ChargeKey::of(uid));
}

/// What stood for the claim stands for the next one: the controller makes it anew while its Pod waits, or has done so.
fn drop_claim(draft: &mut Draft<'_>, uid: &str) {
    draft.drop_charge(ChargeKey::of(uid));
    draft.standing_for(uid).into_iter().for_each(|stands| draft.stand_for_claim(stands));
}
