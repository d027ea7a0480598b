//! Pods that are to end, and what they are told before.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Patch, PostParams, Preconditions};
use kube::core::{PartialObjectMeta, Status};
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::{PREEMPTED, progress as preemption};
use policy_engine::daemons::window_close::{Eviction, Note};
use serde_json::{Value, json};

use super::{Outcome, WriteFailed, Writer, answer, instant, outcome, patching};

/// The cause in a refusal that tells a budget's from that of an API server which has too much to do.
const BY_BUDGET: &str = "DisruptionBudget";
/// What is said where several budgets select a Pod: the API server then evicts it never.
const MANY_BUDGETS: &str = "more than one PodDisruptionBudget";

/// A Pod that is to end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Which Pod.
    pub pod: PodName,
    /// Which of that name was seen.
    pub uid: String,
    /// Its queue, as its label says: one that has another by now stays.
    pub queue: String,
    /// How long it may take to end, in seconds.
    pub grace_seconds: u32,
    /// Why, in a word for programs.
    pub word: &'static str,
    /// Why, as the annotation on it says.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// Whether it is deleted where a budget does not let it be evicted.
    pub is_forced: bool,
}

impl From<&Eviction> for Ending {
    fn from(eviction: &Eviction) -> Self {
        let Eviction { pod, uid, queue, reason, grace_seconds, is_forced, .. } = eviction;
        Self {
            pod: pod.clone(),
            uid: uid.clone(),
            queue: queue.clone(),
            grace_seconds: *grace_seconds,
            word: reason.word(),
            reason: reason.to_string(),
            message: eviction.to_string(),
            is_forced: *is_forced,
        }
    }
}

impl From<&preemption::Eviction> for Ending {
    fn from(eviction: &preemption::Eviction) -> Self {
        let preemption::Eviction { pod, uid, queue, grace_seconds, is_forced, .. } = eviction;
        Self {
            pod: pod.clone(),
            uid: uid.clone(),
            queue: queue.clone(),
            grace_seconds: *grace_seconds,
            word: PREEMPTED,
            reason: eviction.to_string(),
            message: eviction.to_string(),
            is_forced: *is_forced,
        }
    }
}

impl Writer {
    /// Writes on a Pod when its queue closes, or takes that and the reason of an eviction off. Nobody else writes these
    /// annotations, so that it does not matter what else of the Pod has changed.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn announce(&self, note: &Note) -> Result<Outcome, WriteFailed> {
        let at = note.closing.as_ref().map(|closing| closing.at.to_string());
        let annotations = json!({ contract::WINDOW_CLOSES_AT: at, contract::EVICTION_REASON: null });
        Ok(self.annotate_pod(&note.pod, &note.uid, annotations).await?.err().unwrap_or(Outcome::Written))
    }

    /// Writes on a Pod why it ends, and evicts it; the workspace that it is of, if it is of one, is stopped before. One that is in
    /// another queue by now stays.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn end(&self, ending: &Ending) -> Result<Outcome, WriteFailed> {
        let Ending { pod, uid, queue, grace_seconds, word, reason, message, is_forced } = ending;
        let now = match self.annotate_pod(pod, uid, json!({ contract::EVICTION_REASON: reason })).await? {
            Ok(now) => now,
            Err(outcome) => return Ok(outcome),
        };
        if now.metadata.labels.as_ref().and_then(|labels| labels.get(contract::QUEUE_NAME)) != Some(queue) {
            return Ok(Outcome::Overtaken);
        }
        self.stop_workspace_of(pod, uid, reason).await?;
        match self.evict(pod, uid, *grace_seconds).await? {
            Outcome::BlockedByBudget if *is_forced => self.delete_pod(pod, uid, *grace_seconds, word, message).await,
            outcome => Ok(outcome),
        }
    }

    /// Takes off a Pod why it was to end: it goes on.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn spare(&self, pod: &PodName, uid: &str) -> Result<Outcome, WriteFailed> {
        let annotations = json!({ contract::EVICTION_REASON: null });
        Ok(self.annotate_pod(pod, uid, annotations).await?.err().unwrap_or(Outcome::Written))
    }

    /// Evicts the Pod of this UID, as far as its disruption budgets allow.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn evict(&self, pod: &PodName, uid: &str, grace_seconds: u32) -> Result<Outcome, WriteFailed> {
        // The client's own call names the options as the API server does not, and their preconditions would be lost.
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "namespace": pod.namespace, "name": pod.name },
            "deleteOptions": { "gracePeriodSeconds": grace_seconds, "preconditions": { "uid": uid } },
        });
        let api = self.pods(pod);
        let by = PostParams::default();
        let evicted = api.create_subresource::<Value, Value>("eviction", &pod.name, &by, &body);
        match outcome(|| format!("the eviction of pod {pod}"), evicted).await {
            Err(WriteFailed::Api { source, .. }) if matches!(&*source, kube::Error::Api(status) if is_budgets(status)) => {
                Ok(Outcome::BlockedByBudget)
            }
            other => other,
        }
    }

    /// Deletes the Pod of this UID whatever its budgets say, and says in its status that it does not end by itself: who counts
    /// failures can tell.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn delete_pod(
        &self,
        pod: &PodName,
        uid: &str,
        grace_seconds: u32,
        reason: &str,
        message: &str,
    ) -> Result<Outcome, WriteFailed> {
        let condition = json!({
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": instant(Timestamp::now()),
        });
        let change = json!({ "metadata": { "uid": uid }, "status": { "conditions": [condition] } });
        let (api, what) = (self.pods(pod), || format!("pod {pod}"));
        match outcome(what, api.patch_status(&pod.name, &patching(), &Patch::Strategic(change))).await? {
            Outcome::Written => {}
            other => return Ok(other),
        }
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let by = DeleteParams {
            grace_period_seconds: Some(grace_seconds),
            preconditions: Some(preconditions),
            ..DeleteParams::background()
        };
        outcome(what, api.delete(&pod.name, &by)).await
    }

    pub(super) async fn annotate_pod(
        &self,
        pod: &PodName,
        uid: &str,
        annotations: Value,
    ) -> Result<Result<PartialObjectMeta<Pod>, Outcome>, WriteFailed> {
        let change = json!({ "metadata": { "uid": uid, "annotations": annotations } });
        let api = self.pods(pod);
        answer(|| format!("pod {pod}"), api.patch_metadata(&pod.name, &patching(), &Patch::Merge(change))).await
    }

    pub(super) fn pods(&self, pod: &PodName) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &pod.namespace)
    }
}

fn is_budgets(status: &Status) -> bool {
    let named = status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == BY_BUDGET);
    (status.code == 429 && named) || status.message.contains(MANY_BUDGETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: Value) -> bool {
        is_budgets(&serde_json::from_value(status).expect("a Status"))
    }

    #[test]
    fn a_budget_is_told_from_an_api_server_that_has_too_much_to_do() {
        let details = json!({"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget owls needs 1 healthy pods"}]});
        let budget =
            json!({"status": "Failure", "reason": "TooManyRequests", "code": 429, "message": "no", "details": details});
        assert!(said(budget));
        let busy =
            json!({"status": "Failure", "reason": "TooManyRequests", "code": 429, "message": "too many requests"});
        assert!(!said(busy));
        let many = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert!(said(json!({"status": "Failure", "reason": "InternalError", "code": 500, "message": many})));
    }
}
