//! Which HorizontalPodAutoscalers name a workload, and whose they are.

use k8s_openapi::api::autoscaling::v2::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use kube::Api;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::facts::{Autoscaler, Scaled};
use tokio::time::Instant;

use super::kinds::{self, Served};
use super::{Owners, TargetMeta};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::lookup::each_page;

impl Owners {
    /// The autoscalers in `namespace` that name the workload, as they are now.
    ///
    /// # Errors
    /// Where the API server did not answer, or there are more than can be looked through in time.
    pub async fn autoscalers(
        &self,
        namespace: &str,
        workload: &GroupResource,
        name: &str,
        deadline: Instant,
    ) -> Result<Vec<Autoscaler>, LookupFailed> {
        let what = || format!("horizontalpodautoscalers of {namespace}");
        // The controller of autoscalers looks for the kind in every version of its group. The kind is asked for once, however
        // many kinds that there are not autoscalers name.
        let served = in_time(deadline, what, self.kinds.of_resource(workload)).await?;
        let served = served.map_err(|source| LookupFailed::api(what, source))?;
        let Some(Served { resource: of, .. }) = served.as_deref() else { return Ok(Vec::new()) };
        let is_named = |target: &CrossVersionObjectReference| {
            let version = target.api_version.as_deref().unwrap_or_default();
            target.name == name && target.kind == of.kind && kinds::group(version) == Some(workload.group.as_str())
        };
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.client.clone(), namespace);
        each_page(&api, deadline, what, |it: HorizontalPodAutoscaler| {
            is_named(&it.spec.scale_target_ref).then(|| autoscaler(it))
        })
        .await
    }

    /// The workload that an autoscaler in `namespace` names, if it exists.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn scaled(
        &self,
        namespace: &str,
        target: CrossVersionObjectReference,
        deadline: Instant,
    ) -> Result<Option<Scaled>, LookupFailed> {
        let CrossVersionObjectReference { api_version, kind, name } = target;
        let version = api_version.unwrap_or_default();
        let what = || format!("{kind} {namespace}/{name}");
        let served = in_time(deadline, what, self.kinds.find_in_group(&version, &kind)).await?;
        let served = served.map_err(|source| LookupFailed::api(what, source))?;
        let Some(served) = served.filter(|_| is_path_segment(&name)) else { return Ok(None) };
        let found = in_time(deadline, what, served.api(&self.client, namespace).get_opt(&name)).await?;
        let found = found.map_err(|error| LookupFailed::api(what, error))?;
        Ok(found.map(|object| {
            let user_id = TargetMeta::from(object.metadata).user_id();
            Scaled { kind: kind.clone(), name: name.clone(), user_id }
        }))
    }
}

fn autoscaler(found: HorizontalPodAutoscaler) -> Autoscaler {
    let user_id = found.metadata.labels.and_then(|mut labels| labels.remove(contract::USER_ID));
    // The API server fills in the least.
    let replicas = i64::from(found.spec.min_replicas.unwrap_or(1))..=i64::from(found.spec.max_replicas);
    Autoscaler { name: found.metadata.name.unwrap_or_default(), user_id: user_id.map(UserId::new), replicas }
}
