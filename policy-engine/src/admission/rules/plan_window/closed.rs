//! The sentences about a queue that is closed.

use std::fmt;

use serde_json::Value;

use crate::charge;
use crate::contract::{self, SWITCH_QUEUE};
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::plan::OutsideWindow;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::submission::case::Case;
use crate::submission::pod::Pod;
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

/// Whether a Pod can be run in `default` while its queue is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InDefault {
    /// It can.
    Takes,
    /// It cannot: the project may not have as much before the plan opens.
    TooSmall,
    /// It is there.
    IsThere,
}

impl InDefault {
    /// Whether it takes a Pod like this one.
    pub(super) fn of(case: &Case<'_>, pod: &Pod<'_>) -> Self {
        let takes = charge::default_takes(case.policy, case.project, &charge::asked(case, pod), case.now);
        if takes { Self::Takes } else { Self::TooSmall }
    }

    /// The same of a Pod that exists.
    pub(super) fn of_living(case: &Case<'_>, pod: Object<'_>) -> Self {
        if case.policy.queue_asked(pod.label(contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE)).is_none_or(is_default) {
            return Self::IsThere;
        }
        let gates = pod.at(&["spec", "schedulingGates"]).and_then(Value::as_array);
        // What runs is charged already, and goes on in any queue.
        if gates.is_none_or(Vec::is_empty) {
            return Self::Takes;
        }
        Pod::read(pod.0, Place::root()).map_or(Self::Takes, |pod| Self::of(case, &pod))
    }

    /// What can be done where `default` takes it, and what otherwise.
    fn or(self, by_default: impl fmt::Display, else_: impl fmt::Display) -> String {
        match self {
            Self::Takes => by_default.to_string(),
            Self::TooSmall | Self::IsThere => else_.to_string(),
        }
    }
}

fn is_default(queue: &Queue) -> bool {
    queue.name.as_str() == DEFAULT_QUEUE
}

const ASK: &str = "ask an admin for a window";

/// Said where a Pod is made.
pub(super) struct ForPods<'a>(pub(super) &'a Closed<'a>, pub(super) InDefault);

impl fmt::Display for ForPods<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed, default) = self;
        let plan = &closed.plan.name;
        let only = |f: &mut fmt::Formatter<'_>| {
            write!(f, "asked now: {closed}; plan {plan} takes Pods only while it is open; ")
        };
        match (closed.plan.outside_window, closed.opens) {
            (OutsideWindow::Gate, Some(_)) => {
                write!(f, "{closed}; the Pod waits until then")?;
                f.write_str(&default.or("; to run it now, create it in queue default", ""))
            }
            (OutsideWindow::Gate, None) => {
                write!(f, "{closed}; the Pod waits; ")?;
                f.write_str(&default.or(format_args!("create it in queue default, or {ASK}"), ASK))
            }
            (OutsideWindow::Deny, Some(_)) => {
                only(f)?;
                f.write_str(&default.or("create the Pod then, or in queue default", "create the Pod then"))
            }
            (OutsideWindow::Deny, None) => {
                only(f)?;
                f.write_str(&default.or(format_args!("create the Pod in queue default, or {ASK}"), ASK))
            }
        }
    }
}

/// Said where a Pod that does not wait for its queue is moved to one that is closed.
pub(super) struct ForSwitch<'a>(pub(super) &'a Closed<'a>, pub(super) InDefault);

impl fmt::Display for ForSwitch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed, default) = self;
        write!(f, "asked queue {} for a Pod that exists: {closed}; ", closed.queue.name)?;
        match closed.plan.outside_window {
            OutsideWindow::Gate => f.write_str("a Pod that runs moves only to an open queue; ")?,
            OutsideWindow::Deny => write!(f, "plan {} takes Pods only while it is open; ", closed.plan.name)?,
        }
        const STAY: &str = "leave it where it is";
        match closed.opens {
            Some(_) => f.write_str(&default.or("move it then, or to default", format_args!("move it then, or {STAY}"))),
            None => f.write_str(&default.or(format_args!("move it to default, or {STAY}"), STAY)),
        }
    }
}

/// Said where something is made that makes Pods.
pub(super) struct ForTemplates<'a>(pub(super) &'a Closed<'a>, pub(super) InDefault);

impl fmt::Display for ForTemplates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed, default) = self;
        let plan = &closed.plan.name;
        let to_run = default.or("; to run them now, ask for queue default", "");
        let or_ask = default.or(format_args!("ask for queue default, or {ASK}"), ASK);
        match (closed.plan.outside_window, closed.opens) {
            (OutsideWindow::Gate, Some(_)) => write!(f, "{closed}; Pods that are made before then wait{to_run}"),
            (OutsideWindow::Gate, None) => write!(f, "{closed}; its Pods wait; {or_ask}"),
            (OutsideWindow::Deny, Some(_)) => {
                write!(f, "{closed}; plan {plan} refuses Pods that are made before then{to_run}")
            }
            (OutsideWindow::Deny, None) => {
                write!(f, "asked now: {closed}; plan {plan} takes Pods only while it is open; {or_ask}")
            }
        }
    }
}

/// Said where a workload is moved with its Pods.
pub(super) struct ForMoved<'a>(pub(super) &'a Closed<'a>, pub(super) InDefault);

impl fmt::Display for ForMoved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(closed, default) = self;
        let plan = &closed.plan.name;
        write!(f, "{closed}; ")?;
        f.write_str(match closed.opens {
            Some(_) => "Pods that run stay in their queue until it opens, and move then; ",
            None => "Pods that run stay in their queue; ",
        })?;
        match (closed.plan.outside_window, closed.opens) {
            (OutsideWindow::Gate, Some(_)) => {
                f.write_str("those that wait, and those that are made before then, wait for it")?
            }
            (OutsideWindow::Gate, None) => f.write_str("those that are made from now on wait in vain")?,
            (OutsideWindow::Deny, _) => write!(f, "plan {plan} refuses Pods that are made before then")?,
        }
        f.write_str(&default.or("; to run Pods now, move it to default", ""))
    }
}

/// Said to who would have a Pod start before its time.
pub(super) struct NotYours<'a> {
    pub(super) gate: &'a str,
    pub(super) closed: Option<Closed<'a>>,
    pub(super) default: InDefault,
}

impl fmt::Display for NotYours<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gate, closed, default } = self;
        write!(f, "asked to take away the gate {gate}; only the platform takes its gates away; ")?;
        if let Some(closed) = closed {
            write!(f, "{closed}; ")?;
        }
        let moves = format!("move the Pod to queue default (annotation {SWITCH_QUEUE})");
        f.write_str(&match closed {
            Some(Closed { opens: None, .. }) => default.or(format_args!("{moves}, or {ASK}"), ASK),
            Some(_) => default.or(format_args!("wait, or {moves}"), "wait"),
            None => default.or(format_args!("wait for it, or {moves}"), "wait for it"),
        })
    }
}

/// Said to who takes away the last gate of a Pod while its queue is closed.
pub(super) struct TooEarly<'a> {
    pub(super) gate: &'a str,
    pub(super) closed: Closed<'a>,
    pub(super) default: InDefault,
}

impl fmt::Display for TooEarly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gate, closed, default } = self;
        write!(f, "asked to take away the gate {gate}, upon which the Pod would start; {closed}; ")?;
        match closed.opens {
            Some(_) => {
                f.write_str(&default.or("take it away then, or create the Pod in queue default", "take it away then"))
            }
            None => f.write_str(&default.or(format_args!("create the Pod in queue default, or {ASK}"), ASK)),
        }
    }
}
