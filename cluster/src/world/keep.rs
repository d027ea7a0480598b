//! What is kept of each kind: the union of what look-ups and daemons need, and no more. An idle process is mostly its caches.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeSpec, NodeStatus, ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeSpec, ResourceQuota,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::api::resource::v1::{
    AllocationResult, Device, DeviceAllocationResult, DeviceClass, DeviceRequestAllocationResult, DeviceTaintRule,
    ResourceClaim, ResourceClaimTemplate, ResourceSlice,
};
use kube::core::{DynamicObject, ObjectMeta};
use policy_engine::contract;
use policy_engine::daemons::common::MANAGED_BY;
use policy_engine::daemons::preemption::HOLD_MARK;
use policy_engine::submission::devices::{EXTENDED_RESOURCE_CLAIM, POD_CLAIM_NAME};
use policy_engine::submission::volumes::TOLD;
use serde_json::Value;

use crate::watch::lighter;

/// The attribute of a device by which GpuModels name it.
pub(crate) const PRODUCT_NAME: &str = "productName";
/// The same of drivers that have no product names.
pub(crate) const MODEL: &str = "model";
/// The attribute by which NVIDIA's driver tells slices of a GPU from whole ones.
pub(crate) const DEVICE_TYPE: &str = "type";
/// Which slice of a device it is.
pub(crate) const PROFILE: &str = "profile";
/// The capacity of a device that is its memory.
pub(crate) const MEMORY: &str = "memory";

/// Names, times, the platform's keys and those that it reads, and the controller owner.
pub(super) fn least(meta: &mut ObjectMeta) {
    let ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        creation_timestamp,
        deletion_timestamp,
        labels,
        annotations,
        owner_references,
        ..
    } = std::mem::take(meta);
    let mut owners = owner_references.unwrap_or_default();
    owners.retain(|owner| owner.controller == Some(true));
    *meta = ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        creation_timestamp,
        deletion_timestamp,
        labels: read_here(labels),
        annotations: read_here(annotations),
        owner_references: Some(owners).filter(|owners| !owners.is_empty()),
        ..ObjectMeta::default()
    };
}

fn read_here(keys: Option<BTreeMap<String, String>>) -> Option<BTreeMap<String, String>> {
    let mut keys = keys?;
    let others = [POD_CLAIM_NAME, EXTENDED_RESOURCE_CLAIM, MANAGED_BY, HOLD_MARK];
    keys.retain(|key, _| key.starts_with(contract::PREFIX) || others.contains(&key.as_str()));
    Some(keys).filter(|keys| !keys.is_empty())
}

/// All of a record but what daemons say of themselves, twice a minute: nobody here reads it.
pub(super) fn record(record: &mut DynamicObject) {
    lighter(&mut record.metadata);
    if let Some(status) = record.data.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("daemons");
    }
}

/// Whether two states of a record differ in their version alone, as far as they are kept.
pub(super) fn is_the_same_record(one: &DynamicObject, other: &DynamicObject) -> bool {
    let unversioned = |meta: &ObjectMeta| ObjectMeta { resource_version: None, ..meta.clone() };
    one.data == other.data && unversioned(&one.metadata) == unversioned(&other.metadata)
}

/// Of its status, whether it is allocated, which devices, by which of its alternatives and how much of them, from which nodes
/// they can be used, and for whom it is reserved.
pub(super) fn claim(claim: &mut ResourceClaim) {
    least(&mut claim.metadata);
    if let Some(status) = &mut claim.status {
        if let Some(allocation) = &mut status.allocation {
            allocated(allocation);
        }
        status.devices = None;
    }
}

fn allocated(allocation: &mut AllocationResult) {
    let AllocationResult { devices, node_selector, .. } = std::mem::take(allocation);
    let kept = |result| {
        let DeviceRequestAllocationResult {
            request,
            driver,
            pool,
            device,
            share_id,
            admin_access,
            consumed_capacity,
            ..
        } = result;
        DeviceRequestAllocationResult {
            request,
            driver,
            pool,
            device,
            share_id,
            admin_access,
            consumed_capacity,
            ..Default::default()
        }
    };
    let results = devices.and_then(|devices| devices.results).map(|all| all.into_iter().map(kept).collect());
    let devices = results.map(|results| DeviceAllocationResult { config: None, results: Some(results) });
    *allocation = AllocationResult { devices, node_selector, ..AllocationResult::default() };
}

/// Of what claims made from it will have, the labels that ask.
pub(super) fn template(template: &mut ResourceClaimTemplate) {
    least(&mut template.metadata);
    if let Some(of_claims) = template.spec.as_mut().and_then(|spec| spec.metadata.as_mut()) {
        least(of_claims);
    }
}

/// Of one of Volcano's Queues, what it is to be; and not what it has at the moment, which changes all the time.
pub(super) fn volcano_queue(queue: &mut DynamicObject) {
    least(&mut queue.metadata);
    if let Some(fields) = queue.data.as_object_mut() {
        fields.retain(|field, _| field == "spec");
    }
}

/// Of a workspace all but who wrote which field of it, and what kubectl keeps of its last manifest.
pub(super) fn workspace(workspace: &mut DynamicObject) {
    let generation = workspace.metadata.generation;
    least(&mut workspace.metadata);
    workspace.metadata.generation = generation;
}

pub(super) fn class(class: &mut DeviceClass) {
    least(&mut class.metadata);
}

/// Of a DeviceTaintRule, what it taints and how.
pub(super) fn device_taint_rule(rule: &mut DeviceTaintRule) {
    least(&mut rule.metadata);
    rule.status = None;
}

/// Of a ResourceSlice, its pool and from where it is used, and of each device what selectors, constraints and claims of a part
/// look at: a driver's own attributes may decide which device a claim gets.
pub(crate) fn slice(slice: &mut ResourceSlice) {
    least(&mut slice.metadata);
    slice.spec.devices.iter_mut().flatten().for_each(|device| {
        let Device {
            name,
            attributes,
            capacity,
            allow_multiple_allocations,
            taints,
            consumes_counters,
            node_name,
            node_selector,
            all_nodes,
            ..
        } = std::mem::take(device);
        *device = Device {
            name,
            attributes,
            capacity,
            allow_multiple_allocations,
            taints,
            consumes_counters,
            node_name,
            node_selector,
            all_nodes,
            ..Device::default()
        };
    });
}

/// Of a ResourceQuota, what it limits.
pub(super) fn resource_quota(quota: &mut ResourceQuota) {
    least(&mut quota.metadata);
    quota.status = None;
}

/// Whether two states of a ResourceQuota limit the same: its controller writes what is used with each new object.
pub(super) fn limits_the_same(one: &ResourceQuota, other: &ResourceQuota) -> bool {
    let of = |it: &ResourceQuota| (it.metadata.uid.clone(), it.metadata.deletion_timestamp.is_some());
    one.spec == other.spec && of(one) == of(other)
}

/// Of a node, what it is to Pods that look for one, and what they may take of it.
pub(super) fn node(node: &mut Node) {
    let meta = &mut node.metadata;
    let (name, uid, resource_version) = (meta.name.take(), meta.uid.take(), meta.resource_version.take());
    *meta = ObjectMeta { name, uid, resource_version, labels: meta.labels.take(), ..ObjectMeta::default() };
    let taints = node.spec.take().and_then(|spec| spec.taints);
    node.spec = Some(NodeSpec { taints, ..NodeSpec::default() });
    let mut allocatable = node.status.take().and_then(|status| status.allocatable).unwrap_or_default();
    allocatable.retain(|resource, _| ["cpu", "memory", "pods"].contains(&resource.as_str()));
    node.status = Some(NodeStatus { allocatable: Some(allocatable), ..NodeStatus::default() });
}

/// Whether two states of a node are the same to Pods: it says every few minutes that it lives.
pub(super) fn offers_the_same(one: &Node, other: &Node) -> bool {
    (&one.metadata.labels, &one.spec, &one.status) == (&other.metadata.labels, &other.spec, &other.status)
}

/// Of a PodDisruptionBudget, which Pods it is about, and how many of them may go now.
pub(super) fn budget(budget: &mut PodDisruptionBudget) {
    let selector = budget.spec.take().and_then(|spec| spec.selector);
    budget.spec = Some(PodDisruptionBudgetSpec { selector, ..PodDisruptionBudgetSpec::default() });
    if let Some(status) = budget.status.take() {
        let (disruptions_allowed, observed_generation) = (status.disruptions_allowed, status.observed_generation);
        let kept = PodDisruptionBudgetStatus { disruptions_allowed, observed_generation, ..Default::default() };
        budget.status = Some(kept);
    }
    let meta = &mut budget.metadata;
    *meta = ObjectMeta {
        name: meta.name.take(),
        namespace: meta.namespace.take(),
        uid: meta.uid.take(),
        resource_version: meta.resource_version.take(),
        generation: meta.generation,
        ..ObjectMeta::default()
    };
}

/// Of a PersistentVolumeClaim, whose it is; and of one that is being filled as a copy, from what.
pub(super) fn volume_claim(claim: &mut PersistentVolumeClaim) {
    claim.spec = source_of(claim);
    least(&mut claim.metadata);
    claim.metadata.owner_references = None;
    claim.metadata.annotations = None;
    claim.status = None;
}

/// Of a PersistentVolume, the claim for which it is reserved, and the platform's keys.
pub(super) fn volume(volume: &mut PersistentVolume) {
    let claim_ref = volume.spec.take().and_then(|spec| spec.claim_ref);
    let kept =
        |ObjectReference { namespace, name, uid, .. }| ObjectReference { namespace, name, uid, ..Default::default() };
    volume.spec = Some(PersistentVolumeSpec { claim_ref: claim_ref.map(kept), ..PersistentVolumeSpec::default() });
    volume.status = None;
    let meta = &mut volume.metadata;
    *meta = ObjectMeta {
        name: meta.name.take(),
        resource_version: meta.resource_version.take(),
        annotations: read_here(meta.annotations.take()),
        ..ObjectMeta::default()
    };
}

/// What a claim that has no volume yet is being filled from; `None` where nobody fills it now, or from nothing.
pub(crate) fn source_of(claim: &PersistentVolumeClaim) -> Option<PersistentVolumeClaimSpec> {
    let told = claim.metadata.annotations.iter().flat_map(|it| it.keys()).any(|key| TOLD.contains(&key.as_str()));
    let spec = claim.spec.as_ref().filter(|spec| spec.volume_name.as_deref().unwrap_or_default().is_empty())?;
    let is_copy = spec.data_source.is_some() || spec.data_source_ref.is_some();
    (told && is_copy).then(|| PersistentVolumeClaimSpec {
        data_source: spec.data_source.clone(),
        data_source_ref: spec.data_source_ref.clone(),
        ..PersistentVolumeClaimSpec::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each would be a new policy, and a turn of every daemon that hears of records.
    #[test]
    fn what_daemons_say_of_themselves_is_no_change_of_a_record() {
        let policy = |version: &str, spec: Value, status: Value| {
            let mut policy: DynamicObject = serde_json::from_value(json!({
                "apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformPolicy",
                "metadata": {"name": "default", "uid": "u", "resourceVersion": version}, "spec": spec, "status": status,
            }))
            .expect("a record");
            record(&mut policy);
            policy
        };
        let daemon = |at: &str| json!({"version": "a", "daemons": [{"name": "follow", "observedAt": at}]});
        let before = policy("1", json!({}), daemon("2026-11-23T10:00:00Z"));
        assert!(is_the_same_record(&before, &policy("2", json!({}), daemon("2026-11-23T10:00:30Z"))));
        // The rest of the status counts: who writes it compares with what stands there.
        assert!(!is_the_same_record(&before, &policy("2", json!({}), json!({"version": "b"}))));
        assert!(!is_the_same_record(&before, &policy("2", json!({"elsewhere": "Enforce"}), json!({"version": "a"}))));
        // What was first written of it is a change of nothing, too.
        assert!(is_the_same_record(&policy("1", json!({}), json!({"version": "a"})), &before));
    }

    #[test]
    fn what_is_used_of_a_quota_is_no_change() {
        let quota = |version: &str, most: &str, used: &str| {
            let mut quota: ResourceQuota = serde_json::from_value(json!({
                "metadata": {"name": "sluice-plan", "uid": "u", "resourceVersion": version},
                "spec": {"hard": {"pods": most}},
                "status": {"used": {"pods": used}},
            }))
            .expect("a ResourceQuota");
            resource_quota(&mut quota);
            quota
        };
        assert!(limits_the_same(&quota("1", "5", "0"), &quota("2", "5", "1")));
        assert!(!limits_the_same(&quota("1", "5", "0"), &quota("2", "6", "0")));
    }
}
