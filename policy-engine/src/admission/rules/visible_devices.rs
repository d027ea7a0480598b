//! # visible-devices: no variable asks for devices
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
//! whoever writes the Pod writes it. The platform cannot see what an image, a ConfigMap or a Secret sets, nor what a process sets
//! for itself. Only the nodes can see to it that no variable gives a device: the runbook says how.

use std::fmt;

use crate::admission::findings::Findings;
use crate::object::accelerators::of_variable;
use crate::submission::case::Case;

/// Values that ask for no device.
const NOTHING: [&str; 3] = ["", "none", "void"];

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
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
