//! What something costs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::quota::Quota;

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

impl Amounts {
    /// Nothing.
    pub const NOTHING: Self = Self { milli_gpu: 0, devices: 0, milli_cpu: 0, memory_bytes: 0 };

    /// How much of one resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Gpu => self.milli_gpu,
            Resource::Devices => self.devices,
            Resource::Cpu => self.milli_cpu,
            Resource::Memory => self.memory_bytes,
        }
    }

    /// The larger of both, resource by resource.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    /// The smaller of both, resource by resource.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        self.with(other, u64::min)
    }

    /// The sum; one that no number holds is the largest number, which is above every limit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// What is left, resource by resource; nothing where the other is larger.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    /// So many times; what no number holds is the largest number.
    #[must_use]
    pub fn times(self, many: u64) -> Self {
        let many = Self { milli_gpu: many, devices: many, milli_cpu: many, memory_bytes: many };
        self.with(many, u64::saturating_mul)
    }

    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    fn with(self, other: Self, f: fn(u64, u64) -> u64) -> Self {
        Self {
            milli_gpu: f(self.milli_gpu, other.milli_gpu),
            devices: f(self.devices, other.devices),
            milli_cpu: f(self.milli_cpu, other.milli_cpu),
            memory_bytes: f(self.memory_bytes, other.memory_bytes),
        }
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// Effective GPU, counted in thousandths.
    Gpu,
    /// Physical devices.
    Devices,
    /// CPU, counted in thousandths of a core.
    Cpu,
    /// Memory, counted in bytes.
    Memory,
}

impl Resource {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 4] = [Self::Gpu, Self::Devices, Self::Cpu, Self::Memory];

    /// The limit of this resource; `None` is none.
    pub fn limit(self, quota: &Quota) -> Option<u64> {
        match self {
            Self::Gpu => quota.milli_gpu,
            Self::Devices => quota.devices,
            Self::Cpu => quota.milli_cpu,
            Self::Memory => quota.memory_bytes,
        }
    }
}

/// As people say it.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gpu => "GPU",
            Self::Devices => "devices",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
        })
    }
}
