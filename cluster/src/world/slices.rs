//! What ResourceSlices say of devices.

use std::collections::HashMap;

use k8s_openapi::api::resource::v1::{Device, ResourceSlice};
use policy_engine::policy::quantity::{self, Unit};
use policy_engine::submission::inventory::{self, Inventory};

use super::keep::{DEVICE_TYPE, MEMORY, MODEL, PRODUCT_NAME, PROFILE};

/// What NVIDIA's driver calls a slice of a GPU, which is published beside the whole one.
const PART: &str = "mig";

/// The devices that there are.
pub(crate) fn inventory<'a>(slices: impl Iterator<Item = &'a ResourceSlice> + Clone) -> Inventory {
    let devices = current(slices).flat_map(|slice| slice.spec.devices.iter().flatten().map(move |it| (slice, it)));
    let known = devices.filter_map(|(slice, device)| {
        let (product, profile) = (product(slice, device), profile(slice, device));
        // Of one that has neither nobody knows what it is.
        let product = product.or(profile.map(|_| ""))?;
        Some(inventory::Device {
            node: device.node_name.as_deref().or(slice.spec.node_name.as_deref()),
            product,
            profile,
            memory: memory(slice, device),
            is_shared: device.allow_multiple_allocations == Some(true),
        })
    });
    Inventory::of(known)
}

/// The slices of each pool's newest generation: the driver is about to take the others away.
pub(crate) fn current<'a>(
    slices: impl Iterator<Item = &'a ResourceSlice> + Clone,
) -> impl Iterator<Item = &'a ResourceSlice> {
    let mut newest: HashMap<(&str, &str), i64> = HashMap::new();
    let pool = |slice: &'a ResourceSlice| (slice.spec.driver.as_str(), slice.spec.pool.name.as_str());
    for slice in slices.clone() {
        let known = newest.entry(pool(slice)).or_default();
        *known = slice.spec.pool.generation.max(*known);
    }
    slices.filter(move |slice| newest.get(&pool(slice)) == Some(&slice.spec.pool.generation))
}

/// The product name by which GpuModels know a device.
pub(crate) fn product<'a>(slice: &ResourceSlice, device: &'a Device) -> Option<&'a str> {
    attribute(slice, device, PRODUCT_NAME).or_else(|| attribute(slice, device, MODEL))
}

/// Which slice of a GPU a device is; `None` for a whole one.
pub(crate) fn profile<'a>(slice: &ResourceSlice, device: &'a Device) -> Option<&'a str> {
    match attribute(slice, device, DEVICE_TYPE) {
        Some(PART) => attribute(slice, device, PROFILE),
        _ => None,
    }
}

fn memory(slice: &ResourceSlice, device: &Device) -> Option<u64> {
    let capacity = device.capacity.as_ref()?;
    let qualified = || capacity.get(&format!("{}/{MEMORY}", slice.spec.driver));
    let memory = capacity.get(MEMORY).or_else(qualified)?;
    quantity::parse_up(&memory.value.0, Unit::One).ok()
}

/// An attribute of a device, in the domain of its driver unless it says another.
fn attribute<'a>(slice: &ResourceSlice, device: &'a Device, name: &str) -> Option<&'a str> {
    let attributes = device.attributes.as_ref()?;
    let qualified = || attributes.get(&format!("{}/{name}", slice.spec.driver));
    attributes.get(name).or_else(qualified)?.string.as_deref()
}
