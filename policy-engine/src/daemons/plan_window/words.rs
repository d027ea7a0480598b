//! The sentences of the journal and of Events.

use crate::daemons::common::PodName;
use std::fmt;

use super::{Because, Crowd, InVain, Note, Release, Spared, Start};

const MOVE_IT: &str = "move it to queue default (annotation platform-go/switch-queue)";

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "let pod {} start: {}", self.pod, self.because)
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(queue) => write!(f, "queue {queue} is open"),
            Self::Default => f.write_str("it is in queue default"),
            Self::NotEnforced(project) => write!(f, "the rule plan-window is not enforced in project {project}"),
            Self::Ungoverned => f.write_str("its namespace is no project's"),
        }
    }
}

impl Spared {
    /// What its owner is told. That it can be moved to `default` is said only where that takes it.
    pub fn says(&self, default_takes: bool) -> String {
        let Self { pod, because, .. } = self;
        let moves = if default_takes { format!("{MOVE_IT}, or ") } else { String::new() };
        format!("pod {pod} waits in vain: {because}; {moves}ask an admin")
    }
}

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan(project) => write!(f, "project {project} has no plan in force"),
            Self::NotBound { plan, queue } => write!(f, "plan {plan} does not bind queue {queue}"),
            Self::NeverOpens(queue) => write!(f, "queue {queue} does not open again"),
        }
    }
}

impl Note {
    /// What its owner is told. That it can be moved to `default` is said only where that takes it.
    pub fn says(&self, default_takes: bool) -> String {
        let Self { pod, starts, .. } = self;
        let Some(Start { why, .. }) = starts else {
            return format!("no time is known any more at which pod {pod} starts");
        };
        let moves = if default_takes { format!("; to run it now, {MOVE_IT}") } else { String::new() };
        format!("pod {pod} waits: {why}; it starts then, as far as there is room{moves}")
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, controller, pods, starts } = self;
        let how_many = if *pods == 1 { "1 Pod waits" } else { &format!("{pods} Pods wait") };
        write!(f, "of {} {namespace}/{}, {how_many}: {}; ", controller.kind, controller.name, starts.why)?;
        f.write_str("they start then, as far as there is room")
    }
}
