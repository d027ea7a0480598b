//! What admins and project leads wrote, validated and indexed: one immutable value.

pub mod host_path;
pub mod ids;
pub mod image_pattern;
pub mod model;
pub mod modes;
pub mod names;
pub mod namespace_quota;
pub mod other_devices;
pub mod people;
pub mod plan;
pub mod platform;
pub mod project;
pub mod quantity;
pub mod queue;
pub mod quota;
pub mod rule_id;
pub mod storage;
pub mod window;
pub mod workload;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use ids::{GroupId, ProjectId, UserId};
use model::Model;
use names::{GroupName, ModelName, PlanName, ProjectName, QueueName, UserName};
use people::{Group, SystemRole, User};
use plan::Plan;
use platform::Platform;
use project::{Holder, MemberRef, Project, ProjectRole};
use queue::{DEFAULT_QUEUE, Queue};
use storage::Storage;

/// All records as one value, in which references between them may dangle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Records {
    /// Users by name.
    pub users: BTreeMap<UserName, User>,
    /// Groups by name.
    pub groups: BTreeMap<GroupName, Group>,
    /// Projects by name.
    pub projects: BTreeMap<ProjectName, Project>,
    /// Plans by name.
    pub plans: BTreeMap<PlanName, Plan>,
    /// Queues by name.
    pub queues: BTreeMap<QueueName, Queue>,
    /// GPU models by name.
    pub models: BTreeMap<ModelName, Model>,
    /// What holds for the platform as a whole.
    pub platform: Platform,
}

/// The records, indexed by what objects and requests carry.
#[derive(Debug)]
pub struct Policy {
    records: Records,
    version: String,
    users_by_username: HashMap<String, UserName>,
    users_by_id: HashMap<UserId, UserName>,
    groups_by_id: HashMap<GroupId, GroupName>,
    projects_by_id: HashMap<ProjectId, ProjectName>,
}

/// What a label `platform-go/group-storage` names.
#[derive(Clone, Copy, Debug)]
pub struct GroupStorage<'a> {
    /// The group.
    pub group: &'a Group,
    /// The name behind the group's id.
    pub name: &'a str,
    /// What the group says of it; `None` where it lists no such name.
    pub storage: Option<&'a Storage>,
}

impl From<Records> for Policy {
    fn from(mut records: Records) -> Self {
        records.queues.entry(DEFAULT_QUEUE.into()).or_insert_with(Queue::fallback);
        let users = || records.users.values();
        Self {
            version: version(&records),
            users_by_username: users().map(|user| (user.username.clone(), user.name.clone())).collect(),
            users_by_id: users().map(|user| (user.id.clone(), user.name.clone())).collect(),
            groups_by_id: records.groups.values().map(|it| (it.id.clone(), it.name.clone())).collect(),
            projects_by_id: records.projects.values().map(|it| (it.id.clone(), it.name.clone())).collect(),
            records,
        }
    }
}

/// Twelve hexadecimal digits of what the records say: equal records have equal versions, wherever they are read.
fn version(records: &Records) -> String {
    match serde_json::to_vec(records) {
        Ok(bytes) => Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect(),
        Err(error) => unreachable!("records have string keys only: {error}"),
    }
}

impl Policy {
    /// The records themselves.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// What holds for the platform as a whole.
    pub fn platform(&self) -> &Platform {
        &self.records.platform
    }

    /// Twelve hexadecimal digits that change when a record changes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The user whom Kubernetes calls `username`.
    pub fn user_by_username(&self, username: &str) -> Option<&User> {
        self.users_by_username.get(username).and_then(|name| self.records.users.get(name))
    }

    /// What people call the user with this id: their name, or the id where there is no such user any more.
    pub fn user_name<'a>(&'a self, id: &'a UserId) -> &'a str {
        self.user_by_id(id).map_or(id.as_str(), |user| user.name.as_str())
    }

    /// What people call the project with this id: its name, or the id where there is no such project any more.
    pub fn project_name<'a>(&'a self, id: &'a ProjectId) -> &'a str {
        self.project_by_id(id).map_or(id.as_str(), |project| project.name.as_str())
    }

    /// The user with this id, which may be the text of a label.
    pub fn user_by_id<Id>(&self, id: &Id) -> Option<&User>
    where
        UserId: Borrow<Id>,
        Id: Hash + Eq + ?Sized,
    {
        self.users_by_id.get(id).and_then(|name| self.records.users.get(name))
    }

    /// The project with this id, which may be the text of a label.
    pub fn project_by_id<Id>(&self, id: &Id) -> Option<&Project>
    where
        ProjectId: Borrow<Id>,
        Id: Hash + Eq + ?Sized,
    {
        self.projects_by_id.get(id).and_then(|name| self.records.projects.get(name))
    }

    /// What a label `<group id>.<storage>` names, with the storage where the group lists it.
    ///
    /// Both parts may have dots in them. Where several groups could be meant, those count that list the storage; where
    /// several do, none is meant.
    pub fn group_storage<'a>(&'a self, label: &'a str) -> Option<GroupStorage<'a>> {
        let mut named: Vec<_> = label
            .match_indices('.')
            .filter_map(|(dot, _)| {
                let (id, name) = (&label[..dot], &label[dot + 1..]);
                let group = self.groups_by_id.get(id).and_then(|group| self.records.groups.get(group))?;
                Some(GroupStorage { group, name, storage: group.storage.get(name) })
            })
            .collect();
        if named.len() > 1 {
            named.retain(|it| it.storage.is_some());
        }
        if named.len() == 1 { named.pop() } else { None }
    }

    /// The group that owns a project; `None` for a personal one, and where the record does not exist.
    pub fn owning_group(&self, project: &Project) -> Option<&Group> {
        match &project.holder {
            Holder::Group(name) => self.records.groups.get(name),
            Holder::User(_) => None,
        }
    }

    /// The project's plan, if it exists and is valid at `now`.
    pub fn plan_in_force(&self, project: &Project, now: Timestamp) -> Option<&Plan> {
        let plan = self.records.plans.get(project.plan.as_ref()?)?;
        plan.validity.contains(now).then_some(plan)
    }

    /// The queue `default`.
    pub fn default_queue(&self) -> &Queue {
        &self.records.queues[DEFAULT_QUEUE]
    }

    /// The queue that a label asks for, by its id or its name.
    pub fn queue_asked(&self, asked: &str) -> Option<&Queue> {
        let queues = &self.records.queues;
        queues.values().find(|queue| queue.id == asked).or_else(|| queues.get(asked))
    }

    /// Whether a Pod of a queue gives way to queues of higher priority: if the queue is preemptible, or the one was as of which others
    /// were evicted for the Pod ([`ROOM_MADE_IN`](crate::contract::ROOM_MADE_IN)). A switch of queues changes nothing about that.
    pub fn gives_way(&self, queue: &Queue, room_made_in: Option<&str>) -> bool {
        let took = |made_in| self.queue_asked(made_in).is_none_or(|queue| queue.preemptible);
        queue.preemptible || room_made_in.is_some_and(took)
    }

    /// The GPU model that a label asks for, by its id or its name.
    pub fn model_asked(&self, asked: &str) -> Option<&Model> {
        let models = &self.records.models;
        models.values().find(|model| model.id == asked).or_else(|| models.get(asked))
    }

    /// The user's role in the project, by the highest line of the member list that names them.
    ///
    /// `identity_groups` are the groups that the request itself proves.
    pub fn role(&self, user: &User, identity_groups: &[String], project: &Project) -> Option<ProjectRole> {
        let owner = matches!(&project.holder, Holder::User(name) if *name == user.name);
        let listed = project.members.iter().filter(|member| match &member.who {
            MemberRef::User(name) => *name == user.name,
            MemberRef::Group(name) => self.records.groups.get(name).is_some_and(|group| {
                group.members.contains_key(&user.name)
                    || identity_groups.iter().any(|proven| group.identity_groups.contains(proven))
            }),
        });
        owner.then_some(ProjectRole::Admin).into_iter().chain(listed.map(|member| member.role)).max()
    }

    /// Whether somebody decides about what a project's people made: its Managers and Admins, and platform Admins.
    pub fn manages(&self, user: &User, identity_groups: &[String], project: &Project) -> bool {
        self.is_admin(Some(user), identity_groups)
            || self.role(user, identity_groups, project) >= Some(ProjectRole::Manager)
    }

    /// Whether a member list can name people whom only the identity provider knows.
    pub fn admits_by_identity_group(&self, project: &Project) -> bool {
        project.members.iter().any(|member| match &member.who {
            MemberRef::User(_) => false,
            MemberRef::Group(name) => {
                self.records.groups.get(name).is_some_and(|group| !group.identity_groups.is_empty())
            }
        })
    }

    /// Whether someone is a platform Admin, by record or by a group that the request proves.
    pub fn is_admin(&self, user: Option<&User>, groups: &[String]) -> bool {
        const ALWAYS: &str = "system:masters";
        user.is_some_and(|user| user.system_role == SystemRole::Admin)
            || groups.iter().any(|group| group == ALWAYS || self.platform().admin_groups.contains(group))
    }
}
