//! Records that exist and of which the policy knows nothing.

use std::collections::BTreeMap;

use policy_engine::daemons::follow::view::Unreadable;

use crate::world::{Snapshot, Unfit};
use records::convert::{Grade, Problem, RawRecords};
use records::{Kind, POLICY_NAME};

/// # Errors
/// Where the PlatformPolicy does not say which Namespaces are exempt.
pub(super) fn in_snapshot(snapshot: &Snapshot) -> Result<Unreadable, Unfit> {
    if snapshot.problems.iter().any(hides_exemptions) {
        return Err(Unfit::Policy);
    }
    let (raw, records) = (&snapshot.raw, snapshot.policy.records());
    Ok(Unreadable {
        users: missing(raw, Kind::User, &records.users),
        groups: missing(raw, Kind::Group, &records.groups),
        projects: missing(raw, Kind::Project, &records.projects),
        plans: missing(raw, Kind::ResourcePlan, &records.plans),
        queues: missing(raw, Kind::PlatformQueue, &records.queues),
    })
}

fn missing<N: Ord + From<String>, V, B: FromIterator<N>>(raw: &RawRecords, kind: Kind, known: &BTreeMap<N, V>) -> B {
    let names = raw.iter().filter(|record| record.kind == kind).map(|record| N::from(record.name.clone()));
    names.filter(|name| !known.contains_key(name)).collect()
}

fn hides_exemptions(problem: &Problem) -> bool {
    let field = problem.field.as_str();
    problem.grade == Grade::Refused
        && problem.kind == Some(Kind::PlatformPolicy)
        && problem.name == POLICY_NAME
        && (field.is_empty() || field == "spec" || field.starts_with("spec.exemptNamespaces"))
}

#[cfg(test)]
mod tests {
    use policy_engine::policy::Policy;
    use serde_json::{Value, json};

    use super::*;
    use records::convert;
    use records::convert::RawRecord;

    fn snapshot(records: &[Value]) -> Snapshot {
        let read = |object: &Value| RawRecord::new(object.clone(), None).expect("a record");
        let raw: RawRecords = records.iter().map(read).collect();
        let (records, problems) = convert::build(&raw);
        Snapshot { raw: raw.into(), policy: std::sync::Arc::new(Policy::from(records)), problems: problems.into() }
    }

    fn record(kind: &str, name: &str, spec: &Value) -> Value {
        json!({ "apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
    }

    #[test]
    fn what_exists_and_is_not_in_the_policy_is_unreadable() {
        let found = in_snapshot(&snapshot(&[
            record("Project", "good", &json!({ "group": "g" })),
            record("Project", "bad", &json!({ "group": "g", "owner": "o" })),
            record("PlatformQueue", "odd", &json!({ "priority": "high" })),
        ]))
        .expect("the policy is fit");
        assert_eq!(found.projects, ["bad".into()].into());
        assert_eq!(found.queues, ["odd".into()].into());
    }

    #[test]
    fn nothing_is_done_while_exemptions_are_not_known() {
        let of = |spec: &Value| in_snapshot(&snapshot(&[record("PlatformPolicy", "default", spec)])).err();
        assert_eq!(of(&json!({ "exemptNamespaces": ["monitoring"] })), None);
        assert_eq!(of(&json!({ "exemptNamespaces": "monitoring" })), Some(Unfit::Policy));
        assert_eq!(of(&json!("garbage")), Some(Unfit::Policy));
    }
}
