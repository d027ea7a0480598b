//! The sentences of the journal and of Events.

use crate::daemons::common::PodName;
use std::fmt;

use super::{Because, InVain, Release, Spared};

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

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, because, .. } = self;
        write!(f, "pod {pod} waits in vain: ")?;
        match because {
            InVain::NoPlan(project) => write!(f, "project {project} has no plan in force")?,
            InVain::NotBound { plan, queue } => write!(f, "plan {plan} does not bind queue {queue}")?,
            InVain::NeverOpens(queue) => write!(f, "queue {queue} does not open again")?,
        }
        f.write_str("; delete it and create it in queue default, or ask an admin")
    }
}
