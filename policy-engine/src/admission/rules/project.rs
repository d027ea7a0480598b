//! # project: members launch, and change what is theirs
//!
//! The label `platform-go/project-id` on a Namespace says which project it belongs to. Only members of the project
//! create workloads there; where each member has a namespace of their own (`Project.spec.namespacePerMember`), only they
//! and those who manage the project do so in it. The people of the group that owns the project are members only if the project lists them.
//! What a controller creates belongs to the user who is stamped on the object that controls it, and that user must
//! still be a member.
//!
//! What runs in a Pod can be a client, too: a Spark driver makes its executors, Ray's autoscaler and Dask their workers. What the
//! service account of a Pod makes belongs to the Pod's user, is charged to them, and the account changes what is
//! this user's, and deletes what an account of the project made: whose Pod deletes, the static policy `sluice-colleagues` cannot
//! tell. Its token says which Pod it is of, by name and UID. That holds in the namespaces of the Pod's own project, if its
//! `spec.allowServiceAccountToken` is true. The account has a Member's rights, whatever its user may do besides. What it may ask at
//! all, a Role of Kubernetes says. A service account that has a User record is that user.
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
mod unidentified;

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

use unidentified::Unidentified;

/// A namespace whose label names no project: nothing is made there, and what is there can come to its end.
pub(crate) fn unbound(submission: &Submission<'_>, facts: &Facts, policy: &Policy, say: &mut Findings) {
    let passes = match Caller::of(submission.requester, policy) {
        _ if is_finishing(submission) => true,
        _ if submission.act == Act::Create => false,
        Caller::Controller | Caller::ControlPlane | Caller::Node(_) | Caller::Admin => true,
        Caller::Person(user) => policy.is_admin(Some(user), submission.requester.groups),
        Caller::Client | Caller::Deputy(_) | Caller::Stranger => false,
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
        Err(why) => say.deny(unidentified::fault(why), Unidentified { case, why }),
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
    let namespace = case.submission.namespace;
    let Some(whose) = case.project.member_of(namespace).filter(|whose| **whose != user.name) else { return };
    if !matches!(case.caller, Caller::Controller) && !case.manages(user) {
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
    let is_admin = || !case.is_deputy_of(user) && case.policy.is_admin(Some(user), case.proven(user));
    is_member(case, user) || is_admin()
}

fn is_member(case: &Case<'_>, user: &User) -> bool {
    // The request of a controller, or of a Pod's account, does not carry its user's groups. The stamp was made when one did.
    let by_stamp = matches!(case.caller, Caller::Controller | Caller::Deputy(_));
    case.policy.role(user, case.proven(user), case.project).is_some()
        || (by_stamp && case.policy.admits_by_identity_group(case.project))
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
        Caller::Person(editor) | Caller::Deputy(editor) => own_or_managed(case, editor, "changes only", say),
    }
}

/// A Service from before the platform is everybody's to change, as it was.
fn is_open_service(case: &Case<'_>) -> bool {
    case.is_service() && matches!(case.owner, Ok(Owner::Project))
}

pub(super) fn stranger(case: &Case<'_>, say: &mut Findings) {
    let why = NoOwner::Stranger;
    say.deny(unidentified::fault(&why), Unidentified { case, why: &why });
}

/// A Member reaches what is theirs, a Manager or Admin what is anyone's. `does` says what is done, of the third person.
pub(super) fn own_or_managed(case: &Case<'_>, user: &User, does: &'static str, say: &mut Findings) {
    match &case.owner {
        _ if case.manages(user) => {}
        _ if !is_member(case, user) => {
            let why = NoMember { user: &user.name, project: case.project };
            say.deny(Place::of(["metadata", "namespace"]), why);
        }
        Ok(Owner::User(owner)) if owner.name == user.name => {}
        owner => {
            let field = Place::of(["metadata", "labels", contract::USER_ID]);
            say.deny(field, NotTheirs { case, user, does, owner: owner.as_ref().ok() });
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
        write!(f, "{user} is no member of project {}; ask a platform Admin to add them", project.name)
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
        match case.caller {
            Caller::Deputy(_) => {
                write!(f, ", and this account acts for {user}, as a Member of project {}", project.name)?
            }
            Caller::Person(_)
            | Caller::Admin
            | Caller::Controller
            | Caller::Client
            | Caller::Node(_)
            | Caller::ControlPlane
            | Caller::Stranger => write!(f, ", and {user} is a Member of project {}", project.name)?,
        }
        write!(f, ", who {does} their own; ask ")?;
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
