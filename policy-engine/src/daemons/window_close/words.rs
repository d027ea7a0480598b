//! The sentences of the journal and of Events.

use std::fmt;

use super::{Closing, Eviction, GoesOn, Note, Reason, Spared};
use crate::contract::SWITCH_QUEUE;
use crate::windows::Moment;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPlan => "No active resource plan",
            Self::ValidityExpired => "Plan validity period expired",
            Self::WindowExpired => "Plan window expired",
        })
    }
}

impl Reason {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoPlan => "NoActivePlan",
            Self::ValidityExpired => "PlanValidityExpired",
            Self::WindowExpired => "PlanWindowExpired",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, queue, closing, .. } = self;
        let Some(Closing { at, evicted_at, closed, zone }) = closing else {
            return write!(f, "what was announced no longer holds: pod {pod} is not evicted from queue {queue}");
        };
        let moment = |at| Moment { at, zone };
        match closed {
            Some(reason) => write!(f, "{reason}: queue {queue} is closed since {}", moment(*at))?,
            None => write!(f, "queue {queue} closes at {}", moment(*at))?,
        }
        write!(
            f,
            "; pod {pod} is evicted at {}; save your work, or move the Pod to queue default (annotation {SWITCH_QUEUE})",
            moment(*evicted_at)
        )
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, queue, reason, closed_at, is_forced, .. } = self;
        let how = if *is_forced { "delete" } else { "evict" };
        let since = Moment { at: *closed_at, zone: "UTC" };
        write!(f, "{reason}: {how} pod {pod}: its queue {queue} is closed since {since}")?;
        if *is_forced { f.write_str(", and its disruption budget was heeded for its time") } else { Ok(()) }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, queue, reason, because, .. } = self;
        match because {
            GoesOn::NotEnforced(project) => write!(
                f,
                "{reason}: queue {queue} is closed, and pod {pod} would be evicted; it goes on, because the rule plan-window is not enforced in \
                 project {project}"
            ),
            GoesOn::Budget(until) => write!(
                f,
                "{reason}: a PodDisruptionBudget does not let pod {pod} of the closed queue {queue} be evicted; it is tried again, and the Pod is \
                 deleted after {} whatever the budget says",
                Moment { at: *until, zone: "UTC" }
            ),
        }
    }
}
