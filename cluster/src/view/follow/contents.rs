//! Whether a Namespace is empty: the first object that is found says that it is not.

use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::daemons::follow::view::Contents;
use policy_engine::policy::workload::WorkloadKind;
use tokio::time::{Duration, Instant};

use crate::client::{LookupFailed, in_time};
use crate::lookup::{resource, served};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// What makes a Namespace somebody's, besides workloads and who rules there. Every Namespace has a ConfigMap.
const OCCUPANTS: [(&str, &str); 3] =
    [("pod", "pods"), ("volume claim", "persistentvolumeclaims"), ("service", "services")];
/// Whoever made the Namespace in advance would go on ruling in it by these: by a RoleBinding that is not the platform's, or by a
/// service account besides the one that every Namespace has. Secrets are not looked at, since that would be a right to read them.
const RULERS: [(&str, &str, &str, &str); 2] = [
    ("role binding", "rbac.authorization.k8s.io", "rolebindings", ""),
    ("service account", "", "serviceaccounts", "metadata.name!=default"),
];

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
    let one = ListParams::default().limit(1);
    for (noun, plural) in OCCUPANTS {
        if let Some(name) = any(client, namespace, &resource("", "v1", plural), &one).await? {
            return Ok(Some(format!("{noun} {name}")));
        }
    }
    for (noun, group, plural, others) in RULERS {
        let foreign = one.clone().labels(&format!("{MANAGED_BY}!={MANAGER}")).fields(others);
        if let Some(name) = any(client, namespace, &resource(group, "v1", plural), &foreign).await? {
            return Ok(Some(format!("{noun} {name}")));
        }
    }
    for kind in kinds {
        let Some(resource) = served(client, &kind.of).await? else { continue };
        if let Some(name) = any(client, namespace, &resource, &one).await? {
            return Ok(Some(format!("{} {name}", kind.of)));
        }
    }
    Ok(None)
}

async fn any(
    client: &Client,
    namespace: &str,
    resource: &ApiResource,
    which: &ListParams,
) -> Result<Option<String>, kube::Error> {
    let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(client.clone(), namespace, resource);
    let found = api.list_metadata(which).await?;
    Ok(found.items.first().map(ResourceExt::name_any))
}
