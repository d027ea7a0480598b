//! What a decision needs to know about the cluster: from the caches where they know it, else from the API server, which is
//! asked once before it is believed that there is nothing.

pub mod devices;
pub mod events;
pub mod names;
pub mod namespaces;
pub mod owners;
pub mod volumes;

use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
#[cfg(test)]
use policy_engine::Submission;
#[cfg(test)]
use policy_engine::object::kinds::GroupResource;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::client::{LookupFailed, in_time};
pub(crate) use crate::served::{DynamicMeta, resource, served};
use crate::world::Topic;

/// What look-ups find in caches, where a process has them.
pub const TOPICS: &[Topic] = &[
    Topic::ResourceClaims,
    Topic::ResourceClaimTemplates,
    Topic::DeviceClasses,
    Topic::ResourceSlices,
    Topic::VolumeClaims,
    Topic::Volumes,
    Topic::PriorityClasses,
    Topic::MovedWorkloads,
];

/// How long an answer of the API server saves it from the same question.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
/// More answers than are remembered for a second are forgotten earlier.
const MOST_ANSWERS: u64 = 10_000;
/// How many objects one page of a list has: an object has up to 1.5 MB, and people make as many as they like.
const PAGE: u32 = 20;
/// So many reviews of this process read whole objects at a time.
const WHOLE_AT_A_TIME: usize = 2;
static WHOLE: Semaphore = Semaphore::const_new(WHOLE_AT_A_TIME);
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

/// What is kept of each object of a list, page by page, until the deadline.
async fn each_page<K, S>(
    api: &Api<K>,
    deadline: Instant,
    what: impl Fn() -> String,
    keep: impl Fn(K) -> Option<S>,
) -> Result<Vec<S>, LookupFailed>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut kept = Vec::new();
    let mut which = ListParams::default().limit(PAGE);
    loop {
        // The objects of a page are dropped before others are read.
        let next = whole(deadline, &what, async {
            let page = api.list(&which).await?;
            kept.extend(page.items.into_iter().filter_map(&keep));
            Ok(page.metadata.continue_.filter(|token| !token.is_empty()))
        });
        match next.await? {
            Some(token) => which = which.continue_token(&token),
            None => return Ok(kept),
        }
    }
}

/// Reads whole objects, of which nobody knows how large they are: no more than [`WHOLE_AT_A_TIME`] reviews do so at a time.
async fn whole<T>(
    deadline: Instant,
    what: &impl Fn() -> String,
    read: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, LookupFailed> {
    let read = async {
        // It is never closed; if it were, nobody would be bounded.
        let _one_of_few = WHOLE.acquire().await.ok();
        read.await
    };
    in_time(deadline, what, read).await?.map_err(|error| LookupFailed::api(what, error))
}

/// Whether there is no such object, by code: where not even the group exists, the answer is plain text and has no reason.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == NOT_FOUND)
}

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

/// A policy that knows alice.
#[cfg(test)]
fn policy_of_alice(platform: policy_engine::policy::platform::Platform) -> policy_engine::policy::Policy {
    use policy_engine::policy::people::{SystemRole, User};
    use policy_engine::policy::{Records, ids::UserId};
    let alice = User {
        name: "alice".into(),
        id: UserId::new("alice"),
        username: "alice".into(),
        system_role: SystemRole::User,
    };
    Records { users: [("alice".into(), alice)].into(), platform, ..Records::default() }.into()
}
