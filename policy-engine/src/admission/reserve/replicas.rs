//! What the Pods of a workload will be charged that are not there yet.

mod rollout;

use std::borrow::Cow;

use serde_json::Value;

use crate::admission::decision::{Maker, Reservation, WithoutRoom};
use crate::charge::{self, Identity, devices, pod};
use crate::ledger::Request;
use crate::object::Object;
use crate::object::at_once::pods_at_once;
use crate::object::kinds::GroupResource;
use crate::policy::ids::UserId;
use crate::policy::modes::RuleMode;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::{Owner, is_scale};
use crate::submission::pod::Pod;

/// Foreseen for people, who read the answer, and where the Pods of a workload run all at once: their claims are not,
/// unless each has its own. Others may have been charged already.
pub(super) fn foresee(case: &Case<'_>, object: Object<'_>) -> Option<Reservation> {
    if !case.is_read_by_people() || case.policy.platform().mode_of(RuleId::Quota, Some(case.project)) == RuleMode::Off {
        return None;
    }
    let workload = match (case.submission.act, case.submission.subresource) {
        (Act::Create | Act::Update, "") => Cow::Borrowed(object.0),
        (Act::Touch, _) if is_scale(case.submission) => Cow::Owned(scaled(case.target?, object)),
        (_, _) => return None,
    };
    let kind = case.policy.platform().workload_kind(&case.submission.resource)?;
    let by = maker(&case.submission.resource);
    let wanted = wants(by, Object(&workload))?;
    let old = case.old().filter(|old| goes_on(by, *old, Object(&workload)));
    let pods = wanted.saturating_sub(old.and_then(|old| wants(by, old)).unwrap_or(0));
    let surge = rollout::surge(&case.submission.resource, Object(&workload), wanted);
    if pods == 0 && surge == 0 {
        return None;
    }
    let read;
    // Of what is made, all is new, and read already.
    let templates = match case.submission.act {
        Act::Create => &case.pods,
        _ => {
            read = Pod::templates(&workload, kind).ok()?;
            &read
        }
    };
    let [template] = &templates[..] else { return None };
    let each = template.amounts(case.policy.platform().charge).ok()?.plus(devices(case, template));
    let named = Identity { uid: "", namespace: case.submission.namespace, name: "" };
    let owner = case.owner.as_ref().ok().and_then(Owner::id).map(UserId::new);
    // The Pods of a queue that is closed wait until it opens.
    let is_default = case.queue_label(template).is_none_or(|queue| queue == DEFAULT_QUEUE);
    let payers = if is_default { charge::payers } else { charge::payers_while_open };
    let payers = payers(case.policy, case.project, owner, case.now);
    let all = each.times(pods.saturating_add(surge));
    let request = Request::AdmitPod(pod(named, all, payers));
    Some(Reservation { request, without_room: WithoutRoom::Foresee { pods, surge, each, by } })
}

/// The workload with as many Pods as its subresource `scale` is told.
fn scaled(target: &Value, scale: Object<'_>) -> Value {
    let mut workload = target.clone();
    let replicas = scale.at(&["spec", "replicas"]).cloned().unwrap_or(Value::from(0));
    if let Some(spec) = workload.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("replicas".to_owned(), replicas);
    }
    workload
}

fn maker(resource: &GroupResource) -> Maker {
    match (resource.group.as_str(), resource.resource.as_str()) {
        ("apps", "daemonsets") => Maker::DaemonSet,
        ("batch", "cronjobs") => Maker::CronJob,
        (_, _) => Maker::Workload,
    }
}

/// Whether what it made before is part of what it wants now. The next Job of a CronJob is made anew.
fn goes_on(by: Maker, old: Object<'_>, new: Object<'_>) -> bool {
    let job = |cron: Object<'_>| cron.at(&["spec", "jobTemplate"]).cloned();
    match by {
        Maker::CronJob => job(old) == job(new),
        Maker::Workload | Maker::DaemonSet => true,
    }
}

/// How many Pods it wants at once; `None` where it does not say. What is suspended wants none.
fn wants(by: Maker, workload: Object<'_>) -> Option<u64> {
    let is_suspended = workload.at(&["spec", "suspend"]) == Some(&Value::Bool(true));
    match by {
        Maker::Workload | Maker::CronJob if is_suspended => Some(0),
        Maker::Workload => at_once(workload.at(&["spec"])?),
        // Its Jobs have one Pod where it says nothing.
        Maker::CronJob => at_once(workload.at(&["spec", "jobTemplate", "spec"])?).or(Some(1)),
        // One for each node for which its controller has counted itself responsible; of a new one nobody knows more than the first.
        Maker::DaemonSet => {
            Some(workload.at(&["status", "desiredNumberScheduled"]).and_then(Value::as_u64).unwrap_or(1))
        }
    }
}

fn at_once(spec: &Value) -> Option<u64> {
    let is_suspended =
        spec.get("parallelism").is_some_and(Value::is_u64) && spec.get("suspend") == Some(&Value::Bool(true));
    if is_suspended { Some(0) } else { pods_at_once(spec) }
}
