//! Scheduling gates of Pods.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Patch;
use policy_engine::contract;
use policy_engine::daemons::plan_window::Release;
use serde_json::json;

use super::{Outcome, WriteFailed, Writer, outcome, patching};

impl Writer {
    /// Takes the gate of the rule `plan-window` from a Pod, in the state in which it was seen.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn release(&self, release: &Release) -> Result<Outcome, WriteFailed> {
        let Release { pod, seen, because: _ } = release;
        let change = json!({
            "metadata": { "uid": seen.uid, "resourceVersion": seen.resource_version },
            "spec": { "schedulingGates": [{ "$patch": "delete", "name": contract::PLAN_WINDOW_GATE }] },
        });
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        outcome(|| format!("pod {pod}"), api.patch(&pod.name, &patching(), &Patch::Strategic(change))).await
    }
}
