//! What people read of what the reconciler did.

use std::collections::HashMap;

use cluster::write::{About, News, Tone};
use policy_engine::admission::rules::quota::{Over, said, who};
use policy_engine::ledger::{
    Account, Allocated, Charge, ChargedKind, Drift, Entry, Held, HeldTwice, Request, Shortage, Sight,
};
use policy_engine::policy::Policy;
use records::Kind;

use crate::metrics::LedgerStep;

/// Charges by the UID of their Pod or claim; those of claims that are still to be made have none.
pub(super) type ByUid<'a> = HashMap<&'a str, &'a Charge>;

/// The charges by UID: every step looks for its own.
pub(super) fn by_uid(charges: &[Charge]) -> ByUid<'_> {
    charges.iter().filter(|it| it.key.reference.is_empty()).map(|it| (it.key.uid.as_str(), it)).collect()
}

/// A step as news; `None` for what no daemon takes.
pub(super) fn of(step: &Entry, charges: &ByUid<'_>) -> Option<(LedgerStep, News)> {
    match step {
        Entry::Observe(sight) => observed(sight, charges.get(sight.uid())?),
        Entry::Adopt(request) => {
            let (about, amounts) = match request {
                Request::AdmitPod(pod) => (object(false, &pod.namespace, &pod.name, &pod.uid), pod.amounts),
                Request::ClaimMade(made) => (object(true, &made.namespace, &made.name, &made.uid), made.price),
            };
            let note = format!("runs and was not charged: charged {} from now on", said(&amounts));
            Some((LedgerStep::Adopted, news(Tone::Normal, "QuotaAdopted", about, note)))
        }
        Entry::Reserve(_) | Entry::Try(_) | Entry::Withdraw { .. } => None,
    }
}

fn observed(sight: &Sight, charge: &Charge) -> Option<(LedgerStep, News)> {
    let (namespace, name) = charge.place.names();
    let about = object(charge.place.kind() == ChargedKind::Claim, namespace, name, sight.uid());
    let (kind, reason, note) = match sight {
        Sight::Pod { bound: true, .. } | Sight::Claim { bound: Some(_), .. } if !charge.bound => {
            (LedgerStep::Used, "QuotaUsed", format!("uses {}, which was reserved", said(&charge.amounts)))
        }
        Sight::Pod { .. } | Sight::Claim { .. } => {
            (LedgerStep::Seen, "QuotaSeen", format!("is charged {}", said(&sight.seen(charge).amounts)))
        }
        Sight::GatedPod { .. } => {
            (LedgerStep::Released, "QuotaReleased", format!("waits behind a gate: {} released", said(&charge.amounts)))
        }
        Sight::PodGone { .. } | Sight::ClaimGone { .. } if !charge.seen => {
            (LedgerStep::NeverCame, "QuotaReleased", format!("never came: {} released", said(&charge.amounts)))
        }
        Sight::PodGone { .. } | Sight::ClaimGone { .. } => {
            (LedgerStep::Released, "QuotaReleased", format!("has ended: {} released", said(&charge.amounts)))
        }
    };
    Some((kind, news(Tone::Normal, reason, about, note)))
}

/// A sum that somebody else has changed.
pub(super) fn of_drift(drift: &Drift, policy: &Policy) -> News {
    let Drift { account, kept, counted } = drift;
    let (Account::Project(project) | Account::User { project, .. }) = account;
    let name = policy.project_name(project).to_owned();
    let note = format!(
        "the ledger's sum of {} was {}, and its charges add up to {}: corrected; look for who else writes to the database",
        who(account, policy),
        said(&kept.total()),
        said(&counted.total())
    );
    news(Tone::Warning, "QuotaCorrected", About::Record(Kind::Project, name), note)
}

/// What takes accounts over their limits, though nobody admitted it.
pub(super) fn over(about: About, shortages: &[Shortage], policy: &Policy) -> News {
    let note = format!(
        "was not admitted with what it takes, and with it {}; look who made it, and whether Sluice was away",
        Over { shortages, policy }
    );
    news(Tone::Warning, "QuotaExceeded", about, note)
}

/// Accounts of a project that have more than they may have, whatever the reason.
pub(super) fn above(project: &str, shortages: &[Shortage], policy: &Policy) -> News {
    let note = format!(
        "{}; what runs goes on, and nothing starts that needs more: end something, or ask an Admin for a larger plan",
        Over { shortages, policy }
    );
    news(Tone::Warning, "QuotaPassed", About::Record(Kind::Project, project.to_owned()), note)
}

/// Two claims that hold the same devices: what each of them is told.
pub(super) fn of_held_twice(twice: &HeldTwice<'_>) -> [News; 2] {
    let [one, other] = twice.holders;
    let about = |it: &Allocated| object(true, &it.namespace, &it.name, &it.uid);
    let devices: Vec<_> = twice.devices.iter().map(ToString::to_string).collect();
    let say = |it: &Allocated, with: &Allocated| {
        let note = format!(
            "holds {}, and so does ResourceClaim {}/{}; look who wrote their allocations, and end one of the Pods",
            devices.join(", "),
            with.namespace,
            with.name
        );
        News { related: Some(about(with)), ..news(Tone::Warning, "DeviceHeldTwice", about(it), note) }
    };
    [say(one, other), say(other, one)]
}

/// A claim that is gone while a Pod holds its devices.
pub(super) fn of_held(held: &Held) -> News {
    let Held { claim, pod, pod_uid } = held;
    let note = format!(
        "holds the devices of ResourceClaim {}, which is gone, and Kubernetes may give them to another Pod; it is charged for them until it has ended; look who deleted the claim",
        claim.name
    );
    news(Tone::Warning, "HeldClaimGone", object(false, &claim.namespace, pod, pod_uid), note)
}

fn object(claim: bool, namespace: &str, name: &str, uid: &str) -> About {
    let (namespace, name, uid) = (namespace.to_owned(), name.to_owned(), uid.to_owned());
    if claim { About::Claim { namespace, name, uid } } else { About::Pod { namespace, name, uid } }
}

fn news(tone: Tone, reason: &'static str, about: About, note: String) -> News {
    News { tone, about, related: None, reason, note }
}
