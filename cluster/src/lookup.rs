//! What a decision needs to know about the cluster: from the caches where they know it, else from the API server, which is
//! asked once before it is believed that there is nothing.

pub mod devices;
pub mod names;
pub mod namespaces;
pub mod owners;
pub mod volumes;

use std::time::Duration;

use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::{Api, Client};
#[cfg(test)]
use policy_engine::Submission;
use policy_engine::object::kinds::GroupResource;
use tokio::time::Instant;

use crate::client::{LookupFailed, in_time};
use crate::world::Topic;

/// What look-ups find in caches, where a process has them.
pub const TOPICS: &[Topic] = &[
    Topic::ResourceClaims,
    Topic::ResourceClaimTemplates,
    Topic::DeviceClasses,
    Topic::VolumeClaims,
    Topic::Volumes,
    Topic::PriorityClasses,
];

/// How long an answer of the API server saves it from the same question.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
/// More answers than are remembered for a second are forgotten earlier.
const MOST_ANSWERS: u64 = 10_000;
/// How many objects one page of a list has.
const PAGE: u32 = 500;
const NOT_FOUND: u16 = 404;

/// Answers of the API server that are remembered for a moment. Equal questions at the same time are asked once.
type Answers<Q, A> = moka::future::Cache<Q, A>;

fn answers<Q, A>() -> Answers<Q, A>
where
    Q: Eq + std::hash::Hash + Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    moka::future::Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(ANSWER_HOLDS).build()
}

/// The whole of a list, page by page, until the deadline.
async fn each_page<K>(
    api: &Api<K>,
    which: &ListParams,
    deadline: Instant,
    what: impl Fn() -> String,
) -> Result<Vec<K>, LookupFailed>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    first_pages(api, which, usize::MAX, deadline, what).await
}

/// The same, but no more pages than hold so many objects: who gets more than that has not seen all.
async fn first_pages<K>(
    api: &Api<K>,
    which: &ListParams,
    most: usize,
    deadline: Instant,
    what: impl Fn() -> String,
) -> Result<Vec<K>, LookupFailed>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut all = Vec::new();
    let mut which = which.clone().limit(PAGE);
    loop {
        let page = in_time(deadline, &what, api.list(&which)).await?;
        let page = page.map_err(|error| LookupFailed::api(&what, error))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty() && all.len() <= most) {
            Some(token) => which = which.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// Whether there is no such object, by code: where not even the group exists, the answer is plain text and has no reason.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == NOT_FOUND)
}

/// The version in which the API server serves a listed kind; `None` where it serves none.
pub(crate) async fn served(client: &Client, of: &GroupResource) -> Result<Option<ApiResource>, kube::Error> {
    match of.group.as_str() {
        "" | "apps" | "batch" => return Ok(Some(resource(&of.group, "v1", &of.resource))),
        _ => {}
    }
    match kube::discovery::group(client, &of.group).await {
        Ok(group) => {
            let mut resources = group.recommended_resources().into_iter().map(|(resource, _)| resource);
            Ok(resources.find(|resource| resource.plural == of.resource))
        }
        Err(kube::Error::Discovery(kube::error::DiscoveryError::MissingApiGroup(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A resource whose version and plural name are known.
pub(crate) fn resource(group: &str, version: &str, plural: &str) -> ApiResource {
    // Only the path is made of it, and the path does not carry the kind.
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, plural), plural)
}

/// The metadata of objects of any kind.
pub(crate) type DynamicMeta = PartialObjectMeta<DynamicObject>;

/// A creation in the Namespace `team`, by alice.
#[cfg(test)]
fn creation<'a>(group: &str, resource: &str, name: &'a str, object: &'a serde_json::Value) -> Submission<'a> {
    Submission {
        act: policy_engine::Act::Create,
        resource: GroupResource::new(group, resource),
        subresource: "",
        kind: "",
        namespace: "team",
        name,
        requester: policy_engine::submission::Requester { username: "alice", groups: &[] },
        object: Some(object),
        old: None,
    }
}
