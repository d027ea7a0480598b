//! The devices that drivers publish, and which of them can be given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{Device, ResourceSlice};
use policy_engine::claims::Whole;
use policy_engine::daemons::preemption::view::places::Reach;
use policy_engine::policy::quantity;

use super::Key;
use super::places;
use crate::world::current;

/// A device that a driver publishes.
pub(super) struct Published<'w> {
    slice: &'w ResourceSlice,
    device: &'w Device,
    /// Whether it can be given, as far as its driver and those are concerned who have other parts of the same.
    pub(super) listed: bool,
}

impl<'w> Published<'w> {
    pub(super) fn whole(&self) -> Whole<'w> {
        Whole { driver: &self.slice.spec.driver, device: self.device }
    }

    pub(super) fn key(&self) -> Key<'w> {
        (&self.slice.spec.driver, &self.slice.spec.pool.name, &self.device.name)
    }

    pub(super) fn reach(&self) -> Reach {
        let (spec, device) = (&self.slice.spec, self.device);
        let (node, selector, everywhere) = match spec.per_device_node_selection {
            Some(true) => (&device.node_name, &device.node_selector, device.all_nodes),
            Some(false) | None => (&spec.node_name, &spec.node_selector, spec.all_nodes),
        };
        match (node, selector) {
            (Some(node), _) if !node.is_empty() => Reach::Node(node.clone()),
            (_, Some(selector)) => places::reach(selector),
            _ if everywhere == Some(true) => Reach::Everywhere,
            _ => Reach::Nodes(Vec::new()),
        }
    }
}

/// A pool, as the slices of its newest generation have it.
#[derive(Default)]
struct Pool<'w> {
    slices: i64,
    of: i64,
    devices: HashSet<&'w str>,
    named_twice: bool,
}

/// The devices of each pool's newest generation. Kubernetes gives none of a pool that is not complete, or names one twice.
pub(super) fn published<'w>(slices: &'w [Arc<ResourceSlice>], held: &HashSet<Key<'_>>) -> Vec<Published<'w>> {
    let mut pools: HashMap<(&str, &str), Pool<'_>> = HashMap::new();
    let newest = || current(slices.iter().map(AsRef::as_ref));
    let pool = |slice: &'w ResourceSlice| (slice.spec.driver.as_str(), slice.spec.pool.name.as_str());
    for slice in newest() {
        let pool = pools.entry(pool(slice)).or_default();
        (pool.slices, pool.of) = (pool.slices + 1, slice.spec.pool.resource_slice_count);
        for device in slice.spec.devices.iter().flatten() {
            pool.named_twice |= !pool.devices.insert(&device.name);
        }
    }
    let is_whole = |slice| pools.get(&pool(slice)).is_some_and(|it| it.slices == it.of && !it.named_twice);
    let devices = newest().flat_map(|slice| slice.spec.devices.iter().flatten().map(move |device| (slice, device)));
    let mut seen = HashSet::new();
    let published = devices.map(|(slice, device)| Published { slice, device, listed: is_whole(slice) });
    let mut published: Vec<_> = published.filter(|it| seen.insert(it.key())).collect();
    let counters = Counters::of(newest(), &published, held);
    for it in &mut published {
        it.listed &= held.contains(&it.key()) || counters.suffice(it);
    }
    published
}

/// What is left of shared counters, by pool, set and counter, in billionths.
struct Counters<'w>(HashMap<(Key<'w>, &'w str), i128>);

impl<'w> Counters<'w> {
    fn of(slices: impl Iterator<Item = &'w ResourceSlice>, all: &[Published<'w>], held: &HashSet<Key<'_>>) -> Self {
        let mut left = HashMap::new();
        for slice in slices {
            for set in slice.spec.shared_counters.iter().flatten() {
                let of = (slice.spec.driver.as_str(), slice.spec.pool.name.as_str(), set.name.as_str());
                let counters = set.counters.iter().map(|(name, it)| ((of, name.as_str()), nanos(&it.value.0)));
                left.extend(counters.map(|(of, amount)| (of, amount.unwrap_or_default())));
            }
        }
        for (counter, consumed) in all.iter().filter(|it| held.contains(&it.key())).flat_map(consumed) {
            left.entry(counter).and_modify(|left| *left -= consumed);
        }
        Self(left)
    }

    fn suffice(&self, device: &Published<'w>) -> bool {
        consumed(device).all(|(counter, consumed)| self.0.get(&counter).is_some_and(|left| *left >= consumed))
    }
}

fn consumed<'w>(published: &Published<'w>) -> impl Iterator<Item = ((Key<'w>, &'w str), i128)> + use<'w> {
    let (driver, pool, _) = published.key();
    published.device.consumes_counters.iter().flatten().flat_map(move |consumption| {
        let of = (driver, pool, consumption.counter_set.as_str());
        consumption.counters.iter().map(move |(name, it)| {
            // What cannot be read is more than there is.
            ((of, name.as_str()), nanos(&it.value.0).unwrap_or(i128::from(u64::MAX)))
        })
    })
}

fn nanos(amount: &str) -> Option<i128> {
    quantity::nanos(amount).ok()
}
