//! Workspaces: their Pods and Services, their status, and that they are stopped.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, Preconditions};
use kube::{Api, Client};
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::workspaces::{Action, Report};
use policy_engine::workspace::WORKSPACE;
use records::workspace::Workspace;
use records::{GROUP, VERSION};
use serde_json::{Value, json};

use crate::client::acting_as;

use super::{Outcome, WriteFailed, Writer, creating, outcome, patching};

/// The service account, in Sluice's own Namespace, under which the Pods of workspaces are made. The chart renders it, lets Sluice act
/// as it, and lists it among the trusted controllers.
pub const ACCOUNT: &str = "sluice-workspaces";
/// Who has written the status.
const STATUS_MANAGER: &str = "sluice-workspaces";

impl Writer {
    /// Makes a workspace's Service and Pod, or ends its Pod. What is there already was made before, be it by another replica.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn move_workspace(&self, action: &Action, own_namespace: &str) -> Result<Outcome, WriteFailed> {
        match action {
            Action::Start { workspace, pod, service, .. } => {
                let client = acting_as(&self.client, &format!("system:serviceaccount:{own_namespace}:{ACCOUNT}"));
                self.make::<Service>(&client, "service", workspace, service).await?;
                self.make::<Pod>(&client, "pod", workspace, pod).await
            }
            Action::Stop { workspace, pod, grace_seconds, .. } => {
                let by = DeleteParams {
                    grace_period_seconds: Some(*grace_seconds),
                    preconditions: Some(Preconditions { uid: Some(pod.clone()), resource_version: None }),
                    ..DeleteParams::background()
                };
                let deleted = self.pods(workspace);
                outcome(|| format!("pod {workspace}"), deleted.delete(&workspace.name, &by)).await
            }
        }
    }

    async fn make<K: kube::Resource<DynamicType = ()>>(
        &self,
        client: &Client,
        kind: &str,
        name: &PodName,
        object: &Value,
    ) -> Result<Outcome, WriteFailed> {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), &name.namespace, &ApiResource::erase::<K>(&()));
        let object: DynamicObject = match serde_json::from_value(object.clone()) {
            Ok(object) => object,
            Err(error) => unreachable!("it has a kind and metadata: {error}"),
        };
        outcome(|| format!("{kind} {name}"), api.create(&creating(), &object)).await
    }

    /// Writes what a workspace's status is to say, on the state that was seen.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn report_workspace(&self, report: &Report) -> Result<Outcome, WriteFailed> {
        let Report { workspace, seen, status } = report;
        let applied = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": "Workspace",
            "metadata": { "name": workspace.name, "uid": seen.uid, "resourceVersion": seen.resource_version },
            "status": status,
        });
        let mut by = patching().force();
        by.field_manager = Some(STATUS_MANAGER.into());
        let api = self.workspaces(&workspace.namespace);
        let what = || format!("the status of workspace {workspace}");
        outcome(what, api.patch_status(&workspace.name, &by, &Patch::Apply(applied))).await
    }

    /// Stops the workspace that a Pod is of, if it is of one, before the Pod is evicted: else it would be made again.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub(super) async fn stop_workspace_of(&self, pod: &PodName, uid: &str, because: &str) -> Result<(), WriteFailed> {
        let Some(seen) = self.world.pod_of_uid(&pod.namespace, &pod.name, uid) else { return Ok(()) };
        let is_labelled = seen.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(WORKSPACE));
        let mut owners = seen.metadata.owner_references.iter().flatten();
        let is_workspace = |api: &str, kind: &str| api.starts_with("sluice.dev/") && kind == "Workspace";
        let owner = owners.find(|it| it.controller == Some(true) && is_workspace(&it.api_version, &it.kind));
        let Some(owner) = owner.filter(|_| is_labelled) else { return Ok(()) };
        let change = json!({
            "metadata": { "uid": owner.uid, "annotations": { contract::STOPPED_BECAUSE: because } },
            "spec": { "running": false },
        });
        let api = self.workspaces(&pod.namespace);
        let what = || format!("workspace {}/{}", pod.namespace, owner.name);
        // Where it is gone, or another has its name, nobody makes the Pod again.
        outcome(what, api.patch(&owner.name, &patching(), &Patch::Merge(change))).await.map(drop)
    }

    fn workspaces(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &ApiResource::erase::<Workspace>(&()))
    }
}

/// That somebody who was asked refused what was to be made, and will again while nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub message: String,
    /// The rules of Sluice that refuse it, if it is Sluice.
    pub rules: Vec<String>,
}

impl WriteFailed {
    /// Who could not be asked refuses nothing.
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Api { source, .. } = self else { return None };
        let kube::Error::Api(status) = &**source else { return None };
        if !matches!(status.code, 400 | 403 | 422) {
            return None;
        }
        let causes: Vec<_> = status.details.iter().flat_map(|details| &details.causes).collect();
        if causes.is_empty() || !status.message.contains("sluice: ") {
            return Some(Refusal { message: status.message.clone(), rules: Vec::new() });
        }
        let said = causes.iter().map(|cause| format!("{}: {}", cause.reason, cause.message));
        let message = said.collect::<Vec<_>>().join("; ");
        Some(Refusal { message, rules: causes.iter().map(|cause| cause.reason.clone()).collect() })
    }
}
