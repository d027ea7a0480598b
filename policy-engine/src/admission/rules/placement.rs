//! # placement: the scheduler decides where Pods run
//!
//! The platform refuses `spec.nodeName`, a scheduler that it does not list (`PlatformPolicy.spec.schedulers`), and the
//! annotations of static Pods. Each of them would be a way around quota, queues and the accounting of GPUs.
//!
//! Tolerations of a Pod are left as they are, also those of every taint (`operator: Exists` without a key): taints keep nobody's Pods
//! off a node who wants to be there, and a Pod that tolerates everything is not evicted from a node that is tainted `NoExecute`. It gets
//! no device by that: devices come by claims, whose own tolerations the rule `claim-origin` judges. Who reserves nodes for some
//! projects does so by an admission policy of the API server, or by `PodTolerationRestriction`.
//!
//! Only a kubelet may create mirror Pods, and only for its own node. Only schedulers may bind Pods to nodes, and only
//! nodes and controllers may write the status of Pods.

use std::fmt;

use crate::admission::findings::Findings;
use crate::object::kinds::MIRROR;
use crate::object::place::Place;
use crate::sentence;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Caller;
use crate::submission::pod::Pod;

const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// Annotations by which kubelets tell static Pods from others.
const STATIC_POD_ANNOTATIONS: [&str; 4] =
    [MIRROR, "kubernetes.io/config.source", "kubernetes.io/config.hash", "kubernetes.io/config.seen"];

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    match case.submission.act {
        Act::Create => case.pods.iter().for_each(|pod| {
            node_name(pod, say);
            scheduler(case, pod, say);
            static_pod(pod, say);
        }),
        Act::Update if !case.is_pod() => case.pods.iter().for_each(|pod| {
            node_name(pod, say);
            scheduler(case, pod, say);
            static_pod(pod, say);
        }),
        // What the scheduler has written into a living Pod is not the editor's asking.
        Act::Update => case.pods.iter().for_each(|pod| scheduler(case, pod, say)),
        Act::Bind if !is_infrastructure(case) => say.deny(Place::of(["target"]), NotYours::Binding),
        Act::Status if case.is_pod() && !is_infrastructure(case) => say.deny(Place::of(["status"]), NotYours::Status),
        Act::Bind | Act::Status | Act::Touch | Act::Delete | Act::Connect => {}
    }
}

fn node_name(pod: &Pod<'_>, say: &mut Findings) {
    if let Some(node) = pod.spec.node_name.as_deref().filter(|node| !node.is_empty()) {
        say.deny(pod.at(["spec", "nodeName"]), Asked::Node(node));
    }
}

fn scheduler(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let listed = &case.policy.platform().schedulers;
    let foreign = |name: &&str| !name.is_empty() && *name != DEFAULT_SCHEDULER && !listed.contains(*name);
    if let Some(name) = pod.spec.scheduler_name.as_deref().filter(foreign) {
        let listed: Vec<_> = std::iter::once(DEFAULT_SCHEDULER).chain(listed.iter().map(String::as_str)).collect();
        say.deny(pod.at(["spec", "schedulerName"]), Asked::Scheduler { name, listed: &listed });
    }
}

fn static_pod(pod: &Pod<'_>, say: &mut Findings) {
    for annotation in STATIC_POD_ANNOTATIONS {
        if pod.object().annotation(annotation).is_some() {
            say.deny(pod.annotation_at(annotation), Asked::StaticPod);
        }
    }
}

fn is_infrastructure(case: &Case<'_>) -> bool {
    match case.caller {
        Caller::Node(_) | Caller::ControlPlane | Caller::Controller | Caller::Admin => true,
        Caller::Person(_) | Caller::Client | Caller::Deputy(_) | Caller::Stranger => false,
    }
}

enum Asked<'a> {
    Node(&'a str),
    Scheduler { name: &'a str, listed: &'a [&'a str] },
    StaticPod,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(
                f,
                "asked node {node}; the scheduler decides where Pods run; remove nodeName, and say what the Pod needs by nodeSelector or affinity"
            ),
            Self::Scheduler { name, listed } => {
                write!(f, "asked scheduler {name}; this platform's are ")?;
                sentence::list(f, listed)?;
                f.write_str("; remove schedulerName, or ask an admin to list it under PlatformPolicy.spec.schedulers")
            }
            Self::StaticPod => {
                f.write_str("asked to be taken for a static Pod; only a kubelet says so; remove the annotation")
            }
        }
    }
}

enum NotYours {
    Binding,
    Status,
}

impl fmt::Display for NotYours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binding => "asked to bind a Pod to a node; only the schedulers bind; leave it to them",
            Self::Status => "asked to write a Pod's status; only nodes and controllers do; leave it to them",
        })
    }
}
