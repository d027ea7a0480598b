//! ResourceQuotas: what the plan in force limits in each of the project's Namespaces, where the rule `quota` is enforced.

use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::project::Project;
use crate::policy::rule_id::RuleId;

use super::Plan;
use super::action::{Action, QUOTA_NAME, Surplus};
use super::namespaces::Bound;
use super::spared::Spared;
use super::view::{ResourceQuota, View};

pub(super) fn plan(view: &View, policy: &Policy, bound: &Bound<'_>, plan: &mut Plan) {
    for (&namespace, project) in &bound.projects {
        let found = view.resource_quotas.get(&(namespace.into(), QUOTA_NAME.into()));
        match unreadable(view, project) {
            Some(spared) if !plan.spared.contains(&spared) => plan.spared.push(spared),
            Some(_) => {}
            None => plan.actions.extend(one(view, policy, namespace, project, found)),
        }
    }
    for ((namespace, name), found) in &view.resource_quotas {
        let because = match bound.projects.contains_key(namespace.as_str()) {
            true if name == QUOTA_NAME => continue,
            true => Surplus::UnknownName,
            false => Surplus::NotBound,
        };
        if view.namespaces.contains_key(namespace) && !bound.hands_off.contains(namespace.as_str()) {
            plan.actions.push(delete(namespace, name, found, because));
        }
    }
}

/// What is to be done about the quota of one Namespace.
fn one(view: &View, policy: &Policy, namespace: &str, project: &Project, found: Option<&ResourceQuota>) -> Vec<Action> {
    let is_enforced = policy.platform().mode_of(RuleId::Quota, Some(project)) == RuleMode::Enforce;
    let plan = policy.plan_in_force(project, view.observed_at);
    let plan = plan.filter(|plan| is_enforced && !plan.namespace_quota.0.is_empty());
    let apply = |seen| {
        plan.map(|plan| Action::ApplyResourceQuota {
            namespace: namespace.into(),
            plan: plan.name.clone(),
            quota: plan.namespace_quota.clone(),
            seen,
        })
    };
    match found {
        None => apply(None).into_iter().collect(),
        Some(found) => match (plan, &found.hard) {
            (None, _) => vec![delete(namespace, QUOTA_NAME, found, Surplus::NoLimits)],
            (Some(plan), Some(hard)) if *hard == plan.namespace_quota => Vec::new(),
            (Some(_), Some(_)) => apply(Some(found.seen.clone())).into_iter().collect(),
            // The scopes of a ResourceQuota never change.
            (Some(_), None) => {
                let delete = delete(namespace, QUOTA_NAME, found, Surplus::Scoped);
                std::iter::once(delete).chain(apply(None)).collect()
            }
        },
    }
}

/// A plan that cannot be read may limit as before.
fn unreadable(view: &View, project: &Project) -> Option<Spared> {
    let plan = project.plan.as_ref().filter(|plan| view.unreadable.plans.contains(*plan))?;
    Some(Spared::UnreadablePlan { project: project.name.clone(), plan: plan.clone() })
}

fn delete(namespace: &str, name: &str, found: &ResourceQuota, because: Surplus) -> Action {
    Action::DeleteResourceQuota { namespace: namespace.into(), name: name.into(), seen: found.seen.clone(), because }
}
