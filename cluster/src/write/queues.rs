//! The queue of a Pod that exists.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Patch;
use policy_engine::contract;
use policy_engine::daemons::switch_queue::Move;
use serde_json::json;

use super::{Outcome, WriteFailed, Writer, outcome, patching};

impl Writer {
    /// Moves a Pod to another queue, in the state in which it was seen. The webhook does not hear of it.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn switch(&self, one: &Move) -> Result<Outcome, WriteFailed> {
        let Move { pod, seen, to, preemptible, .. } = one;
        let labels = json!({ contract::QUEUE_NAME: to, contract::PREEMPTIBLE: preemptible.to_string() });
        let seen = (&seen.uid, &seen.resource_version);
        let change = json!({ "metadata": { "uid": seen.0, "resourceVersion": seen.1, "labels": labels } });
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        outcome(|| format!("pod {pod}"), api.patch_metadata(&pod.name, &patching(), &Patch::Merge(change))).await
    }
}
