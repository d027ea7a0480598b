//! What a claim costs.

use std::fmt;

use crate::ledger::Amounts;
use crate::policy::model::WHOLE;

/// What a claim costs while a Pod names it.
///
/// The two numbers differ: a quarter of a device's compute can still keep everybody else from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Effective GPU in thousandths.
    pub milli_gpu: u64,
    /// Physical devices held.
    pub devices: u64,
}

impl Price {
    /// The price of some devices, of whose compute each gives a share.
    ///
    /// What is too large to be counted is as dear as can be: no limit admits it.
    pub fn of(devices: u64, sm_percent: u64) -> Self {
        Self::of_each(WHOLE, devices, sm_percent)
    }

    /// The same of devices of which each costs so much as a whole.
    pub fn of_each(milli_gpu: u64, devices: u64, sm_percent: u64) -> Self {
        let each = milli_gpu.saturating_mul(sm_percent).div_ceil(100);
        Self { milli_gpu: devices.saturating_mul(each), devices }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            milli_gpu: self.milli_gpu.saturating_add(other.milli_gpu),
            devices: self.devices.saturating_add(other.devices),
        }
    }

    /// Whichever of the two it turns out to be: the dearer in each number.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { milli_gpu: self.milli_gpu.max(other.milli_gpu), devices: self.devices.max(other.devices) }
    }

    /// Effective GPU as labels carry it.
    pub fn gpus(self) -> Gpus {
        Gpus(self.milli_gpu)
    }
}

impl From<Price> for Amounts {
    fn from(Price { milli_gpu, devices }: Price) -> Self {
        Self { milli_gpu, devices, ..Self::default() }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.devices == 1 { "" } else { "s" };
        write!(f, "{} GPU on {} device{plural}", self.gpus(), self.devices)
    }
}

/// Thousandths of a GPU, written as the shortest decimal: `0.5`, `2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gpus(pub u64);

impl fmt::Display for Gpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, milli) = (self.0 / 1000, self.0 % 1000);
        if milli == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{milli:03}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_counted_in_thousandths_and_said_in_the_shortest_decimal() {
        assert_eq!(Price::of(1, 50).to_string(), "0.5 GPU on 1 device");
        assert_eq!(Price::of(3, 33).to_string(), "0.99 GPU on 3 devices");
        assert_eq!(Price::of(2, 100).gpus().to_string(), "2");
        assert_eq!(Gpus(1).to_string(), "0.001");
    }

    #[test]
    fn what_cannot_be_counted_is_as_dear_as_can_be() {
        let most = Price { milli_gpu: u64::MAX, devices: u64::MAX };
        assert_eq!(Price::of(u64::MAX, 100), most);
        assert_eq!(most.and(Price::of(1, 1)), most);
    }

    #[test]
    fn of_two_alternatives_the_dearer_counts_in_each_number() {
        assert_eq!(Price::of(2, 25).or(Price::of(1, 100)), Price { milli_gpu: 1000, devices: 2 });
    }
}
