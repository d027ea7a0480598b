//! Judging: what is denied, what the platform writes, what is reserved.

pub mod admit;
mod attach;
pub mod binding;
pub mod decision;
pub mod findings;
pub mod mode;
pub mod moved;
mod remember;
mod reserve;
pub mod rules;
pub mod ungoverned;
mod whose_plan;
mod workspace_fields;
pub mod written;
