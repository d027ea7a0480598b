//! Projects.

use std::collections::BTreeMap;

use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::image_pattern::ImagePattern;
use policy_engine::policy::project::{Holder, Member, MemberRef, Project, ProjectRole};

use super::modes::modes;
use super::platform::{capabilities, host_paths as paths};
use super::problem::{About, Report};
use super::read::Entry;
use super::storage::storage;
use crate::project;
use crate::project::{ProjectMember, ProjectSpec};
use crate::text::NamespaceName;

pub(super) fn project(entry: &Entry<ProjectSpec>, report: &mut Report) -> Option<Project> {
    let about = &entry.about;
    let ProjectSpec {
        id: _,
        display_name: _,
        owner,
        group,
        parent,
        plan,
        members,
        namespaces,
        namespace_per_member,
        allow_root_containers,
        capabilities: listed,
        host_paths,
        images,
        storage: shared,
        allow_service_account_token,
        spread_together,
        rule_modes,
    } = &entry.spec;
    let holder = match (owner, group) {
        (Some(owner), None) => Holder::User(owner.as_str().into()),
        (None, Some(group)) => Holder::Group(group.as_str().into()),
        (Some(_), Some(_)) => {
            report.refuse(
                about,
                "spec",
                "given owner and group; a project is personal or a group's: keep one of the two",
            );
            return None;
        }
        (None, None) => {
            report.refuse(about, "spec", "given neither owner nor group; name the one whose project it is");
            return None;
        }
    };
    let images = images.iter().enumerate().filter_map(|(index, text)| match ImagePattern::read(&text.0) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            report.refuse(
                about,
                format!("spec.images[{index}]"),
                format!("{why}; write for example registry.example.com/**"),
            );
            None
        }
    });
    Some(Project {
        name: about.name.as_str().into(),
        id: ProjectId::new(&entry.id),
        holder,
        parent: parent.as_ref().map(|parent| parent.as_str().into()),
        plan: plan.as_ref().map(|plan| plan.as_str().into()),
        images: images.collect(),
        capabilities: capabilities(listed, about, report),
        host_paths: host_paths.as_ref().map(|listed| paths(listed, about, report)),
        members: lines(members, about, report),
        namespaces: governed(namespaces, about, report),
        member_namespaces: namespace_per_member.then(BTreeMap::new),
        allow_root_containers: *allow_root_containers,
        storage: storage(shared, about, report),
        allow_service_account_token: *allow_service_account_token,
        spread_together: *spread_together,
        rule_modes: modes(rule_modes, about, report),
    })
}

fn lines(written: &[ProjectMember], about: &About, report: &mut Report) -> Vec<Member> {
    let member = |(index, ProjectMember { user, group, role }): (usize, &ProjectMember)| {
        let who = match (user, group) {
            (Some(user), None) => MemberRef::User(user.as_str().into()),
            (None, Some(group)) => MemberRef::Group(group.as_str().into()),
            (Some(_), Some(_)) | (None, None) => {
                let message = "a member is a user or a group; give one of the two, on a line of its own";
                report.refuse(about, format!("spec.members[{index}]"), message);
                return None;
            }
        };
        let role = match role {
            project::ProjectRole::Member => ProjectRole::Member,
            project::ProjectRole::Manager => ProjectRole::Manager,
            project::ProjectRole::Admin => ProjectRole::Admin,
        };
        Some(Member { who, role })
    };
    written.iter().enumerate().filter_map(member).collect()
}

fn governed(listed: &[NamespaceName], about: &About, report: &mut Report) -> Vec<String> {
    if listed.is_empty() {
        if about.name.contains('.') {
            let message = format!("no namespace can be named {}; list the project's namespaces", about.name);
            report.refuse(about, "spec.namespaces", message);
            return Vec::new();
        }
        return vec![about.name.clone()];
    }
    let readable = |text: &&str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !text.is_empty()
            && text.len() <= 63
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    listed.iter().map(|namespace| namespace.as_str()).filter(readable).map(str::to_owned).collect()
}
