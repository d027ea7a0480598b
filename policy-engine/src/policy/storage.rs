//! Volumes that several people share, and the lanes by which new ones are made.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::names::UserName;

/// Who may do what with a volume that a group or a project lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// What everybody may do who is not named.
    pub default: Permission,
    /// Exceptions by name of the User.
    pub users: BTreeMap<UserName, Permission>,
}

impl Storage {
    /// What the user may do; without a user, what everybody may.
    pub fn of(&self, user: Option<&UserName>) -> Permission {
        user.and_then(|user| self.users.get(user)).copied().unwrap_or(self.default)
    }
}

/// What someone may do with a volume; the later ones grant more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Permission {
    /// Nothing.
    None,
    /// Mount it read-only, copy it.
    ReadOnly,
    /// Mount it.
    ReadWrite,
}

/// What a new volume of a lane is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Its StorageClass.
    pub storage_class: String,
    /// How it can be mounted.
    pub access_mode: AccessMode,
}

/// How a volume can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AccessMode {
    /// By one node.
    ReadWriteOnce,
    /// By many nodes.
    ReadWriteMany,
    /// By many nodes, read-only.
    ReadOnlyMany,
    /// By one Pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// The mode as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }
}

impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
