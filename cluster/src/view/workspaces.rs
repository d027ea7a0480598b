//! What exists of what the daemon `workspaces` looks after: workspaces, and the Pods of their names.

use std::collections::BTreeMap;

use kube::core::DynamicObject;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::workspaces::{Known, PodSeen, Refused, View};
use policy_engine::workspace::Workspace;
use serde_json::Value;

use super::{annotation, label, seen};
use crate::world::World;
use crate::world::pod::{self, Pod};

/// Every workspace, and the Pod of its name. `refused` is what could not be made, by the workspace's UID and generation.
pub fn view(world: &World, own_namespace: &str, refused: &BTreeMap<(String, i64), Refused>) -> View {
    let workspaces = world.workspaces();
    let known = workspaces.iter().filter_map(|workspace| known(world, workspace, refused));
    View { own_namespace: own_namespace.to_owned(), bindings: world.bindings(), workspaces: known.collect() }
}

fn known(world: &World, workspace: &DynamicObject, refused: &BTreeMap<(String, i64), Refused>) -> Option<Known> {
    let meta = &workspace.metadata;
    let name = PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? };
    let seen = seen(meta)?;
    let generation = meta.generation.unwrap_or_default();
    let annotation = |key: &str| annotation(meta, key).map(str::to_owned);
    Some(Known {
        generation,
        is_ending: meta.deletion_timestamp.is_some(),
        user_id: label(meta, contract::USER_ID).map(str::to_owned),
        spec: Workspace::read(&workspace.data),
        stopped_because: annotation(contract::STOPPED_BECAUSE),
        status: workspace.data.get("status").and_then(Value::as_object).cloned().unwrap_or_default(),
        pod: world.pod(&name.namespace, &name.name).and_then(|pod| pod_seen(&pod, &seen.uid)),
        refused: refused.get(&(seen.uid.clone(), generation)).cloned(),
        name,
        seen,
    })
}

fn pod_seen(pod: &Pod, workspace: &str) -> Option<PodSeen> {
    let meta = &pod.metadata;
    let annotation = |key: &str| annotation(meta, key).map(str::to_owned);
    let label = |key: &str| label(meta, key).map(str::to_owned);
    let is_its = |uid: &str| uid == workspace;
    let serves = pod::serves(pod).cloned().unwrap_or_default();
    Some(PodSeen {
        uid: meta.uid.clone()?,
        is_own: meta
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.controller == Some(true) && is_its(&owner.uid)),
        is_ending: meta.deletion_timestamp.is_some(),
        life: pod::life(pod),
        waits_for_queue: pod.spec.waits_for_queue,
        starts_at: annotation(contract::STARTS_AT),
        window_closes_at: annotation(contract::WINDOW_CLOSES_AT),
        unschedulable: pod::unschedulable(pod).map(str::to_owned),
        is_ready: serves.is_ready,
        waits: serves.waits,
        ended: serves.ended,
        failed: serves.failed,
        queue: label(contract::QUEUE_NAME),
        effective_gpu: label(contract::EFFECTIVE_GPU),
        started_at: pod::started_at(pod),
        grace_seconds: pod.spec.grace(),
    })
}
