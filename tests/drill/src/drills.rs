//! The drills, one file each.

mod hung;
mod killed;

use crate::Drill;

/// Every drill, in the order in which they run.
pub const ALL: &[Drill] = &[killed::DRILL, hung::DRILL];

/// The drill of this name.
pub fn find(name: &str) -> Option<&'static Drill> {
    ALL.iter().find(|drill| drill.name == name)
}
