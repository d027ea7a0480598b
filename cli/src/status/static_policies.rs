//! Whether the static policies decide: one without its binding, or with one that looks at less, decides nothing, and nothing
//! says so. Where none of them is there, the values may say `staticPolicies: "Off"`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::chart;
use super::entries::mend;
use super::finding::{Finding, What};
use super::seen::Seen;
use super::selection::selectors;

/// It refuses whatever else is only warned of: a question that is stored would fill the store.
const REVIEWS: &str = "sluice-reviews";

/// What is wrong with them.
pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let (Ok(policies), Ok(bindings)) = (&seen.static_policies, &seen.bindings) else { return Vec::new() };
    if policies.is_empty() && bindings.is_empty() {
        return Vec::new();
    }
    let named = |all: &'static str| chart::documents(all).into_iter().map(|it| (name(&it).to_owned(), it));
    let (expected, bound) =
        (named("ValidatingAdmissionPolicy"), named("ValidatingAdmissionPolicyBinding").collect::<BTreeMap<_, _>>());
    let usual = usual(bindings);
    let mut findings = Vec::new();
    let mut add = |says: String| findings.push(Finding::new(What::StaticPolicies, says, mend()));
    for (name, expected) in expected {
        let policy = policies.iter().find(|it| self::name(it) == name);
        let binding = bindings.iter().find(|it| it["spec"]["policyName"] == name.as_str());
        match (policy, binding) {
            (None, None) => {
                add(format!("the ValidatingAdmissionPolicy {name} and its binding are gone, and others are there"))
            }
            (Some(_), None) => {
                add(format!("the ValidatingAdmissionPolicy {name} has no binding, so that it decides nothing"))
            }
            (None, Some(_)) => add(format!("the ValidatingAdmissionPolicyBinding {name} is of a policy that is gone")),
            (Some(policy), Some(binding)) => {
                let mut differences = differences(&expected, policy);
                differences.extend(bound.get(&name).and_then(|expected| of_binding(expected, binding, usual.as_ref())));
                if !differences.is_empty() {
                    add(format!("the ValidatingAdmissionPolicy {name} is not the chart's: {}", differences.join("; ")));
                }
            }
        }
    }
    findings
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let (expected, found) = (&expected["spec"], &found["spec"]);
    let mut differences = selectors(&expected["matchConstraints"], &found["matchConstraints"]);
    if found["matchConstraints"]["excludeResourceRules"].as_array().is_some_and(|rules| !rules.is_empty()) {
        differences.push("it has excludeResourceRules, and the chart's has none".to_owned());
    }
    let count = |spec: &Value| spec["validations"].as_array().map_or(0, Vec::len);
    if count(expected) != count(found) {
        differences.push(format!("it has {} validations, and the chart's {}", count(found), count(expected)));
    }
    if expected["failurePolicy"] != found["failurePolicy"] {
        differences.push(format!(
            "its failurePolicy is {}, and the chart's {}",
            found["failurePolicy"], expected["failurePolicy"]
        ));
    }
    differences
}

fn of_binding(expected: &Value, found: &Value, usual: Option<&Value>) -> Option<String> {
    let spec = &found["spec"];
    if ["matchResources", "paramRef"].iter().any(|field| !spec[field].is_null()) {
        return Some("its binding looks at less than all of it".to_owned());
    }
    let actions = &spec["validationActions"];
    let expected = if name(expected) == REVIEWS { Some(&expected["spec"]["validationActions"]) } else { usual };
    expected.filter(|it| *it != actions).map(|expected| format!("its binding says {actions}, and not {expected}"))
}

/// What most of the bindings do: `staticPolicies` of the values says one thing for all.
fn usual(bindings: &[Value]) -> Option<Value> {
    let mut counts: BTreeMap<String, (usize, &Value)> = BTreeMap::new();
    for actions in bindings.iter().filter(|it| name(it) != REVIEWS).map(|it| &it["spec"]["validationActions"]) {
        counts.entry(actions.to_string()).or_insert((0, actions)).0 += 1;
    }
    counts.into_values().max_by_key(|(count, _)| *count).map(|(_, actions)| actions.clone())
}
