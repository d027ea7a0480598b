//! Who uses what, by what, and what was spent: as people and programs are shown it. `sluice usage -o json` is this report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::payers;
use crate::ledger::{Account, Amounts, Balance, Charge, ChargedKind, Hours, ObjectName, Resource, UseKey};
use crate::policy::Policy;
use crate::policy::ids::{GroupId, ProjectId, UserId};
use crate::policy::quantity::{bytes, decimal};
use crate::policy::quota::Quota;

/// Whose usage, by ids.
#[derive(Debug)]
pub struct Whose {
    /// Only of this project and those below it.
    pub project: Option<ProjectId>,
    /// Only of this user.
    pub user: Option<UserId>,
}

impl Whose {
    /// Whether these accounts are those who pay for what was asked.
    fn pays<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> bool {
        let accounts: Vec<_> = accounts.collect();
        let of_project =
            |account: &Account| matches!(account, Account::Project(id) if self.project.as_ref() == Some(id));
        let of_user =
            |account: &Account| matches!(account, Account::User { user, .. } if self.user.as_ref() == Some(user));
        (self.project.is_none() || accounts.iter().copied().any(of_project))
            && (self.user.is_none() || accounts.iter().copied().any(of_user))
    }
}

/// The whole report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// From when on hours are counted.
    pub since: Timestamp,
    /// Until when they are, and the instant whose limits hold.
    pub until: Timestamp,
    /// What each account has.
    pub accounts: Vec<Line>,
    /// What holds it, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Vec<Held>>,
    /// What was spent.
    pub spent: Vec<Spent>,
}

/// An account with what it has.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Name of the project.
    pub project: String,
    /// Absent: the project with those below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Effective GPU.
    pub gpu: Cell,
    /// Physical devices.
    pub devices: Cell,
    /// Cores.
    pub cpu: Cell,
    /// Bytes.
    pub memory: Cell,
}

/// One resource of it, as Kubernetes quantities; no limit is none.
#[derive(Debug, PartialEq, Serialize)]
pub struct Cell {
    /// What is bound.
    pub used: String,
    /// What is set aside for what is not bound yet.
    pub reserved: String,
    /// What both may come to.
    pub limit: Option<String>,
}

/// What holds something.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Name of the project that pays.
    pub project: String,
    /// Name of the user who pays; none where the project pays alone.
    pub user: Option<String>,
    /// A Pod, a ResourceClaim, or one to be made.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name; of a claim to be made, that of its Pod.
    pub name: String,
    /// Bound, and not only reserved.
    pub used: bool,
    /// Effective GPU.
    pub gpu: String,
    /// Physical devices.
    pub devices: u64,
    /// Cores.
    pub cpu: String,
    /// Bytes.
    pub memory: String,
    /// How many Pods name it, where it is a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<usize>,
}

/// What was spent.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spent {
    /// Name of the project that paid.
    pub project: String,
    /// Id of the project's group; empty where it has none.
    pub group: GroupId,
    /// Name of the claim's owner.
    pub user: String,
    /// Id of the queue.
    pub queue: String,
    /// The GPU model that was allocated.
    pub model: String,
    /// Effective GPU times hours.
    pub gpu_hours: String,
    /// Physical devices times hours.
    pub device_hours: String,
}

impl Report {
    /// An empty report about this time.
    pub fn new(since: Timestamp, until: Timestamp) -> Self {
        Self { since, until, accounts: Vec::new(), held: None, spent: Vec::new() }
    }

    /// Adds what accounts have. Users who have nothing in a project are left out.
    pub fn balance(mut self, policy: &Policy, whose: &Whose, balances: Vec<(Account, Balance)>) -> Self {
        let balances: BTreeMap<_, _> = balances.into_iter().collect();
        for (account, quota) in accounts(policy, whose, self.until) {
            let balance = balances.get(&account).copied().unwrap_or_default();
            let (project, user) = match &account {
                Account::Project(project) => (project, None),
                Account::User { .. } if balance.total().is_nothing() => continue,
                Account::User { project, user } => (project, Some(policy.user_name(user).to_owned())),
            };
            let cell = |resource: Resource| Cell {
                used: write(resource, balance.used.of(resource)),
                reserved: write(resource, balance.reserved.of(resource)),
                limit: resource.limit(&quota).map(|limit| write(resource, limit)),
            };
            self.accounts.push(Line {
                project: policy.project_name(project).to_owned(),
                user,
                gpu: cell(Resource::Gpu),
                devices: cell(Resource::Devices),
                cpu: cell(Resource::Cpu),
                memory: cell(Resource::Memory),
            });
        }
        self
    }

    /// Adds what counts against them.
    pub fn held(mut self, policy: &Policy, whose: &Whose, charges: &[Charge], uses: &[UseKey]) -> Self {
        let (mut users, mut held): (BTreeMap<&ObjectName, BTreeSet<&str>>, Vec<Held>) = Default::default();
        for UseKey { place, pod_uid } in uses {
            users.entry(place).or_default().insert(pod_uid);
        }
        for charge in charges.iter().filter(|charge| whose.pays(charge.payers.accounts())) {
            let pods = users.get(&charge.place).map_or(0, BTreeSet::len);
            let (kind, pods) = match charge.place.kind() {
                ChargedKind::Pod => ("Pod", None),
                ChargedKind::Inline if charge.claim.is_none() => ("ResourceClaim to be made", None),
                ChargedKind::Claim if pods > 0 => ("ResourceClaim", Some(pods)),
                ChargedKind::Inline | ChargedKind::Claim => continue,
            };
            let (namespace, name) = charge.place.names();
            let Amounts { devices, .. } = charge.amounts;
            let amount = |resource| write(resource, charge.amounts.of(resource));
            let (project, user) = payer(policy, charge);
            held.push(Held {
                project,
                user,
                kind,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                used: charge.bound,
                gpu: amount(Resource::Gpu),
                devices,
                cpu: amount(Resource::Cpu),
                memory: amount(Resource::Memory),
                pods,
            });
        }
        held.sort_by(|a, b| (&a.namespace, &a.name, a.kind).cmp(&(&b.namespace, &b.name, b.kind)));
        self.held = Some(held);
        self
    }

    /// Adds what was spent.
    pub fn spent(mut self, policy: &Policy, hours: Vec<Hours>) -> Self {
        const HOUR: u64 = 3600;
        self.spent = hours
            .into_iter()
            .map(|Hours { tags, milli_gpu_seconds, device_seconds }| Spent {
                project: policy.project_name(&tags.project).to_owned(),
                group: tags.group,
                user: policy.user_name(&tags.user).to_owned(),
                queue: tags.queue,
                model: tags.model,
                gpu_hours: decimal(milli_gpu_seconds / HOUR),
                device_hours: decimal(device_seconds.saturating_mul(1000) / HOUR),
            })
            .collect();
        self
    }
}

/// The accounts of every project, and of every user in it, with their limits.
fn accounts(policy: &Policy, whose: &Whose, now: Timestamp) -> BTreeMap<Account, Quota> {
    let mut found = BTreeMap::new();
    for project in policy.records().projects.values() {
        let users = policy.records().users.values().map(|user| Some(&user.id));
        for user in std::iter::once(None).chain(users) {
            let payers = payers(policy, project, user.cloned(), now);
            let own = |account: &Account| match account {
                Account::Project(id) => user.is_none() && *id == project.id,
                Account::User { .. } => true,
            };
            if whose.pays(payers.accounts()) {
                found.extend(payers.0.into_iter().filter(|(account, _)| own(account)));
            }
        }
    }
    found
}

/// The user's project, or that of the charge's Namespace where it is charged to no user: then the project is the one that
/// is below all others.
fn payer(policy: &Policy, charge: &Charge) -> (String, Option<String>) {
    let user = charge.payers.accounts().find_map(|account| match account {
        Account::User { project, user } => {
            Some((policy.project_name(project).to_owned(), Some(policy.user_name(user).to_owned())))
        }
        Account::Project(_) => None,
    });
    let lowest = || {
        let projects = charge.payers.accounts().filter_map(|account| match account {
            Account::Project(id) => policy.project_by_id(id),
            Account::User { .. } => None,
        });
        let (namespace, _) = charge.place.names();
        let mut projects = projects.filter(|project| project.namespaces.iter().any(|it| it.as_str() == namespace));
        (projects.next().map(|project| project.name.to_string()).unwrap_or_default(), None)
    };
    user.unwrap_or_else(lowest)
}

/// As Kubernetes writes quantities.
fn write(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Gpu | Resource::Cpu => decimal(amount),
        Resource::Devices => amount.to_string(),
        Resource::Memory => bytes(amount),
    }
}
