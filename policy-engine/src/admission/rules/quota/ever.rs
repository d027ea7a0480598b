//! What could never run, because one Pod needs more at once than one of those who pay may have in all.

use std::collections::{BTreeMap, BTreeSet};

use crate::admission::findings::Findings;
use crate::charge;
use crate::gpu::attachments::attachments;
use crate::gpu::slots::may_use;
use crate::ledger::{Account, Amounts, Limits, Resource};
use crate::policy::quota::Quota;
use crate::submission::case::Case;
use crate::submission::devices::KnownClaim;
use crate::submission::found::Source;
use crate::submission::pod::Pod;

use super::said_by_gpu;
use super::words::Never;

/// Who pays for a Pod, within which limits, and what each pays.
type Bills = BTreeMap<Account, (Quota, Amounts)>;

pub(super) fn judge(case: &Case<'_>, pod: &Pod<'_>, payers: &Limits, say: &mut Findings) {
    let at = pod.at(["spec"]);
    let asked = match pod.amounts(case.policy.platform().charge) {
        Ok(asked) => asked.plus(charge::devices(case, pod)),
        Err(unreadable) => return say.deny(unreadable.field, &unreadable.why),
    };
    let mut bills = Bills::new();
    bill(&mut bills, payers, asked);
    for claim in named(case, pod) {
        let payers = charge::payers(case.policy, case.project, claim.user_id.clone(), case.now);
        bill(&mut bills, &payers, charge::price(&claim.spec, &case.devices.classes, case.policy));
    }
    let mut told = None;
    for resource in Resource::ALL {
        let passed = bills.iter().filter_map(|(account, (limits, amounts))| {
            let (limit, asked) = (resource.limit(limits)?, amounts.of(resource));
            (asked > limit).then_some((asked, account, limit))
        });
        // Of the accounts that are too small, the smallest says it for all.
        let Some((asked, account, limit)) = passed.min_by_key(|(_, _, limit)| *limit) else { continue };
        if resource == Resource::Gpu {
            told = Some(asked);
        }
        if !(resource == Resource::Devices && said_by_gpu(told, asked)) {
            say.deny(at.clone(), Never { resource, asked, account, limit, policy: case.policy });
        }
    }
}

fn bill(bills: &mut Bills, payers: &Limits, amounts: Amounts) {
    for (account, quota) in &payers.0 {
        let (_, sum) = bills.entry(account.clone()).or_insert((*quota, Amounts::NOTHING));
        *sum = sum.plus(amounts);
    }
}

/// The claims that are there by themselves, that a new Pod or template names, and that have still to be given their devices. Who has
/// some already is charged for them, also where an admin allows less by now.
fn named<'c>(case: &'c Case<'_>, pod: &Pod<'_>) -> Vec<&'c KnownClaim> {
    if case.is_living_pod() {
        return Vec::new();
    }
    let references = pod.spec.resource_claims.iter().flatten().filter_map(|it| it.resource_claim_name.as_ref());
    let of_slots = attachments(case, pod).iter().filter_map(|it| match &it.source {
        Source::Claim(claim) => Some(claim),
        Source::Template(_) => None,
    });
    let names: BTreeSet<_> = references.chain(of_slots).collect();
    let claims = names.into_iter().filter_map(|name| case.devices.claims.get(name));
    // Which claims are not to be used, another rule says.
    claims.filter(|claim| !claim.allocated && may_use(case, claim).is_ok()).collect()
}
