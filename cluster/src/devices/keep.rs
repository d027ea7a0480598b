//! What is kept of claims, templates and classes, and how the engine reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use kube::core::ObjectMeta;
use policy_engine::contract;
use policy_engine::submission::devices::{ClaimTemplate, KnownClaim};

/// The value of [`contract::SHARE`] that lets other members use a claim.
const WITH_PROJECT: &str = "project";

pub(super) fn claim(claim: &mut ResourceClaim) {
    claim.status = None;
    least(&mut claim.metadata);
}

pub(super) fn template(template: &mut ResourceClaimTemplate) {
    least(&mut template.metadata);
}

pub(super) fn class(class: &mut DeviceClass) {
    least(&mut class.metadata);
}

/// Names, our own keys, and the controller owner.
fn least(meta: &mut ObjectMeta) {
    let ObjectMeta { name, namespace, uid, resource_version, deletion_timestamp, .. } = meta;
    let ours = |keys: &mut Option<BTreeMap<String, String>>| {
        let mut keys = keys.take().unwrap_or_default();
        keys.retain(|key, _| key.starts_with(contract::PREFIX));
        Some(keys).filter(|keys| !keys.is_empty())
    };
    let mut owners = meta.owner_references.take().unwrap_or_default();
    owners.retain(|owner| owner.controller == Some(true));
    *meta = ObjectMeta {
        name: name.take(),
        namespace: namespace.take(),
        uid: uid.take(),
        resource_version: resource_version.take(),
        deletion_timestamp: deletion_timestamp.take(),
        labels: ours(&mut meta.labels),
        annotations: ours(&mut meta.annotations),
        owner_references: Some(owners).filter(|owners| !owners.is_empty()),
        ..ObjectMeta::default()
    };
}

/// A claim as the engine knows it.
pub fn known_claim(claim: &ResourceClaim) -> KnownClaim {
    let meta = &claim.metadata;
    let pod = meta.owner_references.iter().flatten().find(|it| it.controller == Some(true) && it.kind == "Pod");
    KnownClaim {
        uid: meta.uid.clone().unwrap_or_default(),
        user_id: value(&meta.labels, contract::USER_ID),
        shared: value(&meta.annotations, contract::SHARE).as_deref() == Some(WITH_PROJECT),
        slot: value(&meta.labels, contract::SLOT),
        pod_uid: pod.map(|pod| pod.uid.clone()),
        terminating: meta.deletion_timestamp.is_some(),
        spec: Arc::new(claim.spec.clone().unwrap_or_default()),
    }
}

/// A template of claims as the engine knows it.
pub fn known_template(template: &ResourceClaimTemplate) -> ClaimTemplate {
    let user_id = value(&template.metadata.labels, contract::USER_ID);
    let spec = template.spec.as_ref().and_then(|it| it.spec.as_ref());
    ClaimTemplate { user_id, spec: Arc::new(spec.cloned().unwrap_or_default()) }
}

fn value(keys: &Option<BTreeMap<String, String>>, key: &str) -> Option<String> {
    keys.as_ref()?.get(key).cloned()
}
