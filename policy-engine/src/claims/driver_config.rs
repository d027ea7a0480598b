//! What a driver is told about the sharing of a device: in the opaque parameters of NVIDIA's driver, or as a request
//! of capacity.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{CapacityRequirements, OpaqueDeviceConfiguration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, LEAST_PINNED, Vram};
use crate::policy::quantity::{self, Unit};

/// The driver that reads [`KIND`].
pub const DRIVER: &str = "gpu.nvidia.com";
const API_VERSION: &str = "resource.nvidia.com/v1beta1";
const KIND: &str = "GpuConfig";
/// The capacity of devices that is their memory, in bytes. That of their compute has many names.
const MEMORY: &str = "memory";

/// What a driver is told about one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The share of its compute, 1 to 100.
    pub sm_percent: u64,
    /// How its memory is used.
    pub vram: Vram,
}

impl Told {
    /// Nothing: the device is one claim's alone.
    pub const NOTHING: Self = Self { sm_percent: 100, vram: Vram::Elastic };
}

/// The parameters of NVIDIA's driver for an ask; `None` where there is nothing to tell.
pub(super) fn gpu_config(ask: &Ask<'_>) -> Option<RawExtension> {
    let mut mps = serde_json::Map::new();
    if ask.sm_percent < 100 {
        mps.insert("defaultActiveThreadPercentage".into(), ask.sm_percent.into());
    }
    if let Vram::HardCap(bytes) = ask.vram {
        mps.insert("defaultPinnedDeviceMemoryLimit".into(), binary(bytes).into());
    }
    if mps.is_empty() {
        return None;
    }
    let sharing = json!({"strategy": "MPS", "mpsConfig": mps});
    Some(RawExtension(json!({"apiVersion": API_VERSION, "kind": KIND, "sharing": sharing})))
}

/// The capacity that is requested for an ask, where compute is called so.
pub(crate) fn capacity(ask: &Ask<'_>, compute: &str) -> BTreeMap<String, Quantity> {
    let cores = (ask.sm_percent < 100).then(|| (compute.to_owned(), Quantity(ask.sm_percent.to_string())));
    let memory = match ask.vram {
        Vram::Elastic => None,
        Vram::HardCap(bytes) => Some((MEMORY.to_owned(), Quantity(binary(bytes)))),
    };
    cores.into_iter().chain(memory).collect()
}

/// Bytes in the largest unit that holds them exactly.
pub(crate) fn binary(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let unit = UNITS.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    unit.map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GpuConfig {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    sharing: Option<Sharing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sharing {
    strategy: Strategy,
    #[serde(rename = "timeSlicingConfig")]
    _time_slicing: Option<Value>,
    mps_config: Option<Mps>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Strategy {
    #[serde(rename = "MPS")]
    Mps,
    TimeSlicing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mps {
    default_active_thread_percentage: Option<i64>,
    default_pinned_device_memory_limit: Option<Value>,
    default_per_device_pinned_memory_limit: Option<BTreeMap<String, Value>>,
    #[serde(rename = "multiUser")]
    _multi_user: Option<bool>,
}

/// What parameters tell NVIDIA's driver about sharing; `None` where they are none of its GPUs'.
///
/// # Errors
/// Where the driver would refuse them, or where they say what the platform cannot count.
pub(super) fn read(opaque: &OpaqueDeviceConfiguration) -> Option<Result<Told, String>> {
    let text = |key: &str| opaque.parameters.0.get(key).and_then(Value::as_str).unwrap_or_default();
    // The group was the driver's name in its first versions.
    let group = text("apiVersion").split_once('/').map(|(group, _)| group);
    let ours = opaque.driver == DRIVER && text("kind") == KIND && matches!(group, Some("resource.nvidia.com" | DRIVER));
    ours.then(|| of_gpu_config(&opaque.parameters.0))
}

fn of_gpu_config(parameters: &Value) -> Result<Told, String> {
    let config = GpuConfig::deserialize(parameters).map_err(|why| why.to_string())?;
    let Some(sharing) = config.sharing.filter(|sharing| sharing.strategy == Strategy::Mps) else {
        return Ok(Told::NOTHING);
    };
    let Some(mps) = sharing.mps_config else { return Ok(Told::NOTHING) };
    let sm_percent = match mps.default_active_thread_percentage {
        None => 100,
        Some(percent) => u64::try_from(percent)
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .ok_or_else(|| format!("asked {percent} percent of each device's compute"))?,
    };
    let mut pinned = mps.default_pinned_device_memory_limit.as_ref().map(bytes).transpose()?;
    // The largest of several is what nobody gets more than.
    for limit in mps.default_per_device_pinned_memory_limit.iter().flat_map(BTreeMap::values) {
        pinned = pinned.max(Some(bytes(limit)?));
    }
    Ok(Told { sm_percent, vram: pinned.map_or(Vram::Elastic, Vram::HardCap) })
}

fn bytes(limit: &Value) -> Result<u64, String> {
    let text = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
    match quantity::parse(&text, Unit::One) {
        Ok(bytes) if bytes >= LEAST_PINNED => Ok(bytes),
        Ok(_) => Err(format!("asked a memory limit of {text}, and the driver takes none below 1Mi")),
        Err(why) => Err(format!("asked a memory limit of {text:?}: {why}")),
    }
}

/// What a request of capacity tells a driver that hands out parts of devices, and calls their compute so.
///
/// # Errors
/// Where an amount is none, or more than a device has.
pub(super) fn of_capacity(capacity: Option<&CapacityRequirements>, compute: &str) -> Result<Told, String> {
    let requests = capacity.and_then(|capacity| capacity.requests.as_ref());
    let named = |wanted: &str| {
        let local = |name: &str| name.rsplit('/').next() == Some(wanted);
        requests.and_then(|requests| requests.iter().find(|(name, _)| local(name)))
    };
    let sm_percent = match named(compute) {
        None => 100,
        Some((_, Quantity(text))) => quantity::parse(text, Unit::One)
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .ok_or_else(|| format!("asked {text:?} {compute}, which is percent of each device's compute"))?,
    };
    let vram = match named(MEMORY) {
        None => Vram::Elastic,
        Some((_, Quantity(text))) => Vram::HardCap(
            quantity::parse(text, Unit::One).map_err(|why| format!("asked {text:?} of device memory: {why}"))?,
        ),
    };
    Ok(Told { sm_percent, vram })
}
