//! Windows, as plans and queues have them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Moment, TimeOfDay};

/// A span of time: weekly (`days`, `start`, `end`), or one-off (`from`, `until`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.start) == has(self.end) && has(self.from) == has(self.until) && has(self.start) != has(self.from)")
        .message("a window is weekly (start and end) or one-off (from and until)"),
    validation = Rule::new("has(self.start) || size(self.days) == 0").message("days belong to a weekly window"),
    validation = Rule::new("!has(self.from) || !has(self.until) || self.from < self.until")
        .message("a window ends after it begins")
)]
pub struct Window {
    /// Days on which a weekly window opens. None listed: every day.
    #[serde(default)]
    #[schemars(length(max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<Day>,
    /// When a weekly window opens, HH:MM in the record's timeZone. A time that daylight saving skips is the first
    /// instant after the gap; one that happens twice is the first of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<TimeOfDay>,
    /// When a weekly window closes, HH:MM. An end that is not after start is on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<TimeOfDay>,
    /// First instant of a one-off window, RFC 3339, e.g. 2026-12-24T18:00:00+01:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// First instant after a one-off window, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}
