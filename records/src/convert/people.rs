//! Users and groups.

use policy_engine::policy::ids::{GroupId, UserId};
use policy_engine::policy::people::{Group, GroupRole, SystemRole, User};

use super::problem::Report;
use super::read::Entry;
use super::storage::storage;
use crate::{group, user};

#[expect(clippy::unnecessary_wraps, reason = "other kinds can turn out to be unusable")]
pub(super) fn user(entry: &Entry<user::UserSpec>, _: &mut Report) -> Option<User> {
    let user::UserSpec { id: _, username, display_name: _, system_role } = &entry.spec;
    Some(User {
        name: entry.about.name.as_str().into(),
        id: UserId::new(&entry.id),
        username: username.0.clone(),
        system_role: match system_role {
            user::SystemRole::User => SystemRole::User,
            user::SystemRole::Manager => SystemRole::Manager,
            user::SystemRole::Admin => SystemRole::Admin,
        },
    })
}

#[expect(clippy::unnecessary_wraps, reason = "other kinds can turn out to be unusable")]
pub(super) fn group(entry: &Entry<group::GroupSpec>, report: &mut Report) -> Option<Group> {
    let group::GroupSpec { id: _, display_name: _, members, identity_groups, allow_root_containers, storage: shared } =
        &entry.spec;
    let role = |role| match role {
        group::GroupRole::Member => GroupRole::Member,
        group::GroupRole::Admin => GroupRole::Admin,
    };
    Some(Group {
        name: entry.about.name.as_str().into(),
        id: GroupId::new(&entry.id),
        members: members
            .iter()
            .map(|group::GroupMember { user, role: written }| (user.as_str().into(), role(*written)))
            .collect(),
        identity_groups: identity_groups.iter().map(|group| group.0.clone()).collect(),
        allow_root_containers: *allow_root_containers,
        storage: storage(shared, &entry.about, report),
    })
}
