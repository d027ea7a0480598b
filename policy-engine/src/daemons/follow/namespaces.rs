//! Which Namespace belongs to which project, and what is written on it.

use crate::daemons::common::is_exempt;
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Policy;
use crate::policy::ids::{ProjectId, UserId};
use crate::policy::project::Project;

use super::action::{Action, Because};
use super::spared::{NotYours, Spared};
use super::verdict::Verdict;
use super::view::{Contents, Mark, Namespace, View};
use super::{Plan, metadata};

/// Which Namespaces are bound to which project once the plan is carried out.
#[derive(Debug, Default)]
pub(super) struct Bound<'a> {
    /// The project of each Namespace that is bound to a known one.
    pub(super) projects: BTreeMap<&'a str, &'a Project>,
    /// Those of them that are one member's own, and the member's id.
    pub(super) given: BTreeMap<&'a str, &'a str>,
    /// Namespaces in which nothing is written or deleted.
    pub(super) hands_off: BTreeSet<&'a str>,
}

impl<'a> Bound<'a> {
    /// `own` is the id of the member whose own it is.
    fn bind(&mut self, name: &'a str, project: &'a Project, own: Option<&'a str>) {
        self.projects.insert(name, project);
        self.given.extend(own.map(|user| (name, user)));
    }
}

pub(super) fn plan<'a>(view: &'a View, policy: &'a Policy, plan: &mut Plan) -> Bound<'a> {
    let claims = claims(policy);
    let names: BTreeSet<&str> = claims.keys().copied().chain(view.namespaces.keys().map(String::as_str)).collect();
    let mut bound = Bound::default();
    for name in names {
        let claimants = claims.get(name).map_or(&[][..], Vec::as_slice);
        if is_exempt(&view.own_namespace, policy.platform(), name) {
            bound.hands_off.insert(name);
            plan.spared.extend(claimants.iter().map(|project| spared(name, project, NotYours::Exempt)));
            continue;
        }
        let found = view.namespaces.get(name);
        let first = first_claimant(found, claimants);
        let listed_by = |first: &Project| NotYours::ListedBy(first.name.clone());
        if let Some(first) = first {
            let others = claimants.iter().filter(|other| other.name != first.name);
            plan.spared.extend(others.map(|other| spared(name, other, listed_by(first))));
        }
        let verdict = match (found, first) {
            (None, None) => continue,
            (None, Some(project)) => {
                bound.bind(name, project, metadata::member(name, project, policy));
                let metadata = metadata::at_creation(name, project, policy);
                let (namespace, project) = (name.into(), project.name.clone());
                plan.actions.push(Action::CreateNamespace { namespace, project, metadata });
                continue;
            }
            (Some(found), None) => unclaimed(view, policy, found),
            (Some(found), Some(first)) => claimed(view, policy, name, found, first).unwrap_or_else(|why| {
                plan.spared.push(spared(name, first, why));
                unclaimed(view, policy, found)
            }),
        };
        if let Some(found) = found {
            carry(name, found, verdict, policy, &mut bound, plan);
        }
    }
    bound
}

pub(super) fn questions<'a>(view: &'a View, policy: &'a Policy) -> Vec<&'a str> {
    let claims = claims(policy);
    let undecided = claims.iter().filter_map(|(name, claimants)| {
        let (name, found) = view.namespaces.get_key_value(*name)?;
        let first = first_claimant(Some(found), claimants)?;
        let why = claimed(view, policy, name, found, first).err()?;
        (!is_exempt(&view.own_namespace, policy.platform(), name) && why == NotYours::NotEmpty(Contents::Unknown))
            .then_some(name.as_str())
    });
    undecided.collect()
}

/// The projects that list each Namespace, by name.
fn claims(policy: &Policy) -> BTreeMap<&str, Vec<&Project>> {
    let mut claims: BTreeMap<&str, Vec<&Project>> = BTreeMap::new();
    for project in policy.records().projects.values() {
        let listed: BTreeSet<&str> = project.namespaces.iter().map(String::as_str).collect();
        listed.into_iter().for_each(|name| claims.entry(name).or_default().push(project));
    }
    claims
}

/// Whoever has it already, else the first by name: a new record takes nothing from an old one.
fn first_claimant<'a>(found: Option<&Namespace>, claimants: &[&'a Project]) -> Option<&'a Project> {
    let among = |is: &dyn Fn(&Project) -> bool| claimants.iter().find(|it| is(it)).copied();
    let marked = found.and_then(Namespace::mark);
    let labelled = found.and_then(Namespace::bound_to);
    among(&|it| marked.as_ref().is_some_and(|mark| mark.project == it.name))
        .or_else(|| among(&|it| labelled == Some(it.id.as_str())))
        .or_else(|| claimants.first().copied())
}

fn claimed<'a>(
    view: &View,
    policy: &Policy,
    name: &str,
    found: &Namespace,
    first: &'a Project,
) -> Result<Verdict<'a>, NotYours> {
    if found.terminating {
        return Err(NotYours::Terminating);
    }
    let marked = found.mark();
    let is_adopted = found.adopt().is_some_and(|adopt| adopt == first.id.as_str() || adopt == first.name.as_str());
    if let (Some(mark), Some(user), false) = (&marked, found.given_to(), is_adopted) {
        let is_theirs = mark.project == first.name && metadata::member(name, first, policy) == Some(user);
        return match is_theirs {
            true => Ok(Verdict::Ours(first, Because::Drift)),
            false => Err(NotYours::GivenTo { user: UserId::new(user), project: mark.project.clone() }),
        };
    }
    if marked.as_ref().is_some_and(|mark| mark.project == first.name) || found.bound_to() == Some(first.id.as_str()) {
        return Ok(Verdict::Ours(first, Because::Drift));
    }
    if let Some(id) = found.bound_to() {
        let given_up = marked.is_some_and(|mark| mark.id.as_str() == id && is_given_up(view, policy, &mark));
        if !given_up {
            return Err(NotYours::BoundTo(ProjectId::new(id)));
        }
    }
    match &found.contents {
        _ if is_adopted => Ok(Verdict::Ours(first, Because::HandedOver)),
        Contents::Empty => Ok(Verdict::Ours(first, Because::Empty)),
        contents @ (Contents::Unknown | Contents::Holds(_)) => Err(NotYours::NotEmpty(contents.clone())),
    }
}

/// Whether the project that a mark names has let go of the Namespace; it has not while its record cannot be read.
///
/// Asked only where that project does not list the Namespace.
fn is_given_up(view: &View, policy: &Policy, mark: &Mark) -> bool {
    policy.records().projects.contains_key(&mark.project) || !view.unreadable.projects.contains(&mark.project)
}

fn unclaimed<'a>(view: &View, policy: &'a Policy, found: &Namespace) -> Verdict<'a> {
    if found.terminating {
        return Verdict::Terminating;
    }
    let marked = found.mark();
    match (marked, found.bound_to()) {
        (Some(mark), _) if !is_given_up(view, policy, &mark) => Verdict::Unreadable(mark),
        (Some(mark), _) if let Some(project) = kept_by(policy, found, &mark) => Verdict::Kept(project),
        (Some(mark), Some(id)) if mark.id.as_str() == id => Verdict::Free,
        (_, Some(id)) => policy.project_by_id(id).map_or(Verdict::Unknown, Verdict::Theirs),
        (_, None) => Verdict::Free,
    }
}

/// The project that gave this Namespace to a member: it keeps it for whoever works or worked there.
fn kept_by<'a>(policy: &'a Policy, found: &Namespace, mark: &Mark) -> Option<&'a Project> {
    found.given_to().and_then(|_| policy.records().projects.get(&mark.project))
}

fn carry<'a>(
    name: &'a str,
    found: &'a Namespace,
    verdict: Verdict<'a>,
    policy: &'a Policy,
    bound: &mut Bound<'a>,
    plan: &mut Plan,
) {
    let metadata = metadata::changes(name, found, &verdict, policy);
    let (namespace, seen) = (name.to_owned(), found.seen.clone());
    let action = match verdict {
        Verdict::Ours(project, because) => {
            bound.bind(name, project, metadata::member(name, project, policy));
            Action::LabelNamespace { namespace, project: project.name.clone(), seen, metadata, because }
        }
        Verdict::Theirs(project) | Verdict::Kept(project) => {
            let kept = matches!(verdict, Verdict::Kept(_));
            bound.bind(name, project, found.given_to().filter(|_| kept));
            let project = project.name.clone();
            Action::LabelNamespace { namespace, project, seen, metadata, because: Because::Drift }
        }
        Verdict::Free | Verdict::Unknown => Action::RemoveLabel { namespace, seen, metadata },
        Verdict::Unreadable(mark) => {
            bound.hands_off.insert(name);
            plan.spared.push(Spared::UnreadableProject { namespace, project: mark.project });
            return;
        }
        Verdict::Terminating => {
            bound.hands_off.insert(name);
            return;
        }
    };
    let (Action::LabelNamespace { metadata, .. } | Action::RemoveLabel { metadata, .. }) = &action else { return };
    if !metadata.is_empty() {
        plan.actions.push(action);
    }
}

fn spared(namespace: &str, project: &Project, because: NotYours) -> Spared {
    Spared::Namespace { namespace: namespace.into(), project: project.name.clone(), because }
}
