//! Of what the daemon `preemption` sees, the devices, and the claims that ask for them and hold them.
//!
//! A device is *listed* if the newest generation of its pool is there as a whole and names it once. One that a claim has and
//! no driver publishes is known by what the claim says. Shared counters are heeded only as things are: a device that
//! consumes what others have is not listed, also where it would be free without them.

mod capacity;
mod claims;
mod places;
mod pools;
mod selectors;
mod taints;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use policy_engine::claims::Whole;
use policy_engine::daemons::preemption::view::devices::{Claim, Device, DeviceId, Holding, Matching};
use policy_engine::policy::Policy;

use crate::view::ledger::{self, Prices};
use crate::world::World;
use pools::Published;
pub use selectors::Selectors;
use taints::Taints;

/// Devices and claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Devices {
    /// Every device that is published or allocated.
    pub devices: Vec<Device>,
    /// Which kinds of them pass which selectors.
    pub matching: Matching,
    /// Every claim, but for those that are being deleted and have no devices: no Pod gets any by them.
    pub claims: Vec<Claim>,
    /// By which value of the taint `platform-go/hold` devices are held for a claim; by its UID.
    pub holds: BTreeMap<String, String>,
}

/// All of them, and which pass which selectors. What is found out of selectors is remembered.
pub(super) fn devices(world: &World, prices: &Prices, policy: &Policy, selectors: &mut Selectors) -> Devices {
    let (slices, all, classes) = (world.slices(), world.claims(), world.device_classes());
    let rules = world.device_taint_rules();
    let milli_gpu = ledger::milli_gpu(world, prices, policy);
    let mut asked = selectors.begin();
    let mut holds = BTreeMap::new();
    let mut claims = Vec::with_capacity(all.len());
    for claim in &all {
        let Some(read) = claims::read(claim, &classes, milli_gpu(claim), &mut asked) else { continue };
        holds.extend(claims::hold(claim).map(|value| (read.uid.clone(), value.to_owned())));
        claims.push(read);
    }

    let held: HashSet<_> = holdings(&claims).map(|(_, it)| key(&it.device)).collect();
    let published = pools::published(&slices, &held);
    let wholes: Vec<_> = published.iter().map(Published::whole).collect();
    let (kinds, matching) = asked.matching(&wholes);
    // Others would only tell devices apart that are alike.
    let compared: BTreeSet<_> = claims.iter().flat_map(|it| &it.constraints).map(|it| it.attribute.as_str()).collect();
    let taints = Taints::of(&rules);
    let known = published.iter().zip(wholes.iter().zip(kinds));
    let mut devices: Vec<_> = known.map(|(it, (whole, kind))| read(it, *whole, kind, &compared, &taints)).collect();

    let mut seen: HashSet<_> = published.iter().map(Published::key).collect();
    // What is not known passes nothing.
    let unknown = matching.0.first().map_or(0, Vec::len);
    for (claim, holding) in holdings(&claims) {
        if seen.insert(key(&holding.device)) {
            devices.extend(claim.allocation.as_ref().map(|allocation| Device {
                id: holding.device.clone(),
                reach: allocation.reach.clone(),
                kind: unknown,
                attributes: BTreeMap::new(),
                capacity: BTreeMap::new(),
                divisible: holding.takes.is_some(),
                taints: taints.of_rules(key(&holding.device)),
                listed: false,
            }));
        }
    }
    Devices { devices, matching, claims, holds }
}

/// The devices that claims have for themselves, or parts of them.
fn holdings(claims: &[Claim]) -> impl Iterator<Item = (&Claim, &Holding)> {
    let all = claims.iter().flat_map(|claim| {
        let devices = claim.allocation.iter().flat_map(|it| &it.devices);
        devices.map(move |holding| (claim, holding))
    });
    all.filter(|(_, holding)| !holding.admin_access)
}

/// Driver, pool and name.
type Key<'w> = (&'w str, &'w str, &'w str);

fn key(id: &DeviceId) -> Key<'_> {
    (&id.driver, &id.pool, &id.device)
}

fn read(
    published: &Published<'_>,
    whole: Whole<'_>,
    kind: usize,
    compared: &BTreeSet<&str>,
    taints: &Taints<'_>,
) -> Device {
    let (driver, pool, device) = published.key();
    let attribute = |name: &&str| Some(((*name).to_owned(), whole.compared(name)?));
    let capacity = whole.device.capacity.iter().flatten();
    Device {
        id: DeviceId { driver: driver.into(), pool: pool.into(), device: device.into() },
        reach: published.reach(),
        kind,
        attributes: compared.iter().filter_map(attribute).collect(),
        capacity: capacity.map(|(name, it)| (name.clone(), capacity::read(it))).collect(),
        divisible: whole.device.allow_multiple_allocations == Some(true),
        taints: taints::own(whole.device).chain(taints.of_rules(published.key())).collect(),
        listed: published.listed,
    }
}

#[cfg(test)]
mod tests;
