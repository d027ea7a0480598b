//! How much a device has of something, and in which steps it is taken.

use k8s_openapi::api::resource::v1::DeviceCapacity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use policy_engine::daemons::preemption::view::devices::{Capacity, Steps};
use policy_engine::policy::quantity::{self, Unit};

/// Whole pieces: what there is is rounded down, and what is taken up. What cannot be read is nothing.
pub(super) fn read(capacity: &DeviceCapacity) -> Capacity {
    let total = down(&capacity.value).unwrap_or_default();
    let Some(policy) = &capacity.request_policy else {
        return Capacity { total, unasked: total, steps: Steps::Any };
    };
    let unasked = policy.default.as_ref().map_or(Some(total), taken);
    let steps = match (&policy.valid_range, &policy.valid_values) {
        (Some(range), _) => Some(Steps::Range {
            least: taken(&range.min).unwrap_or(u64::MAX),
            most: range.max.as_ref().map_or(Some(total), down).unwrap_or_default(),
            step: range.step.as_ref().map_or(Some(0), taken).unwrap_or(u64::MAX),
        }),
        (None, Some(values)) => values.iter().map(taken).collect::<Option<_>>().map(Steps::Values),
        (None, None) => Some(Steps::Any),
    };
    Capacity { total, unasked: unasked.unwrap_or(u64::MAX), steps: steps.unwrap_or(Steps::Values(Vec::new())) }
}

/// How much is asked or taken.
pub(super) fn taken(amount: &Quantity) -> Option<u64> {
    quantity::parse_up(&amount.0, Unit::One).ok()
}

fn down(amount: &Quantity) -> Option<u64> {
    quantity::parse_down(&amount.0, Unit::One).ok()
}
