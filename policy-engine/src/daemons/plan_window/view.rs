//! What the plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::daemons::common::{PodName, Seen};
use crate::policy::ids::ProjectId;

/// What waits, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// Every Pod with the gate.
    pub pods: Vec<GatedPod>,
    /// The UIDs of those that found no room in the cycles before, since one looked at all.
    pub without_room: BTreeSet<String>,
}

/// A Pod with the gate.
#[derive(Clone, Debug)]
pub struct GatedPod {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// When it was made.
    pub since: Timestamp,
    /// The id of its queue, as its label says.
    pub queue: Option<String>,
    /// When it may start, as its annotation says.
    pub starts_at: Option<String>,
    /// What made it, if a controller did.
    pub controller: Option<Controller>,
}

/// The controller owner of a Pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// Its API group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name, in the Pod's Namespace.
    pub name: String,
    /// Distinguishes it from others that had or will have its name.
    pub uid: String,
}
