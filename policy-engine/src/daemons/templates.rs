//! Templates: which ResourceClaimTemplates the platform has to make for Pods, and which it may remove.
//!
//! A Pod that asks for devices by labels names a template by a hash of its content, and carries the content in the
//! annotation [`CLAIM_TEMPLATE`](crate::contract::CLAIM_TEMPLATE). A template that is missing is made, for all Pods of its
//! Namespace that name it; one that nobody names any more is removed a moment after it was made. One that Pods are about to name,
//! as admission has seen a moment ago, is made before they are there. What does not carry our mark is left alone.

pub mod audit;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::resource::v1::ResourceClaimSpec;

use crate::claims::template::Template;
use crate::claims::template::is_platform_template;
use crate::daemons::common::PodName;
use crate::daemons::common::Seen;
use crate::daemons::common::is_exempt;
use crate::policy::Policy;
use crate::policy::ids::ProjectId;

/// A template is kept so long at least: the Pod for which it is there may not be seen yet.
pub const KEPT: Duration = Duration::from_secs(30);
/// At most so many templates are made and removed a cycle; the next cycle plans the rest.
pub const MAX_ACTIONS: usize = 500;
/// Of at most so many Pods people are told that they wait in vain.
const MAX_SPARED: usize = 200;

/// What exists, as plain values.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The Namespace that Sluice itself runs in.
    pub own_namespace: String,
    /// The project id of every bound Namespace.
    pub bindings: BTreeMap<String, ProjectId>,
    /// Every unfinished Pod with a claim of its own, and each template that it names.
    pub uses: Vec<Use>,
    /// Every ResourceClaimTemplate with a name such as ours.
    pub templates: Vec<Existing>,
    /// What Pods are about to name, and where.
    pub expected: Vec<(String, Template)>,
}

/// A Pod that names a template.
#[derive(Clone, Debug)]
pub struct Use {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// The template.
    pub template: String,
    /// What the Pod's annotation says of it.
    pub text: Option<String>,
}

/// A template that exists.
#[derive(Clone, Debug)]
pub struct Existing {
    /// Its Namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Whether it carries our mark.
    pub is_ours: bool,
    /// When it was made.
    pub since: Timestamp,
    /// What it asks.
    pub spec: ResourceClaimSpec,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A template is made.
    Make {
        /// Where.
        namespace: String,
        /// Its name and content.
        template: Template,
        /// A Pod that names it, and which state of it was seen; `None` where it is only expected.
        pod: Option<(PodName, Seen)>,
    },
    /// A template that nobody names is removed.
    Remove {
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// Which state of it was seen.
        seen: Seen,
    },
}

/// A Pod that waits for a template which the platform does not make.
#[derive(Clone, Debug, PartialEq)]
pub struct Spared {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// The template.
    pub template: String,
    /// Why not.
    pub because: NotOurs,
}

/// Why a template is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Somebody else made one of this name, and it asks for something else.
    Foreign,
    /// The Pod does not say what the template says.
    Unsaid,
}

/// What is to be done, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is to be done, in this order.
    pub actions: Vec<Action>,
    /// Pods that wait in vain.
    pub spared: Vec<Spared>,
    /// When the next template may be removed.
    pub again_at: Option<Timestamp>,
    /// Whether there is more to do than one cycle may.
    pub cut_short: bool,
}

/// Compares the templates that Pods name with those that there are.
///
/// # Guarantees
/// Once a plan is carried out, the next one on the state that results makes and removes nothing. Only what carries our mark
/// and is named by no Pod of its Namespace is removed, and only text that gives the name is made into a template.
///
/// # Assumptions
/// The view is complete: a Pod that it does not hold does not exist, or was made less than [`KEPT`] ago.
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let existing: BTreeMap<_, _> = view.templates.iter().map(|it| ((&*it.namespace, &*it.name), it)).collect();
    let mut named = BTreeSet::new();
    let is_governed = |namespace: &str| {
        view.bindings.contains_key(namespace) && !is_exempt(&view.own_namespace, policy.platform(), namespace)
    };
    for it in &view.uses {
        let key = (&*it.pod.namespace, &*it.template);
        let is_first = named.insert(key);
        if !is_first || !is_governed(&it.pod.namespace) || !is_platform_template(&it.template) {
            continue;
        }
        let recorded = it.text.as_deref().and_then(|text| Template::recorded(text, &it.template));
        let because = match (existing.get(&key), recorded) {
            (Some(there), Some(template)) if there.spec == template.spec => continue,
            (Some(_), Some(_)) => NotOurs::Foreign,
            // It may have been named by hand.
            (Some(_), None) => continue,
            (None, None) => NotOurs::Unsaid,
            (None, Some(template)) => {
                let (namespace, pod) = (it.pod.namespace.clone(), Some((it.pod.clone(), it.seen.clone())));
                plan.actions.push(Action::Make { namespace, template, pod });
                continue;
            }
        };
        plan.spared.push(Spared { pod: it.pod.clone(), seen: it.seen.clone(), template: it.template.clone(), because });
    }
    for (namespace, template) in &view.expected {
        let key = (&**namespace, &*template.name);
        // What has the name already is looked at when a Pod has named it.
        if named.insert(key) && is_governed(namespace) && !existing.contains_key(&key) {
            plan.actions.push(Action::Make { namespace: namespace.clone(), template: template.clone(), pod: None });
        }
    }
    for it in view.templates.iter().filter(|it| it.is_ours && !named.contains(&(&*it.namespace, &*it.name))) {
        match it.since.checked_add(KEPT) {
            Ok(until) if until > now => plan.again_at = Some(plan.again_at.map_or(until, |at| at.min(until))),
            Ok(_) | Err(_) => plan.actions.push(Action::Remove {
                namespace: it.namespace.clone(),
                name: it.name.clone(),
                seen: it.seen.clone(),
            }),
        }
    }
    plan.cut_short = plan.actions.len() > MAX_ACTIONS;
    plan.actions.truncate(MAX_ACTIONS);
    plan.spared.truncate(MAX_SPARED);
    plan
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { namespace, template, pod } => {
                write!(f, "make ResourceClaimTemplate {namespace}/{}, which ", template.name)?;
                match pod {
                    Some((pod, _)) => write!(f, "Pod {} names", pod.name),
                    None => f.write_str("Pods are about to name"),
                }
            }
            Self::Remove { namespace, name, .. } => {
                write!(f, "remove ResourceClaimTemplate {namespace}/{name}, which no Pod names any more")
            }
        }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, template, because, .. } = self;
        write!(f, "Pod {pod} names ResourceClaimTemplate {template}, ")?;
        f.write_str(match because {
            NotOurs::Foreign => {
                "which somebody else made and which asks for something else than the platform's of this name; delete it, and the platform makes its own"
            }
            NotOurs::Unsaid => {
                "which does not exist and of which the Pod does not say what it says; delete the Pod and create it anew"
            }
        })
    }
}
