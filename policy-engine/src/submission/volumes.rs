//! What must be known about the volumes that a submission names, and what is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::ids::UserId;
use crate::submission::Submission;
use crate::submission::pod::Written;
use crate::submission::volume_claim::{Source, VolumeClaim};

/// At most so many claims and snapshots are looked up for one submission; what names more is refused.
pub const MOST_NAMED: usize = 64;

/// Annotations by which the control plane tells the storage driver of a claim that it may make its volume.
pub const TOLD: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];

/// Which PersistentVolumeClaim or VolumeSnapshot it is, and whose, as its labels say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Its UID; empty while it is not stored.
    pub uid: String,
    /// The user stamped on it; `None` where it is from before the platform.
    pub user_id: Option<UserId>,
    /// The group's volume that it is.
    pub group_storage: Option<String>,
    /// The project's volume that it is.
    pub storage: Option<String>,
}

impl Ownership {
    /// Reads labels.
    pub fn of<'a>(uid: &str, label: impl Fn(&str) -> Option<&'a str>) -> Self {
        let owned = |key| label(key).map(str::to_owned);
        Self {
            uid: uid.to_owned(),
            user_id: label(contract::USER_ID).map(UserId::new),
            group_storage: owned(contract::GROUP_STORAGE),
            storage: owned(contract::STORAGE),
        }
    }
}

/// What is known about a claim or snapshot of some name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It exists.
    There(Ownership),
    /// There is none.
    Missing,
    /// Nobody could be asked.
    Untold,
}

/// A Pod that is put on a node, as far as its volumes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartingPod {
    /// The user stamped on it.
    pub user_id: Option<UserId>,
    /// The UIDs in its annotation [`contract::USE_VOLUMES`].
    pub named: String,
    /// What it mounts.
    pub mounts: Vec<Mount>,
}

/// A claim that a Pod mounts, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The claim's name.
    pub claim: String,
    /// Whether the Pod mounts it read-only.
    pub read_only: bool,
    /// Whether Kubernetes makes it for the Pod, by a template in the Pod.
    pub is_ephemeral: bool,
    /// What has the name now.
    pub found: Found,
}

/// What has a name when a Pod starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A claim that is being deleted.
    Ending,
    /// A claim.
    Claim {
        /// Which, and whose.
        ownership: Ownership,
        /// Whether it was there before the Pod was, which was admitted with it then.
        is_older: bool,
    },
}

/// A copy that is being filled from whatever has the name of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Kind and name of the copy, for sentences.
    pub what: String,
    /// The user stamped on it.
    pub user_id: Option<UserId>,
}

/// A PersistentVolume that waits for a claim of a name. Its `claimRef` has no UID, so that Kubernetes binds it to whichever
/// claim gets the name; with the UID of a claim that is gone it is bound to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Its name.
    pub volume: String,
    /// The user who may make the claim, beside those who manage the project.
    pub user_id: Option<UserId>,
}

/// What the cluster knows about the volumes that a submission names.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    /// PersistentVolumeClaims of the namespace by name; what is not listed does not exist.
    pub claims: BTreeMap<String, Known>,
    /// VolumeSnapshots of the namespace by name; what is not listed does not exist.
    pub snapshots: BTreeMap<String, Known>,
    /// The Pod that is being bound.
    pub starting: StartingPod,
    /// Copies that are being filled from what has the name which is being made.
    pub copies: Vec<Copy>,
    /// The volumes that are reserved for the claim which is being made. Where nobody can be asked, none is told.
    pub reserved: Vec<Reserved>,
    /// StorageClasses that the API server fills in where a claim names none.
    pub default_classes: BTreeSet<String>,
    /// StorageClasses of the lanes that the submission names which do not exist today; known where people read of them.
    pub missing_classes: BTreeSet<String>,
}

impl Volumes {
    /// What is known about a claim.
    pub fn claim(&self, name: &str) -> &Known {
        self.claims.get(name).unwrap_or(&Known::Missing)
    }

    /// What is known about a snapshot.
    pub fn snapshot(&self, name: &str) -> &Known {
        self.snapshots.get(name).unwrap_or(&Known::Missing)
    }
}

/// The claim for which the control plane tells a storage driver, by an annotation, that it may make a volume now. If that
/// is a copy, the driver looks for its source by name from now on.
pub fn provisioning_begins<'a>(submission: &Submission<'a>) -> Option<&'a Value> {
    let (object, old) = (submission.object?, submission.old?);
    let is_told = |it: &Value| TOLD.iter().any(|key| Object(it).annotation(key).is_some());
    (submission.resource.is_core("persistentvolumeclaims") && is_told(object) && !is_told(old)).then_some(object)
}

/// The names of the volumes on which the decision about a submission rests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// PersistentVolumeClaims.
    pub claims: BTreeSet<String>,
    /// VolumeSnapshots.
    pub snapshots: BTreeSet<String>,
    /// What volumes are to be for, as the labels of claims say.
    pub lanes: BTreeSet<String>,
}

impl Names {
    /// What a submission names in what is new about it. Nothing is parsed: this is asked of every Pod.
    pub fn by(submission: &Submission<'_>, policy: &Policy) -> Self {
        let mut named = Self::default();
        let resource = &submission.resource;
        if let Some(claim) = provisioning_begins(submission) {
            named.claim(claim);
        }
        let Some(object) = submission.changed_object() else { return named };
        if resource.is_core("pods") {
            named.pod(object);
        } else if resource.is_core("persistentvolumeclaims") {
            named.claim(object);
        } else if resource.is_snapshot() {
            let source = object.pointer("/spec/source/persistentVolumeClaimName").and_then(Value::as_str);
            named.claims.extend(source.map(str::to_owned));
        } else if let Some(kind) = policy.platform().workload_kind(resource) {
            Written::all(object, kind).iter().for_each(|written| named.pod(&written.as_pod()));
            if resource.is_stateful_set() {
                let templates = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
                templates.into_iter().flatten().for_each(|template| named.claim(template));
            }
        }
        named
    }

    /// How many volumes there are.
    pub fn len(&self) -> usize {
        self.claims.len() + self.snapshots.len()
    }

    /// Whether no volume is named.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn pod(&mut self, pod: &Value) {
        for volume in Object(pod).at(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten() {
            let name = Object(volume).at(&["persistentVolumeClaim", "claimName"]).and_then(Value::as_str);
            self.claims.extend(name.map(str::to_owned));
            Object(volume)
                .at(&["ephemeral", "volumeClaimTemplate"])
                .into_iter()
                .for_each(|template| self.claim(template));
        }
    }

    fn claim(&mut self, claim: &Value) {
        // What cannot be read is refused when the case is read.
        let Ok(claim) = VolumeClaim::read(claim, Place::root()) else { return };
        self.lanes.extend(claim.object.label(contract::STORAGE_LANE).map(str::to_owned));
        for (_, source) in claim.sources() {
            match source {
                Source::Claim(name) => drop(self.claims.insert(name.into())),
                Source::Snapshot(name) => drop(self.snapshots.insert(name.into())),
                Source::Elsewhere(_) | Source::Other(_) => {}
            }
        }
    }
}
