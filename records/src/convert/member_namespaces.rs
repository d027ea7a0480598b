//! A Namespace for each member of a project that says so.

use std::collections::{BTreeMap, BTreeSet};

use policy_engine::policy::Records;
use policy_engine::policy::names::UserName;
use policy_engine::policy::project::{Holder, MemberRef, Project};

use super::Written;
use super::problem::Report;

/// The project that has each Namespace, by name.
pub(super) type Holders = BTreeMap<String, String>;

const FIELD: &str = "spec.namespacePerMember";
/// The longest name that a Namespace can have.
const LONGEST: usize = 63;

/// Gives each member their own. What a project lists goes before.
pub(super) fn add(records: &mut Records, written: &Written, mut holders: Holders, report: &mut Report) {
    for entry in &written.projects {
        let Some(project) = records.projects.get(entry.about.name.as_str()) else { continue };
        if project.member_namespaces.is_none() {
            continue;
        }
        let mut given = BTreeMap::new();
        for user in people(project, records) {
            let name = format!("{}-{user}", project.name).replace('.', "-");
            let why = if name.len() > LONGEST {
                let length = name.len();
                format!(
                    "{name} has {length} characters, and a namespace's name at most {LONGEST}; give the project a \
                     shorter name"
                )
            } else if let Some(holder) = holders.get(&name) {
                format!("{name} is that of Project {holder}; take it out there")
            } else if records.platform.exempt_namespaces.contains(&name) {
                format!("{name} is exempt by PlatformPolicy.spec.exemptNamespaces; take it out there")
            } else {
                holders.insert(name.clone(), entry.about.name.clone());
                given.insert(name, user);
                continue;
            };
            let message = format!("User {user} has no namespace of their own: {why}");
            report.warn(&entry.about, format!("{FIELD}[{user}]"), message);
        }
        if let Some(project) = records.projects.get_mut(entry.about.name.as_str()) {
            project.namespaces.extend(given.keys().cloned());
            project.member_namespaces = Some(given);
        }
    }
}

/// The Users who are members by the records, in the order of their names.
fn people(project: &Project, records: &Records) -> BTreeSet<UserName> {
    let owner = match &project.holder {
        Holder::User(name) => Some(name),
        Holder::Group(_) => None,
    };
    let listed = project.members.iter().flat_map(|member| match &member.who {
        MemberRef::User(name) => vec![name],
        MemberRef::Group(name) => records.groups.get(name).map(|it| it.members.keys().collect()).unwrap_or_default(),
    });
    owner.into_iter().chain(listed).filter(|name| records.users.contains_key(*name)).cloned().collect()
}
