//! The ledger: what is charged to whom.

use serde::{Deserialize, Serialize};

/// What something costs, in units that add up exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Effective GPU in thousandths.
    pub milli_gpu: u64,
    /// Physical devices held.
    pub devices: u64,
    /// CPU in thousandths of a core.
    pub milli_cpu: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// Who pays. Each has limits of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Account {
    /// A project with everything below it, by the project's id.
    Project(String),
    /// What one user uses in one project, by their ids.
    User {
        /// The project.
        project: String,
        /// The user.
        user: String,
    },
}
