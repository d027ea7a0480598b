//! Whether a Namespace is empty: the first object that is found says that it is not.

use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};
use policy_engine::daemons::follow::view::Contents;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::workload::WorkloadKind;
use tokio::time::{Duration, Instant};

use crate::client::{LookupFailed, in_time};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// What makes a Namespace somebody's, besides workloads. Every Namespace has a ConfigMap and a ServiceAccount.
const OCCUPANTS: [(&str, &str); 3] =
    [("pod", "pods"), ("volume claim", "persistentvolumeclaims"), ("service", "services")];

pub(super) async fn of(
    client: &Client,
    namespace: &str,
    workload_kinds: &[WorkloadKind],
) -> Result<Contents, LookupFailed> {
    let deadline = Instant::now() + DEADLINE;
    let what = || format!("what is in namespace {namespace}");
    let answer = in_time(deadline, what, first(client, namespace, workload_kinds)).await?;
    let found = answer.map_err(|error| LookupFailed::Api { what: what(), source: std::sync::Arc::new(error) })?;
    Ok(found.map_or(Contents::Empty, Contents::Holds))
}

async fn first(client: &Client, namespace: &str, kinds: &[WorkloadKind]) -> Result<Option<String>, kube::Error> {
    for (noun, plural) in OCCUPANTS {
        if let Some(name) = any(client, namespace, &resource("", "v1", plural)).await? {
            return Ok(Some(format!("{noun} {name}")));
        }
    }
    for kind in kinds {
        let Some(resource) = served(client, &kind.of).await? else { continue };
        if let Some(name) = any(client, namespace, &resource).await? {
            return Ok(Some(format!("{} {name}", kind.of)));
        }
    }
    Ok(None)
}

async fn any(client: &Client, namespace: &str, resource: &ApiResource) -> Result<Option<String>, kube::Error> {
    let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(client.clone(), namespace, resource);
    let found = api.list_metadata(&ListParams::default().limit(1)).await?;
    Ok(found.items.first().map(ResourceExt::name_any))
}

/// The version in which the API server serves a listed kind; `None` where it serves none.
pub(crate) async fn served(client: &Client, of: &GroupResource) -> Result<Option<ApiResource>, kube::Error> {
    match of.group.as_str() {
        "" | "apps" | "batch" => return Ok(Some(resource(&of.group, "v1", &of.resource))),
        _ => {}
    }
    match kube::discovery::group(client, &of.group).await {
        Ok(group) => {
            let mut resources = group.recommended_resources().into_iter().map(|(resource, _)| resource);
            Ok(resources.find(|resource| resource.plural == of.resource))
        }
        Err(kube::Error::Discovery(kube::error::DiscoveryError::MissingApiGroup(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A resource whose version and plural name are known.
pub(crate) fn resource(group: &str, version: &str, plural: &str) -> ApiResource {
    // Only the path is made of it, and the path does not carry the kind.
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, plural), plural)
}
