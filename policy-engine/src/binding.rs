//! Who binds a Namespace to a project, and who unbinds it.
//!
//! The label `platform-go/project-id` decides what is governed. The platform writes it from the project's record. Besides,
//! only a platform Admin sets, changes or removes it, and a trusted client sets it on a namespace that it creates.
//! The annotation `platform-go/adopt` lets the platform take over an existing namespace, so it is an Admin's as well.

use std::fmt;

use crate::contract;
use crate::decision::{Decision, Denial};
use crate::identity::{Caller, Requester};
use crate::object::Object;
use crate::place::Place;
use crate::policy::Policy;
use crate::rules;

/// Judges a change of a Namespace. `old` is absent where it is made.
pub fn judge(
    name: &str,
    object: Option<Object<'_>>,
    old: Option<Object<'_>>,
    requester: Requester<'_>,
    policy: &Policy,
) -> Decision {
    let mut decision = Decision::default();
    let project = |it: Object<'_>| it.label(contract::PROJECT_ID).map(str::to_owned);
    let (asked, was) = (object.and_then(project), old.and_then(project));
    let adopt = |it: Object<'_>| it.annotation(contract::ADOPT).map(str::to_owned);
    let label = Place::of(["metadata", "labels", contract::PROJECT_ID]);
    let caller = Caller::of(requester, policy);
    let mut deny = |field: Place, why: &Refused<'_>| {
        decision.denials.push(Denial { rule: rules::PLATFORM_LABELS, field: field.to_string(), message: why.to_string() });
    };
    if asked != was {
        let creates = old.is_none() && matches!(caller, Caller::Client);
        if !is_admin(caller, requester, policy) && !creates {
            let why = Refused::Binding { username: requester.username, was: was.as_deref(), asked: asked.as_deref() };
            deny(label.clone(), &why);
        } else if asked.is_some() && policy.platform().exempt_namespaces.contains(name) {
            deny(label.clone(), &Refused::Exempt { name });
        }
    }
    if object.and_then(adopt) != old.and_then(adopt) && !is_admin(caller, requester, policy) {
        let field = Place::of(["metadata", "annotations", contract::ADOPT]);
        deny(field, &Refused::Adoption { username: requester.username });
    }
    if let Some(id) = asked.filter(|id| policy.project_by_id(id).is_none()) {
        decision
            .warnings
            .push(format!("{label}: no Project has the id {id}; until one does, workloads here are refused"));
    }
    decision
}

fn is_admin(caller: Caller<'_>, requester: Requester<'_>, policy: &Policy) -> bool {
    match caller {
        Caller::Admin => true,
        Caller::Person(user) => policy.is_admin(Some(user), requester.groups),
        Caller::Controller | Caller::Client | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => false,
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
