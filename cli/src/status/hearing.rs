//! What the rules of a webhook's entry hear of.

use std::collections::BTreeSet;
use std::fmt;

use policy_engine::object::kinds::GroupResource;
use serde_json::Value;

/// An entry that hears of these hears of the kinds of workload that an admin lists.
const DEPLOYMENTS: (&str, &str) = ("apps", "deployments");
/// What stands for everything in a rule.
const ALL: &str = "*";

/// One combination that a rule has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hearing {
    operation: String,
    group: String,
    version: String,
    /// With the subresource: `pods/exec`.
    resource: String,
    scope: String,
}

impl fmt::Display for Hearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, group, resource, version: _, scope: _ } = self;
        let dot = if group.is_empty() { "" } else { "." };
        write!(f, "{operation} of {resource}{dot}{group}")
    }
}

impl Hearing {
    /// Whether whoever has this hears of that.
    fn covers(&self, other: &Self) -> bool {
        let is = |has: &str, should: &str| has == ALL || should == ALL || has == should;
        let (has, has_sub) = parts(&self.resource);
        let (should, should_sub) = parts(&other.resource);
        // `*` is every resource without its subresources, `*/*` with them.
        let resource = (has == ALL || has == should)
            && match (has_sub, should_sub) {
                (None, None) => true,
                (None, Some(_)) => false,
                (Some(ALL), None) => has == ALL,
                (Some(has), Some(should)) => has == ALL || has == should,
                (Some(_), None) => false,
            };
        let exactly = |has: &str, should: &str| has == ALL || has == should;
        resource
            && exactly(&self.operation, &other.operation)
            && exactly(&self.group, &other.group)
            && is(&self.version, &other.version)
            && exactly(&self.scope, &other.scope)
    }
}

fn parts(resource: &str) -> (&str, Option<&str>) {
    resource.split_once('/').map_or((resource, None), |(resource, sub)| (resource, Some(sub)))
}

/// What an entry should hear of, as the chart renders it and the policy lists kinds of workload, and does not.
pub(super) fn unheard(expected: &Value, found: &Value, listed: &[GroupResource]) -> Vec<String> {
    let hears = hearings(found);
    let mut should = hearings(expected);
    let of_deployments: Vec<_> =
        should.iter().filter(|it| (it.group.as_str(), it.resource.as_str()) == DEPLOYMENTS).cloned().collect();
    for (GroupResource { group, resource }, like) in
        listed.iter().flat_map(|kind| of_deployments.iter().map(move |it| (kind, it)))
    {
        should.insert(Hearing {
            group: group.clone(),
            resource: resource.clone(),
            version: ALL.to_owned(),
            ..like.clone()
        });
    }
    let deaf = should.iter().filter(|it| !hears.iter().any(|rule| rule.covers(it)));
    deaf.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
}

fn hearings(entry: &Value) -> BTreeSet<Hearing> {
    let mut all = BTreeSet::new();
    for rule in entry["rules"].as_array().into_iter().flatten() {
        let texts = |key: &str| rule[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let scope = rule["scope"].as_str().unwrap_or(ALL);
        for operation in texts("operations") {
            for group in texts("apiGroups") {
                for version in texts("apiVersions") {
                    all.extend(texts("resources").map(|resource| Hearing {
                        operation: operation.to_owned(),
                        group: group.to_owned(),
                        version: version.to_owned(),
                        resource: resource.to_owned(),
                        scope: scope.to_owned(),
                    }));
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(operations: &[&str], group: &str, resources: &[&str]) -> Value {
        json!({"operations": operations, "apiGroups": [group], "apiVersions": ["v1"], "resources": resources, "scope": "Namespaced"})
    }

    fn entry(rules: impl IntoIterator<Item = Value>) -> Value {
        json!({"rules": rules.into_iter().collect::<Vec<_>>()})
    }

    #[test]
    fn what_is_not_heard_of_any_more_is_named() {
        let chart =
            entry([rule(&["CREATE", "UPDATE"], "", &["pods", "pods/*"]), rule(&["CREATE"], "apps", &["deployments"])]);
        let unheard = |rules: &[Value]| unheard(&chart, &entry(rules.to_vec()), &[]);
        assert_eq!(unheard(&[rule(&["*"], "*", &["*/*"])]), [""; 0], "all of it, and more");
        let cut = unheard(&[rule(&["UPDATE"], "", &["pods", "pods/*"]), rule(&["CREATE"], "apps", &["deployments"])]);
        assert_eq!(cut, ["CREATE of pods", "CREATE of pods/*"]);
        assert_eq!(unheard(&[rule(&["*"], "*", &["*"])]), ["CREATE of pods/*", "UPDATE of pods/*"], "no subresources");
        assert_eq!(unheard(&[]).len(), 5);
    }

    #[test]
    fn kinds_that_the_policy_lists_are_heard_of_where_workloads_are() {
        let chart = entry([rule(&["DELETE"], "apps", &["deployments"])]);
        let listed = [GroupResource::new("ray.io", "rayclusters")];
        assert_eq!(unheard(&chart, &chart, &listed), ["DELETE of rayclusters.ray.io"]);
        let mut mended = chart.clone();
        mended["rules"][0]["apiGroups"] = json!(["*"]);
        mended["rules"][0]["resources"] = json!(["deployments", "rayclusters"]);
        assert_eq!(unheard(&chart, &mended, &listed), [""; 0]);
        let pods = entry([rule(&["CREATE"], "", &["pods"])]);
        assert_eq!(unheard(&pods, &pods, &listed), [""; 0], "it hears of no workloads");
    }
}
