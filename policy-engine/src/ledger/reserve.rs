//! What an admission would charge.

use super::draft::Draft;
use super::{AdmitPod, Amounts, Charge, ChargeKey, ClaimMade, ForPod, Limits, ObjectName, Request, Stamp, Use};

pub(super) fn draft(draft: &mut Draft<'_>, request: &Request, stamp: Stamp) {
    match request {
        Request::AdmitPod(pod) => admit_pod(draft, pod, stamp),
        Request::ClaimMade(claim) => claim_made(draft, claim, stamp),
    }
}

fn admit_pod(draft: &mut Draft<'_>, pod: &AdmitPod, stamp: Stamp) {
    let AdmitPod { uid, namespace, name, amounts, payers, uses } = pod;
    raise(draft, ChargeKey::of(uid), ObjectName::pod(namespace, name, payers), *amounts, payers, stamp);
    for wanted in uses {
        match wanted {
            Use::Inline { reference, price } => {
                let place = ObjectName::inline(namespace, name, reference);
                let key = ChargeKey::inline(uid, reference);
                let charge = raise(draft, key, place, *price, payers, stamp);
                draft.stand_for_claim(charge);
                // Whichever was made for it and came costs what it costs.
                let own = ForPod { uid: uid.clone(), reference: reference.clone() };
                let made: Vec<_> = draft.made_for(&own).map(|it| it.place.clone()).collect();
                made.into_iter().for_each(|place| draft.put_use(place, uid));
            }
            Use::Claim { name, uid: claim, price, payers: owner, shared } => {
                let place = ObjectName::claim(namespace, name, owner, *shared);
                raise(draft, ChargeKey::of(claim), place.clone(), *price, owner, stamp);
                draft.put_use(place, uid);
                // It may go, and another come under its name.
                ObjectName::claims_for(namespace, name, payers).into_iter().for_each(|it| draft.put_use(it, uid));
            }
            Use::Unborn { name } => {
                ObjectName::claims_for(namespace, name, payers).into_iter().for_each(|it| draft.put_use(it, uid));
            }
        }
    }
}

fn claim_made(draft: &mut Draft<'_>, made: &ClaimMade, stamp: Stamp) {
    let ClaimMade { uid, namespace, name, price, payers, shared, for_pod } = made;
    let place = ObjectName::claim(namespace, name, payers, *shared);
    let mut charge = raise(draft, ChargeKey::of(uid), place.clone(), *price, payers, stamp);
    // One that is there already is for whom it was made.
    if for_pod.is_some() {
        charge.made_for.clone_from(for_pod);
    }
    draft.put(charge);
    let Some(ForPod { uid: pod, reference }) = for_pod else { return };
    match draft.charge(&ChargeKey::inline(pod, reference)).cloned() {
        Some(stands) => {
            if stands.claim.is_none() {
                draft.stand_for_claim(stands);
            }
            draft.put_use(place, pod);
        }
        // Nothing was reserved with the Pod: the scheduler makes it for what an unenforced rule left in the Pod.
        None if draft.charge(&ChargeKey::of(pod)).is_some() => draft.put_use(place, pod),
        None => {}
    }
}

/// The charge with at least these amounts. One that exists keeps its payers, and learns their limits of today.
fn raise(
    draft: &mut Draft<'_>,
    key: ChargeKey,
    place: ObjectName,
    amounts: Amounts,
    payers: &Limits,
    stamp: Stamp,
) -> Charge {
    let charge = match draft.charge(&key) {
        Some(old) => {
            let mut charge = Charge { place, raised_at: stamp.now, ticket: Charge::CONFIRMED, ..old.clone() };
            charge.amounts = old.amounts.max(amounts);
            for (account, quota) in &mut charge.payers.0 {
                *quota = payers.0.get(account).copied().unwrap_or(*quota);
            }
            charge
        }
        None => Charge {
            key,
            place,
            amounts,
            payers: payers.clone(),
            bound: false,
            seen: false,
            raised_at: stamp.now,
            ticket: stamp.ticket,
            made_for: None,
            claim: None,
            tags: None,
        },
    };
    draft.put(charge.clone());
    charge
}

/// The limits that a request brings, and of the charges that it touches.
pub(super) fn limits(request: &Request) -> Vec<&Limits> {
    match request {
        Request::AdmitPod(pod) => {
            let claims = pod.uses.iter().filter_map(|wanted| match wanted {
                Use::Claim { payers, .. } => Some(payers),
                Use::Inline { .. } | Use::Unborn { .. } => None,
            });
            std::iter::once(&pod.payers).chain(claims).collect()
        }
        Request::ClaimMade(claim) => vec![&claim.payers],
    }
}
