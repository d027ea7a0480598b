//! What the daemons do: a plan function for each, and the audit of its plans.

pub mod common;
pub mod follow;
pub mod plan_window;
pub mod preemption;
pub mod switch_queue;
pub mod templates;
pub mod window_close;
pub mod workspaces;
