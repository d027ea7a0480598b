//! A plan and its queues, each with when it is open: as people and programs are shown it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Calendar, OpenState, Range, Span};
use crate::policy::Policy;
use crate::policy::plan::{OutsideWindow, Plan};
use crate::policy::queue::DEFAULT_QUEUE;

/// Clocks are changed a few times a year.
const MOST_NOTES: usize = 8;

/// A plan and its queues, each with when it is open.
pub struct Listing {
    /// Name of the plan.
    pub plan: String,
    /// What becomes of a Pod outside the windows.
    pub outside: OutsideWindow,
    /// The zone's name, as it was asked.
    pub zone_name: String,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// What is looked at.
    pub range: Range,
    /// The plan first, then `default`, then its queues.
    pub lines: Vec<Line>,
}

/// When one thing is open.
pub struct Line {
    /// The plan, or a queue.
    pub what: What,
    /// Whether it is open now.
    pub state: OpenState,
    /// When it is open within the range.
    pub spans: Vec<Span>,
    /// Whether it was open before the range, and is behind it: a span at an edge goes on there.
    pub goes_on: (bool, bool),
}

/// What a line is about, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The plan.
    Plan(String),
    /// A queue that exists.
    Queue(String),
    /// A queue that the plan names and that does not exist.
    Missing(String),
}

impl Listing {
    /// `now` is the instant of which it is said what is open.
    pub fn of(
        plan: &Plan,
        policy: &Policy,
        (zone_name, zone): (String, TimeZone),
        range: Range,
        now: Timestamp,
    ) -> Self {
        let Span { from, until } = range.span();
        let before = from.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(from);
        let line = |what, calendar: &Calendar<'_>| Line {
            what,
            state: calendar.state(now),
            spans: calendar.spans(range),
            goes_on: (calendar.is_open(before), calendar.is_open(until)),
        };
        let missing = |what| Line { what, state: OpenState::NeverOpens, spans: Vec::new(), goes_on: (false, false) };
        let mut lines = vec![
            line(What::Plan(plan.name.to_string()), &Calendar::of_plan(plan)),
            line(What::Queue(DEFAULT_QUEUE.into()), &Calendar::default()),
        ];
        for name in plan.queues.iter().filter(|name| name.as_str() != DEFAULT_QUEUE) {
            lines.push(match policy.records().queues.get(name) {
                Some(queue) => line(What::Queue(name.to_string()), &Calendar::of_queue(plan, queue)),
                None => missing(What::Missing(name.to_string())),
            });
        }
        Self { plan: plan.name.to_string(), outside: plan.outside_window, zone_name, zone, range, lines }
    }

    /// What people should know about a span: the clocks that are changed in it.
    pub fn notes(&self, span: Span) -> Vec<String> {
        let changes = self.zone.following(span.from).take_while(|change| change.timestamp() < span.until);
        let note = |at: Timestamp| {
            let before = self.zone.to_offset(at - SignedDuration::from_nanos(1));
            let by = before.duration_until(self.zone.to_offset(at));
            let shown = at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
            match by.signum() {
                0 => None,
                1 => Some(format!("clocks go forward by {by:#} to {shown}")),
                _ => Some(format!("clocks go back by {:#} to {shown}", by.abs())),
            }
        };
        changes.filter_map(|change| note(change.timestamp())).take(MOST_NOTES).collect()
    }

    /// The contract of `-o json`.
    pub fn for_programs(&self) -> impl Serialize + use<> {
        let Span { from, until } = self.range.span();
        let entry = |line: &Line| Entry {
            kind: match line.what {
                What::Plan(_) => "ResourcePlan",
                What::Queue(_) | What::Missing(_) => "PlatformQueue",
            },
            name: match &line.what {
                What::Plan(name) | What::Queue(name) | What::Missing(name) => name.clone(),
            },
            exists: !matches!(line.what, What::Missing(_)),
            open: line.state.is_open(),
            next_boundary: line.state.boundary(),
            spans: line.spans.iter().map(|span| self.open(*span)).collect(),
        };
        Entries {
            plan: self.plan.clone(),
            time_zone: self.zone_name.clone(),
            from,
            until,
            entries: self.lines.iter().map(entry).collect(),
        }
    }

    fn open(&self, span: Span) -> Open {
        let seconds = span.until.duration_since(span.from).as_secs();
        Open { from: span.from, until: span.until, seconds, notes: self.notes(span) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entries {
    plan: String,
    time_zone: String,
    from: Timestamp,
    until: Timestamp,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: &'static str,
    name: String,
    exists: bool,
    /// Now, whatever range is shown.
    open: bool,
    next_boundary: Option<Timestamp>,
    spans: Vec<Open>,
}

#[derive(Serialize)]
struct Open {
    from: Timestamp,
    until: Timestamp,
    seconds: i64,
    notes: Vec<String>,
}
