//! Who pays, and how much they may.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::ids::{ProjectId, UserId};
use crate::policy::quota::Quota;

/// Who pays. Each has limits of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Account {
    /// A project with everything below it, by the project's id.
    Project(ProjectId),
    /// What one user uses in one project, by their ids.
    User {
        /// The project.
        project: ProjectId,
        /// The user.
        user: UserId,
    },
}

impl Account {
    /// The account of this [`key`](fmt::Display); `None` if it is no account's.
    pub fn of_key(key: &str) -> Option<Self> {
        match key.split_once('/')? {
            ("project", project) => Some(Self::Project(ProjectId::new(project))),
            ("user", rest) => {
                let (project, user) = rest.split_once('/')?;
                Some(Self::User { project: ProjectId::new(project), user: UserId::new(user) })
            }
            (_, _) => None,
        }
    }
}

/// Its key in the database. Ids are values of labels: they have no slash.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(project) => write!(f, "project/{project}"),
            Self::User { project, user } => write!(f, "user/{project}/{user}"),
        }
    }
}

/// Who pays for something, with the limits of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Account, Quota)>", into = "Vec<(Account, Quota)>")]
pub struct Limits(pub BTreeMap<Account, Quota>);

impl Limits {
    /// The accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.0.keys()
    }

    /// The user among them.
    pub fn user(&self) -> Option<&UserId> {
        self.0.keys().find_map(|account| match account {
            Account::User { user, .. } => Some(user),
            Account::Project(_) => None,
        })
    }
}

impl From<Vec<(Account, Quota)>> for Limits {
    fn from(pairs: Vec<(Account, Quota)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<Limits> for Vec<(Account, Quota)> {
    fn from(limits: Limits) -> Self {
        limits.0.into_iter().collect()
    }
}

impl FromIterator<(Account, Quota)> for Limits {
    fn from_iter<I: IntoIterator<Item = (Account, Quota)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
