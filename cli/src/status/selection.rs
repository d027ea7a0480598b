//! Whom an entry of a webhook passes over: its selectors and its conditions, beside the chart's.
//!
//! Names of namespaces, accounts and groups are the values' own, which a chart with other values has otherwise: where the
//! PlatformPolicy lists them, which is rendered from the same values, they are what the chart renders.

use std::collections::BTreeSet;

use serde_json::Value;

use super::seen::Seen;

/// Where the chart names namespaces.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// The accounts of a process, however its parts are deployed.
const ACCOUNTS: [&str; 3] = ["sluice", "sluice-webhook", "sluice-reapers"];
/// The one condition that the chart renders for some values alone: operators that the policy lists delete by themselves.
const OPERATORS: (&str, &str) = ("not-a-trusted-controller", "!(request.userInfo.?username.orValue('') in […])");

/// Selectors that pass over something that the chart's do not.
pub(super) fn selectors(expected: &Value, found: &Value) -> Vec<String> {
    let which = ["objectSelector", "namespaceSelector"].into_iter();
    let differ = which.filter(|field| requirements(&expected[field]) != requirements(&found[field]));
    differ
        .map(|field| match requirements(&expected[field]).is_empty() {
            true => format!("it has {field}, and the chart's has none"),
            false => format!("its {field} is not the chart's"),
        })
        .collect()
}

/// What a selector asks; of namespaces by name, that it does.
fn requirements(selector: &Value) -> BTreeSet<String> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={value}"));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().map(|it| {
        let (key, operator) = (&it["key"], &it["operator"]);
        let values = if key == NAMESPACE_NAME && operator == "NotIn" { &Value::Null } else { &it["values"] };
        format!("{key} {operator} {values}")
    });
    labels.chain(expressions).collect()
}

/// Conditions that are not the chart's, by name.
pub(super) fn conditions(expected: &Value, found: &Value) -> Option<String> {
    let (expected, found) = (said(expected), said(found));
    let is_operators = |(name, expression): &&(String, String)| (name.as_str(), expression.as_str()) == OPERATORS;
    let differ = expected.symmetric_difference(&found).filter(|it| !is_operators(it));
    let names: BTreeSet<_> = differ.map(|(name, _)| name.as_str()).collect();
    let names: Vec<_> = names.into_iter().collect();
    (!names.is_empty()).then(|| format!("its matchConditions are not the chart's ({})", names.join(", ")))
}

fn said(entry: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = entry["matchConditions"].as_array().into_iter().flatten();
    all.map(|it| (text(&it["name"]), apart(it["expression"].as_str().unwrap_or_default()).0)).collect()
}

/// An expression without the lists that follow from values, and what is in those. The chart writes them as JSON, and its own
/// lists with single quotes.
fn apart(expression: &str) -> (String, Vec<String>) {
    let mut words = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut listed = Vec::new();
    while let Some(at) = words.find("[\"") {
        let mut lists = serde_json::Deserializer::from_str(&words[at..]).into_iter::<Vec<String>>();
        let Some(Ok(list)) = lists.next() else { break };
        let end = at + lists.byte_offset();
        words.replace_range(at..end, "[…]");
        listed.extend(list);
    }
    (words, listed)
}

/// Names for which an entry is not asked, though neither the policy nor the chart names them.
pub(super) fn lists(found: &Value, seen: &Seen) -> Option<String> {
    let policy = seen.policy.as_ref().ok()?.as_ref()?;
    let namespace = &seen.place.namespace;
    let accounts = ACCOUNTS.map(|it| format!("system:serviceaccount:{namespace}:{it}"));
    let known = |name: &String| {
        policy.listed_names.contains(name)
            || ["kube-system", "system:masters", namespace].contains(&name.as_str())
            || accounts.contains(name)
    };
    let selected = found["namespaceSelector"]["matchExpressions"].as_array().into_iter().flatten();
    let selected = selected.filter(|it| it["key"] == NAMESPACE_NAME).flat_map(|it| it["values"].as_array());
    let selected = selected.flatten().filter_map(Value::as_str).map(str::to_owned);
    let conditions = found["matchConditions"].as_array().into_iter().flatten();
    let named = conditions.flat_map(|it| apart(it["expression"].as_str().unwrap_or_default()).1);
    let foreign: BTreeSet<_> = selected.chain(named).filter(|name| !known(name)).collect();
    let foreign: Vec<_> = foreign.into_iter().collect();
    (!foreign.is_empty()).then(|| {
        format!("it passes over {}, which neither the policy nor --namespace {namespace} names", foreign.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_follow_from_values_are_told_from_what_is_said() {
        let (words, listed) = apart("!(x in [\"a]\", \"b\"]) &&\n  y in ['c'] && z in [\"d\"]");
        assert_eq!(words, "!(x in […]) && y in ['c'] && z in […]");
        assert_eq!(listed, ["a]", "b", "d"]);
        assert_eq!(apart("[\"unended").0, "[\"unended", "what is no list stays");
    }
}
