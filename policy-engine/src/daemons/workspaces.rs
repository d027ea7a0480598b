//! Workspaces: makes the Pod of each that is to run, ends those of the others, and says of each how it is.
//!
//! A workspace that is to run and has no Pod gets one, of its own name: also after somebody deleted it, or its node was drained. One
//! that is not to run loses its Pod; its volumes stay. A Pod that failed, or that cannot start, is left as it is, for people to look
//! at: who stops the workspace and starts it again gets another.

pub mod audit;
pub mod phase;
#[cfg(test)]
mod tests;
pub mod view;

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::daemons::common::{PodName, is_exempt};
use crate::policy::Policy;
use crate::policy::ids::ProjectId;
use crate::workspace::{self, Defaults};
use phase::{Phase, Said};
pub use view::{Known, PodSeen, Refused, View};

/// At most so many Pods are made and ended a cycle; the next cycle plans the rest.
pub const MAX_ACTIONS: usize = 200;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Its Service and its Pod are made.
    Start {
        /// Which workspace.
        workspace: PodName,
        /// Its UID.
        uid: String,
        /// The state of its spec that this is made of.
        generation: i64,
        /// The Pod, with the workspace as its controller owner.
        pod: Box<Value>,
        /// The Service, with the same owner.
        service: Box<Value>,
    },
    /// Its Pod is ended.
    Stop {
        /// Which workspace.
        workspace: PodName,
        /// Its UID.
        uid: String,
        /// The Pod's UID.
        pod: String,
        /// How long it may take to end, in seconds.
        grace_seconds: u32,
        /// Why, as people read it.
        because: String,
    },
}

impl Action {
    /// Which workspace it is about, and its UID.
    pub fn of(&self) -> (&PodName, &str) {
        match self {
            Self::Start { workspace, uid, .. } | Self::Stop { workspace, uid, .. } => (workspace, uid),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { workspace, .. } => write!(f, "starts: makes pod {workspace}"),
            Self::Stop { workspace, because, .. } => write!(f, "stops: ends pod {workspace}, because: {because}"),
        }
    }
}

/// What a workspace's status is to be, where it is another now.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which workspace.
    pub workspace: PodName,
    /// Which state of it was seen.
    pub seen: crate::daemons::common::Seen,
    /// The fields that this daemon writes.
    pub status: Map<String, Value>,
}

/// What is to be done and said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// What is to be said of each.
    pub reports: Vec<Report>,
    /// When one that was refused is tried again.
    pub again_at: Option<Timestamp>,
    /// Whether there is more to do than a cycle may.
    pub cut_short: bool,
}

/// What is to be done.
///
/// # Expected flow
/// Called with what exists; what it plans is audited and carried out, and the next call sees what came of it.
///
/// # Guarantees
/// Equal arguments give equal plans. No workspace has two Pods, because all of them have one name. Nobody else's Pod is ended.
///
/// # Assumptions
/// The view is fit to act on.
///
/// # Caveats
/// A Pod of the workspace's name that is none of its own stands in its way until somebody deletes it.
///
/// # Errors
/// None: what cannot be read is said in its status.
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for known in &view.workspaces {
        let Some(project) = project(view, policy, known).filter(|_| !known.is_ending) else { continue };
        let said = phase::of(known);
        let action = match (&known.spec, &known.pod) {
            (Ok(spec), None) if spec.running => match known.refused.as_ref().filter(|it| it.again_at > now) {
                Some(refused) => {
                    plan.again_at = plan.again_at.into_iter().chain([refused.again_at]).min();
                    None
                }
                None => {
                    let defaults = policy.project_by_id(project).and_then(|it| policy.plan_in_force(it, now));
                    Some(start(known, spec, &Defaults::of(defaults)))
                }
            },
            (Ok(spec), Some(pod)) if !spec.running && pod.is_own && !pod.is_ending => Some(Action::Stop {
                workspace: known.name.clone(),
                uid: known.seen.uid.clone(),
                pod: pod.uid.clone(),
                grace_seconds: pod.grace_seconds,
                because: known.why_stopped(),
            }),
            (Ok(_), None | Some(_)) | (Err(_), _) => None,
        };
        match action {
            Some(_) if plan.actions.len() >= MAX_ACTIONS => plan.cut_short = true,
            action => plan.actions.extend(action),
        }
        plan.reports.extend(report(known, &said, now));
    }
    plan
}

/// The project of its Namespace; `None` where it is nobody's to look after.
fn project<'v>(view: &'v View, policy: &Policy, known: &Known) -> Option<&'v ProjectId> {
    let project = view.bindings.get(&known.name.namespace)?;
    (!is_exempt(&view.own_namespace, policy.platform(), &known.name.namespace)).then_some(project)
}

fn start(known: &Known, spec: &workspace::Workspace, defaults: &Defaults) -> Action {
    let PodName { namespace, name } = &known.name;
    let owned = |mut object: Value| {
        object["metadata"]["namespace"] = json!(namespace);
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Workspace", "name": name, "uid": known.seen.uid, "controller": true,
        }]);
        Box::new(object)
    };
    Action::Start {
        workspace: known.name.clone(),
        uid: known.seen.uid.clone(),
        generation: known.generation,
        pod: owned(workspace::pod(name, spec, defaults)),
        service: owned(workspace::service(name, known.user_id.as_deref(), spec)),
    }
}

/// What is to be said, where it is not said yet.
fn report(known: &Known, said: &Said, now: Timestamp) -> Option<Report> {
    let mut status = Map::new();
    let mut say = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            status.insert(key.to_owned(), value);
        }
    };
    let pod = known.pod.as_ref().filter(|pod| pod.is_own);
    let spec = known.spec.as_ref().ok();
    let is_ready = said.phase == Phase::Running;
    say("phase", Some(json!(said.phase.as_str())));
    say("reason", Some(json!(said.reason)));
    say("message", Some(json!(said.message)));
    say("podName", pod.map(|_| json!(known.name.name)));
    let asked = spec.and_then(|spec| spec.queue.clone());
    say("queue", Some(json!(pod.and_then(|pod| pod.queue.clone()).or(asked).unwrap_or_else(|| "default".to_owned()))));
    let gpu =
        pod.and_then(|pod| pod.effective_gpu.clone()).or_else(|| spec.and_then(workspace::Workspace::effective_gpu));
    say("effectiveGpu", gpu.map(Value::from));
    say("startedAt", pod.and_then(|pod| pod.started_at).map(|at| json!(at.to_string())));
    say("windowClosesAt", pod.and_then(|pod| pod.window_closes_at.clone()).map(Value::from));
    let before = known.status.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let before = before.into_iter().find(|it| it["type"] == "Ready");
    let is_new = before.is_none_or(|it| it["status"] != if is_ready { "True" } else { "False" });
    let since =
        before.filter(|_| !is_new).map_or_else(|| json!(whole_seconds(now)), |it| it["lastTransitionTime"].clone());
    let condition = json!({
        "type": "Ready",
        "status": if is_ready { "True" } else { "False" },
        "reason": said.reason,
        "message": said.message,
        "lastTransitionTime": since,
        "observedGeneration": known.generation,
    });
    say("conditions", Some(json!([condition])));
    let is_said = status.iter().all(|(key, value)| known.status.get(key) == Some(value))
        && OWN_FIELDS.iter().all(|key| status.contains_key(*key) || !known.status.contains_key(*key));
    (!is_said).then(|| Report { workspace: known.name.clone(), seen: known.seen.clone(), status })
}

/// The fields of the status that this daemon writes.
const OWN_FIELDS: [&str; 9] =
    ["phase", "reason", "message", "podName", "queue", "effectiveGpu", "startedAt", "windowClosesAt", "conditions"];

fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
