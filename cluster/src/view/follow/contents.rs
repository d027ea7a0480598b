//! Whether a Namespace is empty: the first object that is found says that it is not.

use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};
use policy_engine::daemons::follow::view::Contents;
use policy_engine::policy::workload::WorkloadKind;
use tokio::time::{Duration, Instant};

use crate::client::{LookupFailed, in_time};
use crate::lookup::{resource, served};

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
    let found = answer.map_err(|error| LookupFailed::api(what, error))?;
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
