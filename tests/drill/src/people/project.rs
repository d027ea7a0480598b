//! The project in which people work, and who they are.

use super::sums::Amounts;

/// The namespace, the project and its plan.
pub(super) const NAMESPACE: &str = "people";
/// Two Members, and one who may intervene.
pub(super) const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
pub(super) const PROJECT_LIMIT: Amounts = Amounts { gpu: 5000, devices: 6, cpu: 12000, memory: 24 << 30 };
pub(super) const USER_LIMIT: Amounts = Amounts { gpu: 3000, devices: 4, cpu: 6000, memory: 12 << 30 };

/// Resources, by version and plural name.
pub(super) const PODS: &str = "api/v1/pods";
pub(super) const CLAIMS: &str = "apis/resource.k8s.io/v1/resourceclaims";
pub(super) const TEMPLATES: &str = "apis/resource.k8s.io/v1/resourceclaimtemplates";
pub(super) const VOLUMES: &str = "api/v1/persistentvolumeclaims";
pub(super) const DEPLOYMENTS: &str = "apis/apps/v1/deployments";
pub(super) const JOBS: &str = "apis/batch/v1/jobs";
pub(super) const OWNERS: &str = "api/v1/configmaps";

/// `/api/v1/namespaces/<namespace>/pods` and what comes behind it.
pub(super) fn path(resource: &str, rest: &str) -> String {
    let (version, plural) = resource.rsplit_once('/').unwrap_or(("", resource));
    format!("/{version}/namespaces/{NAMESPACE}/{plural}{rest}")
}
