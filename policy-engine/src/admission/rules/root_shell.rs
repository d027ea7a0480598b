//! # root-shell: containers run as UID 0 only where project and group allow it
//!
//! A personal project decides by its own `allowRootContainers`. A project that a group owns needs the group's
//! `allowRootContainers` as well.
//!
//! Where root is not allowed, the platform refuses an explicit `runAsUser: 0` or `runAsNonRoot: false`, on the Pod and
//! on containers of every kind, including those that `kubectl debug` adds. It also refuses the annotation
//! `platform-go/root-shell: "true"`. Where the Pod says nothing, the platform writes `runAsNonRoot: true`; an image
//! that would run as root then does not start. Who writes a workload that leaves the user to the image is warned of it.
//!
//! Where root is allowed, the platform leaves unset what is unset. The annotation `platform-go/root-shell: "true"`
//! makes the Pod run as UID 0, unless the Pod asks for another UID. `runAsNonRoot: true` beside the annotation is
//! refused.

use std::collections::HashSet;
use std::fmt;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::names::{GroupName, ProjectName};
use crate::policy::project::Holder;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::pod::{ContainerList, Pod};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let forbidden = forbidden_by(case);
    for pod in &case.pods {
        let wanted = wants_root_shell(pod, say);
        match &forbidden {
            Some(by) => {
                for (field, asked) in asks_for_root(pod) {
                    say.deny(field, Refused { asked, by });
                }
                if wanted {
                    say.deny(pod.annotation_at(contract::ROOT_SHELL), Refused { asked: "a root shell", by });
                }
                write_non_root(case, pod, say);
                if !case.is_pod()
                    && !case.is_workspace()
                    && case.is_read_by_people()
                    && say.imposes()
                    && may_be_root(pod)
                {
                    let at = pod.at(["spec", "securityContext"]);
                    say.warn(format_args!(
                        "{at}: its Pods get runAsNonRoot: true; an image whose user is root does not start then; set runAsUser to another UID than 0"
                    ));
                }
            }
            None if wanted => root_shell(case, pod, say),
            None => {}
        }
    }
}

/// Who says that root is not allowed here.
enum Forbidden<'a> {
    Project(&'a ProjectName),
    Group(&'a GroupName),
    MissingGroup(&'a GroupName),
}

fn forbidden_by<'a>(case: &Case<'a>) -> Option<Forbidden<'a>> {
    let project = case.project;
    if let Holder::Group(name) = &project.holder {
        match case.policy.owning_group(project) {
            None => return Some(Forbidden::MissingGroup(name)),
            Some(group) if !group.allow_root_containers => return Some(Forbidden::Group(name)),
            Some(_) => {}
        }
    }
    (!project.allow_root_containers).then_some(Forbidden::Project(&project.name))
}

fn wants_root_shell(pod: &Pod<'_>, say: &mut Findings) -> bool {
    match pod.object().annotation(contract::ROOT_SHELL) {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let why =
                format!("asked {other:?}; it is \"true\" or \"false\"; write one of them, or remove the annotation");
            say.deny(pod.annotation_at(contract::ROOT_SHELL), why);
            false
        }
    }
}

fn asks_for_root(pod: &Pod<'_>) -> Vec<(Place, &'static str)> {
    const USER: &str = "UID 0";
    const NON_ROOT: &str = "runAsNonRoot: false";
    let mut asks = Vec::new();
    if let Some(context) = &pod.spec.security_context {
        let at = |key| pod.at(["spec", "securityContext", key]);
        asks.extend((context.run_as_user == Some(0)).then(|| (at("runAsUser"), USER)));
        asks.extend((context.run_as_non_root == Some(false)).then(|| (at("runAsNonRoot"), NON_ROOT)));
    }
    for container in pod.containers() {
        let Some(context) = container.security else { continue };
        let at = |key| container.at(["securityContext", key]);
        asks.extend((context.run_as_user == Some(0)).then(|| (at("runAsUser"), USER)));
        asks.extend((context.run_as_non_root == Some(false)).then(|| (at("runAsNonRoot"), NON_ROOT)));
    }
    asks
}

fn pod_says_non_root(pod: &Pod<'_>) -> Option<bool> {
    pod.spec.security_context.as_ref().and_then(|context| context.run_as_non_root)
}

/// Whether the image's user decides in a container that starts with the Pod.
fn may_be_root(pod: &Pod<'_>) -> bool {
    let of_pod = pod.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    pod_says_non_root(pod).is_none()
        && pod.containers().any(|container| {
            let uid = container.security.and_then(|context| context.run_as_user).or(of_pod);
            let says = container.security.and_then(|context| context.run_as_non_root);
            uid.is_none() && says.is_none()
        })
}

fn write_non_root(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    if case.new_pod().is_some() {
        if pod_says_non_root(pod).is_none() {
            say.impose(pod.at(["spec", "securityContext", "runAsNonRoot"]), true);
        }
    } else if case.is_pod() && case.submission.act == Act::Update && pod_says_non_root(pod).is_none() {
        // A Pod from before the platform: its own security context cannot change any more, that of a new container can.
        let before: HashSet<_> = case.old().map(ephemeral_names).unwrap_or_default();
        for container in pod.containers().filter(|it| it.list == ContainerList::Ephemeral) {
            let unset = container.security.and_then(|context| context.run_as_non_root).is_none();
            if unset && !before.contains(container.name) {
                say.impose(container.at(["securityContext", "runAsNonRoot"]), true);
            }
        }
    }
}

fn ephemeral_names(pod: Object<'_>) -> HashSet<&str> {
    let containers = pod.at(&["spec", "ephemeralContainers"]).and_then(|list| list.as_array());
    containers.into_iter().flatten().filter_map(|it| it.get("name")?.as_str()).collect()
}

fn root_shell(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let asked = pod.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    let contradictions = contradictions(pod);
    let living = case.is_pod() && case.submission.act == Act::Update;
    if let Some(uid) = asked.filter(|uid| *uid != 0 && !living) {
        let field = pod.at(["spec", "securityContext", "runAsUser"]);
        say.warn(format_args!("{field}: {uid} is asked beside a root shell, and holds; remove it to have UID 0"));
    } else if asked.is_none() && contradictions.is_empty() && case.new_pod().is_some() {
        say.set(pod.at(["spec", "securityContext", "runAsUser"]), 0);
    }
    for field in contradictions {
        say.deny(
            field,
            "asked runAsNonRoot: true together with a root shell; they exclude each other; remove one of them",
        );
    }
}

/// Where a Pod with a root shell says that it, or a container without a UID of its own, does not run as root.
fn contradictions(pod: &Pod<'_>) -> Vec<Place> {
    let of_pod = (pod_says_non_root(pod) == Some(true)).then(|| pod.at(["spec", "securityContext", "runAsNonRoot"]));
    let of_containers = pod.containers().filter_map(|container| {
        let context = container.security?;
        let root = context.run_as_user.is_none_or(|uid| uid == 0);
        (root && context.run_as_non_root == Some(true)).then(|| container.at(["securityContext", "runAsNonRoot"]))
    });
    of_pod.into_iter().chain(of_containers).collect()
}

struct Refused<'a> {
    asked: &'static str,
    by: &'a Forbidden<'a>,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, by } = self;
        write!(f, "asked {asked}; ")?;
        match by {
            Forbidden::Project(name) => write!(f, "project {name} does not allow root containers")?,
            Forbidden::Group(name) => {
                write!(f, "group {name}, which owns the project, does not allow root containers")?
            }
            Forbidden::MissingGroup(name) => {
                write!(
                    f,
                    "group {name}, which owns the project, does not exist, and nobody else can allow root containers"
                )?;
            }
        }
        f.write_str("; run as another UID, or ask ")?;
        f.write_str(match by {
            Forbidden::Project(_) => "a platform Admin to allow it",
            Forbidden::Group(_) | Forbidden::MissingGroup(_) => "a platform admin",
        })
    }
}
