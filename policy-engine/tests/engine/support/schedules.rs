//! Windows in few words.

use jiff::Timestamp;
use jiff::civil::Time;
use policy_engine::policy::window::{Day, Schedule, Weekly, Window};
use serde::Deserialize;

/// Daily windows, and windows of one time, in a zone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScheduleOptions {
    zone: String,
    /// `20:00-08:00`.
    #[serde(default)]
    daily: Vec<String>,
    #[serde(default)]
    once: Vec<(Timestamp, Timestamp)>,
}

impl ScheduleOptions {
    pub(crate) fn schedule(&self) -> Schedule {
        let daily = self.daily.iter().map(|text| {
            let time = |text: &str| Time::strptime("%H:%M", text).expect("a time of day");
            let (start, end) = text.split_once('-').expect("a start and an end");
            Window::Weekly(Weekly { days: Day::ALL.into(), start: time(start), end: time(end) })
        });
        let once = self.once.iter().map(|&(from, until)| Window::Once { from, until });
        Schedule { time_zone: self.zone.clone(), windows: daily.chain(once).collect() }
    }
}
