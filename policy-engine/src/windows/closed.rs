//! A queue that is closed, and how people read it.

use std::fmt;

use jiff::Timestamp;

use super::{Calendar, Moment, OpenState};
use crate::policy::plan::Plan;
use crate::policy::queue::Queue;
use crate::policy::window::Schedule;

/// A queue of a plan that is closed.
#[derive(Clone, Copy, Debug)]
pub struct Closed<'a> {
    /// The plan that binds it.
    pub plan: &'a Plan,
    /// The queue.
    pub queue: &'a Queue,
    /// When it opens next, if ever.
    pub opens: Option<Timestamp>,
    by: By,
    zone: &'a str,
}

/// Whose windows are closed.
#[derive(Clone, Copy, Debug)]
enum By {
    Plan,
    Queue,
    Both,
    /// Each opens, and never while the other is open.
    Apart,
    /// The plan has not begun.
    NotBegun,
}

impl<'a> Closed<'a> {
    /// `None` while the queue is open. Its own windows count beside the plan's.
    pub fn of(plan: &'a Plan, queue: &'a Queue, now: Timestamp) -> Option<Self> {
        let opens = match Calendar::of_queue(plan, queue).state(now) {
            OpenState::AlwaysOpen | OpenState::OpenUntil(_) => return None,
            OpenState::ClosedUntil(opens) => Some(opens),
            OpenState::NeverOpens => None,
        };
        let shut = |schedule: Option<&Schedule>| !Calendar::of_schedule(schedule).is_open(now);
        let opens_at_all = |calendar: Calendar<'_>| calendar.state(now) != OpenState::NeverOpens;
        let has_windows = plan.schedule.is_some() && queue.schedule.is_some();
        let are_apart = (has_windows && opens.is_none())
            && opens_at_all(Calendar::of_plan(plan))
            && opens_at_all(Calendar::of_schedule(queue.schedule.as_ref()));
        let is_to_begin = plan.validity.from.is_some_and(|from| from > now);
        let either = plan.schedule.as_ref().or(queue.schedule.as_ref());
        let (by, shown) = match (shut(plan.schedule.as_ref()), shut(queue.schedule.as_ref())) {
            (_, _) if are_apart => (By::Apart, plan.schedule.as_ref()),
            (_, _) if is_to_begin => (By::NotBegun, either),
            (true, true) => (By::Both, plan.schedule.as_ref()),
            (true, false) => (By::Plan, plan.schedule.as_ref()),
            (false, _) => (By::Queue, queue.schedule.as_ref()),
        };
        let zone = shown.map_or("UTC", |schedule| schedule.time_zone.as_str());
        Some(Self { plan, queue, opens, by, zone })
    }
}

impl fmt::Display for Closed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, queue, opens, by, zone } = self;
        write!(f, "queue {} ", queue.name)?;
        match opens {
            Some(at) => write!(f, "is closed until {}", Moment { at: *at, zone })?,
            None => f.write_str("is closed and does not open again")?,
        }
        match by {
            By::Queue => f.write_str(", by its own windows"),
            By::Plan => write!(f, ", by the windows of plan {}", plan.name),
            By::Both => write!(f, ", by the windows of plan {} and by its own", plan.name),
            By::Apart => write!(f, ": its own windows never meet those of plan {}", plan.name),
            By::NotBegun => write!(f, ": plan {} has not begun", plan.name),
        }
    }
}
