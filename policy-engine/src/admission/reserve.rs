//! What admitting a submission reserves in the ledger.
//!
//! A Pod is charged when it is admitted ungated, when its last gate is taken off, and when it is resized: then at least what
//! it holds by its status. A Pod with a scheduling gate holds nothing, whoever set the gate. A claim is charged to its
//! owner, from its creation on, while a Pod of theirs names it, or one that was admitted with it or has it reserved.
//! A workspace is refused what its Pod would be refused, and charged nothing. Other workloads are charged nothing: their Pods are, and whether all of them would have room is foreseen.

mod replicas;
mod starts;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize;
use serde_json::Value;

use crate::admission::decision::{Reservation, WithoutRoom};
use crate::charge::{self, Identity, KnownPrice, from_template, pod, price, unlimited};
use crate::contract;
use crate::ledger::{AdmitPod, Amounts, ClaimMade, ForPod, Limits, Request, Use};
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::devices::{is_shared, made_for_reference};
use crate::submission::identity::{Owner, makes_for_pod};
use crate::submission::pod::Pod;

/// What admitting a submission reserves; `None` where it costs nothing.
pub(crate) fn of(case: &Case<'_>) -> Option<Reservation> {
    // What ends still holds what it has: a gate that is taken off, or a resize, is charged then too.
    let object = case.object()?;
    if case.is_workspace() {
        return starts::asks(case);
    }
    if let Some(foreseen) = replicas::foresee(case, object) {
        return Some(foreseen);
    }
    let mode = case.policy.platform().mode_of(RuleId::Quota, Some(case.project));
    let payers_of = |user: Option<UserId>| match mode {
        RuleMode::Off => unlimited(charge::payers(case.policy, case.project, user, case.now)),
        RuleMode::Enforce | RuleMode::Warn => charge::payers(case.policy, case.project, user, case.now),
    };
    let owner = || payers_of(case.owner.as_ref().ok().and_then(Owner::id).map(UserId::new));
    let meta = |key: &str| object.at(&["metadata", key]).and_then(Value::as_str).unwrap_or_default();
    let named = Identity { uid: meta("uid"), namespace: case.submission.namespace, name: meta("name") };
    let request = if case.is_pod() && begins(case, object) {
        let mut read = None;
        let new = match case.pods.first() {
            Some(new) => new,
            // A resize to what it has already.
            None => read.insert(Pod::read(object.0, Place::root()).ok()?),
        };
        // What is no amount is the rule's to refuse.
        let amounts = new.amounts(case.policy.platform().charge).ok()?.max(held(case));
        let amounts = amounts.plus(charge::names(case, new));
        let uses = charge::uses(
            new.spec.resource_claims.as_deref().unwrap_or_default(),
            |template| from_template(case, object, template),
            |claim| known(case, claim, payers_of),
        );
        Request::AdmitPod(AdmitPod { uses, ..pod(named, amounts, owner()) })
    } else if case.is_claim() && (case.submission.act == Act::Create || becomes_shared(case, object)) {
        let spec = ResourceClaimSpec::deserialize(object.at(&["spec"])?).ok()?;
        Request::ClaimMade(ClaimMade {
            uid: named.uid.to_owned(),
            namespace: named.namespace.to_owned(),
            name: named.name.to_owned(),
            price: price(&spec, &case.devices.classes, case.policy),
            payers: owner(),
            shared: is_shared(object.annotation(contract::SHARE)),
            for_pod: for_pod(case, object),
        })
    } else if let Some(pod) = case.devices.reserving.first() {
        // The Pod is charged already; the claim, from now on also where it was admitted with none, or with another.
        let spec = ResourceClaimSpec::deserialize(object.at(&["spec"])?).ok()?;
        let used = Use::Claim {
            name: case.submission.name.to_owned(),
            uid: named.uid.to_owned(),
            price: price(&spec, &case.devices.classes, case.policy),
            payers: owner(),
            shared: is_shared(object.annotation(contract::SHARE)),
        };
        let named = Identity { uid: &pod.uid, namespace: case.submission.namespace, name: &pod.name };
        let reserved = charge::pod(named, Amounts::NOTHING, payers_of(pod.user_id.clone()));
        Request::AdmitPod(AdmitPod { uses: vec![used], ..reserved })
    } else {
        return None;
    };
    let without_room = match mode {
        RuleMode::Enforce => WithoutRoom::Refuse,
        RuleMode::Warn | RuleMode::Off => WithoutRoom::Warn,
    };
    Some(Reservation { request, without_room })
}

/// A claim that is there, by its name.
fn known(case: &Case<'_>, claim: &str, payers_of: impl Fn(Option<UserId>) -> Limits) -> Option<KnownPrice> {
    let claim = case.devices.claims.get(claim)?;
    let price = price(&claim.spec, &case.devices.classes, case.policy);
    Some(KnownPrice { uid: claim.uid.clone(), price, payers: payers_of(claim.user_id.clone()), shared: claim.shared })
}

/// Whether a claim is given to everybody from now on: colleagues' Pods that wait for its name use it at once.
fn becomes_shared(case: &Case<'_>, claim: Object<'_>) -> bool {
    let shared = |object: Object<'_>| is_shared(object.annotation(contract::SHARE));
    case.submission.act == Act::Update && shared(claim) && case.old().is_some_and(|old| !shared(old))
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

/// What a Pod that is resized holds now: a resize down gives back nothing before the kubelet has.
fn held(case: &Case<'_>) -> Amounts {
    let resized = case.old().filter(|_| case.submission.subresource == "resize");
    let old = resized.and_then(|old| Pod::read(old.0, Place::root()).ok());
    old.and_then(|old| old.held(case.policy.platform().charge).ok()).unwrap_or_default()
}

/// The Pod for which Kubernetes makes a claim: from a template, or for what it asks as extended resources.
fn for_pod(case: &Case<'_>, claim: Object<'_>) -> Option<ForPod> {
    let owner = claim.controller().ok()??;
    let reference = made_for_reference(|key| claim.annotation(key))?;
    (makes_for_pod(case.submission) && owner.kind == "Pod")
        .then(|| ForPod { uid: owner.uid, reference: reference.to_owned() })
}

/// Whether something holds a Pod back from being scheduled.
fn is_gated(pod: Object<'_>) -> bool {
    pod.at(&["spec", "schedulingGates"]).and_then(|gates| gates.as_array()).is_some_and(|gates| !gates.is_empty())
}
