//! One line of the ledger.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Amounts, ForPod, Limits};
use crate::policy::ids::{GroupId, ProjectId, UserId};

/// A kind, a namespace, a name, and the user whose it is, or everybody: what the API server lets exist once at a time; or
/// what stands for it before its name is known.
///
/// A Pod that waits for a claim waits for its own user's, or a shared one: what a colleague makes for themselves under its
/// name is at another place. So nobody makes another pay by waiting, and nobody's tries at a name crowd another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectName(String);

impl ObjectName {
    /// Of a Pod that these pay for.
    pub fn pod(namespace: &str, name: &str, payers: &Limits) -> Self {
        Self(format!("pod/{namespace}/{name}/{}", whose(payers)))
    }

    /// Of the claim that will be made for a reference of the Pod of that name.
    pub fn inline(namespace: &str, pod: &str, reference: &str) -> Self {
        Self(format!("inline/{namespace}/{pod}/{reference}"))
    }

    /// Of a claim that these pay for, and that others may use as well where it is shared.
    pub fn claim(namespace: &str, name: &str, payers: &Limits, shared: bool) -> Self {
        let whose = if shared { EVERYBODY } else { whose(payers) };
        Self(format!("claim/{namespace}/{name}/{whose}"))
    }

    /// Of the claims that a Pod may use which these pay for: their own of this name, and a shared one.
    pub fn claims_for(namespace: &str, name: &str, payers: &Limits) -> [Self; 2] {
        [false, true].map(|shared| Self::claim(namespace, name, payers, shared))
    }

    /// As the database has it.
    pub fn of_key(key: String) -> Self {
        Self(key)
    }

    /// What is charged there.
    pub fn kind(&self) -> ChargedKind {
        match self.0.split_once('/') {
            Some(("pod", _)) => ChargedKind::Pod,
            Some(("inline", _)) => ChargedKind::Inline,
            Some(_) | None => ChargedKind::Claim,
        }
    }

    /// Namespace and name of the Pod or claim; for an inline claim, of its Pod.
    pub fn names(&self) -> (&str, &str) {
        let mut parts = self.0.split('/').skip(1);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }
}

/// In the place of an id, none of which has such a character.
const EVERYBODY: &str = "*";

/// The id of the user who pays, a value of labels, which has no slash; empty where only projects do.
fn whose(payers: &Limits) -> &str {
    payers.user().map_or("", UserId::as_str)
}

/// Its key in the database.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is charged under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargedKind {
    /// A Pod's CPU and memory.
    Pod,
    /// A claim that is still to be made for a Pod.
    Inline,
    /// A claim.
    Claim,
}

/// What identifies a charge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChargeKey {
    /// UID of the Pod or claim.
    pub uid: String,
    /// Of a claim that is still to be made: the Pod's name for it. Else empty.
    pub reference: String,
}

impl ChargeKey {
    /// Of a Pod or claim.
    pub fn of(uid: &str) -> Self {
        Self { uid: uid.to_owned(), reference: String::new() }
    }

    /// Of a claim that will be made for a Pod.
    pub fn inline(pod: &str, reference: &str) -> Self {
        Self { uid: pod.to_owned(), reference: reference.to_owned() }
    }
}

/// A Pod, a claim, or a claim that is still to be made, with what it costs and who pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which.
    pub key: ChargeKey,
    /// Where: of all charges of a place the dearest counts.
    pub place: ObjectName,
    /// What it costs.
    pub amounts: Amounts,
    /// Who pays, with their limits when it was last admitted.
    pub payers: Limits,
    /// Whether it is *used*, not only reserved: a Pod is scheduled, a claim allocated and reserved for a live Pod.
    pub bound: bool,
    /// Whether the reconciler has seen its object.
    pub seen: bool,
    /// When an admission last raised or confirmed it.
    pub raised_at: Timestamp,
    /// Of the request that made it; [`Charge::CONFIRMED`] once another has relied on it.
    pub ticket: i64,
    /// Of a claim: the Pod it was made for.
    pub made_for: Option<ForPod>,
    /// Of a claim that was still to be made: the UID of the one that was made, which is charged instead.
    pub claim: Option<String>,
    /// Of a claim that is bound: whose resource-hours it spends.
    pub tags: Option<Tags>,
}

impl Charge {
    /// No request's ticket.
    pub const CONFIRMED: i64 = 0;

    /// UID of the Pod that it belongs to: its own, or of the one it was made for.
    pub fn pod_uid(&self) -> Option<&str> {
        match self.place.kind() {
            ChargedKind::Pod | ChargedKind::Inline => Some(&self.key.uid),
            ChargedKind::Claim => self.made_for.as_ref().map(|made_for| made_for.uid.as_str()),
        }
    }
}

/// A Pod uses whatever claim is at the place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UseKey {
    /// The claim's place.
    pub place: ObjectName,
    /// The Pod's UID.
    pub pod_uid: String,
}

/// Whose resource-hours a claim spends. Ids, as labels carry them; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tags {
    /// The project that pays.
    pub project: ProjectId,
    /// The claim's owner.
    pub user: UserId,
    /// The project's group.
    pub group: GroupId,
    /// Queue of the Pod that uses it.
    pub queue: String,
    /// The GPU model that was allocated.
    pub model: String,
}
