//! Fields of the PlatformPolicy from which the chart renders more than the record: webhooks, rights and static policies. Whoever
//! changes them in the record alone is told what goes on as before.

use serde_json::Value;

use super::problem::{About, Problem, Report};
use crate::Kind;

/// The annotation by which a policy that the chart writes is told from one that was edited: a hash of the values.
pub const RENDERED: &str = "sluice.dev/rendered";

/// What goes on as before where `old` was changed to `new` in the record alone.
pub fn changed_alone(old: &Value, new: &Value) -> Vec<Problem> {
    let rendered = |object: &Value| object["metadata"]["annotations"][RENDERED].as_str().map(str::to_owned);
    if new["kind"] != Kind::PlatformPolicy.name() || (rendered(new).is_some() && rendered(new) != rendered(old)) {
        return Vec::new();
    }
    let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let about = About { kind: Kind::PlatformPolicy, name, origin: None };
    let mut report = Report::default();
    let mut tell = |field: &str, until_then: &str| {
        let value = if field == "adminGroups" { field.to_owned() } else { format!("policy.{field}") };
        let why = format!(
            "changed in the record alone: unless the chart's value {value} says the same, {until_then}; change it there too, and run helm upgrade, or apply what the chart renders"
        );
        report.warn(&about, format!("spec.{field}"), why);
    };
    let differs = |field: &str| said(old, field) != said(new, field);
    if differs("workloadKinds") {
        tell("workloadKinds", "nobody calls Sluice for kinds that are new here, and it may not read them");
    }
    if differs("exemptNamespaces") {
        tell(
            "exemptNamespaces",
            "the static policies hold in other namespaces than Sluice, and requests wait for Sluice in namespaces that it leaves alone",
        );
    }
    if differs("adminGroups") {
        tell("adminGroups", "rights and static policies are those of the groups before");
    }
    match (enforces(old), enforces(new)) {
        (false, true) => tell("ruleModes", "nothing is refused while Sluice is away, and static policies only warn"),
        (true, false) => {
            tell("ruleModes", "governed requests are refused while Sluice is away, and by static policies")
        }
        (true, true) | (false, false) => {}
    }
    match (old["spec"]["elsewhere"] == "Enforce", new["spec"]["elsewhere"] == "Enforce") {
        (false, true) => tell("elsewhere", "GPUs outside of projects are given while Sluice is away"),
        (true, false) => tell("elsewhere", "GPUs outside of projects are refused while Sluice is away"),
        (true, true) | (false, false) => {}
    }
    report.into_problems()
}

/// A list that is absent is empty.
fn said<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object["spec"][field].as_array().map_or(&[], Vec::as_slice)
}

/// Whether a rule is enforced, as far as the policy says it: as the chart's `sluice.enforces`.
fn enforces(object: &Value) -> bool {
    let modes = &object["spec"]["ruleModes"];
    let all_are_lax = ["warn", "off"].iter().any(|mode| modes["*"] == *mode);
    !all_are_lax || modes.as_object().is_some_and(|modes| modes.values().any(|mode| mode == "enforce"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(rendered: &str, spec: Value) -> Value {
        json!({"kind": "PlatformPolicy", "metadata": {"name": "default", "annotations": {RENDERED: rendered}}, "spec": spec})
    }

    fn told(old: Value, new: Value) -> Vec<String> {
        changed_alone(&policy("a", old), &policy("a", new)).into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn what_the_chart_renders_elsewhere_too_is_told_where_only_the_record_changes() {
        let ray = json!({"version": "v1", "group": "ray.io", "resource": "rayclusters", "podTemplates": []});
        assert_eq!(told(json!({}), json!({"workloadKinds": [ray]})), ["spec.workloadKinds"]);
        assert_eq!(
            told(json!({"exemptNamespaces": ["a"]}), json!({"adminGroups": ["b"]})),
            ["spec.adminGroups", "spec.exemptNamespaces"]
        );
        assert_eq!(
            told(json!({"ruleModes": {"*": "warn"}}), json!({"elsewhere": "Enforce"})),
            ["spec.elsewhere", "spec.ruleModes"]
        );
        let laxer = json!({"ruleModes": {"*": "warn", "image": "off"}});
        assert_eq!(told(laxer.clone(), json!({"ruleModes": {"*": "off"}})), Vec::<String>::new());
        assert_eq!(told(json!({"labelsAlone": "Warn"}), json!({"labelsAlone": "Claim"})), Vec::<String>::new());
        let says = changed_alone(&policy("a", laxer), &policy("a", json!({})));
        assert_eq!(
            says[0].message,
            "changed in the record alone: unless the chart's value policy.ruleModes says the same, nothing is refused while Sluice is away, and static policies only warn; change it there too, and run helm upgrade, or apply what the chart renders"
        );
    }

    #[test]
    fn what_the_chart_writes_is_rendered_with_the_rest() {
        let (old, new) = (json!({}), json!({"elsewhere": "Enforce"}));
        assert_eq!(changed_alone(&policy("a", old.clone()), &policy("b", new.clone())), []);
        let project = |spec| json!({"kind": "Project", "metadata": {"name": "a"}, "spec": spec});
        assert_eq!(changed_alone(&project(old), &project(new)), []);
    }
}
