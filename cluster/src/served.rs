//! How the API server serves kinds for which there is no type.

use kube::Client;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use policy_engine::object::kinds::GroupResource;

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

/// Volcano's Queues, in the version in which Volcano stores it.
pub(crate) fn volcano_queues() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("scheduling.volcano.sh", "v1beta1", "Queue"), "queues")
}

/// The metadata of objects of any kind.
pub(crate) type DynamicMeta = PartialObjectMeta<DynamicObject>;
