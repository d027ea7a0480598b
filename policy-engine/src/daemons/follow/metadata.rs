//! What is written on a Namespace.

use crate::daemons::common::{MANAGED_BY, MANAGER};
use std::collections::BTreeMap;

use crate::contract;
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::project::Project;
use crate::policy::rule_id::RuleId;

use super::action::MetadataChange;
use super::verdict::Verdict;
use super::view::{Mark, Namespace};
use super::{BOUND_MARK, FLOOR_MARK, POD_SECURITY};

/// The level below which no Pod of a governed Namespace falls, even while Sluice is away.
const FLOOR: &str = "baseline";
/// Levels that are no weaker; one that an admin chose stays.
const AT_LEAST_FLOOR: [&str; 2] = [FLOOR, "restricted"];

/// What a Namespace is made with.
pub(super) fn at_creation(name: &str, project: &Project, policy: &Policy) -> MetadataChange {
    let text = |value: &str| Some(value.to_owned());
    let mut metadata = MetadataChange {
        labels: [(MANAGED_BY, text(MANAGER)), (contract::PROJECT_ID, text(project.id.as_str()))].into(),
        annotations: [(BOUND_MARK, Some(mark(project)))].into(),
    };
    if let Some(user) = member(name, project, policy) {
        metadata.labels.insert(contract::USER_ID, text(user));
    }
    if wants_floor(policy, project) {
        metadata.labels.insert(POD_SECURITY, text(FLOOR));
        metadata.annotations.insert(FLOOR_MARK, text(FLOOR));
    }
    metadata
}

/// What has to change on a Namespace for it to be as the verdict says.
pub(super) fn changes(name: &str, found: &Namespace, verdict: &Verdict<'_>, policy: &Policy) -> MetadataChange {
    let mut change = MetadataChange::default();
    let binding = match verdict {
        Verdict::Ours(project, _) | Verdict::Kept(project) => Some((Some(project.id.as_str()), Some(mark(project)))),
        Verdict::Theirs(_) | Verdict::Unknown => Some((found.bound_to(), None)),
        Verdict::Free => {
            let ours = found.mark();
            let theirs = found.bound_to().filter(|id| ours.as_ref().is_none_or(|mark| mark.id.as_str() != *id));
            Some((theirs, None))
        }
        Verdict::Unreadable(_) | Verdict::Terminating => None,
    };
    if let Some((label, mark)) = binding {
        set(&mut change.labels, &found.labels, contract::PROJECT_ID, label);
        set(&mut change.annotations, &found.annotations, BOUND_MARK, mark.as_deref());
    }
    let whose = match verdict {
        Verdict::Ours(project, _) => Some(member(name, project, policy)),
        Verdict::Free if found.mark().is_some() => Some(None),
        Verdict::Free | Verdict::Kept(_) | Verdict::Theirs(_) | Verdict::Unknown => None,
        Verdict::Unreadable(_) | Verdict::Terminating => None,
    };
    if let Some(label) = whose {
        set(&mut change.labels, &found.labels, contract::USER_ID, label);
    }
    if let Some((label, mark)) = floor(found, verdict, policy) {
        set(&mut change.labels, &found.labels, POD_SECURITY, label);
        set(&mut change.annotations, &found.annotations, FLOOR_MARK, mark);
    }
    change
}

/// What the Pod Security label and our mark are to say; `None` leaves both as they are.
fn floor<'a>(
    found: &'a Namespace,
    verdict: &Verdict<'_>,
    policy: &Policy,
) -> Option<(Option<&'a str>, Option<&'static str>)> {
    let level = found.labels.get(POD_SECURITY).map(String::as_str);
    let ours = found.floor_is_ours();
    let taken_back = ours.then(|| (level.filter(|level| *level != FLOOR), None));
    match verdict {
        Verdict::Ours(project, _) | Verdict::Kept(project) | Verdict::Theirs(project)
            if wants_floor(policy, project) =>
        {
            let enough = level.filter(|level| AT_LEAST_FLOOR.contains(level));
            Some((enough.or(Some(FLOOR)), (ours || enough.is_none()).then_some(FLOOR)))
        }
        Verdict::Ours(..) | Verdict::Kept(_) | Verdict::Theirs(_) | Verdict::Free => taken_back,
        Verdict::Unknown | Verdict::Unreadable(_) | Verdict::Terminating => None,
    }
}

/// *Baseline* refuses every host path, and capabilities beyond its own, so it cannot stand over a project that may have some; nor
/// where Sluice itself only warns of what it refuses.
fn wants_floor(policy: &Policy, project: &Project) -> bool {
    let mode = policy.platform().mode_of(RuleId::Privilege, Some(project));
    mode == RuleMode::Enforce && !policy.platform().goes_beyond_baseline(project)
}

/// The id of the member whose own this Namespace is.
pub(super) fn member<'a>(name: &str, project: &Project, policy: &'a Policy) -> Option<&'a str> {
    let user = policy.records().users.get(project.member_of(name)?)?;
    Some(user.id.as_str())
}

fn mark(project: &Project) -> String {
    Mark { project: project.name.clone(), id: project.id.clone() }.to_string()
}

fn set(
    change: &mut BTreeMap<&'static str, Option<String>>,
    now: &BTreeMap<String, String>,
    key: &'static str,
    to: Option<&str>,
) {
    if now.get(key).map(String::as_str) != to {
        change.insert(key, to.map(str::to_owned));
    }
}
