//! What a question is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An object by its name, or what happened by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The id of a decision, which stands in every refusal, or of a preemption. With it nothing else counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub id: Option<String>,
    /// What the object is.
    #[serde(default)]
    pub kind: Subject,
    /// The object's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
}

/// A kind of objects that can be asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Subject {
    /// A Pod.
    #[default]
    Pod,
    /// A claim of devices.
    ResourceClaim,
    /// A Deployment with its Pods.
    Deployment,
    /// A ReplicaSet with its Pods.
    ReplicaSet,
    /// A StatefulSet with its Pods.
    StatefulSet,
    /// A DaemonSet with its Pods.
    DaemonSet,
    /// A Job with its Pods.
    Job,
    /// A CronJob with the Pods of its Jobs.
    CronJob,
}
