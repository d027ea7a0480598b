//! Devices that are held for those for whom they are freed.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::DeviceTaintRule;
use kube::Api;
use kube::api::Patch;
use policy_engine::contract;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER, PodName, Seen};
use policy_engine::daemons::preemption::HOLD_MARK;
use policy_engine::daemons::preemption::view::devices::DeviceId;
use serde_json::json;

use super::{Outcome, WriteFailed, Writer, creating, deleting, outcome, patching};

/// A device that only one claim may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The name of the DeviceTaintRule.
    pub name: String,
    /// Which device.
    pub device: DeviceId,
    /// What the claim tolerates.
    pub value: String,
    /// For which preemption, as the journal names it.
    pub preemption: String,
}

impl Writer {
    /// Holds a device. One that is held so already stays so: the name says for what it is.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn hold(&self, hold: &Hold) -> Result<Outcome, WriteFailed> {
        let Hold { name, device, value, preemption } = hold;
        let DeviceId { driver, pool, device } = device;
        let rule = serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { MANAGED_BY: MANAGER, HOLD_MARK: preemption } },
            "spec": {
                "deviceSelector": { "driver": driver, "pool": pool, "device": device },
                "taint": { "key": contract::HOLD, "value": value, "effect": "NoSchedule" },
            },
        }));
        let what = || format!("device taint rule {name}");
        let rule: DeviceTaintRule =
            rule.map_err(|error| WriteFailed::Api { what: what(), source: Box::new(kube::Error::SerdeError(error)) })?;
        let api: Api<DeviceTaintRule> = Api::all(self.client.clone());
        outcome(what, api.create(&creating(), &rule)).await
    }

    /// Lets a device go.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn let_go(&self, name: &str, seen: &Seen) -> Result<Outcome, WriteFailed> {
        let api: Api<DeviceTaintRule> = Api::all(self.client.clone());
        outcome(|| format!("device taint rule {name}"), api.delete(name, &deleting(seen))).await
    }

    /// Writes on a waiting Pod as of which queue room is made for it. Nobody else writes this annotation, so that it does not matter
    /// what else of the Pod has changed.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn mark_room(&self, pod: &PodName, uid: &str, queue: &str) -> Result<Outcome, WriteFailed> {
        let annotations = json!({ contract::ROOM_MADE_IN: queue });
        Ok(self.annotate_pod(pod, uid, annotations).await?.err().unwrap_or(Outcome::Written))
    }

    /// Says in the status of a waiting Pod on which node room is made for it, so that the scheduler gives what is freed there to
    /// nobody of a lower priority; `None` takes that back.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn nominate(&self, pod: &PodName, uid: &str, node: Option<&str>) -> Result<Outcome, WriteFailed> {
        let api: Api<Pod> = self.pods(pod);
        let change = Patch::Merge(json!({ "metadata": { "uid": uid }, "status": { "nominatedNodeName": node } }));
        outcome(|| format!("the status of pod {pod}"), api.patch_status(&pod.name, &patching(), &change)).await
    }
}
