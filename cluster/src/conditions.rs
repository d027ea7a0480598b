//! The status of records: what follows from the records themselves, and two conditions.
//!
//! * `ReferencesResolved`: everything that the record refers to exists.
//! * `Ready`: every part of the record can be used, and the platform has done what it asks for.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::daemons::follow::spared::Spared;
use policy_engine::daemons::follow::status;
use policy_engine::policy::Policy;
use policy_engine::policy::quantity::decimal;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::world::Snapshot;
use crate::write::{Amendment, shortened};
use records::convert::{Grade, RawRecord};
use records::group::GroupStatus;
use records::model::GpuModelStatus;
use records::plan::ResourcePlanStatus;
use records::platform::PlatformPolicyStatus;
use records::project::ProjectStatus;
use records::queue::PlatformQueueStatus;
use records::user::UserStatus;
use records::{Kind, POLICY_NAME};

/// Whether every part of a record can be used.
pub(crate) const READY: &str = "Ready";
/// Whether what a record refers to exists.
pub(crate) const REFERENCES: &str = "ReferencesResolved";
/// The API server takes no more, in bytes.
const LONGEST_MESSAGE: usize = 32_768;

/// What has to change in the status of records. `daemon` is the one whose fields these are.
pub fn amendments(snapshot: &Snapshot, undone: &Undone<'_>, daemon: &'static str, now: Timestamp) -> Vec<Amendment> {
    snapshot.raw.iter().filter_map(|record| amendment(snapshot, record, undone, daemon, now)).collect()
}

/// What records ask and is not so, beside what is wrong with them themselves.
#[derive(Clone, Copy, Debug)]
pub struct Undone<'a> {
    /// What the platform has left as it is.
    pub spared: &'a [Spared],
    /// The DeviceClasses that there are, of which GpuModels name one.
    pub classes: &'a DeviceClasses,
}

fn amendment(
    snapshot: &Snapshot,
    record: &RawRecord,
    undone: &Undone<'_>,
    daemon: &'static str,
    now: Timestamp,
) -> Option<Amendment> {
    let before = &record.object["status"];
    let generation = record.object["metadata"]["generation"].as_i64();
    let conditions = conditions(snapshot, record, undone).map(|(kind, state)| {
        let (status, reason, message) = state.unwrap_or_else(|| ("True", "AsWritten", String::new()));
        let condition = Condition {
            type_: kind.into(),
            status: status.into(),
            reason: reason.into(),
            message: shortened(&message, LONGEST_MESSAGE),
            observed_generation: generation,
            last_transition_time: Time(now),
        };
        kept(before, condition)
    });
    let fields = fields(snapshot, record, conditions.into(), now)?;
    let changed = owned(record.kind).iter().any(|field| before.get(field) != fields.get(*field));
    let uid = record.object["metadata"]["uid"].as_str()?.to_owned();
    changed.then(|| Amendment { kind: record.kind, name: record.name.clone(), uid, daemon, fields })
}

type State = (&'static str, &'static str, String);

fn conditions(snapshot: &Snapshot, record: &RawRecord, undone: &Undone<'_>) -> [(&'static str, Option<State>); 2] {
    let own = |grade: Grade| {
        let own = snapshot.problems.iter().filter(move |problem| {
            problem.grade == grade && problem.kind == Some(record.kind) && problem.name == record.name
        });
        own.map(|problem| format!("{}: {}", problem.field, problem.message)).collect::<Vec<_>>()
    };
    let refused = own(Grade::Refused);
    let mut missing = own(Grade::Warning);
    missing.extend(class_missing(snapshot, record, undone.classes));
    let not_done: Vec<_> =
        undone.spared.iter().filter(|spared| concerns(spared, record)).map(ToString::to_string).collect();
    let ready = if !refused.is_empty() {
        Some(("False", "Unusable", refused.join("\n")))
    } else if !not_done.is_empty() {
        Some(("False", "NotDone", not_done.join("\n")))
    } else {
        None
    };
    let references = (!missing.is_empty()).then(|| ("False", "Missing", missing.join("\n")));
    [(READY, ready), (REFERENCES, references)]
}

/// Where a model's DeviceClass does not exist: of it nobody gets a device.
fn class_missing(snapshot: &Snapshot, record: &RawRecord, classes: &DeviceClasses) -> Option<String> {
    let model = snapshot.policy.records().models.get(record.name.as_str()).filter(|_| record.kind == Kind::GpuModel)?;
    let class = &model.device_class_name;
    (!classes.contains_key(class)).then(|| {
        format!(
            "spec.deviceClassName: DeviceClass {class} does not exist, and Pods that ask for the model wait; install the driver that brings it, or name another"
        )
    })
}

fn concerns(spared: &Spared, record: &RawRecord) -> bool {
    match record.kind {
        Kind::Project => spared.project().is_some_and(|name| name.as_str() == record.name),
        Kind::PlatformQueue => spared.queue().is_some_and(|name| name.as_str() == record.name),
        Kind::User | Kind::Group | Kind::ResourcePlan | Kind::GpuModel | Kind::PlatformPolicy => false,
    }
}

/// As it was before, if it says the same; with its old time, if its status is the same.
fn kept(before: &Value, mut condition: Condition) -> Condition {
    let found = before["conditions"].as_array().into_iter().flatten();
    let found = found.filter(|found| found["type"] == condition.type_.as_str() && found["status"] == condition.status);
    if let Some(time) = found.filter_map(|found| found["lastTransitionTime"].as_str()?.parse().ok()).next() {
        condition.last_transition_time = Time(time);
    }
    condition
}

/// The fields that are written here; others belong to other daemons.
fn owned(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &["conditions", "personalProject"],
        Kind::Group => &["conditions", "projects", "members"],
        Kind::ResourcePlan => &["conditions", "open", "nextBoundary", "projects"],
        Kind::Project => &["conditions", "gpuLimit", "windowOpen", "closesAt"],
        Kind::PlatformQueue | Kind::GpuModel => &["conditions"],
        Kind::PlatformPolicy => &["conditions", "version", "problems"],
    }
}

fn fields(
    snapshot: &Snapshot,
    record: &RawRecord,
    conditions: Vec<Condition>,
    now: Timestamp,
) -> Option<Map<String, Value>> {
    let policy: &Policy = &snapshot.policy;
    let name = record.name.as_str();
    match record.kind {
        Kind::User => {
            let personal_project = status::of_user(policy, &name.into()).personal_project;
            let personal_project = personal_project.map(|project| project.to_string());
            object(UserStatus { personal_project, conditions, ..UserStatus::default() })
        }
        Kind::Group => {
            let status = status::of_group(policy, &name.into());
            let (projects, members) = (status.map(|it| count(it.projects)), status.map(|it| count(it.members)));
            object(GroupStatus { projects, members, conditions })
        }
        Kind::ResourcePlan => {
            let status = status::of_plan(policy, &name.into(), now);
            object(ResourcePlanStatus {
                open: status.map(|it| it.open),
                next_boundary: status.and_then(|it| it.next_boundary).map(|time| time.to_string()),
                projects: status.map(|it| count(it.projects)),
                conditions,
            })
        }
        Kind::Project => {
            let status = status::of_project(policy, &name.into(), now).unwrap_or_default();
            object(ProjectStatus {
                gpu_limit: status.milli_gpu.map(decimal),
                window_open: status.window_open,
                closes_at: status.closes_at.map(|time| time.to_string()),
                conditions,
                ..ProjectStatus::default()
            })
        }
        Kind::PlatformQueue => object(PlatformQueueStatus { conditions, ..PlatformQueueStatus::default() }),
        Kind::GpuModel => object(GpuModelStatus { conditions, ..GpuModelStatus::default() }),
        Kind::PlatformPolicy => {
            let in_force = name == POLICY_NAME;
            let version = in_force.then(|| policy.version().to_owned());
            let problems = in_force.then(|| count(snapshot.problems.len()));
            object(PlatformPolicyStatus { version, problems, conditions, ..PlatformPolicyStatus::default() })
        }
    }
}

fn object(status: impl Serialize) -> Option<Map<String, Value>> {
    match serde_json::to_value(status) {
        Ok(Value::Object(fields)) => Some(fields),
        Ok(_) | Err(_) => None,
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
