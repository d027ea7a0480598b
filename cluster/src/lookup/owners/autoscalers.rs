//! Which HorizontalPodAutoscalers name a workload, and whose they are.

use k8s_openapi::api::autoscaling::v2::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use kube::Api;
use policy_engine::contract;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::facts::{Autoscaler, Scaled};
use tokio::time::Instant;

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
        let api = Api::<HorizontalPodAutoscaler>::namespaced(self.client.clone(), namespace);
        let named = |autoscaler: HorizontalPodAutoscaler| {
            let target = autoscaler.spec.scale_target_ref.clone();
            (target.name == name).then(|| (target, self::autoscaler(autoscaler)))
        };
        let all = each_page(&api, deadline, what, named).await?;
        let mut found = Vec::new();
        for (target, autoscaler) in all {
            if self.is_of_kind(&target, workload, deadline).await? {
                found.push(autoscaler);
            }
        }
        Ok(found)
    }

    /// The workload that an autoscaler in `namespace` names, if it exists. One that only another version serves is judged when it is
    /// scaled.
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
        let served = in_time(deadline, what, self.kinds.find(&version, &kind)).await?;
        let served = served.map_err(|source| LookupFailed::api(what, source))?;
        let Some(served) = served.filter(|_| is_path_segment(&name)) else { return Ok(None) };
        let found = in_time(deadline, what, served.api(&self.client, namespace).get_opt(&name)).await?;
        let found = found.map_err(|error| LookupFailed::api(what, error))?;
        Ok(found.map(|object| {
            let user_id = TargetMeta::from(object.metadata).user_id();
            Scaled { kind: kind.clone(), name: name.clone(), user_id }
        }))
    }

    /// Whether an autoscaler's target is of the workload's resource. The controller of autoscalers looks for the kind in every
    /// version of its group: one that this version does not serve may still be the workload's.
    async fn is_of_kind(
        &self,
        target: &CrossVersionObjectReference,
        workload: &GroupResource,
        deadline: Instant,
    ) -> Result<bool, LookupFailed> {
        let version = target.api_version.as_deref().unwrap_or_default();
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        if group != workload.group {
            return Ok(false);
        }
        let what = || format!("the kind {} of {version}", target.kind);
        let served = in_time(deadline, what, self.kinds.find(version, &target.kind)).await?;
        let served = served.map_err(|source| LookupFailed::api(what, source))?;
        Ok(served.is_none_or(|served| served.resource.plural == workload.resource))
    }
}

fn autoscaler(found: HorizontalPodAutoscaler) -> Autoscaler {
    let user_id = found.metadata.labels.and_then(|mut labels| labels.remove(contract::USER_ID));
    Autoscaler { name: found.metadata.name.unwrap_or_default(), user_id: user_id.map(UserId::new) }
}
