//! What the older Pods of a Deployment hold whose new Pod is refused.
//!
//! A Deployment that rolls out at a full quota waits for itself: its new ReplicaSet is refused what the Pods of the old one hold.
//! Asked only upon a refusal, and within bounds: which Pods are the Deployment's stands in their owners alone, which no cache
//! has.

use std::collections::BTreeMap;

use cluster::client::LookupFailed;
use cluster::view;
use cluster::world::pod::{Pod, life};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::core::gvk::GroupVersionResource;
use policy_engine::admission::rules::quota::Own;
use policy_engine::ledger::{Account, AdmitPod, Amounts, Life, Use};
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::submission::identity::Caller;
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

use crate::Webhook;

/// At most so many Pods are asked for. What more there are holds more than is said.
const MOST_PODS: usize = 16;
/// Kubernetes adds a dash and so many characters to the name of a ReplicaSet to name its Pods.
const SUFFIX: usize = 5;

/// Who controls an object.
#[derive(PartialEq, Eq)]
struct Controller {
    name: String,
    uid: String,
}

/// What they hold, where a controller makes a Pod for a ReplicaSet of a Deployment. `None` where it is nothing, or not known.
///
/// On the heap: few are refused, and it would make every call larger.
pub(crate) fn held_by_own<'a>(
    webhook: &'a Webhook,
    submission: &'a Submission<'_>,
    policy: &'a Policy,
    deadline: Instant,
) -> BoxFuture<'a, Option<Own>> {
    find(webhook, submission, policy, deadline).boxed()
}

async fn find(webhook: &Webhook, submission: &Submission<'_>, policy: &Policy, deadline: Instant) -> Option<Own> {
    let is_new_pod = submission.act == Act::Create && submission.resource.is_core("pods");
    if !is_new_pod || !matches!(Caller::of_submission(submission, policy), Caller::Controller) {
        return None;
    }
    let pod = Object(submission.object?);
    let set = pod.controller().ok()?.filter(|it| it.kind == "ReplicaSet")?;
    let asks = Asks { webhook, namespace: submission.namespace, deadline };
    let deployment = asks.deployment_of(&set.name, &set.uid).await.ok()??;
    let is_candidate = |other: &Pod| {
        let (meta, user) = (&other.metadata, pod.label(contract::USER_ID));
        let of_user = meta.labels.as_ref().and_then(|labels| labels.get(contract::USER_ID)).map(String::as_str) == user;
        let is_older = set_of(other).is_some_and(|name| name != set.name && name.starts_with(&deployment.name));
        let holds = matches!(life(other), Life::Waiting | Life::Scheduled);
        meta.namespace.as_deref() == Some(submission.namespace) && of_user && is_older && holds
    };
    let candidates = webhook.caches.pods().into_iter().filter(|other| is_candidate(other));
    let mut held = BTreeMap::<Account, Amounts>::new();
    let mut sets = BTreeMap::<String, bool>::new();
    for other in candidates.take(MOST_PODS) {
        let (Some(name), Some(uid)) = (other.metadata.name.as_deref(), other.metadata.uid.as_deref()) else { continue };
        let Ok(Some(set)) = asks.controller_of("", "pods", name, uid).await else { continue };
        let is_own = match sets.get(&set.uid) {
            Some(is_own) => *is_own,
            None => {
                let is_own = matches!(asks.deployment_of(&set.name, &set.uid).await, Ok(Some(of)) if of == deployment);
                sets.insert(set.uid, is_own);
                is_own
            }
        };
        let charge =
            || view::ledger::pod(&webhook.caches, &webhook.left_over.prices, policy, (submission.namespace, name, uid));
        if let Some(charge) = is_own.then(charge).flatten() {
            let amounts = alone(&charge);
            for account in charge.payers.accounts() {
                let sum = held.entry(account.clone()).or_default();
                *sum = sum.plus(amounts);
            }
        }
    }
    (!held.is_empty()).then_some(Own { deployment: deployment.name, held })
}

/// What ends with a Pod: also the claims that were made for it. Those that others use too do not.
fn alone(charge: &AdmitPod) -> Amounts {
    let own = charge.uses.iter().map(|used| match used {
        Use::Inline { price, .. } => *price,
        Use::Claim { .. } | Use::Unborn { .. } => Amounts::NOTHING,
    });
    own.fold(charge.amounts, Amounts::plus)
}

/// The ReplicaSet that a Pod is of, by its name. Only a hint: what it is of stands in its owner.
fn set_of(pod: &Pod) -> Option<&str> {
    let (set, suffix) = pod.metadata.name.as_deref()?.rsplit_once('-')?;
    (suffix.len() == SUFFIX).then_some(set)
}

struct Asks<'a> {
    webhook: &'a Webhook,
    namespace: &'a str,
    deadline: Instant,
}

impl Asks<'_> {
    /// The Deployment that controls the ReplicaSet of this name and UID.
    async fn deployment_of(&self, name: &str, uid: &str) -> Result<Option<Controller>, LookupFailed> {
        self.controller_of("apps", "replicasets", name, uid).await
    }

    async fn controller_of(
        &self,
        group: &str,
        plural: &str,
        name: &str,
        uid: &str,
    ) -> Result<Option<Controller>, LookupFailed> {
        let resource = GroupVersionResource::gvr(group, "v1", plural);
        let found = self.webhook.owners.target(self.namespace, &resource, name, self.deadline).await?;
        let references = found.filter(|found| found.uid == uid).map(|found| found.owner_references);
        let controller = references.into_iter().flatten().find(|it| it.controller == Some(true));
        Ok(controller.map(|it| Controller { name: it.name, uid: it.uid }))
    }
}
