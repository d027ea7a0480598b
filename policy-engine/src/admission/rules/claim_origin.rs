//! # claim-origin: nobody makes by hand what Kubernetes and the platform make
//!
//! kube-controller-manager makes a ResourceClaim for each Pod that names a template, and the scheduler makes one for
//! each Pod that asks for an extended resource. Such a claim has the Pod as its owner and annotations that begin with
//! `resource.kubernetes.io/`, and the waiting Pod uses it. The Pod would use a claim that somebody else wrote in the
//! same way, too. So nobody else may write such an owner or such annotations: neither on a claim, nor in the metadata
//! that a ResourceClaimTemplate gives to its claims. Likewise nobody writes a Pod, or whatever else as the
//! controller, as the owner of a PersistentVolumeClaim: Kubernetes does so on those that it makes for ephemeral volumes and
//! StatefulSets, and knows a Pod by its UID alone, of whichever kind it is said to be. (An operator may be the controller of the claims
//! of devices that it makes.)
//!
//! So the claim templates of a StatefulSet name no owners and no finalizers: its controller would write them.
//!
//! The platform reserves the device taint `platform-go/hold` for devices that it frees for one claim, and gives each
//! claim the toleration of its own hold. Users may not write tolerations of that key, nor
//! tolerations of every key.
//!
//! ResourceClaimTemplates with names such as `gpu-h100-cnt1-sm50-memmax-0123456789` belong to the platform. It makes
//! them for Pods that ask by labels, and makes them again when they are missing. Nobody else may create one with such a
//! name.

use k8s_openapi::api::resource::v1::{DeviceToleration, ResourceClaimSpec};
use serde::Deserialize;
use serde_json::Value;

use crate::admission::findings::Findings;
use crate::claims::template::is_platform_template;
use crate::contract;
use crate::gpu::hold::own_hold;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::devices::KUBERNETES_OWN;
use crate::submission::identity::{Caller, is_claim_maker};
use crate::submission::volume_claim::VolumeClaim;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let changes = matches!(case.submission.act, Act::Create | Act::Update);
    let Some(object) = case.object().filter(|_| changes) else { return };
    let by_kubernetes = is_claim_maker(case.submission.requester.username);
    if case.is_claim() {
        if !by_kubernetes {
            owners(case, object, say);
            annotations(object, case.old(), Place::root(), say);
        }
        tolerations(case, object, Place::root(), say);
    } else if case.is_volume_claim() && is_asked_by_people(case) {
        owners(case, object, say);
    } else if case.submission.resource.is_stateful_set() {
        case.volume_claims.iter().for_each(|claim| of_stateful_set(claim, say));
    } else if case.is_claim_template() {
        template_name(case, say);
        let Some(template) = object.at(&["spec"]).map(Object) else { return };
        let old = case.old().and_then(|old| old.at(&["spec"]).map(Object));
        annotations(template, old, Place::of(["spec"]), say);
        tolerations(case, template, Place::of(["spec"]), say);
    }
}

fn is_asked_by_people(case: &Case<'_>) -> bool {
    match case.caller {
        Caller::Person(_) | Caller::Client | Caller::Deputy(_) | Caller::Stranger => true,
        Caller::Admin | Caller::Controller | Caller::Node(_) | Caller::ControlPlane => false,
    }
}

/// A Pod takes up a claim that names it as its owner, be it of devices or of a volume; a workload's Pods, what it controls.
fn owners(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let before = case.old().map_or(&[][..], |old| old.owner_references());
    for (at, owner) in object.owner_references().iter().enumerate() {
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        let is_pod = text("kind") == "Pod";
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let by_people = is_asked_by_people(case);
        // Controllers compare UIDs alone: a Pod's may stand under any kind.
        let controls =
            owner.get("controller") == Some(&Value::Bool(true)) && (by_people || matches!(group, "apps" | "batch"));
        if (is_pod || controls) && !before.contains(owner) {
            let why = format!(
                "asked {} {} as its owner, which only Kubernetes writes on the claims that it makes for Pods; leave it out, and name the claim in the Pod's spec",
                text("kind"),
                text("name")
            );
            say.deny(Place::of(["metadata", "ownerReferences"]).index(at), why);
        }
    }
}

/// Its controller writes whatever a template says, and is believed: owners that are a colleague's, and finalizers that nobody takes
/// off.
fn of_stateful_set(claim: &VolumeClaim<'_>, say: &mut Findings) {
    for (key, why) in [
        (
            "ownerReferences",
            "asked owners for the claims of a StatefulSet, which its controller gives them; leave them out",
        ),
        ("finalizers", "asked finalizers for the claims of a StatefulSet, which would stay for ever; leave them out"),
    ] {
        let place = claim.at([]).key("metadata").key(key);
        if claim.object.at(&["metadata", key]).and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            say.deny(place, why);
        }
    }
}

fn annotations(object: Object<'_>, old: Option<Object<'_>>, here: Place, say: &mut Findings) {
    for (key, value) in object.annotations().into_iter().flatten() {
        let stands = old.and_then(|old| old.annotations()?.get(key)) == Some(value);
        if key.starts_with(KUBERNETES_OWN) && !stands {
            let why = format!(
                "asked {key}, by which Kubernetes knows the claims that it made itself; nobody else writes keys of {KUBERNETES_OWN}; leave it out"
            );
            say.deny(here.clone().key("metadata").key("annotations").key(key.to_owned()), why);
        }
    }
}

fn tolerations(case: &Case<'_>, claim: Object<'_>, here: Place, say: &mut Findings) {
    let stands = case.old().is_some_and(|old| old.same_content(&Object(case.submission.object.unwrap_or(old.0))));
    // What cannot be read as a claim's spec the API server refuses after this call.
    let Some(Ok(spec)) = claim.at(&["spec"]).filter(|_| !stands).map(ResourceClaimSpec::deserialize) else { return };
    let own = own_hold(case.submission);
    let here = here.key("spec").key("devices").key("requests");
    let mut look = |place: Place, tolerations: Option<&Vec<DeviceToleration>>| {
        for (at, toleration) in tolerations.into_iter().flatten().enumerate() {
            refuse(toleration, own.as_deref(), place.clone().key("tolerations").index(at), say);
        }
    };
    for (at, request) in spec.devices.iter().flat_map(|it| it.requests.iter().flatten()).enumerate() {
        let request_at = here.clone().index(at);
        if let Some(exactly) = &request.exactly {
            look(request_at.clone().key("exactly"), exactly.tolerations.as_ref());
        }
        for (at, alternative) in request.first_available.iter().flatten().enumerate() {
            look(request_at.clone().key("firstAvailable").index(at), alternative.tolerations.as_ref());
        }
    }
}

fn refuse(toleration: &DeviceToleration, own: Option<&str>, field: Place, say: &mut Findings) {
    let key = toleration.key.as_deref().unwrap_or_default();
    let is_own = toleration.value.as_deref() == own
        && own.is_some()
        && toleration.effect.as_deref() == Some("NoSchedule")
        && toleration.operator.as_deref().unwrap_or("Equal") == "Equal";
    let asked = match key {
        "" => "asked to tolerate every taint",
        contract::HOLD if !is_own => "asked to tolerate what holds devices for others",
        _ => return,
    };
    let why = format!(
        "{asked}; {} is tolerated by the claim that a device is held for, and the platform writes that; name the keys of your own taints",
        contract::HOLD
    );
    say.deny(field, why);
}

fn template_name(case: &Case<'_>, say: &mut Findings) {
    let name = case.submission.name;
    if is_platform_template(name) {
        let why = format!(
            "asked the name {name}, which is one of the templates that the platform makes for Pods; choose another name"
        );
        say.deny(Place::of(["metadata", "name"]), why);
    }
}
