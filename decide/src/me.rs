//! The answer to *what is mine?* (`PlatformReview`, question `me`): the same for `kubectl`, `sluice me` and a dashboard.
//!
//! A person learns their own role, work, use and hours, and of the projects that they are a member of, and of those above,
//! what is used in all. Of other people they learn nothing: no name, no Pod, no share of the sums.

use std::collections::BTreeMap;

use cluster::view::devices;
use cluster::world::pod::{Pod, is_running, life, unschedulable};
use cluster::world::{Topic, World};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy_engine::charge::{DEEPEST, closed_plan, limits, limits_now};
use policy_engine::claims::allowed_models;
use policy_engine::contract;
use policy_engine::daemons::plan_window::why_it_waits;
use policy_engine::ledger::{Account, Balance, Hours, Life, Resource};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::model::Model;
use policy_engine::policy::people::{self, User};
use policy_engine::policy::plan::Plan;
use policy_engine::policy::project::{self, Project};
use policy_engine::policy::quantity::{bytes, decimal};
use policy_engine::policy::queue::{DEFAULT_QUEUE, Queue};
use policy_engine::policy::quota::Quota;
use policy_engine::windows::{Calendar, OpenState};
use records::project::ProjectRole;
use records::review::{
    Me, Month, MyAccount, MyHours, MyModel, MyProject, MyQueue, Person, Room, Whose, Work, WorkState,
};
use records::user::SystemRole;

/// What the answer is made of, beside records, Namespaces and the ledger.
pub const TOPICS: &[Topic] = &[Topic::Pods, Topic::ResourceClaims, Topic::ResourceSlices];

/// So many Pods are listed. An answer has a size whatever a person runs.
const MOST_WORK: usize = 200;

/// What the ledger says.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What each account has.
    pub balances: BTreeMap<Account, Balance>,
    /// What the person has spent since the beginning of the month.
    pub hours: Vec<Hours>,
}

/// Who asks, and of which instant.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Their record.
    pub user: &'a User,
    /// The groups that the request proves.
    pub groups: &'a [String],
    /// The instant.
    pub now: Timestamp,
}

/// The first instant of the month, in UTC.
pub fn month(now: Timestamp) -> Timestamp {
    let here = now.to_zoned(TimeZone::UTC);
    here.first_of_month().and_then(|first| first.start_of_day()).map_or(now, |first| first.timestamp())
}

/// What is the person's to know.
pub fn answer(world: &World, policy: &Policy, asked: Asked<'_>, ledger: &Ledger) -> Me {
    let Asked { user, groups, now } = asked;
    let mine = policy.records().projects.values();
    let mine = mine.filter_map(|it| Some((it, policy.role(user, groups, it)?)));
    let projects: Vec<_> = mine.map(|(it, role)| project(policy, it, role, asked, ledger)).collect();
    let (work, more_work) = work(world, policy, asked);
    Me {
        user: person(user),
        at: now.to_string(),
        models: if projects.is_empty() { Vec::new() } else { models(world, policy, &projects) },
        projects,
        month: Month {
            since: month(now).to_string(),
            spent: ledger.hours.iter().map(|it| hours(policy, it)).collect(),
        },
        work,
        more_work,
    }
}

fn person(user: &User) -> Person {
    Person {
        name: user.name.to_string(),
        id: user.id.to_string(),
        username: user.username.clone(),
        system_role: match user.system_role {
            people::SystemRole::User => SystemRole::User,
            people::SystemRole::Manager => SystemRole::Manager,
            people::SystemRole::Admin => SystemRole::Admin,
        },
    }
}

fn project(
    policy: &Policy,
    project: &Project,
    role: project::ProjectRole,
    Asked { user, now, .. }: Asked<'_>,
    ledger: &Ledger,
) -> MyProject {
    let plan = policy.plan_in_force(project, now);
    // In a Namespace that is one member's own no other Member works.
    let enters = |namespace: &&String| {
        let whose = project.member_of(namespace);
        whose.is_none_or(|whose| *whose == user.name || role >= project::ProjectRole::Manager)
    };
    MyProject {
        name: project.name.to_string(),
        role: match role {
            project::ProjectRole::Member => ProjectRole::Member,
            project::ProjectRole::Manager => ProjectRole::Manager,
            project::ProjectRole::Admin => ProjectRole::Admin,
        },
        namespaces: project.namespaces.iter().filter(enters).cloned().collect(),
        plan: project.plan.as_ref().map(ToString::to_string),
        plan_in_force: plan.is_some(),
        queues: queues(policy, plan).map(|queue| self::queue(policy, plan, queue, now)).collect(),
        gpu_models: names(allowed_models(policy, plan, None)),
        accounts: accounts(policy, project, user, now, ledger),
    }
}

/// `default`, and those that the plan binds and that exist.
fn queues<'a>(policy: &'a Policy, plan: Option<&'a Plan>) -> impl Iterator<Item = &'a Queue> {
    let bound = plan.into_iter().flat_map(|plan| &plan.queues).filter(|name| name.as_str() != DEFAULT_QUEUE);
    std::iter::once(policy.default_queue()).chain(bound.filter_map(|name| policy.records().queues.get(name)))
}

fn calendar<'a>(plan: Option<&'a Plan>, queue: &'a Queue) -> Calendar<'a> {
    plan.map_or_else(Calendar::default, |plan| Calendar::of_queue(plan, queue))
}

fn queue(policy: &Policy, plan: Option<&Plan>, queue: &Queue, now: Timestamp) -> MyQueue {
    let state = calendar(plan, queue).state(now);
    let (closes_at, opens_at) = match state {
        OpenState::OpenUntil(at) => (Some(at), None),
        OpenState::ClosedUntil(at) => (None, Some(at)),
        OpenState::AlwaysOpen | OpenState::NeverOpens => (None, None),
    };
    MyQueue {
        name: queue.name.to_string(),
        open: state.is_open(),
        closes_at: closes_at.map(|at| at.to_string()),
        opens_at: opens_at.map(|at| at.to_string()),
        gpu_models: names(allowed_models(policy, plan, Some(queue))),
    }
}

fn names(models: Vec<&Model>) -> Vec<String> {
    models.into_iter().map(|model| model.name.to_string()).collect()
}

/// The person's account in a project, the project's, and those above it, from below.
fn accounts(policy: &Policy, project: &Project, user: &User, now: Timestamp, ledger: &Ledger) -> Vec<MyAccount> {
    let own = Account::User { project: project.id.clone(), user: user.id.clone() };
    let (all, each) = limits_now(policy, project, now);
    let closed = closed_plan(policy, project, now).map(|plan| plan.name.to_string());
    let of = |whose, project: &Project, account: &Account, quota: &Quota| {
        let balance = ledger.balances.get(account).copied().unwrap_or_default();
        let room = |resource| room(resource, balance, quota);
        MyAccount {
            whose,
            project: project.name.to_string(),
            closed_plan: closed.clone().filter(|_| whose == Whose::Project),
            gpu: room(Resource::Gpu),
            devices: room(Resource::Devices),
            cpu: room(Resource::Cpu),
            memory: room(Resource::Memory),
        }
    };
    let mut accounts = vec![
        of(Whose::Mine, project, &own, &each),
        of(Whose::Project, project, &Account::Project(project.id.clone()), &all),
    ];
    let parent = |it: &Project| it.parent.as_ref().and_then(|name| policy.records().projects.get(name));
    let mut above = parent(project);
    while let Some(it) = above.filter(|it| accounts.len() <= DEEPEST && it.name != project.name) {
        accounts.push(of(Whose::Above, it, &Account::Project(it.id.clone()), &limits(policy, it, now).0));
        above = parent(it);
    }
    accounts
}

fn room(resource: Resource, balance: Balance, quota: &Quota) -> Room {
    let write = |amount: u64| match resource {
        Resource::Gpu | Resource::Cpu => decimal(amount),
        Resource::Devices => amount.to_string(),
        Resource::Memory => bytes(amount),
    };
    let limit = resource.limit(quota);
    Room {
        used: write(balance.used.of(resource)),
        reserved: write(balance.reserved.of(resource)),
        limit: limit.map(write),
        left: limit.map(|limit| write(limit.saturating_sub(balance.total().of(resource)))),
    }
}

fn models(world: &World, policy: &Policy, projects: &[MyProject]) -> Vec<MyModel> {
    let counts = devices::of_models(world, policy);
    let model = |(name, count): (policy_engine::policy::names::ModelName, devices::Count)| {
        let allows = |project: &&MyProject| project.gpu_models.iter().any(|it| it == name.as_str());
        MyModel {
            devices: self::count(count.there),
            free: self::count(count.there.saturating_sub(count.held)),
            allowed_in: projects.iter().filter(allows).map(|project| project.name.clone()).collect(),
            name: name.to_string(),
        }
    };
    counts.into_iter().map(model).collect()
}

fn hours(policy: &Policy, hours: &Hours) -> MyHours {
    const HOUR: u64 = 3600;
    let Hours { tags, milli_gpu_seconds, device_seconds } = hours;
    MyHours {
        project: policy.project_name(&tags.project).to_owned(),
        queue: tags.queue.clone(),
        model: tags.model.clone(),
        gpu_hours: decimal(milli_gpu_seconds / HOUR),
        device_hours: decimal(device_seconds.saturating_mul(1000) / HOUR),
    }
}

/// The person's own Pods. Their stamp is believed in Namespaces of projects alone: elsewhere anybody writes it.
fn work(world: &World, policy: &Policy, Asked { user, now, .. }: Asked<'_>) -> (Vec<Work>, i64) {
    let bindings = world.bindings();
    let label = |pod: &'_ Pod, key: &str| pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    let project = |namespace: &str| bindings.get(namespace).and_then(|id: &ProjectId| policy.project_by_id(id));
    let mut work = Vec::new();
    for pod in world.pods() {
        let is_mine = label(&pod, contract::USER_ID).is_some_and(|id| id == user.id.as_str());
        if !is_mine || life(&pod) == Life::Finished {
            continue;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let Some(project) = project(&namespace) else { continue };
        let queue = label(&pod, contract::QUEUE_NAME).unwrap_or_else(|| DEFAULT_QUEUE.to_owned());
        let (state, why) = state(policy, project, &queue, &pod, now);
        work.push(Work {
            namespace,
            pod: pod.metadata.name.clone().unwrap_or_default(),
            project: project.name.to_string(),
            queue,
            gpu: label(&pod, contract::EFFECTIVE_GPU),
            state,
            why,
            since: pod.metadata.creation_timestamp.as_ref().map(|at| at.0.to_string()),
        });
    }
    work.sort_by(|a, b| (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)));
    let more = work.len().saturating_sub(MOST_WORK);
    work.truncate(MOST_WORK);
    (work, count(more))
}

fn state(policy: &Policy, project: &Project, queue: &str, pod: &Pod, now: Timestamp) -> (WorkState, Option<String>) {
    if pod.metadata.deletion_timestamp.is_some() {
        return (WorkState::Ending, Some("it was told to end".to_owned()));
    }
    match life(pod) {
        _ if is_running(pod) => (WorkState::Running, None),
        Life::Scheduled => (WorkState::Starting, Some("its node starts it".to_owned())),
        Life::Gated if pod.spec.waits_for_queue => {
            (WorkState::Waiting, Some(why_it_waits(policy, project, queue, now)))
        }
        Life::Gated => (WorkState::Waiting, Some("it has a scheduling gate that is not the platform's".to_owned())),
        Life::Waiting | Life::Finished => {
            let said = unschedulable(pod).map(|said| format!("the scheduler finds no node: {said}"));
            (WorkState::Waiting, Some(said.unwrap_or_else(|| "the scheduler has not placed it yet".to_owned())))
        }
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plan `bronze` is open until half past six that evening, and again from nine; its queue `night` from eight.
    #[test]
    fn a_queue_opens_and_closes_with_its_own_windows_and_the_plans() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let windows = serde_json::json!([
            {"from": "2026-11-23T08:00:00Z", "until": "2026-11-23T18:30:00Z"},
            {"from": "2026-11-23T21:00:00Z", "until": "2026-11-24T12:00:00Z"},
        ]);
        let plan = serde_json::json!({"queues": ["batch", "night"], "windows": windows});
        let night = serde_json::json!({"priority": 100, "windows": [{"start": "20:00", "end": "08:00"}]});
        let policy = crate::testing::policy([
            ("ResourcePlan", "bronze", plan),
            ("PlatformQueue", "batch", serde_json::json!({"priority": 100})),
            ("PlatformQueue", "night", night),
        ]);
        let plan = policy.records().plans.values().next();
        let told = |name: &str, now: &str| {
            let found = queues(&policy, plan).find(|queue| queue.name.as_str() == name).expect("the queue");
            let MyQueue { open, closes_at, opens_at, .. } = queue(&policy, plan, found, at(now));
            (open, closes_at.or(opens_at).unwrap_or_default())
        };
        assert_eq!(told("batch", "2026-11-23T12:00:00Z"), (true, "2026-11-23T18:30:00Z".into()));
        assert_eq!(
            told("night", "2026-11-23T12:00:00Z"),
            (false, "2026-11-23T21:00:00Z".into()),
            "the plan opens last"
        );
        assert_eq!(
            told("night", "2026-11-23T22:00:00Z"),
            (true, "2026-11-24T08:00:00Z".into()),
            "the queue closes first"
        );
        assert_eq!(told("default", "2026-11-23T19:00:00Z"), (true, String::new()));
    }

    #[test]
    fn a_month_begins_with_its_first_day_in_utc() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        assert_eq!(month(at("2026-11-30T23:59:59Z")), at("2026-11-01T00:00:00Z"));
        assert_eq!(month(at("2026-12-01T00:00:00Z")), at("2026-12-01T00:00:00Z"));
    }
}
