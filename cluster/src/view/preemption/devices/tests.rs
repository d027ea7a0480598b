//! What is read of devices and claims.

mod asked;
mod many;
mod published;

use policy_engine::policy::Records;
use serde_json::{Value, json};

use super::*;
use crate::testing::ApiServer;
use crate::world::Topic;

const NVIDIA: &str = "gpu.nvidia.com";

type Object = (String, Value);

fn object(plural: &str, name: &str, mut object: Value) -> Object {
    object["metadata"]["name"] = name.into();
    object["metadata"]["uid"] = format!("uid-{name}").into();
    let within = object["metadata"]["namespace"].as_str().map_or(String::new(), |it| format!("namespaces/{it}/"));
    (format!("/apis/resource.k8s.io/v1/{within}{plural}/{name}"), object)
}

/// A slice of a pool of one, on a node.
fn slice(name: &str, devices: Value) -> Object {
    slice_with(name, json!({"nodeName": "n1", "devices": devices}))
}

fn slice_with(name: &str, mut spec: Value) -> Object {
    spec["driver"] = NVIDIA.into();
    if spec["pool"].is_null() {
        spec["pool"] = json!({"name": name, "generation": 1, "resourceSliceCount": 1});
    }
    object("resourceslices", name, json!({"spec": spec}))
}

fn claim(name: &str, devices: Value, status: Value) -> Object {
    let claim = json!({"metadata": {"namespace": "detector"}, "spec": {"devices": devices}, "status": status});
    object("resourceclaims", name, claim)
}

/// What a claim has that was given these devices.
fn given(results: Value) -> Value {
    json!({"allocation": {"devices": {"results": results}}})
}

fn class() -> Object {
    let selector = json!({"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}});
    object("deviceclasses", NVIDIA, json!({"spec": {"selectors": [selector]}}))
}

async fn seen(objects: impl IntoIterator<Item = Object>) -> Devices {
    let server = ApiServer::with_collections(objects.into_iter().chain([class()]));
    let topics = [Topic::ResourceSlices, Topic::ResourceClaims, Topic::DeviceClasses, Topic::DeviceTaintRules];
    let world = server.world(&topics).await;
    devices(&world, &Prices::default(), &Records::default().into(), &mut Selectors::default())
}

impl Devices {
    fn device(&self, name: &str) -> &Device {
        self.devices.iter().find(|it| it.id.device == name).unwrap_or_else(|| panic!("{name} in {:?}", self.devices))
    }

    fn claim(&self, name: &str) -> &Claim {
        self.claims.iter().find(|it| it.name.name == name).unwrap_or_else(|| panic!("{name} in {:?}", self.claims))
    }

    /// Whether a device passes the selectors of the first alternative of a claim.
    fn passes(&self, claim: &str, device: &str) -> bool {
        let way = &self.claim(claim).requests[0].alternatives[0];
        self.matching.passes(way.selector, self.device(device).kind)
    }
}
