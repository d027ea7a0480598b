//! Simulated nodes: what a kubelet and NVIDIA's DRA driver would publish, with KWOK as the kubelet.

use crate::Ground;
use crate::error::Result;
use crate::wait::until;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const KWOK: &str = include_str!("../fixtures/kwok.yaml");
const FOUNDATION: &str = include_str!("../fixtures/foundation.yaml");

struct Node {
    name: &'static str,
    gpus: usize,
    gpu: Option<&'static Gpu>,
}

/// A model as the driver describes it.
struct Gpu {
    product: &'static str,
    brand: &'static str,
    architecture: &'static str,
    compute_capability: &'static str,
    memory: &'static str,
}

const RTX_5090: Gpu = Gpu {
    product: "NVIDIA GeForce RTX 5090",
    brand: "GeForce",
    architecture: "Blackwell",
    compute_capability: "12.0.0",
    memory: "32607Mi",
};
const RTX_6000_PRO: Gpu = Gpu {
    product: "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    brand: "NvidiaRTX",
    architecture: "Blackwell",
    compute_capability: "12.0.0",
    memory: "97887Mi",
};
const H100: Gpu = Gpu {
    product: "NVIDIA H100 80GB HBM3",
    brand: "Nvidia",
    architecture: "Hopper",
    compute_capability: "9.0.0",
    memory: "81559Mi",
};

const NODES: &[Node] = &[
    Node { name: "gpu-a", gpus: 4, gpu: Some(&RTX_5090) },
    Node { name: "gpu-b", gpus: 4, gpu: Some(&RTX_6000_PRO) },
    Node { name: "gpu-c", gpus: 8, gpu: Some(&H100) },
    Node { name: "cpu-a", gpus: 0, gpu: None },
];

/// What the components need before they start: KWOK's rights, and the device classes.
pub(crate) fn lay_foundation(ground: &Ground) -> Result<()> {
    ground.admin_apply(FOUNDATION).map(|_| ())
}

/// Publishes the nodes and their devices; returns when all are Ready and Pods can be created in `default`.
pub(crate) fn join(ground: &Ground) -> Result<()> {
    ground.admin_apply(&list(NODES.iter().map(node)))?;
    let slices = NODES.iter().filter_map(|node| Some((node, node.gpu?)));
    let slices: Vec<Value> =
        slices.map(|(node, gpu)| slice(ground, node.name, node.gpus, gpu)).collect::<Result<_>>()?;
    ground.admin_apply(&list(slices))?;
    ground.admin(&["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"])?;
    until("the default service account", 60, || {
        let name = ground.admin(&["get", "serviceaccount", "default", "--ignore-not-found", "-o=name"])?;
        Ok::<_, crate::Error>((!name.is_empty()).then_some(()))
    })
}

impl Ground {
    /// Gives `gpu-a` that many RTX 5090 instead of its 4, for tests that run beside each other: what one of them holds, the
    /// next one must not wait for.
    pub fn grow(&self, gpus: usize) -> Result<()> {
        self.admin_apply(&slice(self, "gpu-a", gpus, &RTX_5090)?.to_string()).map(|_| ())
    }
}

fn list(items: impl IntoIterator<Item = Value>) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items.into_iter().collect::<Vec<_>>()}).to_string()
}

fn node(node: &Node) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {
            "kubernetes.io/hostname": node.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "nvidia.com/gpu.present": (node.gpus > 0).to_string(),
        }},
    })
}

/// One pool per node, named as the node, owned by it.
fn slice(ground: &Ground, node: &str, gpus: usize, gpu: &Gpu) -> Result<Value> {
    let uid = ground.admin(&["get", "node", node, "-o=jsonpath={.metadata.uid}"])?;
    let devices: Vec<Value> = (0..gpus).map(|minor| device(node, minor, gpu)).collect();
    Ok(json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {
            "name": format!("{node}-gpu.nvidia.com-0"),
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": true}],
        },
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": devices,
        },
    }))
}

fn device(node: &str, minor: usize, gpu: &Gpu) -> Value {
    json!({
        "name": format!("gpu-{minor}"),
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": uuid(node, minor)},
            "productName": {"string": gpu.product},
            "brand": {"string": gpu.brand},
            "architecture": {"string": gpu.architecture},
            "cudaComputeCapability": {"version": gpu.compute_capability},
            "driverVersion": {"version": "580.105.8"},
            "cudaDriverVersion": {"version": "13.0.0"},
            "resource.kubernetes.io/pciBusID": {"string": format!("0000:{:02x}:00.0", 0x10 + minor)},
            "resource.kubernetes.io/pcieRoot": {"string": format!("pci0000:{:02x}", 0x10 * (1 + minor / 4))},
            "resource.kubernetes.io/numaNode": {"int": minor / 4},
        },
        "capacity": {"memory": {"value": gpu.memory}},
    })
}

/// The same device has the same identity in every run.
fn uuid(node: &str, minor: usize) -> String {
    let hash: String = Sha256::digest(format!("{node}/{minor}")).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("GPU-{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_the_driver_names_them_and_differ() {
        let (first, second) = (device("gpu-a", 0, &RTX_5090), device("gpu-a", 1, &RTX_5090));
        assert_eq!(first["name"], "gpu-0");
        assert_eq!(first["attributes"]["productName"]["string"], "NVIDIA GeForce RTX 5090");
        assert_ne!(first["attributes"]["uuid"], second["attributes"]["uuid"]);
    }
}
