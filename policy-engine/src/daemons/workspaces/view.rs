//! What the plan is made of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::daemons::common::{PodName, Seen};
use crate::ledger::Life;
use crate::object::Unreadable;
use crate::policy::ids::ProjectId;
use crate::workspace::Workspace;

/// Workspaces and their Pods, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// Every workspace.
    pub workspaces: Vec<Known>,
}

/// A workspace, and the Pod of its name.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its Namespace and name, which are its Pod's too.
    pub name: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// Whether it is being deleted.
    pub is_ending: bool,
    /// Whose it is.
    pub user_id: Option<String>,
    /// What it asks for.
    pub spec: Result<Workspace, Unreadable>,
    /// Why it was stopped.
    pub stopped_because: Option<String>,
    /// What its status says.
    pub status: Map<String, Value>,
    /// The Pod of its name.
    pub pod: Option<PodSeen>,
    /// Why its Pod could not be made, where that is tried again later.
    pub refused: Option<Refused>,
}

impl Known {
    /// Why it is stopped, as people read it, also where nobody is known to have stopped it.
    pub(super) fn why_stopped(&self) -> String {
        self.stopped_because.clone().unwrap_or_else(|| "Stopped".to_owned())
    }
}

/// The Pod of a workspace's name.
#[derive(Clone, Debug)]
pub struct PodSeen {
    /// Its UID.
    pub uid: String,
    /// Whether the workspace controls it.
    pub is_own: bool,
    /// Whether it is being deleted.
    pub is_ending: bool,
    /// Where it is in its life.
    pub life: Life,
    /// Whether it waits behind the gate of the rule `plan-window`.
    pub waits_for_queue: bool,
    /// When its queue opens, as far as it is known.
    pub starts_at: Option<String>,
    /// When its queue closes.
    pub window_closes_at: Option<String>,
    /// What the scheduler says of it.
    pub unschedulable: Option<String>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Why a container of it waits: Kubernetes' word for it, and what it says.
    pub waits: Option<(String, String)>,
    /// How a container of it ended last: its exit code and last line.
    pub ended: Option<(i32, String)>,
    /// Why it failed as a whole.
    pub failed: Option<String>,
    /// The id of its queue.
    pub queue: Option<String>,
    /// What its GPUs amount to.
    pub effective_gpu: Option<String>,
    /// When its node began to start it.
    pub started_at: Option<Timestamp>,
    /// How long it may take to end, in seconds.
    pub grace_seconds: u32,
}

/// That a Pod could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub message: String,
    /// Whether there is no room for it now, and nothing else stands against it.
    pub is_for_room: bool,
    /// When it is tried again.
    pub again_at: Timestamp,
}
