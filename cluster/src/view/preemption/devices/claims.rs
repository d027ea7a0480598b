//! Claims: what they ask, what they have, and for whom.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{
    AllocationResult, CapacityRequirements, DeviceConstraint, DeviceRequest, DeviceRequestAllocationResult,
    DeviceSelector, DeviceToleration, ResourceClaim,
};
use policy_engine::claims::classes::DeviceClasses;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::view::devices::{
    Allocation, Alternative, Claim, Constraint, DeviceId, Holding, Request,
};
use policy_engine::daemons::preemption::view::places::Reach;

use super::selectors::Asked;
use super::{capacity, places, taints};
use crate::world::reserved_for;

/// A claim; `None` for one that is being deleted and has no devices: it gets none any more.
pub(super) fn read<'w>(
    claim: &'w ResourceClaim,
    classes: &'w DeviceClasses,
    milli_gpu: u64,
    asked: &mut Asked<'_, 'w>,
) -> Option<Claim> {
    let (meta, status) = (&claim.metadata, claim.status.as_ref());
    let allocation = status.and_then(|status| status.allocation.as_ref());
    if meta.deletion_timestamp.is_some() && allocation.is_none() {
        return None;
    }
    let spec = claim.spec.as_ref().and_then(|spec| spec.devices.as_ref());
    let users = status.iter().flat_map(|status| status.reserved_for.iter().flatten());
    Some(Claim {
        uid: meta.uid.clone()?,
        name: PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? },
        milli_gpu,
        requests: spec
            .iter()
            .flat_map(|it| it.requests.iter().flatten())
            .map(|it| request(it, classes, asked))
            .collect(),
        constraints: spec.iter().flat_map(|it| it.constraints.iter().flatten()).map(constraint).collect(),
        allocation: allocation.map(allocated),
        reserved_for: reserved_for(claim).map(str::to_owned).collect(),
        kept: users.into_iter().any(|it| it.resource != "pods"),
    })
}

/// The value of the taint by which devices are held for a claim, as the platform wrote it into its requests.
pub(super) fn hold(claim: &ResourceClaim) -> Option<&str> {
    let spec = claim.spec.as_ref()?.devices.as_ref()?;
    let all = spec.requests.iter().flatten().flat_map(ways).flat_map(|way| way.tolerations.iter().flatten());
    let is_hold = |it: &&DeviceToleration| {
        it.key.as_deref() == Some(contract::HOLD)
            && it.operator.as_deref() == Some("Equal")
            && it.effect.as_deref() == Some("NoSchedule")
    };
    all.into_iter().find(is_hold)?.value.as_deref()
}

/// A way to fulfil a request, as it is written.
struct Way<'w> {
    name: Option<&'w str>,
    class: &'w str,
    mode: Option<&'w str>,
    count: Option<i64>,
    admin_access: bool,
    selectors: &'w Option<Vec<DeviceSelector>>,
    capacity: &'w Option<CapacityRequirements>,
    tolerations: &'w Option<Vec<DeviceToleration>>,
}

fn ways(request: &DeviceRequest) -> impl Iterator<Item = Way<'_>> {
    let exactly = request.exactly.iter().map(|it| Way {
        name: None,
        class: &it.device_class_name,
        mode: it.allocation_mode.as_deref(),
        count: it.count,
        admin_access: it.admin_access == Some(true),
        selectors: &it.selectors,
        capacity: &it.capacity,
        tolerations: &it.tolerations,
    });
    let first_available = request.first_available.iter().flatten().map(|it| Way {
        name: Some(&it.name),
        class: &it.device_class_name,
        mode: it.allocation_mode.as_deref(),
        count: it.count,
        admin_access: false,
        selectors: &it.selectors,
        capacity: &it.capacity,
        tolerations: &it.tolerations,
    });
    exactly.chain(first_available)
}

/// Kubernetes fulfils no request of which it cannot read one alternative; so there is none here either.
fn request<'w>(request: &'w DeviceRequest, classes: &'w DeviceClasses, asked: &mut Asked<'_, 'w>) -> Request {
    let alternatives = ways(request).map(|way| alternative(&way, classes, asked)).collect::<Option<_>>();
    Request { name: request.name.clone(), alternatives: alternatives.unwrap_or_default() }
}

fn alternative<'w>(way: &Way<'w>, classes: &'w DeviceClasses, asked: &mut Asked<'_, 'w>) -> Option<Alternative> {
    let class = classes.get(way.class)?;
    let selectors = class.selectors.iter().flatten().chain(way.selectors.iter().flatten());
    let selectors: Option<Vec<&str>> = selectors.map(|it| Some(it.cel.as_ref()?.expression.as_str())).collect();
    let capacity = way.capacity.iter().flat_map(|it| it.requests.iter().flatten());
    Some(Alternative {
        name: way.name.map(str::to_owned),
        selector: asked.number(&selectors?),
        count: match way.mode {
            Some("All") => None,
            Some("ExactCount" | "") | None => Some(u32::try_from(way.count.unwrap_or(1)).ok()?),
            Some(_) => return None,
        },
        admin_access: way.admin_access,
        capacity: capacity.map(|(of, it)| Some((of.clone(), capacity::taken(it)?))).collect::<Option<_>>()?,
        tolerations: way.tolerations.iter().flatten().filter_map(taints::toleration).collect(),
    })
}

/// A constraint of a sort that is not known is one that no device can meet.
fn constraint(constraint: &DeviceConstraint) -> Constraint {
    let DeviceConstraint { requests, match_attribute, distinct_attribute } = constraint;
    Constraint {
        requests: requests.clone().unwrap_or_default(),
        attribute: match_attribute.as_ref().or(distinct_attribute.as_ref()).cloned().unwrap_or_default(),
        distinct: match_attribute.is_none(),
    }
}

fn allocated(allocation: &AllocationResult) -> Allocation {
    let results = allocation.devices.iter().flat_map(|devices| devices.results.iter().flatten());
    Allocation {
        reach: allocation.node_selector.as_ref().map_or(Reach::Everywhere, places::reach),
        devices: results.map(holding).collect(),
    }
}

fn holding(result: &DeviceRequestAllocationResult) -> Holding {
    let DeviceRequestAllocationResult { driver, pool, device, consumed_capacity, admin_access, .. } = result;
    // What cannot be read is all of it.
    let takes = consumed_capacity.as_ref().and_then(|consumed| {
        let takes = consumed.iter().map(|(of, amount)| Some((of.clone(), capacity::taken(amount)?)));
        takes.collect::<Option<BTreeMap<_, _>>>()
    });
    Holding {
        device: DeviceId { driver: driver.clone(), pool: pool.clone(), device: device.clone() },
        takes,
        admin_access: *admin_access == Some(true),
    }
}
