//! The models that a claim may have, and the selector that lets it have no other.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::policy::Policy;
use crate::policy::model::Model;
use crate::policy::plan::Plan;
use crate::policy::queue::Queue;

/// The models of a plan that a queue takes too. Without a plan they are those of `PlatformPolicy.withoutPlan`; no queue
/// takes them all.
pub fn allowed_models<'a>(policy: &'a Policy, plan: Option<&Plan>, queue: Option<&Queue>) -> Vec<&'a Model> {
    let records = policy.records();
    let without_plan = &records.platform.without_plan.gpu_models;
    let planned = plan.map_or(without_plan, |plan| &plan.gpu_models);
    let taken = |model: &&Model| {
        queue.is_none_or(|queue| queue.gpu_models.is_empty() || queue.gpu_models.contains(&model.name))
    };
    planned.iter().filter_map(|name| records.models.get(name)).filter(taken).collect()
}

/// The selector that a device passes only if it is of one of these models. Without models no device does.
///
/// A device without a product name is of none of them, and is no error: an error would keep the scheduler from placing
/// the Pod on any device.
pub fn narrowing(models: &[&Model]) -> String {
    let names: BTreeSet<_> = models.iter().flat_map(|model| &model.product_names).collect();
    // A JSON text is a text of CEL.
    let names: Vec<_> = names.into_iter().map(|name| Value::from(name.as_str()).to_string()).collect();
    format!("{NARROWING}[{}]", names.join(", "))
}

/// How a selector of the platform begins; a list of product names follows.
const NARROWING: &str = r#"device.attributes[device.driver].?productName.orValue("") in "#;

/// Whether a selector has the form of the platform's.
pub(crate) fn is_narrowing(expression: &str) -> bool {
    narrowed_to(expression).is_some()
}

/// The product names that a selector of the platform's form lets through.
pub(super) fn narrowed_to(expression: &str) -> Option<BTreeSet<String>> {
    serde_json::from_str(expression.strip_prefix(NARROWING)?).ok()
}
