//! # project: members launch, and change what is theirs
//!
//! The label `platform-go/project-id` on a Namespace says which project it belongs to. Only members of the project
//! create workloads there; where each member has a namespace of their own (`Project.spec.namespacePerMember`), only they
//! and those who manage the project do so in it. The people of the group that owns the project are members only if the project lists them.
//! What a controller creates belongs to the user who is stamped on the object that controls it, and that user must
//! still be a member.
//!
//! A Member changes, scales, evicts and deletes their own workloads. A Manager or Admin of the project, and a platform
//! Admin, do so with everyone's. The rule does not stand in the way of a deletion that has begun.
//!
//! A controller takes over only Pods and other objects of the user to whom its own object belongs. So nobody reaches a
//! colleague's Pods by writing a selector that matches them. The other way round, a Member's Pod or workload names as its
//! controller (`metadata.ownerReferences`) only what is their own, as `kubectl create job --from` does: a controller
//! counts, rolls back to and deletes what it controls. In the same way, a HorizontalPodAutoscaler names and
//! scales only what the user who made the autoscaler may scale. It may name what does not exist yet, and is judged again when it
//! scales: a number of replicas must be one that an autoscaler of the workload's owner, or of a Manager, gives.
//!
//! An admin lists other kinds of workload in `PlatformPolicy.spec.workloadKinds`, with JSON Pointers to what describes
//! their Pods: a pod template, a PodSpec or a list of containers. What stands there is judged when the workload is written.
//! A workload in which none of the pointers leads to anything is admitted with a warning, and so is one of a kind that is listed with `podTemplates: []`, without:
//! it says nothing of its Pods beforehand, and each Pod is judged when it is made, for the workload's owner.

mod deputies;
mod nothing_found;

use std::fmt;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::names::UserName;
use crate::policy::people::User;
use crate::policy::platform::Unstamped;
use crate::policy::project::{MemberRef, Project, ProjectRole};
use crate::sentence;
use crate::submission::case::{Case, NoOwner};
use crate::submission::facts::Facts;
use crate::submission::identity::{Caller, Owner};
use crate::submission::{Act, Submission};

/// A namespace whose label names no project: nothing is made there, and what is there can come to its end.
pub(crate) fn unbound(submission: &Submission<'_>, facts: &Facts, policy: &Policy, say: &mut Findings) {
    let passes = match Caller::of(submission.requester, policy) {
        _ if is_finishing(submission) => true,
        _ if submission.act == Act::Create => false,
        Caller::Controller | Caller::ControlPlane | Caller::Node(_) | Caller::Admin => true,
        Caller::Person(user) => policy.is_admin(Some(user), submission.requester.groups),
        Caller::Client | Caller::Stranger => false,
    };
    if passes {
        return;
    }
    let (namespace, id) = (submission.namespace, facts.project_id.as_str());
    let why = format!(
        "namespace {namespace} is bound to project {id:?}, which does not exist; ask an admin to apply the Project, or to unbind the namespace"
    );
    say.deny(Place::of(["metadata", "namespace"]), why);
}

/// Whether an object that is being deleted says what it said, and lacks a finalizer.
fn is_finishing(submission: &Submission<'_>) -> bool {
    match (submission.object.map(Object), submission.old.map(Object)) {
        (Some(object), Some(old)) => object.is_terminating() && object.only_lacks_finalizers_of(&old),
        (_, _) => false,
    }
}

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    match case.submission.act {
        Act::Create => creation(case, say),
        Act::Update | Act::Touch | Act::Delete => change(case, say),
        Act::Status if !case.is_pod() => change(case, say),
        // Who binds Pods and writes their status is the rule `placement`'s, who speaks to them `connect`'s.
        Act::Status | Act::Bind | Act::Connect => {}
    }
    // Who names nothing new has none of these.
    deputies::controller(case, say);
    deputies::target(case, say);
    nothing_found::warn(case, say);
}

fn creation(case: &Case<'_>, say: &mut Findings) {
    match &case.owner {
        Err(why) => say.deny(fault(why), Unidentified { case, why }),
        Ok(Owner::User(user)) => {
            if !may_work_here(case, user) {
                say.deny(Place::of(["metadata", "namespace"]), NoMember { user: &user.name, project: case.project });
            } else {
                namespace_of_another(case, user, say);
            }
        }
        Ok(Owner::Former(id)) => {
            let why =
                format!("its owner is user {id}, who does not exist any more; have a member create the workload anew");
            say.deny(Place::of(["metadata", "ownerReferences"]), why);
        }
        Ok(Owner::Project) => without_user(case, say),
    }
}

/// A Namespace that is one member's own is for them, and for those who manage the project.
///
/// A controller makes what follows from an object that was judged so when its owner made it.
fn namespace_of_another(case: &Case<'_>, user: &User, say: &mut Findings) {
    let Submission { namespace, requester, .. } = case.submission;
    let Some(whose) = case.project.member_of(namespace).filter(|whose| **whose != user.name) else { return };
    if !matches!(case.caller, Caller::Controller) && !case.policy.manages(user, requester.groups, case.project) {
        let why = format_args!(
            "namespace {namespace} is {whose}'s own, and {user} is a Member of project {project}; use another of the project's namespaces",
            user = user.name,
            project = case.project.name
        );
        say.deny(Place::of(["metadata", "namespace"]), why);
    }
}

fn without_user(case: &Case<'_>, say: &mut Findings) {
    let project = &case.project.name;
    match (case.caller, case.policy.platform().unstamped) {
        (Caller::Admin, _) => {
            say.warn(format_args!(
                "{} has no User record; charged to project {project} alone",
                case.submission.requester.username
            ));
        }
        (_, Unstamped::Project) => {
            say.warn(format_args!("its owner is from before the platform; charged to project {project} alone"));
        }
        (_, Unstamped::Refuse) => {
            let why = "its owner is from before the platform and names no user; delete it and create it anew";
            say.deny(Place::of(["metadata", "ownerReferences"]), why);
        }
    }
}

/// Whether the owner of a new object is a member, as far as can be known.
fn may_work_here(case: &Case<'_>, user: &User) -> bool {
    let proven = case.proven(user);
    case.policy.role(user, proven, case.project).is_some()
        || case.policy.is_admin(Some(user), proven)
        // A controller's request does not carry its owner's groups. The stamp was made when the request did.
        || (matches!(case.caller, Caller::Controller) && case.policy.admits_by_identity_group(case.project))
}

fn change(case: &Case<'_>, say: &mut Findings) {
    match case.caller {
        _ if is_finishing(case.submission) || is_open_service(case) => {}
        // The controller of autoscalers is `ControlPlane` where each controller has an account of its own, and `Controller`
        // where all of them share the controller manager's.
        Caller::Controller | Caller::ControlPlane => {
            deputies::adoption(case, say);
            deputies::autoscaling(case, say);
        }
        Caller::Node(_) | Caller::Client | Caller::Admin => {}
        Caller::Stranger => stranger(case, say),
        Caller::Person(editor) => own_or_managed(case, editor, "changes only", say),
    }
}

/// A Service from before the platform is everybody's to change, as it was.
fn is_open_service(case: &Case<'_>) -> bool {
    case.is_service() && matches!(case.owner, Ok(Owner::Project))
}

pub(super) fn stranger(case: &Case<'_>, say: &mut Findings) {
    let why = NoOwner::Stranger;
    say.deny(fault(&why), Unidentified { case, why: &why });
}

/// A Member reaches what is theirs, a Manager or Admin what is anyone's. `does` says what is done, of the third person.
pub(super) fn own_or_managed(case: &Case<'_>, user: &User, does: &'static str, say: &mut Findings) {
    match (case.policy.role(user, case.proven(user), case.project), &case.owner) {
        _ if case.manages(user) => {}
        (None, _) => {
            let why = NoMember { user: &user.name, project: case.project };
            say.deny(Place::of(["metadata", "namespace"]), why);
        }
        (Some(_), Ok(Owner::User(owner))) if owner.name == user.name => {}
        (Some(_), owner) => {
            let field = Place::of(["metadata", "labels", contract::USER_ID]);
            say.deny(field, NotTheirs { case, user, does, owner: owner.as_ref().ok() });
        }
    }
}

fn fault(why: &NoOwner<'_>) -> Place {
    match why {
        NoOwner::Stranger => Place::of(["metadata", "namespace"]),
        NoOwner::Unasserted | NoOwner::Asserted(_) => Place::of(["metadata", "labels", contract::USER_ID]),
        NoOwner::Several(_) => Place::of(["metadata", "name"]),
        NoOwner::Uncontrolled | NoOwner::Unlisted { .. } | NoOwner::Gone { .. } => {
            Place::of(["metadata", "ownerReferences"])
        }
    }
}

struct Unidentified<'a> {
    case: &'a Case<'a>,
    why: &'a NoOwner<'a>,
}

impl fmt::Display for Unidentified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let username = self.case.submission.requester.username;
        match self.why {
            NoOwner::Stranger => {
                write!(f, "{username} is no user of the platform; ask an admin for a User record with this username")?;
                if username.starts_with("system:serviceaccount:") {
                    f.write_str(
                        ", or, if it is an operator's account, to list it under PlatformPolicy.spec.trustedControllers",
                    )?;
                }
                Ok(())
            }
            NoOwner::Unasserted => write!(
                f,
                "{username} creates for others and does not say for whom; set the label {} to the user's id",
                contract::USER_ID
            ),
            NoOwner::Asserted(id) => {
                write!(
                    f,
                    "{username} creates it for user {id:?}, who does not exist; set the label to an existing user's id"
                )
            }
            NoOwner::Uncontrolled => write!(
                f,
                "{username} creates for the controller owner, and the object names none; it cannot be known whose it is; have the operator set a controller reference"
            ),
            NoOwner::Unlisted { api_version, kind, resource } => {
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                let resource = resource.unwrap_or("<its plural name>");
                write!(
                    f,
                    "it belongs to a {kind} ({api_version}), and nobody listed that kind, so its owner cannot be believed; ask an admin to add to PlatformPolicy.spec.workloadKinds: {{group: {group:?}, version: {version:?}, resource: {resource:?}, podTemplates: [<where its pod templates are>]}}"
                )
            }
            NoOwner::Several(claimants) => write!(
                f,
                "it is made for one of {}; whose it is cannot be told from its name; name one of them otherwise",
                claimants.join(", ")
            ),
            NoOwner::Gone { kind, name } => {
                write!(f, "its controller owner, {kind} {name}, does not exist any more; nothing is created for it")
            }
        }
    }
}

struct NoMember<'a> {
    user: &'a UserName,
    project: &'a Project,
}

impl fmt::Display for NoMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, project } = self;
        write!(f, "{user} is no member of project {}; ask ", project.name)?;
        managers(f, project)?;
        f.write_str(" to add them")
    }
}

struct NotTheirs<'a> {
    case: &'a Case<'a>,
    user: &'a User,
    does: &'static str,
    owner: Option<&'a Owner<'a>>,
}

impl fmt::Display for NotTheirs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, user, does, owner } = self;
        let project = case.project;
        let kind = case.submission.kind;
        let user = &user.name;
        match owner {
            Some(owner @ (Owner::User(_) | Owner::Former(_))) => write!(f, "this {kind} is {owner}'s")?,
            Some(Owner::Project) | None => write!(f, "this {kind} has no recorded owner")?,
        }
        write!(f, ", and {user} is a Member of project {}, who {does} their own; ask ", project.name)?;
        managers(f, project)
    }
}

/// Those who can help: the project's Managers and Admins that are listed by name.
fn managers(f: &mut fmt::Formatter<'_>, project: &Project) -> fmt::Result {
    let mut names: Vec<_> = project
        .members
        .iter()
        .filter(|member| member.role > ProjectRole::Member)
        .map(|member| match &member.who {
            MemberRef::User(name) => format!("{name} ({})", member.role),
            MemberRef::Group(name) => format!("group {name} ({})", member.role),
        })
        .collect();
    names.sort();
    match names.as_slice() {
        [] => f.write_str("a platform admin"),
        names => sentence::list(f, names),
    }
}
