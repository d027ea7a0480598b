//! What the cluster knows about a submission.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;

use crate::policy::ids::{ProjectId, UserId};
use crate::submission::deputy::Deputy;
use crate::submission::devices::Devices;
use crate::submission::identity::ControllerOwner;
use crate::submission::volumes::Volumes;

/// What the cluster knows about a submission.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The id that binds the namespace to a project.
    pub project_id: ProjectId,
    /// The controller owner of an object that a trusted controller makes, or that it gives to that owner now; or that a
    /// person names in a Pod or workload.
    pub controller: Option<ControllerOwner>,
    /// The workload for which a Pod, or what makes Pods, is made, if it was moved to a queue.
    pub moved_to: Option<MovedTo>,
    /// The Pod whose token a service account of the project shows: known where nobody else is known to ask, and the project
    /// allows tokens.
    pub deputy: Option<Deputy>,
    /// The stamp on the object that a subresource is about, where the review does not carry it.
    pub target_user_id: Option<UserId>,
    /// The workload whose number of Pods is changed through its subresource `scale`, as it is now: known where people do so.
    pub target: Option<Value>,
    /// What is known about the volumes that the submission names.
    pub volumes: Volumes,
    /// What is known about devices, and about the claims of them that the submission names.
    pub devices: Devices,
    /// The API server has already written into the object what it allocates, such as the ports of a Service: in the validating
    /// call, and where the object exists.
    pub is_allocated: bool,
    /// The object that a connection is asked to does not exist.
    pub target_missing: bool,
    /// On whose word the control plane scales a workload: known where [`is_autoscaling`] says that it does.
    ///
    /// [`is_autoscaling`]: crate::submission::identity::is_autoscaling
    pub autoscalers: Vec<Autoscaler>,
    /// The workload that an autoscaler names now, if it exists.
    pub scaled: Option<Scaled>,
    /// The PriorityClasses of the queues, by name, as far as they have been seen.
    pub priority_classes: Arc<PriorityClasses>,
}

/// A workload that was moved to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTo {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The id of the queue.
    pub queue: String,
}

/// PriorityClasses by name.
pub type PriorityClasses = BTreeMap<String, PriorityClass>;

/// What a PriorityClass gives to the Pods that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClass {
    /// The priority of the Pods, which never changes for one class object.
    pub value: i32,
    /// `Never` or `PreemptLowerPriority`.
    pub preemption_policy: String,
}

/// A HorizontalPodAutoscaler that names a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// The stamp on it; absent where it is from before the platform.
    pub user_id: Option<UserId>,
    /// How many replicas it gives.
    pub replicas: RangeInclusive<i64>,
}

/// The workload that a HorizontalPodAutoscaler names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The stamp on it; absent where it is from before the platform.
    pub user_id: Option<UserId>,
}
