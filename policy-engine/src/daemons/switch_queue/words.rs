//! The sentences of the journal and of Events.

use std::fmt;

use super::{Crowd, Move, Spared, Stays, Workload};
use crate::contract::SWITCH_QUEUE;
use crate::sentence;

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.named.kind, self.namespace, self.named.name)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, from, to, with, .. } = self;
        write!(f, "move pod {pod} from queue {from} to {to}, as {with} was (annotation {SWITCH_QUEUE})")
    }
}

/// The reason of Events about what stays in its queue.
pub const STAYS: &str = "QueueNotSwitched";

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, stays_in, with, because, .. } = self;
        write!(f, "pod {pod} stays in queue {stays_in}, though {with}{}{because}", moved_to(&with.queue))
    }
}

fn moved_to(queue: &str) -> String {
    format!(" was moved to {queue}: ")
}

/// Why a Pod stays, as such an Event says it of a Pod whose workload was moved to this queue.
pub fn why_it_stays<'a>(event: &'a str, queue: &str) -> Option<&'a str> {
    event.split_once(&moved_to(queue)).map(|(_, because)| because)
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByItself => {
                write!(f, "its own annotation {SWITCH_QUEUE} has moved it there; take that off to let it follow")
            }
            Self::NoQueue => f.write_str("there is no such queue; move the workload to another"),
            Self::NoPlan(project) => {
                write!(
                    f,
                    "project {project} has no plan in force, which leaves default; move the workload there, or ask an admin"
                )
            }
            Self::NotBound(plan) => write!(
                f,
                "plan {plan} does not bind that queue; move the workload to another, or ask an admin to bind it"
            ),
            Self::Closed { why, opens: true } => {
                write!(f, "{why}; a Pod that runs moves only to an open queue, and this one does when it opens")
            }
            Self::Closed { why, opens: false } => {
                write!(f, "{why}; move the workload to another queue, or ask an admin for a window")
            }
            Self::Models { queue, has } => {
                f.write_str("its GPUs are of ")?;
                sentence::list(f, &has.iter().map(String::as_str).collect::<Vec<_>>())?;
                write!(f, ", which queue {queue} does not take; end the Pod to have it made anew there")
            }
        }
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { with, pods, first } = self;
        let how_many = if *pods == 1 { "1 Pod stays where it is" } else { &format!("{pods} Pods stay where they are") };
        write!(
            f,
            "of {with}, which was moved to queue {}, {how_many}: {}: {}",
            with.queue, first.pod.name, first.because
        )
    }
}
