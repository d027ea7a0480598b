//! Whether a Pod or claim that is charged is there, and what else has its name.

use std::time::Duration;

use kube::Api;
use kube::core::ObjectMeta;
use policy_engine::ledger::{Life, Missing};
use tokio::time::Instant;

use super::{DynamicMeta, resource};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::World;
use crate::world::pod::life;

/// How long one question of a daemon's may take.
const LOOK_UP: Duration = Duration::from_secs(2);

/// What the API server has under the name of a Pod or claim, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderItsName {
    /// That one.
    Itself,
    /// Another, which does not go: that one cannot come any more.
    Another,
    /// Nothing, or another that is about to go.
    Nothing,
}

/// Asks the API server what has the name of a Pod or claim now.
///
/// # Errors
/// Where it does not answer.
pub async fn under_its_name(world: &World, missing: &Missing, deadline: Instant) -> Result<UnderItsName, LookupFailed> {
    Ok(match named(world, missing, deadline).await? {
        Some(found) if found.uid.as_ref() == Some(&missing.uid) => UnderItsName::Itself,
        Some(found) if found.deletion_timestamp.is_none() => UnderItsName::Another,
        Some(_) | None => UnderItsName::Nothing,
    })
}

async fn named(world: &World, missing: &Missing, deadline: Instant) -> Result<Option<ObjectMeta>, LookupFailed> {
    let Missing { namespace, name, claim, .. } = missing;
    if !is_path_segment(name) {
        return Ok(None);
    }
    let (group, plural) = if *claim { ("resource.k8s.io", "resourceclaims") } else { ("", "pods") };
    let resource = resource(group, "v1", plural);
    let api = Api::<DynamicMeta>::namespaced_with(world.client().clone(), namespace, &resource);
    let what = || format!("{plural} {namespace}/{name}");
    let found = in_time(deadline, what, api.get_metadata_opt(name)).await?;
    Ok(found.map_err(|error| LookupFailed::api(what, error))?.map(|found| found.metadata))
}

/// Whether the API server has the Pod or claim under this UID, now.
///
/// # Errors
/// Where it does not answer.
pub async fn exists(world: &World, missing: &Missing) -> Result<bool, LookupFailed> {
    Ok(under_its_name(world, missing, Instant::now() + LOOK_UP).await? == UnderItsName::Itself)
}

/// Whether the API server has another object under the name of one that nobody has seen: then it does not come.
///
/// # Errors
/// Where the API server does not answer.
pub async fn is_taken(world: &World, missing: &Missing) -> Result<bool, LookupFailed> {
    Ok(under_its_name(world, missing, Instant::now() + LOOK_UP).await? == UnderItsName::Another)
}

/// Whether the API server has a Pod or claim as the caches have it, and it has not ended: what they show may be long ago.
///
/// # Errors
/// Where the API server does not answer.
pub async fn is_as_cached(world: &World, missing: &Missing) -> Result<bool, LookupFailed> {
    let Some(now) = named(world, missing, Instant::now() + LOOK_UP).await? else { return Ok(false) };
    let Missing { uid, namespace, name, claim } = missing;
    let version = if *claim {
        world.claim(namespace, name).map(|claim| claim.metadata.resource_version.clone())
    } else {
        let pod = world.pod(namespace, name).filter(|pod| life(pod) != Life::Finished);
        pod.map(|pod| pod.metadata.resource_version.clone())
    };
    Ok(now.uid.as_ref() == Some(uid) && version == Some(now.resource_version))
}
