//! Rows and values.

use jiff::Timestamp;
use policy_engine::ledger::{
    Account, Amounts, Balance, Charge, ChargeKey, ChargedKind, ForPod, LARGEST, ObjectName, UsageChange, UseKey,
};
use serde_json::{Value, json};

use crate::Unavailable;

pub(crate) type ChargeRow =
    (String, String, String, i64, i64, i64, i64, i64, i64, i64, i64, String, String, String, String, String);
pub(crate) type UseRow = (String, String);
pub(crate) type AccountRow = (String, i64, i64, i64, i64, i64, i64, i64, i64);

/// A number that no column holds is counted as the largest that one does.
fn column(number: u64) -> u64 {
    number.min(LARGEST)
}

fn number(column: i64) -> Result<u64, Unavailable> {
    u64::try_from(column).map_err(|_| Unavailable::Unreadable(format!("the amount {column}")))
}

fn amounts(milli_gpu: i64, devices: i64, milli_cpu: i64, memory_bytes: i64) -> Result<Amounts, Unavailable> {
    Ok(Amounts {
        milli_gpu: number(milli_gpu)?,
        devices: number(devices)?,
        milli_cpu: number(milli_cpu)?,
        memory_bytes: number(memory_bytes)?,
    })
}

pub(crate) fn charge(row: ChargeRow) -> Result<Charge, Unavailable> {
    let (
        uid,
        reference,
        place,
        gpu,
        devices,
        cpu,
        memory,
        bound,
        seen,
        raised_at,
        ticket,
        pod,
        pod_ref,
        claim,
        payers,
        tags,
    ) = row;
    let place = ObjectName::of_key(place);
    let unreadable = |what: &str| Unavailable::Unreadable(format!("the {what} of the charge of {uid}"));
    let for_pod = place.kind() == ChargedKind::Claim && !pod.is_empty();
    Ok(Charge {
        place,
        amounts: amounts(gpu, devices, cpu, memory)?,
        payers: serde_json::from_str(&payers).map_err(|_| unreadable("payers"))?,
        bound: bound != 0,
        seen: seen != 0,
        raised_at: Timestamp::from_millisecond(raised_at).map_err(|_| unreadable("time"))?,
        ticket,
        made_for: for_pod.then_some(ForPod { uid: pod, reference: pod_ref }),
        claim: Some(claim).filter(|claim| !claim.is_empty()),
        tags: match tags.as_str() {
            "" => None,
            tags => Some(serde_json::from_str(tags).map_err(|_| unreadable("tags"))?),
        },
        key: ChargeKey { uid, reference },
    })
}

pub(crate) fn charge_row(charge: &Charge) -> Value {
    let Charge { key, place, amounts, payers, bound, seen, raised_at, ticket, made_for, claim, tags } = charge;
    let pod_uid = charge.pod_uid().unwrap_or_default();
    let pod_reference = made_for.as_ref().map_or(key.reference.as_str(), |made_for| &made_for.reference);
    json!([
        key.uid,
        key.reference,
        place,
        column(amounts.milli_gpu),
        column(amounts.devices),
        column(amounts.milli_cpu),
        column(amounts.memory_bytes),
        u8::from(*bound),
        u8::from(*seen),
        raised_at.as_millisecond(),
        ticket,
        pod_uid,
        pod_reference,
        claim.as_deref().unwrap_or_default(),
        json!(payers).to_string(),
        tags.as_ref().map(|tags| json!(tags).to_string()).unwrap_or_default(),
    ])
}

pub(crate) fn key_row(key: &ChargeKey) -> Value {
    json!([key.uid, key.reference])
}

pub(crate) fn used((place, pod_uid): UseRow) -> UseKey {
    UseKey { place: ObjectName::of_key(place), pod_uid }
}

pub(crate) fn use_row(key: &UseKey) -> Value {
    json!([key.place, key.pod_uid])
}

pub(crate) fn account(row: AccountRow) -> Result<(Account, Balance), Unavailable> {
    let (key, gpu, devices, cpu, memory, more_gpu, more_devices, more_cpu, more_memory) = row;
    let account = Account::of_key(&key).ok_or_else(|| Unavailable::Unreadable(format!("the account {key}")))?;
    let used = amounts(gpu, devices, cpu, memory)?;
    Ok((account, Balance { used, reserved: amounts(more_gpu, more_devices, more_cpu, more_memory)? }))
}

pub(crate) fn account_row((account, Balance { used, reserved }): &(Account, Balance)) -> Value {
    json!([
        account.to_string(),
        column(used.milli_gpu),
        column(used.devices),
        column(used.milli_cpu),
        column(used.memory_bytes),
        column(reserved.milli_gpu),
        column(reserved.devices),
        column(reserved.milli_cpu),
        column(reserved.memory_bytes),
    ])
}

pub(crate) fn usage_row(change: &UsageChange) -> Value {
    match change {
        UsageChange::Close { claim, at } => json!([claim, at.as_millisecond()]),
        UsageChange::Open { claim, at, amounts, tags } => json!([
            claim,
            at.as_millisecond(),
            column(amounts.milli_gpu),
            column(amounts.devices),
            tags.project,
            tags.user,
            tags.group,
            tags.queue,
            tags.model,
        ]),
    }
}
