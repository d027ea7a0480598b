//! A project whose plan binds a queue.

use jiff::{SignedDuration, Timestamp};
use policy_engine::policy::Policy;
use serde_json::{Value, json};

use crate::testing;

/// The project `llm`, whose plan `gold` binds the queue `night`, with these windows of the plan and this end of it.
pub(super) fn policy(windows: Option<Value>, until: Option<&str>) -> Policy {
    let mut plan = json!({"queues": ["night"], "timeZone": "UTC"});
    if let Some(windows) = windows {
        plan["windows"] = windows;
    }
    if let Some(until) = until {
        plan["validity"] = json!({"until": until});
    }
    testing::policy([
        ("PlatformQueue", "default", json!({"priority": 0})),
        ("PlatformQueue", "night", json!({"priority": 0})),
        ("ResourcePlan", "gold", plan),
        ("Project", "llm", json!({"owner": "alice", "plan": "gold"})),
    ])
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A window of one hour in this year.
pub(super) fn once(year: i16) -> Option<Value> {
    let from = at(&format!("{year}-11-23T19:00:00Z"));
    Some(json!([{"from": from.to_string(), "until": (from + SignedDuration::from_hours(1)).to_string()}]))
}
