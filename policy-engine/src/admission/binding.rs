//! Who binds a Namespace to a project, and who unbinds it.
//!
//! The label `platform-go/project-id` decides what is governed. The platform writes it from the project's record. Besides,
//! only a platform Admin sets, changes or removes it, and a trusted client sets it on a namespace that it creates.
//! The annotation `platform-go/adopt` lets the platform take over an existing namespace, so it is an Admin's as well.

use std::fmt;

use crate::admission::decision::Decision;
use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::rule_id::RuleId;
use crate::submission::Requester;
use crate::submission::identity::Caller;

/// Judges a change of a Namespace. `old` is absent where it is made.
pub fn judge(
    name: &str,
    object: Option<Object<'_>>,
    old: Option<Object<'_>>,
    requester: Requester<'_>,
    policy: &Policy,
) -> Decision {
    let mut say = Findings::of(RuleId::PlatformLabels);
    let project = |it: Object<'_>| it.label(contract::PROJECT_ID).map(str::to_owned);
    let (asked, was) = (object.and_then(project), old.and_then(project));
    let adopt = |it: Object<'_>| it.annotation(contract::ADOPT).map(str::to_owned);
    let label = Place::of(["metadata", "labels", contract::PROJECT_ID]);
    let caller = Caller::of(requester, policy);
    if asked != was {
        let creates = old.is_none() && matches!(caller, Caller::Client);
        if !is_admin(caller, requester, policy) && !creates {
            let why = Refused::Binding { username: requester.username, was: was.as_deref(), asked: asked.as_deref() };
            say.deny(label.clone(), why);
        } else if asked.is_some() && policy.platform().exempt_namespaces.contains(name) {
            say.deny(label.clone(), Refused::Exempt { name });
        }
    }
    if object.and_then(adopt) != old.and_then(adopt) && !is_admin(caller, requester, policy) {
        let field = Place::of(["metadata", "annotations", contract::ADOPT]);
        say.deny(field, Refused::Adoption { username: requester.username });
    }
    if let Some(id) = asked.filter(|id| policy.project_by_id(id.as_str()).is_none()) {
        say.warn(format_args!("{label}: no Project has the id {id}; until one does, workloads here are refused"));
    }
    Decision::from(say)
}

fn is_admin(caller: Caller<'_>, requester: Requester<'_>, policy: &Policy) -> bool {
    match caller {
        Caller::Admin => true,
        Caller::Person(user) => policy.is_admin(Some(user), requester.groups),
        Caller::Controller
        | Caller::Client
        | Caller::Deputy(_)
        | Caller::Node(_)
        | Caller::ControlPlane
        | Caller::Stranger => false,
    }
}

enum Refused<'a> {
    Binding { username: &'a str, was: Option<&'a str>, asked: Option<&'a str> },
    Exempt { name: &'a str },
    Adoption { username: &'a str },
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binding { username, was, asked } => {
                match (was, asked) {
                    (None, Some(asked)) => write!(f, "{username} asked to bind the namespace to project {asked}")?,
                    (Some(was), None) => write!(f, "{username} asked to take the namespace out of project {was}")?,
                    (Some(was), Some(asked)) => {
                        write!(f, "{username} asked to move the namespace from project {was} to {asked}")?
                    }
                    (None, None) => unreachable!("equal bindings are not judged"),
                }
                f.write_str("; only a platform Admin does; ask one to list the namespace in the Project's record")
            }
            Self::Exempt { name } => {
                write!(f, "asked to bind namespace {name}, which is exempt from governance; choose another namespace")
            }
            Self::Adoption { username } => write!(
                f,
                "{username} asked to let a project take over the namespace; only a platform Admin does; ask one to set the annotation"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::Records;

    const DASHBOARD: &str = "system:serviceaccount:portal:dashboard";

    fn namespace(label: Option<&str>, adopt: Option<&str>) -> Value {
        let mut namespace = json!({"metadata": {"labels": {"team": "a"}, "annotations": {}}});
        if let Some(id) = label {
            namespace["metadata"]["labels"][contract::PROJECT_ID] = json!(id);
        }
        if let Some(id) = adopt {
            namespace["metadata"]["annotations"][contract::ADOPT] = json!(id);
        }
        namespace
    }

    fn verdict(name: &str, username: &str, groups: &[&str], object: &Value, old: Option<&Value>) -> Decision {
        let mut records = Records::default();
        records.platform.trusted_clients.insert(DASHBOARD.into());
        records.platform.exempt_namespaces.insert("kube-system".into());
        let groups: Vec<_> = groups.iter().map(|&group| group.to_owned()).collect();
        let requester = Requester { username, groups: &groups };
        judge(name, Some(Object(object)), old.map(Object), requester, &Policy::from(records))
    }

    fn fields(decision: &Decision) -> Vec<&str> {
        assert!(decision.denials.iter().all(|denial| denial.rule == RuleId::PlatformLabels));
        decision.denials.iter().map(|denial| denial.field.as_str()).collect()
    }

    #[test]
    fn only_an_admin_binds_moves_and_unbinds() {
        let (bound, moved, free) = (namespace(Some("a"), None), namespace(Some("b"), None), namespace(None, None));
        let changes = [(&bound, Some(&free)), (&moved, Some(&bound)), (&free, Some(&bound)), (&bound, None)];
        for (object, old) in changes {
            let refused = verdict("it", "alice", &["system:authenticated"], object, old);
            assert_eq!(fields(&refused), ["metadata.labels[platform-go/project-id]"]);
            assert!(verdict("it", "root", &["system:masters"], object, old).allowed());
        }
        let asked = verdict("it", "alice", &[], &free, Some(&bound));
        assert!(asked.denials[0].message.starts_with("alice asked to take the namespace out of project a;"));
    }

    #[test]
    fn a_dashboard_binds_what_it_creates_and_nothing_else() {
        let (bound, free) = (namespace(Some("a"), None), namespace(None, None));
        assert!(verdict("it", DASHBOARD, &[], &bound, None).allowed());
        assert_eq!(fields(&verdict("it", DASHBOARD, &[], &bound, Some(&free))).len(), 1);
    }

    #[test]
    fn adoption_is_an_admins_and_exempt_is_exempt() {
        let (adopt, free) = (namespace(None, Some("a")), namespace(None, None));
        let refused = verdict("it", "alice", &[], &adopt, Some(&free));
        assert_eq!(fields(&refused), ["metadata.annotations[platform-go/adopt]"]);
        let exempt = verdict("kube-system", "root", &["system:masters"], &namespace(Some("a"), None), Some(&free));
        assert!(exempt.denials[0].message.contains("which is exempt from governance"), "{exempt}");
    }
}
