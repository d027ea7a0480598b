//! Who was evicted for whom, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Preemptions that concern a Pod, or the one with an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preemptions {
    /// The instant of which all this is said, RFC 3339.
    pub at: String,
    /// The preemptions, newest first.
    pub preemptions: Vec<Preemption>,
    /// Where else to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Room that was made for Pods, and who was evicted for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preemption {
    /// By which it is called.
    pub id: String,
    /// When it was begun, RFC 3339.
    pub begun_at: String,
    /// When it was over, RFC 3339. Absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// For whom room was made, and where.
    pub room_for: Vec<Room>,
    /// Who was evicted for it, or is to be.
    pub ended: Vec<Ended>,
    /// Who has what was asked, and was spared.
    pub spared: Vec<Spared>,
}

/// A Pod that got room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Namespace and name of the Pod, or that it is another project's.
    pub pod: String,
    /// The node.
    pub node: String,
    /// The devices, as driver/pool/device.
    pub devices: Vec<String>,
}

/// What became of a Pod that was to be evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VictimFate {
    /// It was evicted, or has ended by itself.
    #[default]
    Evicted,
    /// It is still there, and a budget holds its eviction up.
    ToBeEvicted,
    /// It is still there, and the preemption is over.
    GoesOn,
}

/// A Pod that was evicted for others, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Namespace and name of the Pod, or that it is another project's.
    pub pod: String,
    /// The Pod's queue.
    pub queue: String,
    /// Why it could be evicted.
    pub because: String,
    /// What became of it.
    #[serde(default)]
    pub fate: VictimFate,
    /// What held its eviction up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_up_by: Option<String>,
    /// When it is deleted whatever holds that up, RFC 3339 (PlatformPolicy.spec.grace.budget).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
}

/// A Pod that was spared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spared {
    /// Namespace and name of the Pod, or that it is another project's.
    pub pod: String,
    /// Why it was spared.
    pub because: String,
}
