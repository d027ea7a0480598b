//! Scheduling gates of Pods, and when they come off.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Patch;
use policy_engine::contract;
use policy_engine::daemons::plan_window::{Note, Release};
use serde_json::json;

use super::{Outcome, WriteFailed, Writer, outcome, patching};

impl Writer {
    /// Takes the gate of the rule `plan-window` from a Pod, in the state in which it was seen.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn release(&self, release: &Release) -> Result<Outcome, WriteFailed> {
        let Release { pod, seen, is_told: _, because: _ } = release;
        let change = json!({
            "metadata": {
                "uid": seen.uid,
                "resourceVersion": seen.resource_version,
                "annotations": { contract::STARTS_AT: null },
            },
            "spec": { "schedulingGates": [{ "$patch": "delete", "name": contract::PLAN_WINDOW_GATE }] },
        });
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        outcome(|| format!("pod {pod}"), api.patch(&pod.name, &patching(), &Patch::Strategic(change))).await
    }

    /// Writes on a Pod when it starts, or takes that off. Nobody else writes this annotation, so that it does not matter what else
    /// of the Pod has changed.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn tell_start(&self, note: &Note) -> Result<Outcome, WriteFailed> {
        let Note { pod, uid, starts } = note;
        let at = starts.as_ref().map(|start| start.at.to_string());
        let change = json!({ "metadata": { "uid": uid, "annotations": { contract::STARTS_AT: at } } });
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        outcome(|| format!("pod {pod}"), api.patch_metadata(&pod.name, &patching(), &Patch::Merge(change))).await
    }
}
