//! Which claims may be used, and which one a slot means.

use std::fmt;

use crate::admission::findings::Findings;
use crate::contract;
use crate::gpu::slots::{Unmapped, Why, is_own, may_use};
use crate::sentence;
use crate::submission::case::Case;
use crate::submission::devices::MOST_CANDIDATES;
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
        (pod.label_at(contract::CLAIM_NAME), pod.object().label(contract::CLAIM_NAME)),
        (pod.annotation_at(contract::CLAIM_NAME), pod.object().annotation(contract::CLAIM_NAME)),
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
            None if !case.devices.lacks_claim(name) => {
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
                let user_id = case.devices.claims.get(*name).and_then(|claim| claim.user_id.as_ref());
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
            Some(user) if !is_own(case, claim) => format!("{name} (shared by {})", case.policy.user_name(user)),
            Some(_) | None => name.clone(),
        })
        .collect();
    match (&case.owner, claims.as_slice()) {
        (Ok(owner), []) => write!(f, "{owner} has no ResourceClaim here and none is shared; create one first"),
        (Err(_), []) => f.write_str("no ResourceClaim here is shared; create one first"),
        (Ok(owner), claims) => {
            write!(f, "{owner} may use ")?;
            sentence::list(f, claims)
        }
        (Err(_), claims) => {
            f.write_str("shared are ")?;
            sentence::list(f, claims)
        }
    }?;
    if case.devices.more_claims {
        write!(f, " (of the ResourceClaims here only the first {MOST_CANDIDATES} by name were looked at)")?;
    }
    Ok(())
}
