//! # resources: containers that ask for no CPU or memory get the plan's defaults
//!
//! If the plan has `defaults`, the platform gives a container that states neither a request nor a limit of CPU or
//! memory the default as its request. It leaves what a container or the Pod as a whole asks for as it is. A plan
//! without `defaults` adds nothing. The platform writes to Pods only, when they are made. This rule refuses nothing.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::admission::findings::Findings;
use crate::submission::case::Case;
use crate::submission::pod::ContainerList;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let (Some(pod), Some(plan)) = (case.new_pod(), case.plan()) else { return };
    let defaults = [("cpu", &plan.defaults.cpu), ("memory", &plan.defaults.memory)];
    for (resource, default) in defaults {
        let Some(Quantity(default)) = default else { continue };
        if asks(pod.spec.resources.as_ref(), resource) {
            continue;
        }
        // Ephemeral containers may not ask for resources.
        for container in pod.containers().filter(|it| it.list != ContainerList::Ephemeral) {
            if !asks(container.resources, resource) {
                say.impose(container.at(["resources", "requests", resource]), default.as_str());
            }
        }
    }
}

fn asks(requirements: Option<&ResourceRequirements>, resource: &str) -> bool {
    requirements.is_some_and(|it| {
        [&it.requests, &it.limits].into_iter().flatten().any(|quantities| quantities.contains_key(resource))
    })
}
