//! Kinds, where no API server says how they are served.

use cluster::dry_run::Served;

use super::super::object::Submitted;

/// The object's kind, as most kinds are served.
pub(super) fn guessed(submitted: &Submitted) -> ((String, String), Option<Served>) {
    let Submitted { api_version, kind, .. } = submitted;
    let served = Served::guessed(api_version, kind, is_namespaced(submitted.group(), kind));
    ((api_version.clone(), kind.clone()), Some(served))
}

/// Whether objects of a kind are in namespaces. Kinds that nobody here knows are taken to be.
fn is_namespaced(group: &str, kind: &str) -> bool {
    const CLUSTER_SCOPED_GROUPS: [&str; 6] = [
        "sluice.dev",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "scheduling.k8s.io",
        "node.k8s.io",
    ];
    const CLUSTER_SCOPED: [(&str, &str); 9] = [
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("storage.k8s.io", "StorageClass"),
        ("networking.k8s.io", "IngressClass"),
        ("resource.k8s.io", "DeviceClass"),
        ("resource.k8s.io", "ResourceSlice"),
    ];
    // Of the platform's own kinds, the one that people write.
    if (group, kind) == ("sluice.dev", "Workspace") {
        return true;
    }
    !CLUSTER_SCOPED_GROUPS.contains(&group) && !CLUSTER_SCOPED.contains(&(group, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_scoped_kinds_are_known() {
        assert!(!is_namespaced("", "Namespace") && !is_namespaced("sluice.dev", "Project"));
        assert!(is_namespaced("sluice.dev", "Workspace"));
        assert!(is_namespaced("", "Pod") && is_namespaced("ray.io", "RayCluster") && is_namespaced("other", "Node"));
    }
}
