//! Which claim a slot means, and which claims a Pod is to have for its slots.

use std::collections::BTreeMap;

use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::people::User;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::devices::KnownClaim;
use crate::submission::identity::Caller;
use crate::submission::pod::Pod;
use crate::submission::slots::texts::{self, Text};
use crate::submission::slots::{self, Broken};

/// What the annotations `claim-slots` say: the Pod's or template's own goes before the workload's.
pub(crate) struct Mapping<'a> {
    near: BTreeMap<&'a str, &'a str>,
    far: BTreeMap<&'a str, &'a str>,
}

impl<'a> Mapping<'a> {
    pub(crate) fn of(case: &Case<'a>, pod: Option<&Pod<'a>>) -> Result<Self, (Place, Broken)> {
        let read = |object: Option<Object<'a>>, here: Place| {
            let text = object.and_then(|object| object.annotation(contract::CLAIM_SLOTS)).unwrap_or_default();
            let at = || here.key("metadata").key("annotations").key(contract::CLAIM_SLOTS);
            slots::mapping(text).map_err(|broken| (at(), broken))
        };
        Ok(Self {
            near: pod.map_or(Ok(BTreeMap::new()), |pod| read(pod.template(), pod.at([])))?,
            far: read(case.object(), Place::root())?,
        })
    }

    pub(crate) fn claim(&self, slot: &str) -> Option<&'a str> {
        self.near.get(slot).or_else(|| self.far.get(slot)).copied()
    }
}

/// The claims that a Pod or template is to have: what its slots mean, and on a Pod what `dra-claim-name` says plainly.
pub(crate) fn wanted<'p>(case: &Case<'_>, pod: &'p Pod<'_>) -> &'p [String] {
    pod.found.slots.get_or_init(|| find(case, pod))
}

fn find(case: &Case<'_>, pod: &Pod<'_>) -> Vec<String> {
    let asked = [pod.object().label(contract::CLAIM_NAME), pod.object().annotation(contract::CLAIM_NAME)];
    // In a template it is for the Pods that are made from it.
    let plain = asked.into_iter().flatten().filter(|name| case.new_pod().is_some() && !slots::mentions(name));
    let mut wanted: Vec<String> = Vec::new();
    let mut add = |claim: &str| {
        if !wanted.iter().any(|it| it == claim) {
            wanted.push(claim.to_owned());
        }
    };
    plain.filter(|name| !name.is_empty()).for_each(&mut add);
    let Ok(mapping) = Mapping::of(case, Some(pod)) else { return wanted };
    for Text { text, .. } in texts(case, pod) {
        for slot in slots::all(text).unwrap_or_default() {
            if let Ok(claim) = meant(case, slot.name, mapping.claim(slot.name)) {
                add(claim);
            }
        }
    }
    wanted
}

/// What resolves the slots in a text of a Pod or template, as far as they can be.
pub(crate) fn resolver<'s>(case: &'s Case<'_>, pod: &'s Pod<'_>) -> impl Fn(&str) -> String + 's {
    let mapping = Mapping::of(case, Some(pod)).ok();
    move |text| {
        let Some(mapping) = mapping.as_ref().filter(|_| slots::mentions(text)) else { return text.to_owned() };
        let claim = |slot: &str| meant(case, slot, mapping.claim(slot)).ok();
        slots::resolve(text, claim).unwrap_or_else(|_| text.to_owned())
    }
}

/// The texts of a Pod or template in which a slot may stand.
pub(crate) fn texts<'a>(case: &Case<'_>, pod: &'a Pod<'_>) -> Vec<Text<'a>> {
    // All of it has been read once, to know what is named.
    if !case.device_names.slots {
        return Vec::new();
    }
    let mut found = texts::of_metadata(pod.object(), &pod.at([]));
    found.extend(texts::of_spec(pod.object(), |list| pod.at(["spec", list])));
    found
}

/// Why a slot means no claim.
#[derive(Clone, Copy)]
pub(crate) enum Unmapped<'a> {
    /// Nothing maps it.
    Unsaid,
    /// Several claims are labelled for it.
    Several,
    /// The claim that is mapped does not exist.
    Missing(&'a str),
    /// The claim that is mapped may not be used.
    Refused(&'a str, Why<'a>),
}

/// Why a claim may not be used.
#[derive(Clone, Copy)]
pub(crate) enum Why<'a> {
    /// It is this user's, and not shared; for the owner, or for this editor.
    Foreign(Option<&'a User>),
    /// It was made for one Pod.
    OfPod,
}

/// The claim that a slot means.
pub(crate) fn meant<'a>(case: &Case<'a>, slot: &str, mapped: Option<&'a str>) -> Result<&'a str, Unmapped<'a>> {
    let claims = &case.devices.claims;
    if let Some(name) = mapped {
        return match claims.get(name) {
            Some(claim) => may_use(case, claim).map(|()| name).map_err(|why| Unmapped::Refused(name, why)),
            None if case.devices.lacks_claim(name) => Err(Unmapped::Missing(name)),
            None => Ok(name),
        };
    }
    // A colleague's shared claim is named by hand: else whoever shares one decides on what others' work runs.
    let fits = |claim: &KnownClaim| {
        claim.slot.as_deref() == Some(slot) && !claim.terminating && is_own(case, claim) && may_use(case, claim).is_ok()
    };
    let mut labelled = claims.iter().filter(|(_, claim)| fits(claim)).map(|(name, _)| name.as_str());
    match (labelled.next(), labelled.next()) {
        (Some(name), None) => Ok(name),
        (Some(_), Some(_)) => Err(Unmapped::Several),
        (None, _) => Err(Unmapped::Unsaid),
    }
}

pub(crate) fn is_own(case: &Case<'_>, claim: &KnownClaim) -> bool {
    matches!(&case.owner, Ok(owner) if owner.is(claim.user_id.as_ref()))
}

/// Whether the owner of the work may use a claim, and whoever changes the work.
pub(crate) fn may_use<'a>(case: &Case<'a>, claim: &KnownClaim) -> Result<(), Why<'a>> {
    if claim.pod_uid.is_some() {
        return Err(Why::OfPod);
    }
    if claim.shared {
        return Ok(());
    }
    let by_admin = matches!(case.caller, Caller::Admin);
    if !is_own(case, claim) && !by_admin {
        return Err(Why::Foreign(None));
    }
    match case.caller {
        Caller::Person(editor) | Caller::Deputy(editor) if case.submission.act == Act::Update => {
            let own = claim.user_id.as_ref() == Some(&editor.id);
            if own || case.manages(editor) { Ok(()) } else { Err(Why::Foreign(Some(editor))) }
        }
        Caller::Person(_)
        | Caller::Admin
        | Caller::Controller
        | Caller::Client
        | Caller::Deputy(_)
        | Caller::Node(_)
        | Caller::ControlPlane
        | Caller::Stranger => Ok(()),
    }
}
