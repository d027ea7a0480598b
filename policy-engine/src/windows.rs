//! When the queues of a plan are open: the arithmetic of windows, and nothing about Pods.
//!
//! Weekly windows are read on the wall clock of their zone, which comes with the binary. Where that clock jumps forward,
//! what would begin or end in the time that is skipped begins or ends at the first instant after it, and a window that
//! lies in it whole does not open that day. Where the clock is put back, a time that comes twice counts the first
//! time, for an end as for a start: so windows that touch always touch, and none opens twice.

mod boundary;
mod closed;
pub mod listing;
mod range;
mod span;
mod weekly;
mod words;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::policy::plan::{Plan, Validity};
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::policy::window::{Schedule, Window};

pub use boundary::OpenState;
pub use closed::Closed;
pub use range::{InvalidRange, Range};
pub use span::Span;
pub use weekly::first_instant;
pub use words::Moment;

/// The zone of this name, from the database that comes with the binary: the same wherever it runs.
pub fn zone(name: &str) -> Option<TimeZone> {
    /// It remembers the zones that were asked, so that a decision does not read one anew.
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    ZONES.get(name).ok().filter(|zone| !zone.is_unknown())
}

/// When something may be used: while all of its schedules are open and it is valid.
#[derive(Clone, Debug, Default)]
pub struct Calendar<'a> {
    schedules: Vec<Zoned<'a>>,
    validity: Validity,
}

/// A schedule with its zone.
#[derive(Clone, Debug)]
struct Zoned<'a> {
    windows: &'a [Window],
    /// Without one, weekly windows have no instants.
    zone: Option<TimeZone>,
}

impl<'a> Calendar<'a> {
    /// When a schedule is open; an absent one always is.
    pub fn of_schedule(schedule: Option<&'a Schedule>) -> Self {
        Self { schedules: schedule.map(Zoned::of).into_iter().collect(), validity: Validity::default() }
    }

    /// When the queues of a plan may be used, as far as the plan says.
    pub fn of_plan(plan: &'a Plan) -> Self {
        Self { validity: plan.validity, ..Self::of_schedule(plan.schedule.as_ref()) }
    }

    /// When a queue may be used under a plan: while both are open and the plan is valid. `default` always may.
    pub fn of_queue(plan: &'a Plan, queue: &'a Queue) -> Self {
        if queue.name.as_str() == DEFAULT_QUEUE {
            return Self::default();
        }
        let mut both = Self::of_plan(plan);
        both.schedules.extend(queue.schedule.as_ref().map(Zoned::of));
        both
    }

    /// Whether it is open.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.validity.contains(at) && self.schedules.iter().all(|schedule| schedule.is_open(at))
    }

    /// The spans in which it is open, in order; between two of them it is closed.
    pub fn spans(&self, range: Range) -> Vec<Span> {
        self.within(range.span())
    }

    fn within(&self, range: Span) -> Vec<Span> {
        let bounds = Span {
            from: self.validity.from.map_or(range.from, |from| from.max(range.from)),
            until: self.validity.until.map_or(range.until, |until| until.min(range.until)),
        };
        let all = bounds.is_something().then_some(bounds).into_iter().collect();
        self.schedules.iter().fold(all, |open, schedule| match open.is_empty() {
            true => open,
            false => span::intersection(&open, &schedule.within(bounds)),
        })
    }
}

impl<'a> Zoned<'a> {
    fn of(schedule: &'a Schedule) -> Self {
        Self { windows: &schedule.windows, zone: zone(&schedule.time_zone) }
    }

    fn is_open(&self, at: Timestamp) -> bool {
        Span::instant(at).is_some_and(|instant| !self.within(instant).is_empty())
    }

    fn within(&self, range: Span) -> Vec<Span> {
        let spans = self.windows.iter().flat_map(|window| match window {
            Window::Once { from, until } => vec![Span { from: *from, until: *until }],
            Window::Weekly(weekly) => {
                self.zone.iter().flat_map(|zone| weekly::occurrences(weekly, zone, range)).collect()
            }
        });
        span::union(spans.filter_map(|span| span.clipped_to(range)).collect())
    }
}
