//! # visible-devices: no variable and no annotation asks for devices
//!
//! Some container runtimes make devices of a node visible to a container because a variable of its environment says so, without a
//! claim: `NVIDIA_VISIBLE_DEVICES: all` is every GPU of the node, whoever holds them. The platform refuses a value that asks for
//! devices, in containers of every kind: `all`, indexes, UUIDs, names. It lets `void`, `none` and an empty value through. No value
//! names what a claim gives, because a claim is allocated only when its Pod is scheduled; and the devices of a claim are visible
//! without a variable. So remove it.
//!
//! The variables are `NVIDIA_VISIBLE_DEVICES`, `NVIDIA_IMEX_CHANNELS`, `AMD_VISIBLE_DEVICES`, `HABANA_VISIBLE_DEVICES`,
//! `ASCEND_VISIBLE_DEVICES`, `AWS_NEURON_VISIBLE_DEVICES`, `CAMBRICON_VISIBLE_DEVICES`, `MTHREADS_VISIBLE_DEVICES` and
//! `ENFLAME_VISIBLE_DEVICES`. `CUDA_VISIBLE_DEVICES` and others that only a library in the container reads are left alone.
//!
//! A value that is made of the Pod's own fields (`valueFrom.fieldRef`), or of another variable (`$(NAME)`), is refused too, because
//! whoever writes the Pod writes it.
//!
//! Annotations of a Pod, or of a pod template, give devices of the node in the same way, where a container runtime or one of its
//! plugins heeds them: those that begin with `cdi.k8s.io/`, those of NRI's device injectors (`devices.noderesource.dev`,
//! `cdi-devices.noderesource.dev`, `devices.nri.io`, `cdi-devices.nri.io`, `cdi.nri.io` and `devices.gke.io`, alone or before a `/`), and
//! those of CRI-O (`io.kubernetes.cri-o.Devices` and `devices.crio.io`). They are refused, unless their value is empty. What stands
//! already on a Pod that runs changes nothing there, and is left alone. (The rule `privilege` judges those that mount the node's paths.)
//!
//! The platform cannot see what an image, a ConfigMap or a Secret sets, nor what a process sets
//! for itself. Only the nodes can see to it that no variable gives a device: the runbook says how.

use std::fmt;

use crate::admission::findings::Findings;
use crate::object::accelerators::{gives_devices, of_variable};
use crate::submission::case::Case;
use crate::submission::pod::Pod;

/// Values that ask for no device.
const NOTHING: [&str; 3] = ["", "none", "void"];

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    case.pods.iter().filter(|_| !case.is_living_pod()).for_each(|pod| annotations(pod, say));
    for container in case.pods.iter().flat_map(|pod| pod.containers()) {
        for (index, variable) in container.env.iter().enumerate() {
            let Some(maker) = of_variable(&variable.name) else { continue };
            let at = container.at(["env"]).index(index);
            let asked = Asked { variable: &variable.name, devices: maker.devices };
            let value = variable.value.as_deref().filter(|value| !NOTHING.contains(value));
            if let Some(value) = value {
                say.deny(at.key("value"), format_args!("asked {}={value:?}, {asked}", variable.name));
            } else if let Some(from) = &variable.value_from
                && (from.field_ref.is_some() || from.resource_field_ref.is_some())
            {
                say.deny(
                    at.key("valueFrom"),
                    format_args!("asked {} from the Pod's own fields, {asked}", variable.name),
                );
            }
        }
    }
}

fn annotations(pod: &Pod<'_>, say: &mut Findings) {
    let annotations = pod.object().annotations().into_iter().flatten();
    for (key, value) in annotations.filter(|(key, value)| gives_devices(key) && value.as_str() != Some("")) {
        let at = pod.at(["metadata", "annotations"]).key(key.clone());
        let value = value.as_str().unwrap_or_default();
        let why = format!(
            "asked {value:?} by {key}, which makes container runtimes give devices of the node that the Pod has no claim for; ask for devices by a claim, and remove {key}"
        );
        say.deny(at, why);
    }
}

/// What a variable asks for.
struct Asked<'a> {
    variable: &'a str,
    devices: &'a str,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, devices } = self;
        write!(
            f,
            "which makes {devices} visible that the Pod has no claim for; void, none and an empty value are allowed; remove {variable}: the devices of a claim are visible without it"
        )
    }
}
