//! The sentences about a queue that is closed.

use std::fmt;

use crate::contract::{self, SWITCH_QUEUE};
use crate::object::Object;
use crate::policy::plan::OutsideWindow;
use crate::policy::queue::Queue;
use crate::submission::case::Case;
use crate::windows::Closed;

/// The queue that an object asks for, if it is closed now. What is not the plan's to open is the rule `queue`'s.
pub(super) fn closed<'a>(case: &Case<'a>, object: Object<'_>) -> Option<Closed<'a>> {
    queue_closed(case, case.policy.queue_asked(object.label(contract::QUEUE_NAME)?)?)
}

/// A queue, if it is closed now.
pub(super) fn queue_closed<'a>(case: &Case<'a>, queue: &'a Queue) -> Option<Closed<'a>> {
    let plan = case.plan().filter(|plan| plan.queues.contains(&queue.name))?;
    Closed::of(plan, queue, case.now)
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

/// Said where a Pod that does not wait for its queue is moved to one that is closed.
pub(super) struct ForSwitch<'a>(pub(super) &'a Closed<'a>);

impl fmt::Display for ForSwitch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed) = self;
        write!(f, "asked queue {} for a Pod that exists: {closed}; ", closed.queue.name)?;
        match closed.plan.outside_window {
            OutsideWindow::Gate => f.write_str("a Pod that runs moves only to an open queue; ")?,
            OutsideWindow::Deny => write!(f, "plan {} takes Pods only while it is open; ", closed.plan.name)?,
        }
        match closed.opens {
            Some(_) => f.write_str("move it then, or to default"),
            None => f.write_str("move it to default, or leave it where it is"),
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

/// Said where a workload is moved with its Pods.
pub(super) struct ForMoved<'a>(pub(super) &'a Closed<'a>);

impl fmt::Display for ForMoved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed) = self;
        let plan = &closed.plan.name;
        write!(f, "{closed}; Pods that run stay in their queue until it opens, and move then; ")?;
        match closed.plan.outside_window {
            OutsideWindow::Gate => {
                f.write_str("those that wait, and those that are made before then, wait for it; ")?
            }
            OutsideWindow::Deny => write!(f, "plan {plan} refuses Pods that are made before then; ")?,
        }
        f.write_str("to run Pods now, move it to default")
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
            Some(closed) => write!(f, "; {closed}; wait, or move the Pod to queue default (annotation {SWITCH_QUEUE})"),
            None => write!(f, "; wait for it, or move the Pod to queue default (annotation {SWITCH_QUEUE})"),
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
