//! GPU models.

use std::collections::BTreeSet;

use serde::Serialize;

use super::names::ModelName;

/// A kind of GPU that people ask for by name.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// The record's name.
    pub name: ModelName,
    /// What labels carry.
    pub id: String,
    /// The DeviceClass that its devices are asked from.
    pub device_class_name: String,
    /// The exact product names of devices of this model: their `productName`, or `model` where their driver says that instead.
    pub product_names: BTreeSet<String>,
    /// Extended-resource names that mean this model.
    pub resource_names: BTreeSet<String>,
    /// The MIG profile that its devices have, such as `1g.10gb`; `None` for whole devices.
    pub profile: Option<String>,
    /// What one device costs, in thousandths of a GPU.
    pub milli_gpu: u64,
    /// How several workloads share one device of it.
    pub sharing: Sharing,
    /// What its driver calls the capacity that is a device's compute, in percent.
    pub compute_capacity: String,
}

impl Model {
    /// Whether a device of this product and profile is one of it. A profile that names no product is that of any.
    pub fn is(&self, product: &str, profile: Option<&str>) -> bool {
        let any = self.product_names.is_empty() && self.profile.is_some();
        profile == self.profile.as_deref() && (any || self.product_names.contains(product))
    }
}

/// What drivers with parts of devices call their compute, unless their model says otherwise.
pub const CORES: &str = "cores";

/// What a device costs unless its model says otherwise.
pub const WHOLE: u64 = 1000;

/// How several workloads share one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Sharing {
    /// NVIDIA's Multi-Process Service, within one claim.
    #[default]
    Mps,
    /// Taking turns, within one claim.
    TimeSlicing,
    /// The driver hands out parts of a device to several claims.
    Capacity,
    /// Not at all.
    None,
}
