//! Decides what to do with the material that is kept. Pure: the material was read and checked before.
//!
//! A CA is replaced in three steps, each of them one write of all that is kept, and each of them a state that can last:
//!
//! 1. *announce*: the new CA joins the bundle and issues nothing. API servers learn of bundles by watch, each in its own time;
//! 2. *switch*: when the bundle was seen published for [`Pace::settle`], a serving certificate of the new CA replaces the old one;
//! 3. *retire*: when that was kept for [`Pace::overlap`], in which every replica took it up, the old CA leaves the bundle.
//!
//! Where a rotation stands is not written down anywhere but in the material: a second CA key is there from 1 to 2, and a CA without a key
//! from 2 to 3. How long something was seen is measured by the process that goes on, from when it began to look, and not by the clock on
//! the wall: one that is killed begins to wait anew, and a clock that jumps ends no wait.

mod action;

use std::time::Duration;

use jiff::Timestamp;

pub use action::{Action, Reason};

use crate::material::Life;
use crate::material::{AUTHORITY_LIFE, LEAF_LIFE};
use crate::{Authority, KeyMaterial, Leaf, Request, ServingName, trust};

/// CAs in one bundle, above which no rotation begins: API servers keep a bundle for every webhook entry.
pub const MAX_AUTHORITIES: usize = 4;

/// How long a rotation waits between its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From when a bundle is seen published until a certificate that needs it is served.
    pub settle: Duration,
    /// From when a certificate of a new CA is kept until the old CA is no longer trusted.
    pub overlap: Duration,
}

/// What a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What is kept.
    pub material: Option<&'a KeyMaterial>,
    /// What a person asks for.
    pub request: Option<&'a Request>,
    /// Whether it is ours to issue where nothing is kept.
    pub issues: bool,
    /// What we are called.
    pub names: &'a [ServingName],
    /// The clock on the wall.
    pub now: Timestamp,
    /// How long this process has seen the bundle published; `None` if it is not.
    pub published_for: Option<Duration>,
    /// How long this process has seen this bundle and this issuing CA kept.
    pub kept_for: Duration,
    /// Whether this process serves what is kept.
    pub taken_up: bool,
    /// Whether the certificate that this process serves lost its CA, which is known to us.
    pub orphaned: bool,
    /// How long to wait.
    pub pace: Pace,
}

/// What to do, so that clients that trust the published bundle may call us by any of the names, before and after.
///
/// A certificate from the future is kept: our clock is behind, and what we would issue instead would be wrong for everyone else.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Action {
    let Situation { names, now, pace, .. } = *situation;
    let Some(material) = situation.material else {
        return match situation.issues {
            true => Action::IssueAll { why: Reason::NothingKept, names: names.to_vec() },
            false => Action::Await(Reason::NothingKept),
        };
    };
    let due = to_renew(material, names, now);
    let Some(authority) = material.authority.as_ref().map(Authority::life) else {
        return due.map_or_else(|| keep(material, now), Action::Await);
    };
    let listed = material.bundle.certificates().len();
    if now < authority.starts {
        return Action::Keep { until: authority.starts };
    }
    if situation.orphaned && listed < MAX_AUTHORITIES {
        return Action::Readmit;
    }
    let asked = situation.request.filter(|request| !request.is_done(material));
    if material.next.is_some() {
        // What is due will be done by the switch, but a name that nobody can call us by does not wait for it.
        return match due {
            Some(why @ Reason::NameMissing(_)) if now < authority.ends => {
                Action::IssueLeaf { names: to_cover(&why, &material.leaf, names), why }
            }
            Some(_) | None if situation.published_for.is_some_and(|seen| seen >= pace.settle) => {
                Action::Switch { names: to_cover(&Reason::NothingKept, &material.leaf, names) }
            }
            Some(_) | None => Action::Settle,
        };
    }
    if listed < MAX_AUTHORITIES {
        if authority.renew_at(AUTHORITY_LIFE) <= now {
            return Action::Announce { why: Reason::AuthorityNearEnd { at: authority.ends } };
        }
        if let Some(Request::Authority(_)) = asked {
            return Action::Announce { why: Reason::Asked };
        }
    }
    let asked = matches!(asked, Some(Request::Leaf(_))).then_some(Reason::Asked);
    match due.or(asked).filter(|_| now < authority.ends) {
        Some(why) => Action::IssueLeaf { names: to_cover(&why, &material.leaf, names), why },
        None if listed > 1 && situation.taken_up && situation.kept_for >= pace.overlap => Action::Retire,
        None if listed > 1 => Action::Overlap,
        None => keep(material, now),
    }
}

/// During a rollout replicas may want different names. Taking turns at replacing each other's certificate would never end, so a new name
/// joins those that are covered; a name that nobody wants any more leaves with the next renewal for age.
fn to_cover(why: &Reason, leaf: &Leaf, wanted: &[ServingName]) -> Vec<ServingName> {
    let mut names = wanted.to_vec();
    if !matches!(why, Reason::LeafNearEnd { .. } | Reason::LeafEnded { .. }) {
        names.extend(leaf.names().iter().filter(|n| !wanted.contains(n)).cloned());
    }
    names
}

fn keep(material: &KeyMaterial, now: Timestamp) -> Action {
    let leaf = material.leaf.life();
    let until = if now < leaf.starts {
        leaf.starts
    } else if ends_with_authority(material) {
        leaf.ends
    } else {
        leaf.renew_at(LEAF_LIFE)
    };
    let authority = material.authority.as_ref().map(|authority| authority.life().renew_at(AUTHORITY_LIFE));
    Action::Keep { until: authority.map_or(until, |authority| authority.min(until)) }
}

fn to_renew(material: &KeyMaterial, names: &[ServingName], now: Timestamp) -> Option<Reason> {
    let leaf = &material.leaf;
    if let Some(name) = names.iter().find(|name| !trust::covers(leaf, name)) {
        return Some(Reason::NameMissing(name.clone()));
    }
    let Life { starts, ends } = leaf.life();
    if now < starts {
        return None;
    }
    if !ends_with_authority(material) {
        if ends <= now {
            return Some(Reason::LeafEnded { at: ends });
        }
        if leaf.life().renew_at(LEAF_LIFE) <= now {
            return Some(Reason::LeafNearEnd { at: ends });
        }
    }
    (!trust::trusted(leaf, &material.bundle.roots(), now)).then_some(Reason::LeafUntrusted)
}

/// Such a leaf is not renewed for its age: the next one could not live longer, and would be due ever sooner.
fn ends_with_authority(material: &KeyMaterial) -> bool {
    let leaf = material.leaf.life();
    (material.authority.as_ref()).is_some_and(|authority| authority.life().ends <= leaf.ends)
}

#[cfg(test)]
mod tests;
