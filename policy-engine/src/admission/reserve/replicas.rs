//! What the Pods of a workload will be charged that are not there yet.

use serde_json::Value;

use crate::admission::decision::{Reservation, WithoutRoom};
use crate::charge::{Identity, names, own_claims, payers, pod};
use crate::ledger::{Amounts, Request};
use crate::object::Object;
use crate::policy::ids::UserId;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::{Caller, Owner};
use crate::submission::pod::Pod;

/// Foreseen for people, who read the answer, and where the Pods of a workload run all at once: their claims are not,
/// unless each has its own. Others may have been charged already.
pub(super) fn foresee(case: &Case<'_>, workload: Object<'_>) -> Option<Reservation> {
    let by_people = matches!(case.caller, Caller::Person(_) | Caller::Admin | Caller::Client);
    let whole = matches!(case.submission.act, Act::Create | Act::Update) && case.submission.subresource.is_empty();
    if !by_people || !whole || case.policy.platform().mode_of(RuleId::Quota, Some(case.project)) == RuleMode::Off {
        return None;
    }
    let kind = case.policy.platform().workload_kind(&case.submission.resource)?;
    let pods = wants(workload)?.checked_sub(case.old().and_then(wants).unwrap_or(0)).filter(|more| *more > 0)?;
    let templates = Pod::templates(workload.0, kind).ok()?;
    let [template] = &templates[..] else { return None };
    let each = template.amounts(case.policy.platform().charge).ok()?.plus(own_claims(case, template));
    let each = each.plus(names(case, template));
    let named = Identity { uid: "", namespace: case.submission.namespace, name: "" };
    let owner = case.owner.as_ref().ok().and_then(Owner::id).map(UserId::new);
    let payers = payers(case.policy, case.project, owner, case.now);
    let request = Request::AdmitPod(pod(named, times(each, pods), payers));
    Some(Reservation { request, without_room: WithoutRoom::Foresee { pods } })
}

/// How many Pods it wants at once; `None` where it does not say.
fn wants(workload: Object<'_>) -> Option<u64> {
    let number = |key: &str| workload.at(&["spec", key]).and_then(Value::as_u64);
    match number("parallelism") {
        Some(parallelism) => Some(number("completions").map_or(parallelism, |all| all.min(parallelism))),
        None => number("replicas"),
    }
}

fn times(each: Amounts, pods: u64) -> Amounts {
    Amounts {
        milli_gpu: each.milli_gpu.saturating_mul(pods),
        devices: each.devices.saturating_mul(pods),
        milli_cpu: each.milli_cpu.saturating_mul(pods),
        memory_bytes: each.memory_bytes.saturating_mul(pods),
    }
}
