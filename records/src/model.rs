//! `GpuModel`: a kind of GPU that people ask for by name.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use policy_engine::policy::model::CORES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Amount, CapacityName, ClassName, DisplayName, LabelValue, ProductName, ProfileName, QualifiedName};

/// What an admin says about a GPU model.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "GpuModel",
    plural = "gpumodels",
    shortname = "sgm",
    status = "GpuModelStatus",
    doc = "A kind of GPU that people ask for by name.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("a name has at most 63 characters: labels carry it"),
    printcolumn(name = "Devices", type_ = "integer", json_path = ".status.devices"),
    printcolumn(name = "Allocated", type_ = "integer", json_path = ".status.allocated"),
    // For `-o wide`.
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct GpuModelSpec {
    /// What labels carry for this model. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LabelValue>,
    /// Name for people. Absent: the record's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The DeviceClass that its devices are asked from, e.g. gpu.nvidia.com.
    pub device_class_name: ClassName,
    /// The productName values of its devices, letter for letter as the driver publishes them; of a driver that publishes none,
    /// the values of their attribute model.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub product_names: Vec<ProductName>,
    /// The MIG profile of its devices, e.g. 1g.10gb; then productNames may be absent, which means any product. Absent: whole
    /// devices. A slice is not shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// What one device costs in GPU, e.g. "0.143" for a seventh; thousandths are the least that is counted.
    #[serde(default = "whole")]
    pub price: Amount,
    /// Extended resources that mean this model, e.g. nvidia.com/rtx5090 or nvidia.com/mig-1g.10gb.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub resource_names: Vec<QualifiedName>,
    /// How several workloads share a device. MPS and TimeSlicing: within one claim. Capacity: the driver hands out
    /// parts of it to several claims. None: not at all.
    #[serde(default)]
    pub sharing: Sharing,
    /// With the sharing Capacity: what the driver calls the capacity that is percent of a device's compute, e.g. compute.
    #[serde(default = "cores")]
    pub compute_capacity: CapacityName,
}

fn cores() -> CapacityName {
    CapacityName(CORES.to_owned())
}

fn whole() -> Amount {
    Amount::Number(1)
}

/// How several workloads share a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sharing {
    /// NVIDIA's Multi-Process Service, within one claim.
    #[default]
    #[serde(rename = "MPS")]
    Mps,
    /// Taking turns, within one claim.
    TimeSlicing,
    /// Parts of a device for several claims.
    Capacity,
    /// Not at all.
    None,
}

/// Written by the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GpuModelStatus {
    /// Devices of this model that drivers publish in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<i64>,
    /// Of these, devices that a claim holds, alone or with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<i64>,
    /// Whether the record can be used, and what it refers to that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
