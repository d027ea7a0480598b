//! Which claims may be used, and which one a slot means.

use std::fmt;

use crate::admission::findings::Findings;
use crate::contract;
use crate::policy::people::User;
use crate::policy::project::ProjectRole;
use crate::submission::case::{Act, Case};
use crate::submission::devices::KnownClaim;
use crate::submission::identity::{Caller, Owner};
use crate::submission::pod::Pod;
use crate::submission::slots::mentions;

/// The claims that a Pod names plainly, in its spec or by `dra-claim-name`.
pub(super) fn named(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let of_spec = pod.spec.resource_claims.iter().flatten().enumerate().filter_map(|(index, it)| {
        let at = pod.at(["spec", "resourceClaims"]).index(index).key("resourceClaimName");
        Some((at, it.resource_claim_name.as_deref()?))
    });
    let asked = [
        (pod.label_at(contract::CLAIM_NAME), pod.object.label(contract::CLAIM_NAME)),
        (pod.annotation_at(contract::CLAIM_NAME), pod.object.annotation(contract::CLAIM_NAME)),
    ];
    let asked = asked.into_iter().filter_map(|(at, name)| Some((at, name?)));
    let mut told = Vec::new();
    for (at, name) in of_spec.chain(asked).filter(|(_, name)| !mentions(name) && !name.is_empty()) {
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        match case.devices.claims.get(name) {
            Some(claim) => {
                if let Err(why) = may_use(case, claim) {
                    say.deny(at, Refused { case, claim: name, why, slot: None });
                }
            }
            None if case.devices.untold => {
                say.warn(format_args!("whose ResourceClaim {name} is cannot be told here; ask with --policy cluster"));
            }
            // The controllers' Pods have nobody to warn.
            None if matches!(case.caller, Caller::Controller) => {}
            None => say.warn(format_args!(
                "ResourceClaim {name} does not exist; the Pod waits until its user, or somebody who shares it, creates it"
            )),
        }
    }
}

/// Why a slot means no claim.
#[derive(Clone, Copy)]
pub(super) enum Unmapped<'a> {
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
pub(super) enum Why<'a> {
    /// It is this user's, and not shared; for the owner, or for this editor.
    Foreign(Option<&'a User>),
    /// It was made for one Pod.
    OfPod,
}

/// The claim that a slot means.
pub(super) fn meant<'a>(case: &Case<'a>, slot: &str, mapped: Option<&'a str>) -> Result<&'a str, Unmapped<'a>> {
    let claims = &case.devices.claims;
    if let Some(name) = mapped {
        return match claims.get(name) {
            Some(claim) => may_use(case, claim).map(|()| name).map_err(|why| Unmapped::Refused(name, why)),
            None if case.devices.untold => Ok(name),
            None => Err(Unmapped::Missing(name)),
        };
    }
    let labelled = |own: bool| {
        let fits = move |claim: &KnownClaim| {
            claim.slot.as_deref() == Some(slot)
                && !claim.terminating
                && is_own(case, claim) == own
                && may_use(case, claim).is_ok()
        };
        claims.iter().filter(move |(_, claim)| fits(claim)).map(|(name, _)| name.as_str())
    };
    for own in [true, false] {
        let mut found = labelled(own);
        match (found.next(), found.next()) {
            (Some(name), None) => return Ok(name),
            (Some(_), Some(_)) => return Err(Unmapped::Several),
            (None, _) => {}
        }
    }
    Err(Unmapped::Unsaid)
}

fn is_own(case: &Case<'_>, claim: &KnownClaim) -> bool {
    matches!(&case.owner, Ok(owner) if owner.id() == claim.user_id.as_deref())
}

/// Whether the owner of the work may use a claim, and whoever changes the work.
fn may_use<'a>(case: &Case<'a>, claim: &KnownClaim) -> Result<(), Why<'a>> {
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
        Caller::Person(editor) if case.submission.act == Act::Update => {
            let groups = case.submission.requester.groups;
            let manages = case.policy.role(editor, groups, case.project) > Some(ProjectRole::Member)
                || case.policy.is_admin(Some(editor), groups);
            let own = claim.user_id.as_deref() == Some(editor.id.as_str());
            if manages || own { Ok(()) } else { Err(Why::Foreign(Some(editor))) }
        }
        Caller::Person(_)
        | Caller::Admin
        | Caller::Controller
        | Caller::Client
        | Caller::Node(_)
        | Caller::ControlPlane
        | Caller::Stranger => Ok(()),
    }
}

/// Why a claim that is named is not used.
pub(super) struct Refused<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) claim: &'a str,
    pub(super) why: Why<'a>,
    pub(super) slot: Option<&'a str>,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, claim: name, why, slot } = self;
        write!(f, "asked ResourceClaim {name}")?;
        if let Some(slot) = slot {
            write!(f, " for slot {slot}")?;
        }
        match why {
            Why::OfPod => {
                f.write_str(", which was made for one Pod and goes with it")?;
            }
            Why::Foreign(editor) => {
                let user_id = case.devices.claims.get(*name).and_then(|claim| claim.user_id.as_deref());
                let owner = Owner::stamped(user_id, case.policy);
                write!(f, ", which is {owner}'s and not shared")?;
                if let Some(editor) = editor {
                    write!(f, ", not {}'s who changes this", editor.name)?;
                }
            }
        }
        f.write_str("; ")?;
        usable(case, f)?;
        f.write_str("; name one of those, or ask its owner to annotate it with platform-go/share: project")
    }
}

/// Why a slot is not resolved.
pub(super) struct NotMapped<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) slot: &'a str,
    pub(super) why: Unmapped<'a>,
}

impl fmt::Display for NotMapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, slot, why } = self;
        match why {
            Unmapped::Refused(claim, why) => {
                return Refused { case, claim, why: *why, slot: Some(slot) }.fmt(f);
            }
            Unmapped::Unsaid => write!(f, "asked slot {slot}, which is mapped to no claim; ")?,
            Unmapped::Several => write!(f, "asked slot {slot}, for which several claims are labelled; ")?,
            Unmapped::Missing(claim) => {
                write!(f, "asked slot {slot}, which is mapped to {claim}, and there is no such claim; ")?;
            }
        }
        usable(case, f)?;
        write!(f, "; write the annotation {}: {slot}=<claim>", contract::CLAIM_SLOTS)
    }
}

/// The claims that the owner could name.
fn usable(case: &Case<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let claims = case.devices.claims.iter();
    let claims: Vec<_> = claims
        .filter(|(_, claim)| !claim.terminating && may_use(case, claim).is_ok())
        .map(|(name, claim)| match &claim.user_id {
            Some(user) if !is_own(case, claim) => format!("{name} (shared by {user})"),
            Some(_) | None => name.clone(),
        })
        .collect();
    match (&case.owner, claims.as_slice()) {
        (Ok(owner), []) => write!(f, "{owner} has no ResourceClaim here and none is shared; create one first"),
        (Err(_), []) => f.write_str("no ResourceClaim here is shared; create one first"),
        (Ok(owner), claims) => {
            write!(f, "{owner} may use ")?;
            crate::admission::rules::list(f, claims)
        }
        (Err(_), claims) => {
            f.write_str("shared are ")?;
            crate::admission::rules::list(f, claims)
        }
    }
}
