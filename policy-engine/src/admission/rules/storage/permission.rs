//! What somebody may do with a volume.

use std::fmt;

use crate::contract;
use crate::policy::ids::UserId;
use crate::policy::people::{Group, GroupRole, User};
use crate::policy::storage::Permission;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::{Caller, Owner};
use crate::submission::volumes::Ownership;

/// Somebody whose permission counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party<'a> {
    pub(super) owner: Owner<'a>,
    /// Groups that the request proves of them.
    proven: &'a [String],
    /// Whether they ask themselves, so that the proven groups are all there are.
    asks: bool,
    /// Whether they are a platform Admin.
    pub(super) admin: bool,
    /// Whether the account of a Pod of theirs acts for them, to which nothing of what they manage is given.
    as_member: bool,
}

impl<'a> Party<'a> {
    /// The one who sends the request.
    pub(super) fn asking(case: &Case<'a>, owner: Owner<'a>) -> Self {
        let proven = case.submission.requester.groups;
        let admin = match owner {
            Owner::User(user) => case.policy.is_admin(Some(user), proven),
            Owner::Former(_) | Owner::Project => false,
        };
        Self { owner, proven, asks: true, admin, as_member: false }
    }

    /// The one for whom the object is.
    pub(super) fn owning(case: &Case<'a>, owner: Owner<'a>) -> Self {
        match (owner, case.caller.user()) {
            (Owner::User(user), Some(caller)) if user.name == caller.name => Self::asking(case, owner),
            (Owner::User(user), _) => {
                let as_member = case.is_deputy_of(user);
                let admin = !as_member && case.policy.is_admin(Some(user), &[]);
                Self { owner, proven: &[], asks: as_member, admin, as_member }
            }
            (Owner::Former(_) | Owner::Project, _) => {
                let admin = case.submission.act == Act::Create && matches!(case.caller, Caller::Admin);
                Self { owner, proven: &[], asks: admin, admin, as_member: false }
            }
        }
    }

    /// The one who is stamped on an object that is not in question.
    pub(super) fn stamped(case: &Case<'a>, user_id: Option<&'a UserId>) -> Self {
        Self::owning(case, Owner::stamped(user_id, case.policy))
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.owner.id().is_some() && self.owner.id() == other.owner.id()
    }

    fn user(&self) -> Option<&'a User> {
        match self.owner {
            Owner::User(user) => Some(user),
            Owner::Former(_) | Owner::Project => None,
        }
    }

    /// Whether they manage the project and what its people made.
    pub(super) fn manages_project(&self, case: &Case<'_>) -> bool {
        let manages = |user| !self.as_member && case.policy.manages(user, self.proven, case.project);
        self.admin || self.user().is_some_and(manages)
    }

    /// Whether they manage the group's storage.
    pub(super) fn manages_group(&self, group: &Group) -> bool {
        let manages = |user: &User| !self.as_member && group.members.get(&user.name) == Some(&GroupRole::Admin);
        self.admin || self.user().is_some_and(manages)
    }

    fn membership(&self, group: &Group) -> Membership {
        let listed = self.user().is_some_and(|user| group.members.contains_key(&user.name));
        let proven = self.proven.iter().any(|it| group.identity_groups.contains(it));
        if listed || proven {
            Membership::Member
        } else if self.user().is_none() || self.asks || group.identity_groups.is_empty() {
            Membership::Other
        } else {
            Membership::Untold
        }
    }

    /// What they may do with a volume, also because they manage the project and may intervene.
    pub(super) fn may(&self, case: &Case<'_>, ownership: &Ownership) -> Permission {
        self.permission(case, ownership, self.manages_project(case))
    }

    /// What their own work may do with a volume that it names by its name. Whoever may intervene has not agreed to use what
    /// somebody puts under that name: they agree by its UID, among those that they have `named`.
    pub(super) fn uses(&self, case: &Case<'_>, ownership: &Ownership, named: &str) -> Permission {
        // Work without a user is an Admin's, who asks at this moment.
        let agrees =
            self.user().is_none() || named.split(',').any(|uid| !uid.is_empty() && uid.trim() == ownership.uid);
        self.permission(case, ownership, agrees && self.manages_project(case))
    }

    fn permission(&self, case: &Case<'_>, ownership: &Ownership, intervenes: bool) -> Permission {
        if self.admin && intervenes {
            return Permission::ReadWrite;
        }
        let name = self.user().map(|user| &user.name);
        let everything = |granted| if granted { Permission::ReadWrite } else { Permission::None };
        let of_project = |storage: &str| case.project.storage.get(storage).map(|it| it.of(name));
        match (&ownership.group_storage, &ownership.storage) {
            (Some(label), own) => {
                let Some(named) = case.policy.group_storage(label) else {
                    return everything(intervenes);
                };
                let Some(storage) = named.storage else { return everything(intervenes) };
                let of_group = storage.of(name);
                let others = of_project(own.as_deref().unwrap_or(named.name)).unwrap_or(Permission::None);
                let named_by_group = name.is_some_and(|user| storage.users.contains_key(user));
                match self.membership(named.group) {
                    Membership::Member => of_group,
                    _ if named_by_group => of_group,
                    Membership::Other => others,
                    // A controller's request does not prove its owner's groups, and the template was judged when it did.
                    Membership::Untold if others == Permission::None => of_group,
                    Membership::Untold => of_group.min(others),
                }
            }
            (None, Some(storage)) => of_project(storage).unwrap_or_else(|| everything(intervenes)),
            (None, None) => {
                let own = self.owner.is(ownership.user_id.as_ref());
                // What is from before the platform nobody has put there for others to stumble on.
                let is_old = ownership.user_id.is_none() && self.manages_project(case);
                everything(own || is_old || intervenes)
            }
        }
    }
}

enum Membership {
    Member,
    Other,
    /// Their identity provider knows, and this request does not say.
    Untold,
}

impl fmt::Display for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Owner::User(_) | Owner::Former(_) => write!(f, "{}", self.owner),
            Owner::Project => f.write_str("work without a user"),
        }
    }
}

/// A refusal for want of permission.
pub(super) struct Refused<'a> {
    pub(super) case: &'a Case<'a>,
    /// Kind and name of the volume.
    pub(super) volume: (&'a str, &'a str),
    pub(super) ownership: &'a Ownership,
    pub(super) party: Party<'a>,
    pub(super) may: Permission,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, volume: (kind, name), ownership, party, may } = self;
        let project = &case.project.name;
        write!(f, "asked {kind} {name}, which is ")?;
        let ask = match (&ownership.group_storage, &ownership.storage) {
            (Some(label), _) => {
                write!(f, "group storage {label}")?;
                let group = case.policy.group_storage(label).filter(|it| it.storage.is_some()).map(|it| it.group);
                group.map_or_else(
                    || format!("a Manager of project {project}, since no group lists it"),
                    |group| {
                        format!(
                            "an Admin of group {}, or for others than its people one of project {project}",
                            group.name
                        )
                    },
                )
            }
            (None, Some(storage)) => {
                write!(f, "storage {storage} of project {project}")?;
                format!("an Admin of project {project}")
            }
            (None, None) => {
                match ownership.user_id.as_ref().map(|id| Owner::stamped(Some(id), case.policy)) {
                    Some(owner) => write!(f, "{owner}'s")?,
                    None => f.write_str("from before the platform and nobody's")?,
                }
                "a platform Admin to list it as storage".to_owned()
            }
        };
        if *may < party.may(case, ownership) {
            return write!(
                f,
                "; {party} may use it, since they manage project {project}, if they name it by its UID, and not by a name that anybody could have given; annotate with {}: {}",
                contract::USE_VOLUMES,
                ownership.uid
            );
        }
        match may {
            Permission::None => write!(f, "; {party} may not use it")?,
            Permission::ReadOnly => write!(f, "; {party} may only read it")?,
            Permission::ReadWrite => write!(f, "; {party} may use it")?,
        }
        write!(f, "; use a volume of your own, or ask {ask}")
    }
}
