//! What is to become of a Namespace that exists.

use super::action::Because;
use super::view::Mark;
use crate::policy::project::Project;

/// What is to become of a Namespace that exists.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// It belongs to the project by its record.
    Ours(&'a Project, Because),
    /// The project gave it to a member as their own, and gives it to nobody now: it stays theirs if they are still a member, and
    /// else with those who manage the project.
    Kept(&'a Project),
    /// Others labelled it for the project.
    Theirs(&'a Project),
    /// Others labelled it for a project that is not known.
    Unknown,
    /// The record of the project that it belongs to cannot be read.
    Unreadable(Mark),
    /// It is going away.
    Terminating,
    /// Nobody claims it, or nobody may have it: what is ours there is taken back.
    Free,
}
