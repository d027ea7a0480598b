//! What a submission reserves in the ledger, and who pays.
//!
//! A Pod is charged when it is admitted ungated, when its last gate is taken off, and when it is resized. A Pod with a
//! scheduling gate holds nothing, whoever set the gate. A claim is charged to its owner, from its creation on, while a Pod
//! names it. Workloads are charged nothing: their Pods are, and whether all of them would have room is foreseen.

mod replicas;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodResourceClaim;
use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize;
use serde_json::Value;

use crate::claims::{Ask, Understood};
use crate::gpu::own_claim;
use crate::ledger::{Account, AdmitPod, Amounts, ClaimMade, ForPod, Limits, Request, Use};
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::names::ProjectName;
use crate::policy::project::Project;
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::submission::case::{Act, Case};
use crate::submission::devices::{DeviceClasses, POD_CLAIM_NAME};
use crate::submission::identity::{Owner, makes_for_pod};
use crate::submission::pod::Pod;

/// So many projects above each other are charged; nobody nests deeper.
pub const DEEPEST: usize = 32;

/// What is reserved before a submission is admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// What is asked of the ledger.
    pub request: Request,
    /// What becomes of it where there is no room.
    pub without_room: WithoutRoom,
}

/// What becomes of a submission for which an account has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutRoom {
    /// It is refused.
    Refuse,
    /// It is admitted and charged all the same, with a warning.
    Warn,
    /// It is a workload that would make so many Pods: it reserves nothing, and is admitted with a warning.
    Foresee {
        /// How many more than there are.
        pods: u64,
    },
}

/// What admitting a submission reserves; `None` where it costs nothing.
pub(crate) fn of(case: &Case<'_>) -> Option<Charge> {
    let object = case.object().filter(|object| !object.is_terminating())?;
    if let Some(foreseen) = replicas::foresee(case, object) {
        return Some(foreseen);
    }
    let mode = case.policy.platform().mode_of(RuleId::Quota, Some(case.project));
    let payers = |user: Option<&str>| match mode {
        RuleMode::Off => unlimited(payers(case.policy, case.project, user, case.now)),
        RuleMode::Enforce | RuleMode::Warn => payers(case.policy, case.project, user, case.now),
    };
    let owner = || payers(case.owner.as_ref().ok().and_then(Owner::id));
    let meta = |key: &str| object.at(&["metadata", key]).and_then(Value::as_str).unwrap_or_default();
    let named = Named { uid: meta("uid"), namespace: case.submission.namespace, name: meta("name") };
    let request = if case.is_pod() && begins(case, object) {
        let mut read = None;
        let new = match case.pods.first() {
            Some(new) => new,
            // A resize to what it has already.
            None => read.insert(Pod::read(object.0, Place::root()).ok()?),
        };
        // What is no amount is the rule's to refuse, and no scheduler places it.
        let amounts = new.amounts().ok()?;
        let uses = uses(
            new.spec.resource_claims.as_deref().unwrap_or_default(),
            |template| from_template(case, object, template),
            |claim| {
                let claim = case.devices.claims.get(claim)?;
                let price = price(&claim.spec, &case.devices.classes, case.policy);
                Some((claim.uid.clone(), price, payers(claim.user_id.as_deref())))
            },
        );
        Request::AdmitPod(AdmitPod { uses, ..pod(named, amounts, owner()) })
    } else if case.is_claim() && case.submission.act == Act::Create {
        let spec = ResourceClaimSpec::deserialize(object.at(&["spec"])?).ok()?;
        Request::ClaimMade(ClaimMade {
            uid: named.uid.to_owned(),
            namespace: named.namespace.to_owned(),
            name: named.name.to_owned(),
            price: price(&spec, &case.devices.classes, case.policy),
            payers: owner(),
            for_pod: for_pod(case, object),
        })
    } else {
        return None;
    };
    let without_room = match mode {
        RuleMode::Enforce => WithoutRoom::Refuse,
        RuleMode::Warn | RuleMode::Off => WithoutRoom::Warn,
    };
    Some(Charge { request, without_room })
}

/// Whether a Pod holds something from now on, or more than before.
fn begins(case: &Case<'_>, pod: Object<'_>) -> bool {
    let begins = match (case.submission.act, case.submission.subresource) {
        (Act::Create, "") => true,
        (Act::Update, "") => case.old().is_some_and(is_gated),
        (Act::Update, "resize") => true,
        (Act::Create | Act::Update | Act::Touch | Act::Status | Act::Bind | Act::Delete | Act::Connect, _) => false,
    };
    begins && !is_gated(pod)
}

/// The Pod for which the controller makes a claim from a template.
fn for_pod(case: &Case<'_>, claim: Object<'_>) -> Option<ForPod> {
    let owner = claim.controller().ok()??;
    let reference = claim.annotation(POD_CLAIM_NAME)?;
    (makes_for_pod(case.submission) && owner.kind == "Pod")
        .then(|| ForPod { uid: owner.uid, reference: reference.to_owned() })
}

/// What the claim costs that will be made from a template. What one says that the platform has still to make stands in
/// the Pod; of another that does not exist the Pod's labels say what is asked. The claim's creation is charged what it
/// really is.
pub(crate) fn from_template(case: &Case<'_>, pod: Object<'_>, template: &str) -> Amounts {
    match case.devices.templates.get(template) {
        Some(template) => price(&template.spec, &case.devices.classes, case.policy),
        None => match own_claim::recorded(pod, template) {
            Some(recorded) => price(&recorded.spec, &case.devices.classes, case.policy),
            None => labels_ask(pod, case.policy),
        },
    }
}

/// What the labels of a Pod ask. What cannot be read is refused elsewhere.
pub fn labels_ask(pod: Object<'_>, policy: &Policy) -> Amounts {
    Ask::of_labels(pod, policy).ok().flatten().map(|ask| ask.price().into()).unwrap_or_default()
}

/// What a claim costs.
pub fn price(spec: &ResourceClaimSpec, classes: &DeviceClasses, policy: &Policy) -> Amounts {
    Understood::of(spec, classes, policy).price.into()
}

/// The claims that a Pod names. `template` says what a claim made from a template costs, `claim` the UID and the price of
/// a claim, and who pays for it; `None` where there is no such claim.
pub fn uses(
    references: &[PodResourceClaim],
    template: impl Fn(&str) -> Amounts,
    claim: impl Fn(&str) -> Option<(String, Amounts, Limits)>,
) -> Vec<Use> {
    let uses = references.iter().filter_map(|it| match (&it.resource_claim_name, &it.resource_claim_template_name) {
        (Some(name), _) => Some(match claim(name) {
            Some((uid, price, payers)) => Use::Claim { name: name.clone(), uid, price, payers },
            None => Use::Unborn { name: name.clone() },
        }),
        (None, Some(name)) => Some(Use::Inline { reference: it.name.clone(), price: template(name) }),
        (None, None) => None,
    });
    uses.collect()
}

/// Which Pod, or which claim.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its UID; empty until the API server has given it one, which is before the validating call.
    pub uid: &'a str,
    /// Its Namespace.
    pub namespace: &'a str,
    /// Its name; empty until the API server has generated it.
    pub name: &'a str,
}

/// What a Pod costs that takes this much CPU and memory.
pub fn pod(named: Named<'_>, amounts: Amounts, payers: Limits) -> AdmitPod {
    AdmitPod {
        uid: named.uid.to_owned(),
        namespace: named.namespace.to_owned(),
        name: named.name.to_owned(),
        amounts,
        payers,
        uses: Vec::new(),
    }
}

/// Whether something holds a Pod back from being scheduled.
fn is_gated(pod: Object<'_>) -> bool {
    pod.at(&["spec", "schedulingGates"]).and_then(|gates| gates.as_array()).is_some_and(|gates| !gates.is_empty())
}

/// Who pays for what runs in a project: the project, every project above it, and the user within the project.
///
/// A project above that does not exist limits nothing; a circle of them is gone through once.
pub fn payers(policy: &Policy, project: &Project, user_id: Option<&str>, now: Timestamp) -> Limits {
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
    if let Some(user) = user_id {
        let account = Account::User { project: project.id.clone(), user: user.to_owned() };
        payers.0.insert(account, limits(policy, project, now).1);
    }
    payers
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
