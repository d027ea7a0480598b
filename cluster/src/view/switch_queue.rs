//! What exists of what the daemon `switch-queue` looks after: workloads that were moved to a queue, and the Pods below them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::plan_window::Controller;
use policy_engine::daemons::switch_queue::{Member, View, Workload, may_follow};
use policy_engine::ledger::Life;
use tokio::time::Instant;

use super::{annotation, label, seen};
use crate::client::LookupFailed;
use crate::lookup::owners::Owners;
use crate::world::pod::{self, Pod};
use crate::world::{MovedWorkload, World};

/// So many owners are asked about at a time.
const AT_A_TIME: usize = 8;
/// How long the API server may take to say what is above one.
const LOOKING: Duration = Duration::from_secs(5);

/// The workloads that were moved, and the Pods of their Namespaces that are below one of them. What is above a Pod's controller owner the
/// API server is asked once.
///
/// # Errors
/// Where it does not answer.
pub async fn view(world: &World, owners: &Owners, own_namespace: &str) -> Result<View, LookupFailed> {
    let moved = world.moved();
    let workloads = moved.values().flatten().map(|(uid, of)| (uid.clone(), workload(of))).collect();
    let mut view = View { own_namespace: own_namespace.to_owned(), workloads, ..View::default() };
    if moved.is_empty() {
        return Ok(view);
    }
    let queues_of = |moved: &BTreeMap<_, MovedWorkload>| moved.values().map(|of| of.queue.clone()).collect();
    let queues: BTreeMap<&str, BTreeSet<String>> =
        moved.iter().map(|(namespace, moved)| (namespace.as_str(), queues_of(moved))).collect();
    view.bindings = world.bindings();
    let pods = world.pods();
    let followers = pods.iter().filter_map(|pod| {
        let namespace = pod.metadata.namespace.as_deref()?;
        let owner = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
        let follows = may_follow(queues.get(namespace)?, label(&pod.metadata, contract::QUEUE_NAME)?) && stays(pod);
        follows.then_some((pod, namespace, owner))
    });
    let followers: Vec<(&Arc<Pod>, &str, &OwnerReference)> = followers.collect();
    let asked =
        followers.iter().map(|(_, namespace, owner)| (owner.uid.clone(), ((*namespace).to_owned(), (*owner).clone())));
    let asked: BTreeMap<String, (String, OwnerReference)> = asked.collect();
    let policy = world.policy();
    let nearest = stream::iter(asked).map(|(uid, (namespace, owner))| {
        let (moved, policy, owners) = (moved.clone(), policy.clone(), owners.clone());
        async move {
            let above = owners.moved(&policy, &namespace, &owner, Some(&moved), Instant::now() + LOOKING).await?;
            Ok::<_, LookupFailed>((uid, above.map(|moved| moved.uid)))
        }
    });
    let nearest: BTreeMap<_, _> = nearest.buffer_unordered(AT_A_TIME).try_collect().await?;
    let member = |(pod, _, owner): &(&Arc<Pod>, &str, &OwnerReference)| member(pod, nearest.get(&owner.uid)?.clone()?);
    view.pods = followers.iter().filter_map(member).collect();
    Ok(view)
}

/// Whether a Pod has not ended, and nobody has asked for its end.
fn stays(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && pod::life(pod) != Life::Finished
}

fn workload(of: &MovedWorkload) -> Workload {
    let MovedWorkload { api_version, kind, namespace, name, uid, queue } = of.clone();
    Workload { namespace, named: Controller { api_version, kind, name, uid }, queue }
}

fn member(pod: &Pod, workload: String) -> Option<Member> {
    let meta = &pod.metadata;
    let annotation = |key: &str| annotation(meta, key).map(str::to_owned);
    Some(Member {
        pod: PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? },
        seen: seen(meta)?,
        workload,
        queue: label(meta, contract::QUEUE_NAME)?.to_owned(),
        asks: annotation(contract::SWITCH_QUEUE),
        waits: pod.spec.waits_for_queue && !pod.spec.is_scheduled(),
        has_gpus: label(meta, contract::EFFECTIVE_GPU).is_some(),
        model: label(meta, contract::GPU_MODEL).map(str::to_owned),
        room_made_in: annotation(contract::ROOM_MADE_IN),
    })
}
