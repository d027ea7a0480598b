//! What the daemons say of themselves, in the status of the one `PlatformPolicy`: how they are, for who has no access to
//! their process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest sentence of a daemon about itself, in bytes.
pub const LONGEST_SENTENCE: usize = 512;

/// A daemon asks for attention to so much at a time, and each sentence has so many bytes.
pub const MOST_ATTENTION: usize = 16;
/// With all that it names, and what to do at its end.
pub const LONGEST_ATTENTION: usize = 1024;

/// How a daemon is, as the process says that leads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonStatus {
    /// The daemon.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The process that leads it, as the Lease names it.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub holder: String,
    /// The Lease that the process holds, in Sluice's own namespace.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub lease: String,
    /// When this was written, RFC 3339. It is written about every 30 seconds.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub observed_at: String,
    /// When its last cycle ended, RFC 3339. Absent: none has since the process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub last_cycle: Option<String>,
    /// How its last cycle ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<CycleEnd>,
    /// When a cycle last ended as it should, RFC 3339. Absent: none has since the process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub last_success: Option<String>,
    /// How many cycles in a row, up to the last one, did not end as they should.
    #[serde(default)]
    pub cycles_in_vain: i64,
    /// How long the last cycle took that ended as it should, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_millis: Option<i64>,
    /// How many steps its last plan had.
    #[serde(default)]
    pub planned: i64,
    /// How much its last plan left as it is though a record asks.
    #[serde(default)]
    pub spared: i64,
    /// How its actions ended since the process began.
    #[serde(default)]
    pub actions: ActionCounts,
    /// For how many seconds the API server was not heard on the quietest watch of what it sees; it is heard about once a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_age_seconds: Option<i64>,
    /// What it waits for. Absent: it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Waiting>,
    /// What it sees that a platform Admin should look at, each with what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 1024)), extend("x-kubernetes-list-type" = "atomic"))]
    pub attention: Vec<String>,
    /// Its alarms since the process began: what nobody should have been able to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Alarms>,
}

/// How actions ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionCounts {
    /// They were carried out.
    #[serde(default)]
    pub written: i64,
    /// Their objects were gone.
    #[serde(default)]
    pub gone: i64,
    /// Somebody else was faster.
    #[serde(default)]
    pub overtaken: i64,
    /// A PodDisruptionBudget did not allow them.
    #[serde(default)]
    pub blocked: i64,
    /// They failed.
    #[serde(default)]
    pub failed: i64,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CycleEnd {
    /// Everything that was planned was tried.
    Done,
    /// What the daemon sees was not fit to act on.
    Unfit,
    /// The audit stopped the plan.
    Stopped,
    /// The ledger or the API server could not be asked.
    Failed,
    /// Another replica leads now, or the process stops.
    Interrupted,
}

/// What a daemon waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What, in a word.
    pub because: WaitsFor,
    /// What, in a sentence.
    #[schemars(length(max = 512))]
    pub says: String,
}

/// What a daemon can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum WaitsFor {
    /// Caches that do not hold everything yet.
    Caches,
    /// A view that was not heard of for too long.
    View,
    /// A PlatformPolicy that can be read.
    Policy,
    /// The ledger's database.
    Database,
    /// The API server.
    ApiServer,
    /// A plan that keeps its promises: its own audit stopped the last one.
    Audit,
}

/// What nobody should have been able to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alarms {
    /// How many since the process began.
    pub count: i64,
    /// The last one, in a word: over-limit, held-claim-gone or held-twice.
    #[schemars(length(max = 63))]
    pub last: String,
    /// When that was, RFC 3339.
    #[schemars(length(max = 64))]
    pub last_at: String,
}
