//! Who pays for what runs in a project, and what it costs.

pub mod report;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodResourceClaim;
use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde_json::json;

use crate::claims::classes::DeviceClasses;
use crate::claims::template::recorded;
use crate::claims::{Ask, Understood, price_when_told};
use crate::gpu::{extended, own_claim};
use crate::ledger::{Account, AdmitPod, Amounts, Limits, Request, Resource, Use};
use crate::object::Object;
use crate::policy::Policy;
use crate::policy::ids::UserId;
use crate::policy::modes::RuleMode;
use crate::policy::names::ProjectName;
use crate::policy::plan::Plan;
use crate::policy::project::Project;
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;
use crate::submission::counted::Counted;
use crate::submission::pod::Pod;
use crate::windows::Calendar;

/// So many projects above each other are charged; nobody nests deeper.
pub const DEEPEST: usize = 32;

/// What the claim costs that will be made from a template. What one says that the platform has still to make stands in
/// the Pod; of another that does not exist the Pod's labels say what is asked. The claim's creation is charged what it
/// really is.
pub(crate) fn from_template(case: &Case<'_>, pod: Object<'_>, template: &str) -> Amounts {
    match case.devices.templates.get(template) {
        Some(template) => template_price(&template.spec, &template.labels, &case.devices.classes, case.policy),
        None => match recorded(pod, template) {
            Some(recorded) => price(&recorded.spec, &case.devices.classes, case.policy),
            None => labels_ask(pod, case.policy),
        },
    }
}

/// What the claims cost that are made for the Pod alone. Others are their owners'.
pub(crate) fn own_claims(case: &Case<'_>, pod: &Pod<'_>) -> Amounts {
    let references = pod.spec.resource_claims.iter().flatten();
    let templates: Vec<_> = references.filter_map(|it| it.resource_claim_template_name.as_deref()).collect();
    if let Some(made) = own_claim::made_for(case, pod).filter(|_| templates.is_empty()) {
        return price(&made.template.spec, &case.devices.classes, case.policy);
    }
    let prices = templates.into_iter().map(|template| from_template(case, pod.object(), template));
    prices.fold(Amounts::NOTHING, Amounts::plus)
}

/// What the extended resources cost that an admin gave a price.
pub fn of_names(counted: &Counted, classes: &DeviceClasses, policy: &Policy) -> Amounts {
    extended::price_of_names(counted, classes, policy).into()
}

/// The same of a Pod or template.
pub(crate) fn names(case: &Case<'_>, pod: &Pod<'_>) -> Amounts {
    of_names(&Counted::by(&pod.spec), &case.devices.classes, case.policy)
}

/// What the devices of a Pod or template cost, besides those of claims that are there by themselves. The scheduler is charged for what
/// it makes of extended resources when it makes it; what could never be paid is said before.
pub(crate) fn devices(case: &Case<'_>, pod: &Pod<'_>) -> Amounts {
    own_claims(case, pod).plus(names(case, pod)).plus(extended::price_of_left(case, pod).into())
}

/// What the labels of a Pod ask. What cannot be read is refused elsewhere.
pub fn labels_ask(pod: Object<'_>, policy: &Policy) -> Amounts {
    Ask::of_labels(pod, policy).ok().flatten().map(|ask| ask.price(policy).into()).unwrap_or_default()
}

/// What a claim costs.
pub fn price(spec: &ResourceClaimSpec, classes: &DeviceClasses, policy: &Policy) -> Amounts {
    Understood::of(spec, classes, policy).price.into()
}

/// What a claim costs of which it is known what it got: `requests` is each request, or `request/alternative`, that devices
/// were allocated for.
pub fn price_of_allocated(
    spec: &ResourceClaimSpec,
    requests: &[&str],
    classes: &DeviceClasses,
    policy: &Policy,
) -> Amounts {
    Understood::of(spec, classes, policy).price_of(requests).into()
}

/// What a claim costs that is made from a template: its labels ask what its driver is told when it is made.
pub fn template_price(
    spec: &ResourceClaimSpec,
    labels: &BTreeMap<String, String>,
    classes: &DeviceClasses,
    policy: &Policy,
) -> Amounts {
    let object = json!({"metadata": {"labels": labels}});
    let ask = Ask::of_labels(Object(&object), policy).ok().flatten();
    price_when_told(&Understood::of(spec, classes, policy), ask.as_ref()).into()
}

/// A claim that is there, and what it costs.
#[derive(Clone, Debug)]
pub struct KnownPrice {
    /// Its UID.
    pub uid: String,
    /// What it costs.
    pub price: Amounts,
    /// Who pays for it.
    pub payers: Limits,
    /// Whether its owner lets others use it.
    pub shared: bool,
}

/// The claims that a Pod names. `template` says what a claim made from a template costs, `claim` which claim has a name;
/// `None` where there is no such claim.
pub fn uses(
    references: &[PodResourceClaim],
    template: impl Fn(&str) -> Amounts,
    claim: impl Fn(&str) -> Option<KnownPrice>,
) -> Vec<Use> {
    let uses = references.iter().filter_map(|it| match (&it.resource_claim_name, &it.resource_claim_template_name) {
        (Some(name), _) => Some(match claim(name) {
            Some(KnownPrice { uid, price, payers, shared }) => {
                Use::Claim { name: name.clone(), uid, price, payers, shared }
            }
            None => Use::Unborn { name: name.clone() },
        }),
        (None, Some(name)) => Some(Use::Inline { reference: it.name.clone(), price: template(name) }),
        (None, None) => None,
    });
    uses.collect()
}

/// Which Pod, or which claim.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Its UID; empty until the API server has given it one, which is before the validating call.
    pub uid: &'a str,
    /// Its Namespace.
    pub namespace: &'a str,
    /// Its name; empty until the API server has generated it.
    pub name: &'a str,
}

/// What a Pod costs that takes this much CPU and memory.
pub fn pod(named: Identity<'_>, amounts: Amounts, payers: Limits) -> AdmitPod {
    AdmitPod {
        uid: named.uid.to_owned(),
        namespace: named.namespace.to_owned(),
        name: named.name.to_owned(),
        amounts,
        payers,
        uses: Vec::new(),
    }
}

/// Who pays for what runs in a project: the project, every project above it, and the user within the project; and what each may have
/// now.
///
/// A project above that does not exist limits nothing; a circle of them is gone through once. What a plan grants outside of its
/// windows limits what the project itself starts, and not what those below it do: they have plans of their own.
pub fn payers(policy: &Policy, project: &Project, user: Option<UserId>, now: Timestamp) -> Limits {
    let mut payers = payers_while_open(policy, project, user, now);
    payers.0.insert(Account::Project(project.id.clone()), limits_now(policy, project, now).0);
    payers
}

/// The same, with what each may have while no window is closed.
pub fn payers_while_open(policy: &Policy, project: &Project, user: Option<UserId>, now: Timestamp) -> Limits {
    let mut payers = Limits::default();
    let mut next = Some(project);
    while let Some(project) = next.filter(|_| payers.0.len() < DEEPEST) {
        let account = Account::Project(project.id.clone());
        if payers.0.insert(account, limits(policy, project, now).0).is_some() {
            break;
        }
        let above = |parent: &ProjectName| policy.records().projects.get(parent);
        next = project.parent.as_ref().and_then(above);
    }
    if let Some(user) = user {
        let account = Account::User { project: project.id.clone(), user };
        payers.0.insert(account, limits(policy, project, now).1);
    }
    payers
}

/// Whether the queue `default` could ever take a Pod of this size before the plan opens: whether its project may have as much in all.
pub fn default_takes(policy: &Policy, project: &Project, asked: &Amounts, now: Timestamp) -> bool {
    let (limits, _) = limits_now(policy, project, now);
    Resource::ALL.into_iter().all(|resource| resource.limit(&limits).is_none_or(|limit| asked.of(resource) <= limit))
}

/// What a Pod asks, with the claims that are made for it alone. Of what cannot be read it is said elsewhere.
pub(crate) fn asked(case: &Case<'_>, pod: &Pod<'_>) -> Amounts {
    let amounts = pod.amounts(case.policy.platform().charge).unwrap_or(Amounts::NOTHING);
    if case.is_living_pod() {
        return amounts.plus(labels_ask(pod.object(), case.policy)).plus(names(case, pod));
    }
    amounts.plus(devices(case, pod))
}

/// What a project may have in all at this moment, and each user in it.
pub fn limits_now(policy: &Policy, project: &Project, now: Timestamp) -> (Quota, Quota) {
    let (all, each) = limits(policy, project, now);
    match closed_plan(policy, project, now) {
        Some(plan) => (all.min(plan.outside_window_quota), each),
        None => (all, each),
    }
}

/// The project's plan, if it is closed now and grants less while it is. Where the rule `plan-window` is not enforced, queues are used
/// whatever their windows say.
pub fn closed_plan<'a>(policy: &'a Policy, project: &Project, now: Timestamp) -> Option<&'a Plan> {
    let plan = policy.plan_in_force(project, now)?;
    let grants_less = plan.quota.min(plan.outside_window_quota) != plan.quota;
    let is_enforced = policy.platform().mode_of(RuleId::PlanWindow, Some(project)) == RuleMode::Enforce;
    Some(plan).filter(|plan| grants_less && is_enforced && !Calendar::of_plan(plan).is_open(now))
}

/// What a project may have in all, and each user in it. A window that is closed changes neither.
pub fn limits(policy: &Policy, project: &Project, now: Timestamp) -> (Quota, Quota) {
    match policy.plan_in_force(project, now) {
        Some(plan) => (plan.quota, plan.per_user),
        None => (policy.platform().without_plan.quota, Quota::default()),
    }
}

impl Request {
    /// The same request, which no limit stands against.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        let limits: Vec<&mut Limits> = match &mut self {
            Self::AdmitPod(pod) => {
                let claims = pod.uses.iter_mut().filter_map(|wanted| match wanted {
                    Use::Claim { payers, .. } => Some(payers),
                    Use::Inline { .. } | Use::Unborn { .. } => None,
                });
                std::iter::once(&mut pod.payers).chain(claims).collect()
            }
            Self::ClaimMade(claim) => vec![&mut claim.payers],
        };
        limits.into_iter().for_each(|limits| *limits = unlimited(std::mem::take(limits)));
        self
    }
}

/// The same who pay, counted and not limited.
pub fn unlimited(payers: Limits) -> Limits {
    payers.0.into_keys().map(|account| (account, Quota::default())).collect()
}

#[cfg(test)]
mod tests;
