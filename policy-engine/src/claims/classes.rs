//! DeviceClasses, as far as claims rest on them.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::DeviceClassSpec;

/// DeviceClasses by name.
pub type DeviceClasses = BTreeMap<String, DeviceClassSpec>;
