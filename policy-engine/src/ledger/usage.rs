//! Resource-hours: intervals in which a claim was bound.

use jiff::Timestamp;

use super::{Amounts, Charge, Tags};

/// What was spent under one set of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Whose.
    pub tags: Tags,
    /// Effective GPU, in thousandths, times seconds.
    pub milli_gpu_seconds: u64,
    /// Devices times seconds.
    pub device_seconds: u64,
}

/// An interval begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageChange {
    /// The claim is bound from now on, at this price.
    Open {
        /// Its UID.
        claim: String,
        /// Since when.
        at: Timestamp,
        /// What it spends per unit of time.
        amounts: Amounts,
        /// Whose hours.
        tags: Tags,
    },
    /// The claim's open interval ends.
    Close {
        /// Its UID.
        claim: String,
        /// When.
        at: Timestamp,
    },
}

/// What changes when a charge becomes another: an interval has one price and one set of tags.
pub(super) fn changes(old: Option<&Charge>, new: Option<&Charge>, at: Timestamp) -> Vec<UsageChange> {
    let (before, after) = (old.and_then(spends), new.and_then(spends));
    if before == after {
        return Vec::new();
    }
    let close = before.map(|(claim, ..)| UsageChange::Close { claim: claim.to_owned(), at });
    let open = after.map(|(claim, amounts, tags)| UsageChange::Open {
        claim: claim.to_owned(),
        at,
        amounts,
        tags: tags.clone(),
    });
    close.into_iter().chain(open).collect()
}

fn spends(charge: &Charge) -> Option<(&str, Amounts, &Tags)> {
    charge.tags.as_ref().filter(|_| charge.bound).map(|tags| (charge.key.uid.as_str(), charge.amounts, tags))
}
