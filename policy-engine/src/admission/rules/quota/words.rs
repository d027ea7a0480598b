//! The sentences about quota.

use std::collections::BTreeMap;
use std::fmt;

use crate::admission::decision::Maker;
use crate::ledger::{Account, Amounts, MOST_OF_A_NAME, ObjectName, Resource, Shortage};
use crate::policy::Policy;
use crate::policy::names::PlanName;
use crate::policy::platform::ChargeBy;
use crate::policy::quantity::{bytes, decimal};
use crate::sentence::list;

/// As people write it.
fn say_amount(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Gpu => format!("{} GPU", decimal(amount)),
        Resource::Devices if amount == 1 => "1 device".to_owned(),
        Resource::Devices => format!("{amount} devices"),
        Resource::Cpu => format!("{} CPU", decimal(amount)),
        Resource::Memory => format!("{} of memory", bytes(amount)),
    }
}

fn number_of(pods: u64) -> String {
    if pods == 1 { "1 Pod".to_owned() } else { format!("{pods} Pods") }
}

/// Says what is charged, where that may not be what people read in `requests`.
fn charged(resource: Resource, policy: &Policy) -> &'static str {
    match (resource, policy.platform().charge) {
        (Resource::Cpu | Resource::Memory, ChargeBy::Limits) => " (limits are charged)",
        (Resource::Cpu | Resource::Memory, ChargeBy::Requests) | (Resource::Gpu | Resource::Devices, _) => "",
    }
}

/// One Pod asks for more than there ever is.
pub(super) struct Never<'a> {
    pub(super) resource: Resource,
    pub(super) asked: u64,
    pub(super) account: &'a Account,
    pub(super) limit: u64,
    pub(super) policy: &'a Policy,
}

impl fmt::Display for Never<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, asked, account, limit, policy } = self;
        let how = charged(*resource, policy);
        write!(f, "asked {} for one Pod{how}; {}", say_amount(*resource, *asked), who(account, policy))?;
        write!(f, " may have {} in all, so it would never run; ", say_amount(*resource, *limit))?;
        f.write_str("ask for less, or ask an admin for a plan that allows more")
    }
}

/// An account that has no room now.
#[derive(Debug)]
pub struct Full<'a> {
    /// What the ledger says.
    pub shortage: &'a Shortage,
    /// What the workload itself holds whose Pod is refused.
    pub own: Option<&'a Own>,
    /// Knows the names behind ids.
    pub policy: &'a Policy,
}

/// What Pods hold that a rollout of the same Deployment ends, once the new ones are ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The Deployment's name.
    pub deployment: String,
    /// What each account pays for them.
    pub held: BTreeMap<Account, Amounts>,
}

impl Own {
    fn of(&self, shortage: &Shortage) -> u64 {
        self.held.get(&shortage.account).map_or(0, |held| held.of(shortage.resource))
    }
}

impl fmt::Display for Full<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { account, resource, used, reserved, asked, limit } = self.shortage;
        let say = |amount: &u64| say_amount(*resource, *amount);
        write!(f, "asked {}{}; ", say(asked), charged(*resource, self.policy))?;
        f.write_str(&who(account, self.policy))?;
        write!(f, " uses {} and has {} reserved, of {} in all", say(used), say(reserved), say(limit))?;
        let closed = closed(self.shortage, self.policy);
        while_closed(f, closed)?;
        f.write_str("; ")?;
        if asked > limit && closed.is_none() {
            return f
                .write_str("there is never room for it; ask for less, or ask an admin for a plan that allows more");
        }
        let missing = used.saturating_add(*reserved).saturating_add(*asked).saturating_sub(*limit);
        if let Some((own, held)) = self.own.map(|own| (own, own.of(self.shortage))).filter(|(_, held)| *held > 0) {
            write!(f, "{} of that is held by older Pods of Deployment {} itself; ", say(&held), own.deployment)?;
            return f.write_str(
                "if its rollout waits for them, set strategy.type Recreate, or maxSurge 0 and maxUnavailable 1; else wait",
            );
        }
        write!(
            f,
            "wait for {} to become free{}",
            say(&missing),
            if closed.is_some() { " or for the plan to open" } else { "" }
        )?;
        f.write_str(", end something, or ask for less")
    }
}

/// Accounts that have more than they may have.
#[derive(Debug)]
pub struct Over<'a> {
    /// What the ledger says.
    pub shortages: &'a [Shortage],
    /// Knows the names behind ids.
    pub policy: &'a Policy,
}

impl fmt::Display for Over<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |shortage: &Shortage| {
            let Shortage { account, resource, used, reserved, asked, limit } = shortage;
            let has = say_amount(*resource, used.saturating_add(*reserved).saturating_add(*asked));
            format!("{} has {has} and may have {}", who(account, self.policy), say_amount(*resource, *limit))
        };
        list(f, &self.shortages.iter().map(say).collect::<Vec<_>>())
    }
}

/// A name that was tried too often.
#[derive(Debug)]
pub struct Crowd<'a> {
    /// What has the name.
    pub place: &'a ObjectName,
}

impl fmt::Display for Crowd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = self.place.names();
        write!(
            f,
            "asked another {name}; {MOST_OF_A_NAME} of this name were tried in the last minutes, and any of them may still come; wait a minute, or choose another name"
        )
    }
}

/// An account that has no room now for all Pods of a workload.
#[derive(Debug)]
pub struct Foreseen<'a> {
    /// What the ledger says.
    pub shortage: &'a Shortage,
    /// How many Pods there will be more.
    pub pods: u64,
    /// What makes them.
    pub by: Maker,
    /// Knows the names behind ids.
    pub policy: &'a Policy,
}

impl fmt::Display for Foreseen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shortage: Shortage { account, resource, used, reserved, asked, limit }, pods, by, policy } = self;
        let say = |amount: &u64| say_amount(*resource, *amount);
        let how = charged(*resource, policy);
        let (whose, then) = match by {
            Maker::Workload | Maker::DaemonSet => ("", "Pods that have no room now start when there is"),
            Maker::CronJob => (" of each Job", "Pods that have no room when a Job begins start when there is"),
        };
        let pods = number_of(*pods);
        write!(f, "asked {} for {pods}{whose}{how}; {} uses {}", say(asked), who(account, policy), say(used))?;
        write!(f, " and has {} reserved, of {} in all", say(reserved), say(limit))?;
        while_closed(f, closed(self.shortage, policy))?;
        write!(f, "; {then}")
    }
}

/// An account that has no room for what a rollout makes beside what it replaces.
#[derive(Debug)]
pub struct Rollout<'a> {
    /// What the ledger says.
    pub shortage: &'a Shortage,
    /// How many Pods there are more while it lasts.
    pub surge: u64,
    /// What each is charged.
    pub each: Amounts,
    /// What makes them.
    pub by: Maker,
    /// Knows the names behind ids.
    pub policy: &'a Policy,
}

impl fmt::Display for Rollout<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shortage: Shortage { account, resource, limit, .. }, surge, each, by, policy } = self;
        let pods = number_of(*surge);
        let (more, of) = (said(&each.times(*surge)), say_amount(*resource, *limit));
        write!(f, "a rollout needs {pods} more ({more}), and {} has no room in its {of}: ", who(account, policy))?;
        f.write_str("it waits until something else ends; set ")?;
        f.write_str(match by {
            Maker::Workload | Maker::CronJob => "strategy.type Recreate, or maxSurge 0 and maxUnavailable 1",
            Maker::DaemonSet => "maxSurge 0 and maxUnavailable 1 in updateStrategy.rollingUpdate",
        })
    }
}

/// The plan of a project that may have no more than this because the plan is closed.
fn closed<'a>(shortage: &Shortage, policy: &'a Policy) -> Option<&'a PlanName> {
    let Account::Project(id) = &shortage.account else { return None };
    let plan = policy.records().plans.get(policy.project_by_id(id)?.plan.as_ref()?)?;
    let outside = shortage.resource.limit(&plan.outside_window_quota)?;
    let is_less = shortage.resource.limit(&plan.quota).is_none_or(|open| outside < open);
    (outside == shortage.limit && is_less).then_some(&plan.name)
}

fn while_closed(f: &mut fmt::Formatter<'_>, closed: Option<&PlanName>) -> fmt::Result {
    closed.map_or(Ok(()), |plan| write!(f, " while plan {plan} is closed"))
}

/// An account as people call it.
pub fn who(account: &Account, policy: &Policy) -> String {
    match account {
        Account::Project(project) => format!("project {}", policy.project_name(project)),
        Account::User { project, user } => {
            format!("{} in project {}", policy.user_name(user), policy.project_name(project))
        }
    }
}

/// Amounts as people write them; what there is none of is left out.
pub fn said(amounts: &Amounts) -> String {
    let all = Resource::ALL.into_iter().filter(|resource| amounts.of(*resource) > 0);
    let all: Vec<_> = all.map(|resource| say_amount(resource, amounts.of(resource))).collect();
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Records;
    use crate::policy::ids::ProjectId;

    #[test]
    fn what_is_foreseen_says_when_the_pods_come_and_what_to_set() {
        let policy = Policy::from(Records::default());
        let account = Account::Project(ProjectId::new("p"));
        let shortage = Shortage { account, resource: Resource::Gpu, used: 3000, reserved: 0, asked: 2000, limit: 4000 };
        let foreseen = |by| Foreseen { shortage: &shortage, pods: 2, by, policy: &policy }.to_string();
        let of_a_job = "asked 2 GPU for 2 Pods of each Job; project p uses 3 GPU and has 0 GPU reserved, of 4 GPU in all; \
                        Pods that have no room when a Job begins start when there is";
        assert_eq!(foreseen(Maker::CronJob), of_a_job);
        for by in [Maker::Workload, Maker::DaemonSet] {
            assert!(foreseen(by).ends_with("; Pods that have no room now start when there is"), "{}", foreseen(by));
        }
        let each = Amounts { milli_gpu: 1000, ..Amounts::NOTHING };
        let rollout = |by| Rollout { shortage: &shortage, surge: 1, each, by, policy: &policy }.to_string();
        let begins = "a rollout needs 1 Pod more (1 GPU), and project p has no room in its 4 GPU: it waits until something else ends; set ";
        assert_eq!(
            rollout(Maker::Workload),
            format!("{begins}strategy.type Recreate, or maxSurge 0 and maxUnavailable 1")
        );
        let daemons = "maxSurge 0 and maxUnavailable 1 in updateStrategy.rollingUpdate";
        assert_eq!(rollout(Maker::DaemonSet), format!("{begins}{daemons}"));
    }
}
