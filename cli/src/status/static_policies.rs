//! Whether the static policies decide: one without its binding, or with one that looks at less, decides nothing, and nothing
//! says so. Where none of them is there, the values may say `staticPolicies: "Off"`.

use serde_json::Value;

use super::chart;
use super::entries::{mend, most};
use super::finding::{Finding, What};
use super::seen::Seen;
use super::selection::selectors;

/// They refuse whatever else is only warned of: a question that is stored would fill the store, and what is held is somebody's.
pub(super) const ALWAYS: [&str; 2] = ["sluice-holds", "sluice-reviews"];

/// What is wrong with them.
pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let (Ok(policies), Ok(bindings)) = (&seen.static_policies, &seen.bindings) else { return Vec::new() };
    if policies.is_empty() && bindings.is_empty() {
        return Vec::new();
    }
    // `staticPolicies` of the values says one thing for all the others.
    let usual = most(bindings.iter().filter(|it| !ALWAYS.contains(&name(it))).map(actions));
    let mut findings = Vec::new();
    let mut add = |says: String| findings.push(Finding::new(What::StaticPolicies, says, mend()));
    for expected in chart::documents("ValidatingAdmissionPolicy") {
        let name = name(&expected);
        let policy = policies.iter().find(|it| self::name(it) == name);
        let binding = bindings.iter().find(|it| it["spec"]["policyName"] == name);
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
                differences.extend(of_binding(name, binding, usual.as_deref()));
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

fn of_binding(name: &str, found: &Value, usual: Option<&str>) -> Option<String> {
    let spec = &found["spec"];
    if ["matchResources", "paramRef"].iter().any(|field| !spec[field].is_null()) {
        return Some("its binding looks at less than all of it".to_owned());
    }
    let actions = actions(found);
    let expected = if ALWAYS.contains(&name) { Some(r#"["Deny"]"#) } else { usual };
    expected.filter(|it| *it != actions).map(|expected| format!("its binding says {actions}, and not {expected}"))
}

fn actions(binding: &Value) -> String {
    binding["spec"]["validationActions"].to_string()
}
