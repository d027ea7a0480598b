//! What the status of records says as far as the records themselves tell: no usage, nothing that runs.

use jiff::Timestamp;

use crate::policy::Policy;
use crate::policy::names::{GroupName, PlanName, ProjectName, UserName};
use crate::policy::project::{Holder, Project};
use crate::windows::Calendar;

/// What holds for a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserStatus {
    /// The personal project; of several, the first by name.
    pub personal_project: Option<ProjectName>,
}

/// What holds for a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupStatus {
    /// How many projects it owns.
    pub projects: usize,
    /// How many people are listed.
    pub members: usize,
}

/// What holds for a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectStatus {
    /// GPU in thousandths that its plan grants, or what holds without one; absent is no limit.
    pub milli_gpu: Option<u64>,
    /// Whether the plan's windows are open; absent without a plan in force.
    pub window_open: Option<bool>,
    /// When they close, if they are open and ever do.
    pub closes_at: Option<Timestamp>,
}

/// What holds for a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanStatus {
    /// Whether it is valid and one of its windows is open.
    pub open: bool,
    /// When that changes next, if it ever does.
    pub next_boundary: Option<Timestamp>,
    /// How many projects bind it.
    pub projects: usize,
}

/// What holds for a user.
pub fn of_user(policy: &Policy, name: &UserName) -> UserStatus {
    let own = |project: &&Project| matches!(&project.holder, Holder::User(owner) if owner == name);
    UserStatus { personal_project: policy.records().projects.values().find(own).map(|project| project.name.clone()) }
}

/// What holds for a group; `None` where its record cannot be read.
pub fn of_group(policy: &Policy, name: &GroupName) -> Option<GroupStatus> {
    let group = policy.records().groups.get(name)?;
    let own = |project: &&Project| matches!(&project.holder, Holder::Group(owner) if owner == name);
    let projects = policy.records().projects.values().filter(own).count();
    Some(GroupStatus { projects, members: group.members.len() })
}

/// What holds for a project; `None` where its record cannot be read.
pub fn of_project(policy: &Policy, name: &ProjectName, now: Timestamp) -> Option<ProjectStatus> {
    let project = policy.records().projects.get(name)?;
    let Some(plan) = policy.plan_in_force(project, now) else {
        let milli_gpu = policy.platform().without_plan.quota.milli_gpu;
        return Some(ProjectStatus { milli_gpu, ..ProjectStatus::default() });
    };
    let windows = Calendar::of_plan(plan).state(now);
    let closes_at = windows.boundary().filter(|_| windows.is_open());
    Some(ProjectStatus { milli_gpu: plan.quota.milli_gpu, window_open: Some(windows.is_open()), closes_at })
}

/// What holds for a plan; `None` where its record cannot be read.
pub fn of_plan(policy: &Policy, name: &PlanName, now: Timestamp) -> Option<PlanStatus> {
    let plan = policy.records().plans.get(name)?;
    let bound = |project: &&Project| project.plan.as_ref() == Some(name);
    let windows = Calendar::of_plan(plan).state(now);
    let (open, next_boundary) = (windows.is_open(), windows.boundary());
    Some(PlanStatus { open, next_boundary, projects: policy.records().projects.values().filter(bound).count() })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::testing;
    use super::*;
    use crate::policy::plan::Validity;
    use crate::policy::quota::Quota;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn says_what_the_records_say_and_nothing_of_usage() {
        let mut nlp = testing::project("nlp", &[]);
        nlp.plan = Some("gold".into());
        let mut own = testing::project("alice-personal", &[]);
        own.holder = Holder::User("alice".into());
        let policy = testing::policy([nlp, own]);
        let mut records = policy.records().clone();
        let validity = Validity { from: Some(at(100)), until: Some(at(200)) };
        let quota = Quota { milli_gpu: Some(8000), ..Quota::default() };
        records.plans = BTreeMap::from([("gold".into(), testing::plan_record("gold", quota, validity))]);
        let policy = Policy::from(records);

        assert_eq!(of_user(&policy, &"alice".into()).personal_project, Some("alice-personal".into()));
        assert_eq!(of_user(&policy, &"bob".into()).personal_project, None);
        assert_eq!(of_group(&policy, &"nlp-lab".into()), Some(GroupStatus { projects: 1, members: 2 }));
        let project = |now| of_project(&policy, &"nlp".into(), at(now)).expect("it exists");
        let open = ProjectStatus { milli_gpu: Some(8000), window_open: Some(true), closes_at: Some(at(200)) };
        assert_eq!(project(150), open);
        let without = ProjectStatus { milli_gpu: Some(0), ..ProjectStatus::default() };
        assert_eq!(project(200), without, "an expired plan counts as missing");
        let boundary = |now| of_plan(&policy, &"gold".into(), at(now)).and_then(|plan| plan.next_boundary);
        let boundaries: BTreeSet<_> = [boundary(50), boundary(150), boundary(250)].into();
        assert_eq!(boundaries, [Some(at(100)), Some(at(200)), None].into());
        assert_eq!(of_plan(&policy, &"silver".into(), at(0)), None);
    }
}
