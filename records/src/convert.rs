//! Records become values of the engine; what cannot be read is reported, and only that part is unusable.
//!
//! [`build`] never fails: a restored backup may hold anything. An unreadable part is left out in the direction that
//! grants less: a quota that cannot be read is zero, a window that cannot be read is closed. Where records contradict
//! each other, the oldest keeps what both claim.
//!
//! [`check`] judges one record that is about to be written among those that exist. The same findings become the
//! conditions of a record's status, the lines of `sluice check`, and the answer of the records webhook.
//!
//! Every conversion takes its type apart by naming all of its fields, so that the compiler misses a field that is read
//! nowhere. What is named with `_` is read by others, or is for people alone.

mod clashes;
mod closed;
mod member_namespaces;
mod modes;
mod no_effect;
mod people;
mod plans;
mod platform;
mod problem;
mod projects;
mod raw;
mod read;
mod references;
mod rendered;
mod storage;
#[cfg(test)]
mod tests;
mod units;
mod windows;

pub use closed::closed_for_good;
pub use no_effect::{NO_EFFECT, NOT_YET};
pub use problem::{Grade, Problem, Verdict};
pub use raw::{NotARecord, RawRecord, RawRecords};
pub use references::ABSENT;
pub use rendered::{RENDERED, changed_alone};

use std::collections::BTreeMap;

use policy_engine::policy::Records;
use serde_json::Value;

use crate::Kind;
use crate::group::GroupSpec;
use crate::model::GpuModelSpec;
use crate::plan::ResourcePlanSpec;
use crate::platform::PlatformPolicySpec;
use crate::project::ProjectSpec;
use crate::queue::PlatformQueueSpec;
use crate::user::UserSpec;
use problem::Report;
use read::Entry;

/// The records as the engine takes them, with all that is wrong with what was written.
pub fn build(raw: &RawRecords) -> (Records, Vec<Problem>) {
    let mut report = Report::default();
    let written = Written::read(raw, &mut report);
    let mut records = written.convert(&mut report);
    clashes::resolve(&mut records, &written, &mut report);
    references::follow(&written, &mut report);
    for record in raw.iter() {
        read::compare(record, &mut report);
    }
    (records, report.into_problems())
}

/// What is wrong with `candidate`, were it written among `existing`: it stands in for a record of its kind and name, and
/// yields to all others where they claim the same.
///
/// # Errors
/// If it is no record at all.
pub fn check(candidate: &Value, existing: &RawRecords) -> Result<Verdict, NotARecord> {
    let candidate = RawRecord::new(candidate.clone(), None)?.newest();
    let (kind, name) = (candidate.kind, candidate.name.clone());
    let mut records = existing.clone();
    records.replace(candidate);
    let (_, found) = build(&records);
    let own = found.into_iter().filter(|problem| problem.kind == Some(kind) && problem.name == name);
    let (mut warnings, problems): (Vec<_>, Vec<_>) = own.partition(|problem| problem.grade == Grade::Warning);
    warnings.extend(records.get(kind, &name).into_iter().flat_map(without_effect));
    Ok(Verdict { problems, warnings })
}

/// A warning for each field that somebody has set and on which nothing acts in this version.
///
/// [`build`] does not say it: nothing is wrong with such a record, and its conditions are true.
pub fn without_effect(record: &RawRecord) -> Vec<Problem> {
    let mut report = Report::default();
    no_effect::warn(record, &mut report);
    report.into_problems()
}

/// What was written and could be read, oldest first.
struct Written {
    users: Vec<Entry<UserSpec>>,
    groups: Vec<Entry<GroupSpec>>,
    plans: Vec<Entry<ResourcePlanSpec>>,
    queues: Vec<Entry<PlatformQueueSpec>>,
    models: Vec<Entry<GpuModelSpec>>,
    projects: Vec<Entry<ProjectSpec>>,
    policies: Vec<Entry<PlatformPolicySpec>>,
}

impl Written {
    fn read(raw: &RawRecords, report: &mut Report) -> Self {
        Self {
            users: read::entries(raw, Kind::User, report),
            groups: read::entries(raw, Kind::Group, report),
            plans: read::entries(raw, Kind::ResourcePlan, report),
            queues: read::entries(raw, Kind::PlatformQueue, report),
            models: read::entries(raw, Kind::GpuModel, report),
            projects: read::entries(raw, Kind::Project, report),
            policies: read::entries(raw, Kind::PlatformPolicy, report),
        }
    }

    fn convert(&self, report: &mut Report) -> Records {
        Records {
            users: each(&self.users, people::user, report),
            groups: each(&self.groups, people::group, report),
            plans: each(&self.plans, plans::plan, report),
            queues: each(&self.queues, plans::queue, report),
            models: each(&self.models, plans::model, report),
            projects: each(&self.projects, projects::project, report),
            platform: platform::platform(&self.policies, report),
        }
    }
}

fn each<S, N: Ord + From<String>, V>(
    entries: &[Entry<S>],
    convert: impl Fn(&Entry<S>, &mut Report) -> Option<V>,
    report: &mut Report,
) -> BTreeMap<N, V> {
    let mut values = BTreeMap::new();
    for entry in entries {
        if let Some(value) = convert(entry, report) {
            values.insert(N::from(entry.about.name.clone()), value);
        }
    }
    values
}
