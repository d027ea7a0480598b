//! Makers of accelerators: by which names their devices are asked for, besides by claims that the platform judges.
//!
//! A maker stands here if a cluster can have its devices by a device plugin, by a driver of claims, or by a variable that its
//! container runtime heeds. Nothing else in Kubernetes tells an accelerator from a NIC: `habana.ai/gaudi` and `rdma/hca` are both
//! just names. What is missing here is left alone, as names that are no accelerator's are; an admin lists it in
//! `PlatformPolicy.spec.resourceNames`.

/// A maker, and the names of its devices.
#[derive(Debug)]
pub(crate) struct Maker {
    /// What people call the devices.
    pub(crate) devices: &'static str,
    /// How the extended resources begin of its device plugins, and of those that cut its devices into parts.
    pub(crate) resources: &'static [&'static str],
    /// Its drivers of claims.
    pub(crate) drivers: &'static [&'static str],
    /// The variables by which its container runtime makes devices visible. Variables that only a library in the container reads, such
    /// as `CUDA_VISIBLE_DEVICES`, take devices away and are not here.
    pub(crate) variables: &'static [&'static str],
}

/// Annotations of a Pod by which container runtimes, or their plugins, give its containers devices of the node: alone, or followed by
/// `/` and whose they are. Those of `cdi.k8s.io` name devices of the Container Device Interface; the others are those of NRI's device
/// injector under its names so far, of Google's, of NRI's CDI injector, and of CRI-O.
const INJECTING: [&str; 9] = [
    "cdi.k8s.io",
    "cdi-devices.noderesource.dev",
    "cdi-devices.nri.io",
    "cdi.nri.io",
    "devices.crio.io",
    "devices.gke.io",
    "devices.noderesource.dev",
    "devices.nri.io",
    "io.kubernetes.cri-o.Devices",
];

/// Whether an annotation of a Pod gives it devices of the node.
pub(crate) fn gives_devices(annotation: &str) -> bool {
    INJECTING.contains(&annotation.split('/').next().unwrap_or_default())
}

const fn maker(
    devices: &'static str,
    resources: &'static [&'static str],
    drivers: &'static [&'static str],
    variables: &'static [&'static str],
) -> Maker {
    Maker { devices, resources, drivers, variables }
}

/// Those whose devices are GPUs, and those that are asked for in the same way.
pub(crate) const MAKERS: &[Maker] = &[
    maker(
        "NVIDIA GPUs",
        // Besides NVIDIA's own plugin: Alibaba's, Tencent's, Volcano's and others, which share GPUs by names of theirs.
        &[
            "nvidia.com/",
            "aliyun.com/gpu",
            "tencent.com/vcuda",
            "volcano.sh/vgpu",
            "volcano.sh/gpu",
            "k8s.amazonaws.com/vgpu",
            "koordinator.sh/gpu",
            "baidu.com/",
            "elasticgpu.io/",
            "run.ai/gpu",
            "4paradigm.com/vgpu",
        ],
        &["gpu.nvidia.com", "hami-core-gpu.project-hami.io"],
        &["NVIDIA_VISIBLE_DEVICES", "NVIDIA_IMEX_CHANNELS", "NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES"],
    ),
    maker("AMD GPUs", &["amd.com/"], &["gpu.amd.com"], &["AMD_VISIBLE_DEVICES"]),
    maker("Intel GPUs", &["gpu.intel.com/"], &["gpu.intel.com"], &[]),
    maker("Intel NPUs", &["npu.intel.com/"], &["npu.intel.com"], &[]),
    maker("Alibaba PPUs", &["alibabacloud.com/ppu"], &[], &[]),
    maker("DeepX NPUs", &["deepx.ai/"], &[], &[]),
    maker("Intel Gaudi", &["habana.ai/"], &["gaudi.intel.com"], &["HABANA_VISIBLE_DEVICES"]),
    maker("Google TPUs", &["google.com/tpu", "cloud-tpus.google.com/"], &["tpu.google.com"], &[]),
    maker("AWS Neuron", &["aws.amazon.com/neuron"], &["neuron.aws.com"], &["AWS_NEURON_VISIBLE_DEVICES"]),
    maker("Huawei Ascend", &["huawei.com/Ascend", "huawei.com/npu"], &[], &["ASCEND_VISIBLE_DEVICES"]),
    maker("Cambricon MLUs", &["cambricon.com/"], &[], &["CAMBRICON_VISIBLE_DEVICES"]),
    maker("Hygon DCUs", &["hygon.com/"], &[], &[]),
    maker("Iluvatar GPUs", &["iluvatar.ai/", "iluvatar.com/"], &[], &[]),
    maker("Moore Threads GPUs", &["mthreads.com/"], &[], &["MTHREADS_VISIBLE_DEVICES"]),
    maker("MetaX GPUs", &["metax-tech.com/"], &[], &[]),
    maker("Enflame GCUs", &["enflame.com/"], &[], &["ENFLAME_VISIBLE_DEVICES"]),
    maker("Kunlunxin XPUs", &["kunlunxin.com/", "baidu.com/xpu"], &[], &[]),
    maker("Biren GPUs", &["birentech.com/"], &[], &[]),
    maker("Rebellions NPUs", &["rebellions.ai/"], &[], &[]),
    maker("Furiosa NPUs", &["furiosa.ai/", "beta.furiosa.ai/", "alpha.furiosa.ai/"], &["npu.furiosa.ai"], &[]),
    maker("Graphcore IPUs", &["graphcore.ai/"], &[], &[]),
    maker("Qualcomm Cloud AI", &["qualcomm.com/qaic"], &[], &[]),
    maker("Tenstorrent", &["tenstorrent.com/"], &[], &[]),
    maker("Vastai GPUs", &["vastaitech.com/"], &[], &[]),
    maker("Sophgo TPUs", &["sophgo.com/"], &[], &[]),
    maker("GPUs of Windows nodes", &["microsoft.com/directx"], &[], &[]),
];

/// Whose accelerators an extended resource of this name is: whose beginning is most of it.
pub(crate) fn of_resource(name: &str) -> Option<&'static Maker> {
    let begins = |maker: &Maker| maker.resources.iter().filter(|it| name.starts_with(**it)).map(|it| it.len()).max();
    MAKERS.iter().filter(|maker| begins(maker).is_some()).max_by_key(|maker| begins(maker))
}

/// Whose runtime makes devices visible by this variable.
pub(crate) fn of_variable(name: &str) -> Option<&'static Maker> {
    MAKERS.iter().find(|maker| maker.variables.contains(&name))
}

/// Names of HAMi's that look like extended resources and are amounts of each GPU: no devices are counted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Percent of each GPU's compute.
    Compute,
    /// Mebibytes of each GPU's memory.
    Memory,
    /// Percent of each GPU's memory.
    MemoryPercent,
    /// Which of HAMi's tasks goes first.
    Priority,
}

/// What an extended resource is an amount of, where it counts no devices.
pub(crate) fn share(name: &str) -> Option<Share> {
    match name {
        "nvidia.com/gpucores" => Some(Share::Compute),
        "nvidia.com/gpumem" => Some(Share::Memory),
        "nvidia.com/gpumem-percentage" => Some(Share::MemoryPercent),
        "nvidia.com/priority" => Some(Share::Priority),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_name_begins_a_resource_most_has_it() {
        let whose = |name| of_resource(name).map(|maker| maker.devices);
        assert_eq!(whose("baidu.com/v100_32g_cgpu"), Some("NVIDIA GPUs"));
        assert_eq!(whose("baidu.com/xpu"), Some("Kunlunxin XPUs"));
        assert_eq!(whose("rdma/hca"), None);
    }
}
