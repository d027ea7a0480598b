//! Whose plan says what a project may have, as refusals of devices say it.

use std::fmt;

use crate::submission::case::Case;

/// Where nothing is allowed: what can be done.
pub(crate) const NO_GPU: &str = "allows no GPU; ask for none, or ask an admin for a plan with GPU models";

/// The plan in force and its project, or the project alone.
pub(crate) struct WhosePlan<'a>(pub(crate) &'a Case<'a>);

impl fmt::Display for WhosePlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = &self.0.project.name;
        match self.0.plan() {
            Some(plan) => write!(f, "plan {} of project {project}", plan.name),
            None => write!(f, "project {project} without a plan in force"),
        }
    }
}
