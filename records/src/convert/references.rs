//! References to records that do not exist (yet): warnings, since records may be written in any order.

use std::collections::HashSet;

use policy_engine::policy::queue::DEFAULT_QUEUE;

use super::Written;
use super::problem::{About, Report};
use super::read::Entry;
use crate::Kind;
use crate::group::Storage;
use crate::text::RecordName;

/// Between what a record refers to and what follows, where that is not among the records.
pub const ABSENT: &str = " does not exist; ";

/// The names that exist, of each kind that others refer to.
struct Names<'a>(HashSet<(Kind, &'a str)>);

impl Names<'_> {
    fn one(&self, kind: Kind, name: &str, field: impl Fn() -> String, about: &About, report: &mut Report) {
        if !self.0.contains(&(kind, name)) {
            let lost = match kind {
                Kind::User | Kind::Group => "the line has no effect until it does",
                Kind::Project => "usage counts against no parent until it does",
                Kind::ResourcePlan => "PlatformPolicy.spec.withoutPlan holds until it does",
                Kind::PlatformQueue | Kind::GpuModel => "it cannot be used until it does",
                Kind::PlatformPolicy => "",
            };
            report.warn(about, field(), format!("{kind} {name}{ABSENT}{lost}"));
        }
    }

    fn all(&self, kind: Kind, names: &[RecordName], field: &str, about: &About, report: &mut Report) {
        for (index, name) in names.iter().enumerate() {
            self.one(kind, name.as_str(), || format!("{field}[{index}]"), about, report);
        }
    }

    fn storage(&self, storage: &[Storage], about: &About, report: &mut Report) {
        for (index, storage) in storage.iter().enumerate() {
            for user in storage.users.keys() {
                self.one(Kind::User, user, || format!("spec.storage[{index}].users.{user}"), about, report);
            }
        }
    }
}

pub(super) fn follow(written: &Written, report: &mut Report) {
    let names = Names(
        names(&written.users)
            .chain(names(&written.groups))
            .chain(names(&written.plans))
            .chain(names(&written.queues))
            .chain(names(&written.models))
            .chain(names(&written.projects))
            .chain([(Kind::PlatformQueue, DEFAULT_QUEUE)])
            .collect(),
    );
    for Entry { about, spec, .. } in &written.groups {
        for (index, member) in spec.members.iter().enumerate() {
            let field = || format!("spec.members[{index}].user");
            names.one(Kind::User, member.user.as_str(), field, about, report);
        }
        names.storage(&spec.storage, about, report);
    }
    for Entry { about, spec, .. } in &written.plans {
        names.all(Kind::GpuModel, &spec.gpu_models, "spec.gpuModels", about, report);
        names.all(Kind::PlatformQueue, &spec.queues, "spec.queues", about, report);
        for (index, offer) in spec.offered_to.iter().enumerate() {
            for (kind, name, key) in [(Kind::Project, &offer.project, "project"), (Kind::Group, &offer.group, "group")]
            {
                if let Some(name) = name {
                    let field = || format!("spec.offeredTo[{index}].{key}");
                    names.one(kind, name.as_str(), field, about, report);
                }
            }
        }
    }
    for Entry { about, spec, .. } in &written.queues {
        names.all(Kind::GpuModel, &spec.gpu_models, "spec.gpuModels", about, report);
    }
    for Entry { about, spec, .. } in &written.projects {
        let single = [
            (Kind::User, &spec.owner, "spec.owner"),
            (Kind::Group, &spec.group, "spec.group"),
            (Kind::Project, &spec.parent, "spec.parent"),
            (Kind::ResourcePlan, &spec.plan, "spec.plan"),
        ];
        for (kind, name, field) in single {
            if let Some(name) = name {
                names.one(kind, name.as_str(), || field.into(), about, report);
            }
        }
        for (index, member) in spec.members.iter().enumerate() {
            for (kind, name, key) in [(Kind::User, &member.user, "user"), (Kind::Group, &member.group, "group")] {
                if let Some(name) = name {
                    let field = || format!("spec.members[{index}].{key}");
                    names.one(kind, name.as_str(), field, about, report);
                }
            }
        }
        names.storage(&spec.storage, about, report);
        let listed = |name| written.policies.iter().any(|policy| policy.spec.capabilities.contains(name));
        for (index, name) in spec.capabilities.iter().enumerate().filter(|(_, name)| !listed(*name)) {
            let message =
                format!("PlatformPolicy.spec.capabilities does not list {}; it cannot be used until it does", name.0);
            report.warn(about, format!("spec.capabilities[{index}]"), message);
        }
    }
    for Entry { about, spec, .. } in &written.policies {
        if let Some(plan) = &spec.personal_plan {
            names.one(Kind::ResourcePlan, plan.as_str(), || "spec.personalPlan".into(), about, report);
        }
        names.all(Kind::GpuModel, &spec.without_plan.gpu_models, "spec.withoutPlan.gpuModels", about, report);
    }
}

fn names<S>(entries: &[Entry<S>]) -> impl Iterator<Item = (Kind, &str)> {
    entries.iter().map(|entry| (entry.about.kind, entry.about.name.as_str()))
}
