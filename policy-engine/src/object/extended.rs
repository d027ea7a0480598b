//! Names of extended resources that stand for devices.

/// Every DeviceClass can be asked for by this and its name.
pub const OF_CLASS: &str = "deviceclass.resource.kubernetes.io/";
/// What NVIDIA's charts ask for, whatever DeviceClass there is.
pub(crate) const NVIDIA_GPU: &str = "nvidia.com/gpu";
/// Whoever hands out such resources hands out GPUs.
const GPU_MAKERS: [&str; 3] = ["nvidia.com/", "amd.com/", "gpu.intel.com/"];

pub(crate) fn is_gpu_makers(name: &str) -> bool {
    GPU_MAKERS.iter().any(|maker| name.starts_with(maker))
}
