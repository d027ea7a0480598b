//! Devices, and the claims that ask for them and hold them.

use std::collections::BTreeMap;

use crate::daemons::common::PodName;

pub use crate::submission::devices::DeviceId;

use super::places::{Reach, Taint, Toleration};

/// A device that is published or allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which one.
    pub id: DeviceId,
    /// From which nodes it can be used.
    pub reach: Reach,
    /// What it is to selectors: devices that no selector tells apart are of one kind. Counts in [`Matching`].
    pub kind: usize,
    /// Its attributes that constraints compare, as texts that are equal where the attributes are.
    pub attributes: BTreeMap<String, String>,
    /// How much it has of what.
    pub capacity: BTreeMap<String, Capacity>,
    /// Whether several claims may have parts of its capacity.
    pub divisible: bool,
    /// Its taints: those that its driver publishes, and those of every DeviceTaintRule. Effect `None` is left out.
    pub taints: Vec<Taint>,
    /// Whether a current ResourceSlice lists it, in a pool that is complete.
    pub listed: bool,
}

/// How much a device has of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity {
    /// All of it.
    pub total: u64,
    /// What a claim takes that does not say how much.
    pub unasked: u64,
    /// In which steps it is taken.
    pub steps: Steps,
}

/// In which steps a capacity is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Steps {
    /// As asked.
    Any,
    /// At least so much, in such steps from there, and no more than the most. A step of zero is none.
    Range {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
        /// The step.
        step: u64,
    },
    /// Such amounts, in ascending order.
    Values(Vec<u64>),
}

impl Capacity {
    /// What is taken where so much is asked; `None` where that cannot be.
    pub fn taken(&self, asked: Option<u64>) -> Option<u64> {
        let asked = asked.unwrap_or(self.unasked);
        let (taken, most) = match &self.steps {
            Steps::Any => (asked, self.total),
            Steps::Range { least, most, step: 0 } => (asked.max(*least), *most),
            Steps::Range { least, most, step } => {
                (least.checked_add(asked.saturating_sub(*least).div_ceil(*step).checked_mul(*step)?)?, *most)
            }
            Steps::Values(values) => (*values.iter().find(|value| **value >= asked)?, self.total),
        };
        (taken <= self.total.min(most)).then_some(taken)
    }
}

/// Which kinds of devices pass which selectors: a list of kinds for each selector, by [`Alternative::selector`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching(pub Vec<Vec<bool>>);

impl Matching {
    /// Whether a kind of devices passes a selector. What is not known does not pass.
    pub fn passes(&self, selector: usize, kind: usize) -> bool {
        self.0.get(selector).and_then(|kinds| kinds.get(kind)).copied().unwrap_or_default()
    }
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its UID.
    pub uid: String,
    /// Its Namespace and name.
    pub name: PodName,
    /// The GPU that it counts for in the queues of the Pods that use it, in thousandths.
    pub milli_gpu: u64,
    /// What it asks.
    pub requests: Vec<Request>,
    /// What must hold of its devices together.
    pub constraints: Vec<Constraint>,
    /// What it has.
    pub allocation: Option<Allocation>,
    /// The UIDs of the Pods that may use it.
    pub reserved_for: Vec<String>,
    /// Whether something besides Pods uses it.
    pub kept: bool,
}

/// A request of a claim: one way to fulfil it, or several in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name.
    pub name: String,
    /// The ways to fulfil it.
    pub alternatives: Vec<Alternative>,
}

/// One way to fulfil a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Its name, where it is one of `firstAvailable`.
    pub name: Option<String>,
    /// Its class and selectors together, as [`Matching`] counts them.
    pub selector: usize,
    /// How many devices; `None` is all that match.
    pub count: Option<u32>,
    /// Whether it asks to look into devices that are others'. It takes nothing.
    pub admin_access: bool,
    /// How much it asks of each device's capacity.
    pub capacity: BTreeMap<String, u64>,
    /// The taints of devices that it tolerates.
    pub tolerations: Vec<Toleration>,
}

/// What must hold of some devices of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// The requests that it is about, an alternative as `request/alternative`; none is all.
    pub requests: Vec<String>,
    /// The attribute that each of the devices must have.
    pub attribute: String,
    /// Whether it must be another one for each device, and not the same for all.
    pub distinct: bool,
}

/// What a claim has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// From which nodes it can be used.
    pub reach: Reach,
    /// Its devices.
    pub devices: Vec<Holding>,
}

/// A device that a claim has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which one.
    pub device: DeviceId,
    /// What of it; `None` is the device as a whole.
    pub takes: Option<BTreeMap<String, u64>>,
    /// Whether it only looks into a device that others may have.
    pub admin_access: bool,
}
