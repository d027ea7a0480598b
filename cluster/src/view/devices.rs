//! How many devices of each GPU model there are, and how many of them a claim holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use policy_engine::policy::Policy;
use policy_engine::policy::model::Model;
use policy_engine::policy::names::ModelName;

use crate::world::{World, current, product, profile};

/// Devices of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub there: usize,
    /// Of these, those that a claim holds, be it with others.
    pub held: usize,
}

/// The devices of every model, by the product names that drivers publish.
pub fn of_models(world: &World, policy: &Policy) -> BTreeMap<ModelName, Count> {
    let claims = world.claims();
    let held: HashSet<_> = claims
        .iter()
        .filter_map(|claim| claim.status.as_ref()?.allocation.as_ref()?.devices.as_ref()?.results.as_ref())
        .flatten()
        .filter(|result| result.admin_access != Some(true))
        .map(|result| (result.driver.as_str(), result.pool.as_str(), result.device.as_str()))
        .collect();
    let slices = world.slices();
    // A slice of a GPU is a device of its own, by the profile that it has.
    let mut by_product: HashMap<(&str, Option<&str>), Count> = HashMap::new();
    for slice in current(slices.iter().map(AsRef::as_ref)) {
        for device in slice.spec.devices.iter().flatten() {
            let Some(product) = product(slice, device) else { continue };
            let count = by_product.entry((product, profile(slice, device))).or_default();
            count.there += 1;
            let is_held = held.contains(&(slice.spec.driver.as_str(), slice.spec.pool.name.as_str(), &device.name));
            count.held += usize::from(is_held);
        }
    }
    let of_model = |model: &Model| {
        let keys = model.product_names.iter().map(|name| (name.as_str(), model.profile.as_deref()));
        let counts = keys.filter_map(|key| by_product.get(&key));
        counts.fold(Count::default(), |all, it| Count { there: all.there + it.there, held: all.held + it.held })
    };
    policy.records().models.values().map(|model| (model.name.clone(), of_model(model))).collect()
}

#[cfg(test)]
mod tests {
    use policy_engine::policy::Records;
    use policy_engine::policy::model::{CORES, Sharing, WHOLE};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::ApiServer;
    use crate::world::Topic;

    fn slice(name: &str, generation: u64, devices: &[(&str, Value)]) -> (String, Value) {
        let devices: Vec<_> = devices
            .iter()
            .map(|(name, attributes)| json!({"name": name, "attributes": attributes, "capacity": {}}))
            .collect();
        let pool = json!({"name": "gpu-c", "generation": generation, "resourceSliceCount": 1});
        let object = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name},
            "spec": {"driver": "gpu.nvidia.com", "nodeName": "gpu-c", "pool": pool, "devices": devices}});
        (format!("/apis/resource.k8s.io/v1/resourceslices/{name}"), object)
    }

    #[tokio::test]
    async fn a_device_counts_once_by_its_product_and_is_held_by_whoever_was_given_it() {
        let h100 = json!({"productName": {"string": "H100"}, "type": {"string": "gpu"}, "index": {"int": 0}});
        let part = json!({"productName": {"string": "H100"}, "type": {"string": "mig"},
            "profile": {"string": "1g.10gb"}});
        let qualified = json!({"gpu.nvidia.com/productName": {"string": "H100"}});
        let foreign = json!({"else.example.com/productName": {"string": "H100"}});
        let claim = |name: &str, device: &str, admin: bool| {
            let result = json!({"request": "gpu", "driver": "gpu.nvidia.com", "pool": "gpu-c", "device": device,
                "adminAccess": admin});
            let object = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
                "metadata": {"name": name, "namespace": "n"}, "spec": {"devices": {"requests": []}},
                "status": {"allocation": {"devices": {"results": [result]}}}});
            (format!("/apis/resource.k8s.io/v1/namespaces/n/resourceclaims/{name}"), object)
        };
        let server = ApiServer::with_collections([
            slice("old", 1, &[("gone", h100.clone())]),
            slice("new", 2, &[("a", h100.clone()), ("a-part", part), ("b", qualified), ("c", foreign), ("d", h100)]),
            claim("one", "a", false),
            claim("again", "a", false),
            claim("monitoring", "d", true),
        ]);
        let world = server.world(&[Topic::ResourceSlices, Topic::ResourceClaims]).await;
        let mut records = Records::default();
        for (name, products, profile) in
            [("h100", vec!["H100"], None), ("none", vec!["B200"], None), ("slice", vec!["H100"], Some("1g.10gb"))]
        {
            let model = Model {
                name: name.into(),
                id: name.into(),
                device_class_name: "gpu.nvidia.com".into(),
                product_names: products.into_iter().map(str::to_owned).collect(),
                resource_names: Default::default(),
                sharing: Sharing::default(),
                compute_capacity: CORES.into(),
                profile: profile.map(str::to_owned),
                milli_gpu: WHOLE,
            };
            records.models.insert(name.into(), model);
        }
        let counts = of_models(&world, &records.into());
        let expected = [
            ("h100".into(), Count { there: 3, held: 1 }),
            ("none".into(), Count::default()),
            ("slice".into(), Count { there: 1, held: 0 }),
        ];
        assert_eq!(counts, expected.into());
    }
}
