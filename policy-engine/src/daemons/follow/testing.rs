//! Small worlds for the tests of this daemon, and what carrying out a plan makes of them.

use crate::daemons::common::{MANAGED_BY, MANAGER, Seen};
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::policy::ids::{GroupId, ProjectId, UserId};
use crate::policy::names::{GroupName, UserName};
use crate::policy::namespace_quota::NamespaceQuota;
use crate::policy::people::{Group, GroupRole, SystemRole, User};
use crate::policy::plan::{
    ContainerDefaults, ExtendedResources, OutsideWindow, Plan as PlanRecord, USUAL_GRACE_LIMIT, Validity,
};
use crate::policy::platform::Platform;
use crate::policy::project::{Holder, Member, MemberRef, Project, ProjectRole};
use crate::policy::queue::Queue;
use crate::policy::quota::Quota;
use crate::policy::{Policy, Records};

use super::action::{Action, MetadataChange, QUOTA_NAME, cluster_role_name, role_binding_name};
use super::plan;
use super::view::{Contents, Namespace, PriorityClass, ResourceQuota, RoleBinding, Unreadable, View};
use super::volcano::{Found, GPU, VolcanoQueue};

pub(crate) fn policy(projects: impl IntoIterator<Item = Project>) -> Policy {
    with_platform(projects, Platform::default())
}

pub(super) fn with_platform(projects: impl IntoIterator<Item = Project>, platform: Platform) -> Policy {
    let mut records = Records { platform, ..Records::default() };
    records.platform.exempt_namespaces.insert("monitoring".into());
    for name in ["alice", "bob", "carol"] {
        records.users.insert(name.into(), user(name, name));
    }
    records.users.insert("robot".into(), user("robot", "system:serviceaccount:ci:robot"));
    records.groups.insert("nlp-lab".into(), group("nlp-lab", &["alice", "bob"], &["idp:nlp"]));
    records.projects = projects.into_iter().map(|project| (project.name.clone(), project)).collect();
    Policy::from(records)
}

pub(super) fn queues(queues: impl IntoIterator<Item = (&'static str, i32)>) -> Policy {
    let queues = queues
        .into_iter()
        .map(|(name, priority)| (name.into(), Queue { name: name.into(), priority, ..Queue::fallback() }));
    Policy::from(Records { queues: queues.collect(), ..Records::default() })
}

fn user(name: &str, username: &str) -> User {
    User { name: name.into(), id: UserId::new(name), username: username.into(), system_role: SystemRole::User }
}

fn group(name: &str, members: &[&str], identity_groups: &[&str]) -> Group {
    Group {
        name: name.into(),
        id: GroupId::new(name),
        members: members.iter().map(|&user| (UserName::from(user), GroupRole::Member)).collect(),
        identity_groups: identity_groups.iter().map(|&name| name.into()).collect(),
        allow_root_containers: false,
        storage: BTreeMap::new(),
    }
}

/// A project with the given Namespaces, whose id is not its name.
pub(crate) fn project(name: &str, namespaces: &[&str]) -> Project {
    Project {
        name: name.into(),
        id: ProjectId::new(format!("id-{name}")),
        holder: Holder::Group("nlp-lab".into()),
        parent: None,
        plan: None,
        members: Vec::new(),
        namespaces: namespaces.iter().map(|&name| name.into()).collect(),
        member_namespaces: None,
        allow_root_containers: false,
        storage: BTreeMap::new(),
        capabilities: BTreeSet::new(),
        host_paths: None,
        images: Vec::new(),
        allow_service_account_token: false,
        spread_together: false,
        rule_modes: BTreeMap::new(),
    }
}

pub(super) fn user_line(name: &str, role: ProjectRole) -> Member {
    Member { who: MemberRef::User(UserName::from(name)), role }
}

pub(super) fn group_line(name: &str, role: ProjectRole) -> Member {
    Member { who: MemberRef::Group(GroupName::from(name)), role }
}

pub(super) fn view() -> View {
    View {
        observed_at: Timestamp::UNIX_EPOCH,
        own_namespace: "sluice-system".into(),
        namespaces: BTreeMap::new(),
        role_bindings: BTreeMap::new(),
        resource_quotas: BTreeMap::new(),
        priority_classes: BTreeMap::from([(
            "platform-go-default".into(),
            PriorityClass {
                seen: seen("pc"),
                managed: true,
                value: 0,
                never_preempts: true,
                global_default: false,
                description: "Pods of the queue default; made by sluice from PlatformQueue default".into(),
            },
        )]),
        volcano_queues: None,
        unreadable: Unreadable::default(),
    }
}

pub(super) fn namespace(labels: &[(&str, &str)], annotations: &[(&str, &str)], contents: Contents) -> Namespace {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|&(key, value)| (key.into(), value.into())).collect();
    Namespace { seen: seen("ns"), labels: map(labels), annotations: map(annotations), terminating: false, contents }
}

pub(super) fn seen(uid: &str) -> Seen {
    Seen { uid: uid.into(), resource_version: "1".into() }
}

/// The Namespaces, RoleBindings, ResourceQuotas and PriorityClasses after the plan was carried out.
pub(super) fn execute(mut view: View, actions: &[Action]) -> View {
    for action in actions {
        match action.clone() {
            Action::CreateNamespace { namespace, metadata, .. } => {
                let mut made = self::namespace(&[], &[], Contents::Empty);
                write(&mut made, metadata);
                assert!(view.namespaces.insert(namespace, made).is_none(), "made a namespace that exists");
            }
            Action::LabelNamespace { namespace, metadata, .. } | Action::RemoveLabel { namespace, metadata, .. } => {
                write(view.namespaces.get_mut(&namespace).expect("a namespace that exists"), metadata);
            }
            Action::ApplyRoleBinding { namespace, role, subjects, .. } => {
                let made = RoleBinding {
                    seen: seen("rb"),
                    cluster_role: Some(cluster_role_name(role).into()),
                    subjects: Some(subjects),
                };
                view.role_bindings.insert((namespace, role_binding_name(role).into()), made);
            }
            Action::DeleteRoleBinding { namespace, name, .. } => {
                assert!(view.role_bindings.remove(&(namespace, name)).is_some(), "deleted what does not exist");
            }
            Action::ApplyResourceQuota { namespace, quota, seen: replaced, .. } => {
                let made = ResourceQuota { seen: seen("rq"), hard: Some(quota) };
                let before = view.resource_quotas.insert((namespace, QUOTA_NAME.into()), made);
                assert_eq!(before.map(|it| it.seen), replaced, "wrote over another");
            }
            Action::DeleteResourceQuota { namespace, name, .. } => {
                assert!(view.resource_quotas.remove(&(namespace, name)).is_some(), "deleted what does not exist");
            }
            Action::CreatePriorityClass(class)
            | Action::AmendPriorityClass { class, .. }
            | Action::ReplacePriorityClass { class, .. } => {
                let made = PriorityClass {
                    seen: seen("pc"),
                    managed: true,
                    value: class.value,
                    never_preempts: true,
                    global_default: false,
                    description: class.description(),
                };
                view.priority_classes.insert(class.name(), made);
            }
            Action::DeletePriorityClass { name, .. } => {
                assert!(view.priority_classes.remove(&name).is_some(), "deleted what does not exist");
            }
            Action::CreateVolcanoQueue(queue) | Action::AmendVolcanoQueue { queue, .. } => {
                let queues = view.volcano_queues.as_mut().expect("the kind");
                queues.insert(queue.queue.to_string(), volcano_queue(&queue));
            }
            Action::DeleteVolcanoQueue { name, .. } => {
                let queues = view.volcano_queues.as_mut().expect("the kind");
                assert!(queues.remove(&name).is_some(), "deleted what does not exist");
            }
        }
    }
    view
}

/// What is made of what is said of a queue.
pub(super) fn volcano_queue(queue: &VolcanoQueue) -> Found {
    Found {
        seen: seen("vq"),
        managed: true,
        weight: Some(queue.weight),
        priority: Some(queue.priority),
        reclaimable: Some(queue.reclaimable),
        deserved: queue.deserved.map(|milli| (GPU.to_owned(), Some(milli))).into_iter().collect(),
        has_capability: false,
    }
}

/// The state that the daemon reaches by itself.
pub(super) fn settled(view: View, policy: &Policy) -> View {
    let actions = plan(&view, policy).actions;
    execute(view, &actions)
}

/// The people of a RoleBinding.
pub(super) fn people(view: &View, namespace: &str, name: &str) -> Option<BTreeSet<String>> {
    let binding = view.role_bindings.get(&(namespace.to_owned(), name.to_owned()))?;
    Some(binding.subjects.iter().flatten().map(|subject| format!("{subject:?}")).collect())
}

fn write(namespace: &mut Namespace, change: MetadataChange) {
    let created = change.labels.get(MANAGED_BY).is_some_and(|to| to.as_deref() == Some(MANAGER));
    assert!(!created || namespace.labels.is_empty(), "only what was made is labelled as ours");
    for (map, changes) in [(&mut namespace.labels, change.labels), (&mut namespace.annotations, change.annotations)] {
        for (key, to) in changes {
            match to {
                Some(value) => map.insert(key.into(), value),
                None => map.remove(key),
            };
        }
    }
}

pub(crate) fn plan_record(name: &str, quota: Quota, validity: Validity) -> PlanRecord {
    PlanRecord {
        name: name.into(),
        id: name.into(),
        quota,
        per_user: Quota::default(),
        namespace_quota: NamespaceQuota::default(),
        gpu_models: BTreeSet::new(),
        queues: BTreeSet::new(),
        vram_policies: BTreeSet::new(),
        schedule: None,
        outside_window: OutsideWindow::default(),
        outside_window_quota: Quota::default(),
        idle_timeout: None,
        max_devices_per_claim: None,
        max_termination_grace: USUAL_GRACE_LIMIT,
        extended_resources: ExtendedResources::default(),
        offered_to: Vec::new(),
        validity,
        defaults: ContainerDefaults::default(),
    }
}
