//! RoleBindings: what people may do in their projects' Namespaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Policy;
use crate::policy::names::GroupName;
use crate::policy::people::Group;
use crate::policy::project::{Holder, MemberRef, Project, ProjectRole};

use super::Plan;
use super::action::{Action, Unwanted, cluster_role_name, role_binding_name};
use super::namespaces::Bound;
use super::spared::Spared;
use super::view::{RoleBinding, Subject, View};

const ROLES: [ProjectRole; 3] = [ProjectRole::Member, ProjectRole::Manager, ProjectRole::Admin];

pub(super) fn plan(view: &View, policy: &Policy, bound: &Bound<'_>, plan: &mut Plan) {
    let mut left_alone: BTreeSet<&str> = bound.hands_off.clone();
    let mut people = BTreeMap::new();
    for (&namespace, project) in &bound.projects {
        let by_role = people.entry(&project.name).or_insert_with(|| match unreadable(view, policy, project) {
            Some(record) => {
                plan.spared.push(Spared::UnreadablePeople { project: project.name.clone(), record });
                None
            }
            None => Some(subjects(policy, project)),
        });
        let Some(by_role) = by_role else {
            left_alone.insert(namespace);
            continue;
        };
        for role in ROLES {
            let mut wanted = by_role.get(&role).cloned().unwrap_or_default();
            if role == ProjectRole::Member {
                keep_who_may_enter(&mut wanted, namespace, bound, policy);
            }
            let found = view.role_bindings.get(&(namespace.into(), role_binding_name(role).into()));
            plan.actions.extend(one(namespace, role, wanted, found));
        }
    }
    for ((namespace, name), found) in &view.role_bindings {
        let because = match bound.projects.contains_key(namespace.as_str()) {
            true if ROLES.iter().any(|role| role_binding_name(*role) == name) => continue,
            true => Unwanted::UnknownName,
            false => Unwanted::NotBound,
        };
        if view.namespaces.contains_key(namespace) && !left_alone.contains(namespace.as_str()) {
            plan.actions.push(delete(namespace, name, found, because));
        }
    }
}

/// In a Namespace that is one member's own no other Member works, and none at all once that member has left.
fn keep_who_may_enter(members: &mut BTreeSet<Subject>, namespace: &str, bound: &Bound<'_>, policy: &Policy) {
    if let Some(id) = bound.given.get(namespace) {
        let theirs = policy.user_by_id(*id).map(|user| Subject::of_username(&user.username));
        members.retain(|subject| Some(subject) == theirs.as_ref());
    }
}

/// What is to be done about one role in one Namespace.
fn one(namespace: &str, role: ProjectRole, wanted: BTreeSet<Subject>, found: Option<&RoleBinding>) -> Vec<Action> {
    let name = role_binding_name(role);
    let apply = |subjects, seen| Action::ApplyRoleBinding { namespace: namespace.into(), role, subjects, seen };
    match found {
        None if wanted.is_empty() => Vec::new(),
        None => vec![apply(wanted, None)],
        Some(found) if wanted.is_empty() => vec![delete(namespace, name, found, Unwanted::NobodyHasTheRole)],
        Some(found) if found.cluster_role.as_deref() != Some(cluster_role_name(role)) => {
            vec![delete(namespace, name, found, Unwanted::OtherRole), apply(wanted, None)]
        }
        Some(found) if found.subjects.as_ref() == Some(&wanted) => Vec::new(),
        Some(found) => vec![apply(wanted, Some(found.seen.clone()))],
    }
}

fn delete(namespace: &str, name: &str, found: &RoleBinding, because: Unwanted) -> Action {
    Action::DeleteRoleBinding { namespace: namespace.into(), name: name.into(), seen: found.seen.clone(), because }
}

/// Everyone once, by the highest role that a line of the member list gives them.
fn subjects(policy: &Policy, project: &Project) -> BTreeMap<ProjectRole, BTreeSet<Subject>> {
    let records = policy.records();
    let owner = match &project.holder {
        Holder::User(name) => records.users.get(name).map(|user| (&user.username, ProjectRole::Admin)),
        Holder::Group(_) => None,
    };
    let users = project.members.iter().flat_map(|member| {
        let names: Vec<_> = match &member.who {
            MemberRef::User(name) => vec![name],
            MemberRef::Group(name) => group(policy, name).map(|it| it.members.keys()).into_iter().flatten().collect(),
        };
        names.into_iter().filter_map(|name| Some((&records.users.get(name)?.username, member.role)))
    });
    let proven = project.members.iter().flat_map(|member| {
        let group = match &member.who {
            MemberRef::User(_) => None,
            MemberRef::Group(name) => group(policy, name),
        };
        group.into_iter().flat_map(|it| &it.identity_groups).map(|name| (Subject::Group(name.clone()), member.role))
    });
    let mut highest: BTreeMap<Subject, ProjectRole> = BTreeMap::new();
    let people = owner.into_iter().chain(users).map(|(username, role)| (Subject::of_username(username), role));
    for (subject, role) in people.chain(proven) {
        let known = highest.entry(subject).or_insert(role);
        *known = role.max(*known);
    }
    let mut by_role: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    highest.into_iter().for_each(|(subject, role)| {
        by_role.entry(role).or_default().insert(subject);
    });
    by_role
}

fn group<'a>(policy: &'a Policy, name: &GroupName) -> Option<&'a Group> {
    policy.records().groups.get(name)
}

/// A record that cannot be read and on which it depends who the project's people are.
fn unreadable(view: &View, policy: &Policy, project: &Project) -> Option<String> {
    let user = |name| view.unreadable.users.contains(name).then(|| format!("User {name}"));
    let owner = match &project.holder {
        Holder::User(name) => user(name),
        Holder::Group(_) => None,
    };
    let mut lines = project.members.iter().filter_map(|member| match &member.who {
        MemberRef::User(name) => user(name),
        MemberRef::Group(name) if view.unreadable.groups.contains(name) => Some(format!("Group {name}")),
        MemberRef::Group(name) => group(policy, name)?.members.keys().find_map(user),
    });
    owner.or_else(|| lines.next())
}
