//! What admission asks of the ledger. Everything is keyed on UIDs, which are set and final in the validating call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Amounts, Limits};

/// One admission that costs something, or may cost something later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A Pod is created without a gate, its last gate is taken off, or it is resized.
    AdmitPod(AdmitPod),
    /// A ResourceClaim is created.
    ClaimMade(ClaimMade),
}

/// A Pod that will run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmitPod {
    /// Its UID. Nothing where the Pod is only foreseen: to be [tried](super::Entry::Try), never charged.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its CPU and memory.
    pub amounts: Amounts,
    /// Who pays for those, and for its inline claims.
    pub payers: Limits,
    /// The claims that it names, each reference once.
    pub uses: Vec<Use>,
}

impl AdmitPod {
    /// What it asks in all, with the claims that it names.
    pub fn asked(&self) -> Amounts {
        let prices = self.uses.iter().filter_map(|it| match it {
            Use::Inline { price, .. } | Use::Claim { price, .. } => Some(*price),
            Use::Unborn { .. } => None,
        });
        prices.fold(self.amounts, Amounts::plus)
    }
}

/// A claim that a Pod names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Use {
    /// Will be made from a template, for this Pod alone.
    Inline {
        /// The Pod's name for it: `spec.resourceClaims[].name`.
        reference: String,
        /// The template's price.
        price: Amounts,
    },
    /// Exists.
    Claim {
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
        /// Its price.
        price: Amounts,
        /// Who pays for it: its owner's accounts.
        payers: Limits,
        /// Whether its owner lets others use it.
        shared: bool,
    },
    /// Does not exist yet.
    Unborn {
        /// The name that it will have.
        name: String,
    },
}

/// A ResourceClaim at its creation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimMade {
    /// Its UID.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it costs while a Pod uses it.
    pub price: Amounts,
    /// Who pays for it.
    pub payers: Limits,
    /// Whether its owner lets others use it.
    pub shared: bool,
    /// The Pod that it is made for, if the resource-claim controller makes it from a template.
    pub for_pod: Option<ForPod>,
}

/// One reference of one Pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ForPod {
    /// The Pod's UID, from the claim's owner reference.
    pub uid: String,
    /// The Pod's name for the claim, from the annotation `resource.kubernetes.io/pod-claim-name`.
    pub reference: String,
}

/// When a step is taken, and which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The time.
    pub now: Timestamp,
    /// Unique to the step.
    pub ticket: i64,
}
