//! How each daemon is, for who cannot scrape the process: what the metrics count, in the words of the PlatformPolicy's status.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cluster::write::instant;
use jiff::Timestamp;
use records::daemon::{Alarms, CycleEnd, DaemonStatus, MOST_ATTENTION, Waiting};

use super::ends::{ActionEnd, LedgerAlarm};

/// What was noted last of each daemon.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BTreeMap<&'static str, DaemonStatus>>);

impl Board {
    pub(super) fn cycle(&self, daemon: &'static str, end: CycleEnd) {
        self.note(daemon, |status| {
            status.last_cycle = Some(instant(Timestamp::now()));
            status.last_end = Some(end);
            match end {
                CycleEnd::Done => status.cycles_in_vain = 0,
                // It is another's to go on with.
                CycleEnd::Interrupted => {}
                CycleEnd::Unfit | CycleEnd::Stopped | CycleEnd::Failed => {
                    status.cycles_in_vain = status.cycles_in_vain.saturating_add(1);
                }
            }
        });
    }

    pub(super) fn action(&self, daemon: &'static str, end: ActionEnd) {
        self.note(daemon, |status| {
            let count = match end {
                ActionEnd::Written => &mut status.actions.written,
                ActionEnd::Gone => &mut status.actions.gone,
                ActionEnd::Overtaken => &mut status.actions.overtaken,
                ActionEnd::Blocked => &mut status.actions.blocked,
                ActionEnd::Failed => &mut status.actions.failed,
            };
            *count = count.saturating_add(1);
        });
    }

    pub(super) fn planned(&self, daemon: &'static str, steps: usize, spared: usize) {
        self.note(daemon, |status| {
            status.planned = i64::try_from(steps).unwrap_or(i64::MAX);
            status.spared = i64::try_from(spared).unwrap_or(i64::MAX);
        });
    }

    pub(super) fn attention(&self, daemon: &'static str, mut sentences: Vec<String>) {
        sentences.truncate(MOST_ATTENTION);
        self.note(daemon, |status| status.attention = sentences);
    }

    pub(super) fn took(&self, daemon: &'static str, took: Duration, now: Timestamp) {
        self.note(daemon, |status| {
            status.took_millis = Some(i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
            status.last_success = Some(instant(now));
        });
    }

    pub(super) fn view_age(&self, daemon: &'static str, age: Option<Duration>) {
        let seconds = age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        self.note(daemon, |status| status.view_age_seconds = seconds);
    }

    pub(super) fn waits(&self, daemon: &'static str, waiting: Option<Waiting>) {
        self.note(daemon, |status| status.waits_for = waiting);
    }

    pub(super) fn alarm(&self, daemon: &'static str, alarm: LedgerAlarm, now: Timestamp) {
        self.note(daemon, |status| {
            let count = status.alarms.as_ref().map_or(0, |alarms| alarms.count).saturating_add(1);
            status.alarms = Some(Alarms { count, last: alarm.label().to_owned(), last_at: instant(now) });
        });
    }

    /// How these daemons are, each with its name. Of one that has not had a cycle nothing else is known.
    pub(super) fn told<'d>(&self, daemons: impl Iterator<Item = &'d str>) -> Vec<DaemonStatus> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = daemons.map(|name| {
            let status = noted.get(name).cloned().unwrap_or_default();
            DaemonStatus { name: name.to_owned(), ..status }
        });
        told.collect()
    }

    fn note(&self, daemon: &'static str, change: impl FnOnce(&mut DaemonStatus)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(daemon).or_default());
    }
}
