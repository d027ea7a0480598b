//! From a kind to the resource that the API server serves it as.

use std::sync::Arc;
use std::time::Duration;

use kube::core::gvk::GroupVersion;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Api, Client};

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
    /// Where its objects are asked for that an object in `namespace` may name as owners.
    pub(super) fn api(&self, client: &Client, namespace: &str) -> Api<DynamicMeta> {
        api(client, if self.namespaced { namespace } else { "" }, &self.resource)
    }
}

/// Knows kinds by `apiVersion` and kind.
#[derive(Clone)]
pub(super) struct Kinds {
    client: Client,
    known: Memory<(String, String), Option<Arc<Served>>>,
}

impl Kinds {
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Memory::new(MOST_KINDS, KNOWN_FOR, Option::is_some) }
    }

    /// How a kind is served; `None` if it is not.
    pub(super) async fn find(&self, api_version: &str, kind: &str) -> Result<Option<Arc<Served>>, Arc<kube::Error>> {
        let Some(version) = group_version(api_version) else { return Ok(None) };
        let key = (api_version.to_owned(), kind.to_owned());
        let ask = async {
            let wanted = GroupVersionKind::gvk(&version.group, &version.version, kind);
            match pinned_kind(&self.client, &wanted).await {
                Ok((resource, capabilities)) => {
                    let namespaced = capabilities.scope == Scope::Namespaced;
                    Ok(Some(Arc::new(Served { resource, namespaced })))
                }
                Err(kube::Error::Discovery(DiscoveryError::MissingKind(_))) => Ok(None),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.known.recall(key, ask).await
    }
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
    fn api_versions_lead_nowhere_else() {
        assert_eq!(group_version("v1"), Some(GroupVersion::gv("", "v1")));
        assert_eq!(group_version("apps/v1"), Some(GroupVersion::gv("apps", "v1")));
        for text in ["", "apps/v1/deployments", "apps/..", "../v1", "apps/v1?watch=1", "apps/", "%2e%2e/v1"] {
            assert_eq!(group_version(text), None, "{text}");
        }
    }
}
