//! Why extended resources are refused that are no GPUs of a model: what was asked, what is allowed, what to do.

use crate::contract;
use crate::gpu::extended::NoClass;
use crate::object::accelerators::Share;
use crate::object::extended::NVIDIA_GPU;
use crate::submission::case::Case;

/// The labels that ask for the same as one of HAMi's names.
pub(super) fn share(name: &str, asked: Option<u64>, share: Share) -> String {
    let text = asked.map_or_else(|| "<number>".to_owned(), |asked| asked.to_string());
    let memory =
        |size: &str| format!("the labels {}: hard_cap and {}: {size}", contract::VRAM_POLICY, contract::PINNED_MEMORY);
    let (what, labels) = match share {
        Share::Compute => ("percent of each GPU's compute", format!("the label {}: \"{text}\"", contract::SM_PERCENT)),
        Share::Memory => ("mebibytes of each GPU's memory", memory(&format!("{text}Mi"))),
        Share::MemoryPercent => ("percent of each GPU's memory", memory("<size>, such as 20Gi")),
        Share::Priority => {
            return format!(
                "asked {name}, which orders HAMi's tasks and counts no devices; the queue decides who goes first; remove it"
            );
        }
    };
    format!(
        "asked {text} of {name}, which are {what} and no devices; {NVIDIA_GPU} counts devices; put {labels} on the Pod instead"
    )
}

pub(super) fn accelerator(name: &str, devices: &str) -> String {
    format!(
        "asked {name}, a name of {devices} that nobody listed; ask for a GPU model by labels, or ask an admin to list the name in the resourceNames of a GpuModel, or in PlatformPolicy.spec.resourceNames with a price or to be ignored"
    )
}

pub(super) fn refused(name: &str, pattern: &str) -> String {
    format!(
        "asked {name}; PlatformPolicy.spec.resourceNames refuses {pattern}; remove it, or ask an admin to change that line"
    )
}

pub(super) fn class(case: &Case<'_>, name: &str, class: &str, why: NoClass) -> String {
    match why {
        NoClass::Missing => {
            format!(
                "asked {name}, and there is no DeviceClass {class}; name one that exists, or ask an admin to create it"
            )
        }
        NoClass::NotListed => {
            let listed = case.policy.platform().device_classes.keys().cloned().collect::<Vec<_>>().join(", ");
            format!(
                "asked {name}, of DeviceClass {class}, whose devices are no GPUs; of such the platform allows {listed}; ask for one of those, or ask an admin to list it in PlatformPolicy.spec.deviceClasses"
            )
        }
        NoClass::MayBeGpu => format!(
            "asked {name}; the selectors of DeviceClass {class} do not keep GPUs out, and only a claim can be narrowed away from them; ask by a ResourceClaim of that class"
        ),
    }
}
