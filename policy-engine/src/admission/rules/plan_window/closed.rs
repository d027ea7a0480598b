//! A queue that is closed, and the sentences about it.

use std::fmt;

use jiff::Timestamp;

use crate::contract;
use crate::object::Object;
use crate::policy::plan::{OutsideWindow, Plan};
use crate::policy::queue::Queue;
use crate::policy::window::Schedule;
use crate::submission::case::Case;
use crate::windows::{Calendar, Moment, OpenState};

/// A queue of the project's plan that is closed now.
pub(super) struct Closed<'a> {
    pub(super) plan: &'a Plan,
    queue: &'a Queue,
    /// When it opens next, if ever.
    pub(super) opens: Option<Timestamp>,
    by: By,
    zone: &'a str,
}

/// Whose windows are closed.
enum By {
    Plan,
    Queue,
    Both,
    /// Each opens, and never while the other is open.
    Apart,
}

impl<'a> Closed<'a> {
    /// The queue that an object asks for. What is not the plan's to open is the rule `queue`'s.
    pub(super) fn of(case: &Case<'a>, object: Object<'_>) -> Option<Self> {
        let queue = case.policy.queue_asked(object.label(contract::QUEUE_NAME)?)?;
        let plan = case.plan().filter(|plan| plan.queues.contains(&queue.name))?;
        let opens = match Calendar::of_queue(plan, queue).state(case.now) {
            OpenState::AlwaysOpen | OpenState::OpenUntil(_) => return None,
            OpenState::ClosedUntil(opens) => Some(opens),
            OpenState::NeverOpens => None,
        };
        let shut = |schedule: Option<&Schedule>| !Calendar::of_schedule(schedule).is_open(case.now);
        let opens_at_all = |calendar: Calendar<'_>| calendar.state(case.now) != OpenState::NeverOpens;
        let has_windows = plan.schedule.is_some() && queue.schedule.is_some();
        let are_apart = (has_windows && opens.is_none())
            && opens_at_all(Calendar::of_plan(plan))
            && opens_at_all(Calendar::of_schedule(queue.schedule.as_ref()));
        let (by, shown) = match (shut(plan.schedule.as_ref()), shut(queue.schedule.as_ref())) {
            (_, _) if are_apart => (By::Apart, &plan.schedule),
            (true, true) => (By::Both, &plan.schedule),
            (true, false) => (By::Plan, &plan.schedule),
            (false, _) => (By::Queue, &queue.schedule),
        };
        let zone = shown.as_ref().map_or("UTC", |schedule| schedule.time_zone.as_str());
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
        }
    }
}

/// Said where a Pod is made.
pub(super) struct ForPods<'a>(pub(super) &'a Closed<'a>);

impl fmt::Display for ForPods<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed) = self;
        let plan = &closed.plan.name;
        match (closed.plan.outside_window, closed.opens) {
            (OutsideWindow::Gate, Some(_)) => {
                write!(f, "{closed}; the Pod waits until then; to run it now, create it in queue default")
            }
            (OutsideWindow::Gate, None) => {
                write!(f, "{closed}; the Pod waits; create it in queue default, or ask an admin for a window")
            }
            (OutsideWindow::Deny, Some(_)) => write!(
                f,
                "asked now: {closed}; plan {plan} takes Pods only while it is open; create the Pod then, or in queue default"
            ),
            (OutsideWindow::Deny, None) => write!(
                f,
                "asked now: {closed}; plan {plan} takes Pods only while it is open; create the Pod in queue default, or ask an admin for a window"
            ),
        }
    }
}

/// Said where something is made that makes Pods.
pub(super) struct ForTemplates<'a>(pub(super) &'a Closed<'a>);

impl fmt::Display for ForTemplates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed) = self;
        let plan = &closed.plan.name;
        match (closed.plan.outside_window, closed.opens) {
            (OutsideWindow::Gate, Some(_)) => {
                write!(f, "{closed}; Pods that are made before then wait; to run them now, ask for queue default")
            }
            (OutsideWindow::Gate, None) => {
                write!(f, "{closed}; its Pods wait; ask for queue default, or ask an admin for a window")
            }
            (OutsideWindow::Deny, Some(_)) => write!(
                f,
                "{closed}; plan {plan} refuses Pods that are made before then; to run them now, ask for queue default"
            ),
            (OutsideWindow::Deny, None) => write!(
                f,
                "asked now: {closed}; plan {plan} takes Pods only while it is open; ask for queue default, or ask an admin for a window"
            ),
        }
    }
}

/// Said to who would have a Pod start before its time.
pub(super) struct NotYours<'a> {
    pub(super) gate: &'a str,
    pub(super) closed: Option<Closed<'a>>,
}

impl fmt::Display for NotYours<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gate, closed } = self;
        write!(f, "asked to take away the gate {gate}; only the platform takes its gates away")?;
        match closed {
            Some(closed) => write!(f, "; {closed}; wait, or delete the Pod and create it in queue default"),
            None => f.write_str("; wait for it, or delete the Pod and create it in queue default"),
        }
    }
}

/// Said to who takes away the last gate of a Pod while its queue is closed.
pub(super) struct TooEarly<'a> {
    pub(super) gate: &'a str,
    pub(super) closed: Closed<'a>,
}

impl fmt::Display for TooEarly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gate, closed } = self;
        write!(f, "asked to take away the gate {gate}, upon which the Pod would start; {closed}; ")?;
        match closed.opens {
            Some(_) => f.write_str("take it away then, or create the Pod in queue default"),
            None => f.write_str("create the Pod in queue default, or ask an admin for a window"),
        }
    }
}
