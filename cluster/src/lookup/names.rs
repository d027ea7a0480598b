//! Whether a Pod or claim that is charged is there, and what else has its name.

use std::time::Duration;

use kube::Api;
use policy_engine::ledger::Missing;
use tokio::time::Instant;

use super::{DynamicMeta, resource};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::World;

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
    let Missing { uid, namespace, name, claim } = missing;
    if !is_path_segment(name) {
        return Ok(UnderItsName::Nothing);
    }
    let (group, plural) = if *claim { ("resource.k8s.io", "resourceclaims") } else { ("", "pods") };
    let resource = resource(group, "v1", plural);
    let api = Api::<DynamicMeta>::namespaced_with(world.client().clone(), namespace, &resource);
    let what = || format!("{plural} {namespace}/{name}");
    let found = in_time(deadline, what, api.get_metadata_opt(name)).await?;
    let found = found.map_err(|error| LookupFailed::api(what, error))?;
    Ok(match found {
        Some(found) if found.metadata.uid.as_ref() == Some(uid) => UnderItsName::Itself,
        Some(found) if found.metadata.deletion_timestamp.is_none() => UnderItsName::Another,
        Some(_) | None => UnderItsName::Nothing,
    })
}

/// Whether the API server has the Pod or claim under this UID, now.
///
/// # Errors
/// Where it does not answer.
pub async fn exists(world: &World, missing: &Missing) -> Result<bool, LookupFailed> {
    Ok(under_its_name(world, missing, Instant::now() + LOOK_UP).await? == UnderItsName::Itself)
}
