//! Devices that two claims hold: what the scheduler never gives.

use std::collections::BTreeMap;
use std::fmt;

/// A device, by the names under which its driver publishes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// The driver.
    pub driver: String,
    /// The driver's pool of devices.
    pub pool: String,
    /// Its name in the pool.
    pub name: String,
}

/// As people call it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { driver, pool, name } = self;
        write!(f, "device {name} of {driver} in pool {pool}")
    }
}

/// A claim that is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocated {
    /// Its UID.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it has to itself: neither shares of devices (consumable capacity) nor devices that it only administers.
    pub devices: Vec<Device>,
}

/// Two claims that each have the same devices to themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTwice<'a> {
    /// The claims, by UID.
    pub holders: [&'a Allocated; 2],
    /// What they both hold; never empty.
    pub devices: Vec<&'a Device>,
}

/// The pairs of claims that hold the same devices. Of more than two that hold one device, each is in a pair with the next
/// by UID, so that their number stays that of the claims.
pub fn held_twice(holders: &[Allocated]) -> Vec<HeldTwice<'_>> {
    let mut by_device: BTreeMap<&Device, BTreeMap<&str, &Allocated>> = BTreeMap::new();
    for holder in holders {
        for device in &holder.devices {
            by_device.entry(device).or_default().insert(&holder.uid, holder);
        }
    }
    let mut pairs: BTreeMap<[&str; 2], HeldTwice<'_>> = BTreeMap::new();
    for (device, of_it) in by_device {
        for (one, other) in of_it.values().zip(of_it.values().skip(1)) {
            let none = || HeldTwice { holders: [one, other], devices: Vec::new() };
            pairs.entry([&one.uid, &other.uid]).or_insert_with(none).devices.push(device);
        }
    }
    pairs.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(uid: &str, devices: &[(&str, &str, &str)]) -> Allocated {
        let device = |(driver, pool, name): &(&str, &str, &str)| Device {
            driver: (*driver).into(),
            pool: (*pool).into(),
            name: (*name).into(),
        };
        let devices = devices.iter().map(device).collect();
        Allocated { uid: uid.into(), namespace: "detector".into(), name: format!("claim-{uid}"), devices }
    }

    /// The UIDs of each pair, and the names of what both hold.
    fn pairs(holders: &[Allocated]) -> Vec<(&str, &str, Vec<&str>)> {
        let found = held_twice(holders).into_iter();
        found
            .map(|it| (&*it.holders[0].uid, &*it.holders[1].uid, it.devices.iter().map(|it| &*it.name).collect()))
            .collect()
    }

    #[test]
    fn class_held_not_owned_claims_that_hold_the_same_devices_are_found_once() {
        let both = [("gpu", "node-a", "0"), ("gpu", "node-a", "1")];
        let holders = [holder("b", &both), holder("a", &[both[1], both[0]]), holder("c", &[("gpu", "node-a", "2")])];
        assert_eq!(pairs(&holders), [("a", "b", vec!["0", "1"])]);
        let three = ["c", "a", "b"].map(|uid| holder(uid, &both[..1]));
        assert_eq!(pairs(&three), [("a", "b", vec!["0"]), ("b", "c", vec!["0"])], "each is in a pair");
    }

    #[test]
    fn a_device_is_one_by_its_driver_its_pool_and_its_name() {
        let one = ("gpu", "node-a", "0");
        for other in [("nic", "node-a", "0"), ("gpu", "node-b", "0"), ("gpu", "node-a", "1")] {
            assert_eq!(pairs(&[holder("a", &[one]), holder("b", &[other])]), [], "{other:?}");
        }
        assert_eq!(pairs(&[holder("a", &[one, one])]), [], "one claim is no two");
    }
}
