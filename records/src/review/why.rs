//! Why something waits, was refused or was stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// What was asked about, as kind, namespace and name, or as the id of a decision.
    pub about: String,
    /// The instant of which all this is said, RFC 3339.
    pub at: String,
    /// How it is, in a sentence.
    pub state: String,
    /// Why, in the order in which it has to be mended: gate, quota, devices, budget, image, then the rest.
    pub reasons: Vec<Reason>,
    /// Pods of a workload, or of a claim, that do not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<WhyPod>,
    /// How many more there are than are listed.
    #[serde(default)]
    pub more_pods: i64,
}

/// A Pod that does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhyPod {
    /// Its name.
    pub name: String,
    /// How it is, in a sentence.
    pub state: String,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// What it is about.
    pub concern: Concern,
    /// The reason itself.
    pub says: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Concern {
    /// A gate: the queue is closed, or somebody else's gate.
    Gate,
    /// An account has no room.
    Quota,
    /// The scheduler finds no node, or no devices.
    Device,
    /// A PodDisruptionBudget.
    Budget,
    /// An image cannot be pulled, or is not allowed.
    Image,
    /// Another rule.
    Rule,
    /// It runs, and its queue closes.
    Closes,
    /// It was stopped.
    Stopped,
}
