//! From a kind to the resource that the API server serves it as.

use std::sync::Arc;
use std::time::Duration;

use kube::core::gvk::GroupVersion;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, ApiCapabilities, Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Api, Client};
use policy_engine::object::kinds::GroupResource;

use super::api;
use super::memory::Memory;
use crate::client::is_path_segment;
use crate::lookup::{DynamicMeta, is_missing};

const MOST_KINDS: u64 = 1_000;
/// A CRD that is made anew may have another plural name, or another scope.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// How the API server serves a kind.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) resource: ApiResource,
    namespaced: bool,
}

impl Served {
    fn new((resource, capabilities): (ApiResource, ApiCapabilities)) -> Arc<Self> {
        Arc::new(Self { resource, namespaced: capabilities.scope == Scope::Namespaced })
    }

    /// Where its objects are asked for that an object in `namespace` may name as owners.
    pub(super) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicMeta> {
        api(client, if self.namespaced { namespace } else { "" }, &self.resource)
    }
}

/// Knows kinds by `apiVersion` and kind, and by their group.
#[derive(Clone)]
pub(super) struct Kinds {
    client: Client,
    known: Memory<Asked, Option<Arc<Served>>>,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Kind { api_version: String, kind: String },
    KindInGroup { group: String, kind: String },
    Resource(GroupResource),
}

impl Kinds {
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Memory::new(MOST_KINDS, KNOWN_FOR, Option::is_some) }
    }

    /// How a kind is served; `None` if it is not.
    pub(super) async fn find(&self, api_version: &str, kind: &str) -> Result<Option<Arc<Served>>, Arc<kube::Error>> {
        let Some(version) = group_version(api_version) else { return Ok(None) };
        let asked = Asked::Kind { api_version: api_version.into(), kind: kind.into() };
        let ask = async {
            let wanted = GroupVersionKind::gvk(&version.group, &version.version, kind);
            match pinned_kind(&self.client, &wanted).await {
                Ok(found) => Ok(Some(Served::new(found))),
                Err(kube::Error::Discovery(DiscoveryError::MissingKind(_))) => Ok(None),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.known.recall(asked, ask).await
    }

    /// How a kind is served in this version or else in another of its group, as the controller of autoscalers looks for it.
    pub(super) async fn find_in_group(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Arc<Served>>, Arc<kube::Error>> {
        if let Some(served) = self.find(api_version, kind).await? {
            return Ok(Some(served));
        }
        let Some(group) = group(api_version) else { return Ok(None) };
        let asked = Asked::KindInGroup { group: group.into(), kind: kind.into() };
        self.known.recall(asked, self.in_any_version(group, |it| it.kind == kind)).await
    }

    /// How a resource is served, in whichever version; `None` if it is not.
    pub(super) async fn of_resource(&self, of: &GroupResource) -> Result<Option<Arc<Served>>, Arc<kube::Error>> {
        let ask = self.in_any_version(&of.group, |it| it.plural == of.resource);
        self.known.recall(Asked::Resource(of.clone()), ask).await
    }

    async fn in_any_version(
        &self,
        group: &str,
        is_wanted: impl Fn(&ApiResource) -> bool,
    ) -> Result<Option<Arc<Served>>, kube::Error> {
        match discovery::group(&self.client, group).await {
            Ok(found) => {
                let mut all = found.resources_by_stability().into_iter();
                Ok(all.find(|(resource, _)| is_wanted(resource)).map(Served::new))
            }
            Err(kube::Error::Discovery(DiscoveryError::MissingApiGroup(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The group of an `apiVersion`, as the controller of autoscalers reads it: to it the version means nothing.
pub(super) fn group(api_version: &str) -> Option<&str> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    (!version.contains('/')).then_some(group)
}

/// Reads an `apiVersion`. What is none, or would lead to another path, names no kind.
fn group_version(text: &str) -> Option<GroupVersion> {
    let version = text.parse::<GroupVersion>().ok()?;
    let group_is_fine = version.group.is_empty() || is_path_segment(&version.group);
    (group_is_fine && is_path_segment(&version.version)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_as_kubernetes_reads_it() {
        for (text, of) in [("", ""), ("v1", ""), ("/", ""), ("/v1", ""), ("apps/v1beta1", "apps"), ("apps/", "apps")] {
            assert_eq!(group(text), Some(of), "{text}");
        }
        assert_eq!(group("apps/v1/deployments"), None);
    }

    #[test]
    fn api_versions_lead_nowhere_else() {
        assert_eq!(group_version("v1"), Some(GroupVersion::gv("", "v1")));
        assert_eq!(group_version("apps/v1"), Some(GroupVersion::gv("apps", "v1")));
        for text in ["", "apps/v1/deployments", "apps/..", "../v1", "apps/v1?watch=1", "apps/", "%2e%2e/v1"] {
            assert_eq!(group_version(text), None, "{text}");
        }
    }
}
