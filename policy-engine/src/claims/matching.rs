//! Which of the known models a request may match.

use k8s_openapi::api::resource::v1::DeviceSelector;

use crate::devices::DeviceClasses;
use crate::policy::Policy;
use crate::policy::model::Model;

/// The known models of whose devices a request's class and selectors may let one through.
pub(super) fn matching<'a>(
    class: &str,
    _selectors: &[DeviceSelector],
    _classes: &DeviceClasses,
    policy: &'a Policy,
) -> Vec<&'a Model> {
    let models = policy.records().models.values();
    let of_class: Vec<_> = models.clone().filter(|model| model.device_class_name == class).collect();
    if of_class.is_empty() { models.collect() } else { of_class }
}
