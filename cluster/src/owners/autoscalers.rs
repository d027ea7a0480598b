//! Which HorizontalPodAutoscalers name a workload, and whose they are.

use std::sync::Arc;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use kube::api::ListParams;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::submission::facts::Autoscaler;
use tokio::time::Instant;

use super::Owners;
use crate::client::{LookupFailed, in_time};

/// Autoscalers of one namespace; more cannot be known in time for an answer.
const MOST_AUTOSCALERS: u32 = 2_000;

impl Owners {
    /// The autoscalers in `namespace` that name the workload, as they are now.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn autoscalers(
        &self,
        namespace: &str,
        workload: &GroupResource,
        name: &str,
        deadline: Instant,
    ) -> Result<Vec<Autoscaler>, LookupFailed> {
        let what = || format!("autoscalers in {namespace}");
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.client.clone(), namespace);
        let params = ListParams::default().limit(MOST_AUTOSCALERS);
        let found = in_time(deadline, what, api.list(&params)).await?;
        let found = found.map_err(|error| LookupFailed::Api { what: what(), source: Arc::new(error) })?;
        Ok(found.items.into_iter().filter(|it| names(it, workload, name)).map(autoscaler).collect())
    }
}

/// Kinds and plurals are compared without asking how the kind is served: a name that is like it names it.
fn names(autoscaler: &HorizontalPodAutoscaler, workload: &GroupResource, name: &str) -> bool {
    let target = &autoscaler.spec.scale_target_ref;
    target.name == name && workload.resource.starts_with(&target.kind.to_ascii_lowercase())
}

fn autoscaler(found: HorizontalPodAutoscaler) -> Autoscaler {
    let user_id = found.metadata.labels.and_then(|mut labels| labels.remove(contract::USER_ID));
    Autoscaler { name: found.metadata.name.unwrap_or_default(), user_id }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_autoscaler_is_found_by_kind_and_name_of_what_it_scales() {
        let found = |kind: &str, name: &str| {
            let spec =
                json!({"maxReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name}});
            let autoscaler = serde_json::from_value(json!({"spec": spec})).expect("an autoscaler");
            names(&autoscaler, &GroupResource::new("apps", "deployments"), "web")
        };
        assert!(found("Deployment", "web"));
        assert!(!found("Deployment", "web-2") && !found("StatefulSet", "web"));
    }
}
