//! What each namespace of a project may hold besides CPU, memory and devices: the limits of a ResourceQuota.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

use super::quantity::bytes;
use crate::object::extended;

/// Limits by the keys of a ResourceQuota: `count/pods`, `requests.storage`. The API server keeps them in each namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NamespaceQuota(pub BTreeMap<String, u64>);

/// Why something is no key of a namespace's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The ledger counts it.
    #[error("spec.quota limits CPU, memory and devices, for the whole project; set the limit there")]
    Counted,
    /// The API server knows no such key, and would refuse the whole ResourceQuota.
    #[error(
        "no ResourceQuota has such a key; write one such as count/pods, count/jobs.batch, persistentvolumeclaims or \
         requests.storage"
    )]
    Unknown,
}

/// The keys without a `/` that the API server knows, but for those that the ledger counts.
const PLAIN: [&str; 13] = [
    "pods",
    "services",
    "services.nodeports",
    "services.loadbalancers",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "ephemeral-storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
    "requests.storage",
];
const COUNTED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const COUNTED_DEVICES: &str = ".deviceclass.resource.k8s.io/devices";
/// Before the name of an extended resource.
const REQUESTS: &str = "requests.";
const HUGE_PAGES: [&str; 2] = ["hugepages-", "requests.hugepages-"];

/// Whether a namespace's quota may have this key.
///
/// # Errors
/// Why not.
pub fn check(key: &str) -> Result<(), NoKey> {
    if COUNTED.contains(&key) || key.ends_with(COUNTED_DEVICES) || key.strip_prefix(REQUESTS).is_some_and(is_devices) {
        return Err(NoKey::Counted);
    }
    let is_key = match key.split_once('/') {
        Some((prefix, name)) => is_domain(prefix) && is_name(name),
        None => PLAIN.contains(&key) || HUGE_PAGES.iter().any(|it| key.strip_prefix(it).is_some_and(is_name)),
    };
    if is_key { Ok(()) } else { Err(NoKey::Unknown) }
}

impl NamespaceQuota {
    /// The limits as Kubernetes writes them.
    pub fn hard(&self) -> BTreeMap<String, Quantity> {
        self.0.iter().map(|(key, limit)| (key.clone(), Quantity(written(key, *limit)))).collect()
    }
}

fn written(key: &str, limit: u64) -> String {
    let counts = key.starts_with("count/") || key.ends_with("/persistentvolumeclaims");
    let is_space = key.contains("storage") || HUGE_PAGES.iter().any(|it| key.starts_with(it));
    if is_space && !counts { bytes(limit) } else { limit.to_string() }
}

fn is_devices(resource: &str) -> bool {
    resource.starts_with(extended::OF_CLASS) || extended::is_gpu_makers(resource)
}

/// A DNS subdomain.
fn is_domain(text: &str) -> bool {
    let is_part = |part: &str| is_name(part) && !part.contains('_');
    text.len() <= 253 && !text.bytes().any(|it| it.is_ascii_uppercase()) && text.split('.').all(is_part)
}

/// What Kubernetes takes as the name of a key, and as a label's value that is not empty.
pub fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_api_server_knows_and_the_ledger_does_not_count() {
        for key in [
            "count/pods",
            "count/resourceclaims.resource.k8s.io",
            "pods",
            "services.loadbalancers",
            "requests.storage",
            "limits.ephemeral-storage",
            "hugepages-2Mi",
            "requests.hugepages-1Gi",
            "requests.example.com/licences",
            "fast.storageclass.storage.k8s.io/requests.storage",
            "fast.storageclass.storage.k8s.io/persistentvolumeclaims",
        ] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
        for key in [
            "cpu",
            "requests.memory",
            "limits.cpu",
            "gpu.nvidia.com.deviceclass.resource.k8s.io/devices",
            "requests.nvidia.com/gpu",
            "requests.deviceclass.resource.kubernetes.io/gpu.nvidia.com",
        ] {
            assert_eq!(check(key), Err(NoKey::Counted), "{key}");
        }
        for key in ["", "pod", "Pods", "storage", "hugepages-", "count/", "/pods", "a_b/c", "count/pods/all", "-/x"] {
            assert_eq!(check(key), Err(NoKey::Unknown), "{key}");
        }
    }

    #[test]
    fn space_is_written_in_bytes_and_what_is_counted_as_a_number() {
        for (key, limit, text) in [
            ("count/pods", 1024, "1024"),
            ("count/storageclasses.storage.k8s.io", 1024, "1024"),
            ("requests.storage", 100 << 30, "100Gi"),
            ("hugepages-2Mi", 4 << 20, "4Mi"),
            ("fast.storageclass.storage.k8s.io/requests.storage", 5 << 30, "5Gi"),
            ("fast.storageclass.storage.k8s.io/persistentvolumeclaims", 1024, "1024"),
        ] {
            let quota = NamespaceQuota([(key.to_owned(), limit)].into());
            assert_eq!(quota.hard()[key].0, text, "{key}");
        }
    }
}
