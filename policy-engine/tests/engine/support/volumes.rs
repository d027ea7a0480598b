//! Volumes in few words: who may do what with them, and whose they are.

use std::collections::{BTreeMap, BTreeSet};

use policy_engine::policy::ids::UserId;
use policy_engine::policy::storage::{AccessMode, Lane, Permission, Storage};
use policy_engine::submission::volumes::{Copy, Found, Known, Mount, Ownership, Reserved, StartingPod, Volumes};
use serde::Deserialize;

/// Name of a volume to what its people may do: one word for everybody, or a map of users with `default`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Storages(BTreeMap<String, Share>);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Share {
    Everybody(May),
    Each(BTreeMap<String, May>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum May {
    None,
    ReadOnly,
    ReadWrite,
}

impl May {
    fn permission(self) -> Permission {
        match self {
            Self::None => Permission::None,
            Self::ReadOnly => Permission::ReadOnly,
            Self::ReadWrite => Permission::ReadWrite,
        }
    }
}

impl Storages {
    pub(crate) fn values(&self) -> impl Iterator<Item = (String, Storage)> + '_ {
        self.0.iter().map(|(name, share)| (name.clone(), share.value()))
    }
}

impl Share {
    fn value(&self) -> Storage {
        match self {
            Self::Everybody(may) => Storage { default: may.permission(), users: BTreeMap::new() },
            Self::Each(users) => Storage {
                default: users["default"].permission(),
                users: users
                    .iter()
                    .filter(|(user, _)| *user != "default")
                    .map(|(user, may)| (user.as_str().into(), may.permission()))
                    .collect(),
            },
        }
    }
}

/// Lane to its class; its access mode is ReadWriteMany where the class says rwx, and otherwise ReadWriteOnce.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Lanes(BTreeMap<String, String>);

impl Lanes {
    pub(crate) fn values(&self) -> impl Iterator<Item = (String, Lane)> + '_ {
        self.0.iter().map(|(name, class)| {
            let access_mode = if class.contains("rwx") { AccessMode::ReadWriteMany } else { AccessMode::ReadWriteOnce };
            (name.clone(), Lane { storage_class: class.clone(), access_mode })
        })
    }
}

/// The volumes that a story's cluster knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cluster {
    claims: BTreeMap<String, Whose>,
    snapshots: BTreeMap<String, Whose>,
    /// The Pod that is being bound.
    starting: Starts,
    /// Copy to the stamp on it: what is being filled from the name that is made.
    copies: BTreeMap<String, Option<UserId>>,
    reserved: Vec<Reserves>,
    default_classes: BTreeSet<String>,
    /// Classes of lanes that do not exist.
    missing_classes: BTreeSet<String>,
}

impl Cluster {
    /// The claims, in sentences.
    pub(crate) fn told(&self) -> Vec<String> {
        let claim = |(name, whose): (&String, &Whose)| {
            let Whose { user, group_storage, storage, untold: _ } = whose;
            let maker = user.as_ref().map(|user| format!(", which {user} made"));
            let labels = [("group-storage", group_storage), ("storage", storage)];
            let labels =
                labels.map(|(key, value)| Some(format!(", labelled `platform-go/{key}: {}`", value.as_ref()?)));
            let said: String = maker.into_iter().chain(labels.into_iter().flatten()).collect();
            format!("There is a PersistentVolumeClaim `{name}`{said}.")
        };
        self.claims.iter().map(claim).collect()
    }
}

/// Whose a volume is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Whose {
    user: Option<UserId>,
    group_storage: Option<String>,
    storage: Option<String>,
    untold: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Starts {
    user: Option<UserId>,
    /// The UIDs that its annotation names.
    named: String,
    /// Claims to how they are mounted; what has the names now is among the `claims`.
    mounts: BTreeMap<String, How>,
}

/// How a claim is mounted, and how what has its name came about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct How {
    read_only: bool,
    ephemeral: bool,
    older: bool,
    ending: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reserves {
    volume: String,
    user: Option<UserId>,
}

impl Whose {
    fn known(&self, name: &str) -> Known {
        if self.untold { Known::Untold } else { Known::There(self.ownership(name)) }
    }

    fn ownership(&self, name: &str) -> Ownership {
        let Self { user, group_storage, storage, untold: _ } = self;
        Ownership {
            uid: format!("uid-of-{name}"),
            user_id: user.clone(),
            group_storage: group_storage.clone(),
            storage: storage.clone(),
        }
    }
}

impl Cluster {
    pub(crate) fn facts(&self) -> Volumes {
        let known =
            |all: &BTreeMap<String, Whose>| all.iter().map(|(name, it)| (name.clone(), it.known(name))).collect();
        let Starts { user, named, mounts } = &self.starting;
        let mount = |(claim, how): (&String, &How)| {
            let found = match self.claims.get(claim) {
                None => Found::Nothing,
                Some(_) if how.ending => Found::Ending,
                Some(whose) => Found::Claim { ownership: whose.ownership(claim), is_older: how.older },
            };
            Mount { claim: claim.clone(), read_only: how.read_only, is_ephemeral: how.ephemeral, found }
        };
        let copy = |(what, user): (&String, &Option<UserId>)| Copy { what: what.clone(), user_id: user.clone() };
        Volumes {
            claims: known(&self.claims),
            snapshots: known(&self.snapshots),
            starting: StartingPod {
                user_id: user.clone(),
                named: named.clone(),
                mounts: mounts.iter().map(mount).collect(),
            },
            copies: self.copies.iter().map(copy).collect(),
            reserved: self
                .reserved
                .iter()
                .map(|it| Reserved { volume: it.volume.clone(), user_id: it.user.clone() })
                .collect(),
            default_classes: self.default_classes.clone(),
            missing_classes: self.missing_classes.clone(),
        }
    }
}
