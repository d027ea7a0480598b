//! Limits, in units that add up exactly.

use serde::{Deserialize, Serialize};

/// Limits of an account. An absent one limits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Effective GPU in thousandths.
    pub milli_gpu: Option<u64>,
    /// Physical devices held.
    pub devices: Option<u64>,
    /// CPU in thousandths of a core.
    pub milli_cpu: Option<u64>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
}

impl Quota {
    /// Grants nothing.
    pub const NOTHING: Self = Self { milli_gpu: Some(0), devices: Some(0), milli_cpu: Some(0), memory_bytes: Some(0) };

    /// What both allow, resource by resource.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        let smaller = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self {
            milli_gpu: smaller(self.milli_gpu, other.milli_gpu),
            devices: smaller(self.devices, other.devices),
            milli_cpu: smaller(self.milli_cpu, other.milli_cpu),
            memory_bytes: smaller(self.memory_bytes, other.memory_bytes),
        }
    }
}
