//! A node of a test's own, with devices that nobody else asks for, and queues that compete for them.

use crate::manifest::{pod, with};
use crate::windows::record;
use crate::{ADMIN, create, eventually, find, kubectl, ok, project_with_bob};
use ground::Ground;
use serde_json::{Value, json};

/// A node with so many devices of a model that is named as the node; the queues `<name>-low` (60) and `<name>-high` (700), whose Pods
/// may be evicted; a plan with both; and a project where alice and bob may have twice the devices. All are named as the node.
pub fn fleet(p: &Ground, name: &str, devices: usize) {
    let product = format!("Test {name}");
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}});
    ok(create(p, ADMIN, node));
    let device = |index: usize| {
        json!({
            "name": format!("gpu-{index}"),
            "attributes": {"type": {"string": "gpu"}, "productName": {"string": product}, "uuid": {"string": format!("{name}-{index}")}},
            "capacity": {"memory": {"value": "80Gi"}},
        })
    };
    let slice = json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": format!("{name}-gpu.nvidia.com-0")},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": name,
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
            "devices": (0..devices).map(device).collect::<Vec<_>>(),
        },
    });
    ok(create(p, ADMIN, slice));
    let model = json!({"displayName": product, "deviceClassName": "gpu.nvidia.com", "productNames": [product]});
    ok(create(p, ADMIN, record("GpuModel", name, model)));
    for (queue, priority) in [("low", 60), ("high", 700)] {
        ok(create(
            p,
            ADMIN,
            record("PlatformQueue", &format!("{name}-{queue}"), json!({"priority": priority, "preemptible": true})),
        ));
    }
    let twice = 2 * devices;
    let plan = json!({
        "quota": {"gpu": twice, "devices": twice, "cpu": 64, "memory": "256Gi"},
        "gpuModels": [name],
        "queues": [format!("{name}-low"), format!("{name}-high")],
    });
    ok(create(p, ADMIN, record("ResourcePlan", name, plan)));
    project_with_bob(p, name, json!({"plan": name}));
    for queue in ["low", "high"] {
        eventually("the queue's class", || find(p, "", &format!("priorityclass/platform-go-{name}-{queue}")));
    }
    eventually("the plan in force", || {
        let probe = asking(name, "probe", "low", 1).to_string();
        crate::kubectl_with(p, "alice", &["create", "--dry-run=server", "-f", "-"], &probe).success.then_some(())
    });
}

/// What makes a Pod, or a pod template, ask for devices of a fleet in one of its queues.
pub fn asks(fleet: &str, queue: &str, devices: usize) -> Value {
    json!({
        "metadata": {"labels": {
            "platform-go/queue-name": format!("{fleet}-{queue}"),
            "platform-go/dra-gpu-model": fleet,
            "platform-go/dra-gpu-count": devices.to_string(),
            "platform-go/dra-sharing-mode": "inline",
        }},
        "spec": {"terminationGracePeriodSeconds": 1},
    })
}

/// A Pod that asks for devices of a fleet.
pub fn asking(fleet: &str, name: &str, queue: &str, devices: usize) -> Value {
    pod(fleet, name, asks(fleet, queue, devices))
}

/// The same for a Pod with other words (a JSON Merge Patch).
pub fn asking_with(fleet: &str, name: &str, queue: &str, devices: usize, more: Value) -> Value {
    with(asking(fleet, name, queue, devices), more)
}

/// The holds that there are for anybody of the fleet.
pub fn holds(p: &Ground, fleet: &str) -> Vec<Value> {
    let rules = ok(kubectl(p, ADMIN, &["get", "devicetaintrules", "-o=json"]));
    let rules: Value = serde_json::from_str(&rules).expect("kubectl prints JSON");
    let of_fleet = |rule: &&Value| rule["spec"]["deviceSelector"]["pool"] == fleet;
    rules["items"].as_array().into_iter().flatten().filter(of_fleet).cloned().collect()
}
