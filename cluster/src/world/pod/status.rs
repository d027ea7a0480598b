//! What is kept of a Pod's status: where it is in its life, and what the scheduler and the kubelet say of it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use policy_engine::daemons::preemption::blame::Blame;
use policy_engine::daemons::workspaces::phase::PASSES;
use policy_engine::submission::compute::Given;
use serde::{Deserialize, Serialize};

use super::Pod;

/// So much is kept of what the scheduler says.
const MOST_SAID: usize = 256;

/// What a Pod's status says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(from = "PodStatus")]
pub struct Status {
    pub(super) phase: String,
    /// What the scheduler says of a Pod for which it finds no node.
    unschedulable: Option<String>,
    /// What it blames.
    pub(super) blame: Blame,
    /// Since when it says so.
    #[serde(skip)]
    pub(super) unschedulable_since: Option<Timestamp>,
    #[serde(skip)]
    started_at: Option<Timestamp>,
    /// How the server of a workspace is, which nobody asks of other Pods.
    #[serde(skip)]
    pub(super) serves: Option<Box<Serves>>,
    /// Why one of its containers does not start.
    #[serde(skip)]
    held_up: Option<String>,
    /// What the kubelet has given it, until the Pod is kept.
    #[serde(skip)]
    pub(super) given: Given,
}

impl From<PodStatus> for Status {
    fn from(status: PodStatus) -> Self {
        let given = Given::by(&status);
        let held_up = held_up_of(&status);
        let serves = Some(Box::new(Serves::of(&status)));
        let mut conditions = status.conditions.into_iter().flatten();
        let unschedulable =
            conditions.find(|it| it.type_ == "PodScheduled" && it.reason.as_deref() == Some("Unschedulable"));
        let since = unschedulable.as_ref().and_then(|it| it.last_transition_time.as_ref()).map(|at| at.0);
        let message = unschedulable.and_then(|it| it.message);
        // What is cut off may be what counts.
        let blame = message.as_deref().map(Blame::of).unwrap_or_default();
        let message = message.map(|message| message.chars().take(MOST_SAID).collect());
        Self {
            given,
            phase: status.phase.unwrap_or_default(),
            unschedulable: message,
            blame,
            unschedulable_since: since,
            serves,
            held_up,
            started_at: status.start_time.map(|at| at.0),
        }
    }
}

/// How a Pod serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serves {
    /// Whether it is ready.
    pub is_ready: bool,
    /// Why a container of it waits, in Kubernetes' word for it, and what it says.
    pub waits: Option<(String, String)>,
    /// How a container of it ended last: its exit code, and the last line that it wrote.
    pub ended: Option<(i32, String)>,
    /// Why it failed as a whole.
    pub failed: Option<String>,
}

impl Serves {
    fn of(status: &PodStatus) -> Self {
        let is_ready = status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
        let waits = containers(status).find_map(waiting).map(|(reason, said)| (reason.to_owned(), short(said)));
        let ended = containers(status).find_map(|container| {
            let now = container.state.as_ref().and_then(|state| state.terminated.as_ref());
            let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            let ended = now.or(last)?;
            let said = ended.message.as_deref().unwrap_or_default().trim_end();
            let line = said.rsplit('\n').next().filter(|line| !line.is_empty()).or(ended.reason.as_deref());
            Some((ended.exit_code, short(line.unwrap_or_default())))
        });
        let failed = (status.phase.as_deref() == Some("Failed")).then(|| {
            let said = [status.reason.as_deref(), status.message.as_deref()];
            short(&said.into_iter().flatten().collect::<Vec<_>>().join(": "))
        });
        Self { is_ready, waits, ended, failed }
    }
}

/// What the kubelet says of the first container that it does not start, but for what passes by itself.
fn held_up_of(status: &PodStatus) -> Option<String> {
    containers(status).find_map(|container| {
        let (reason, said) = waiting(container).filter(|(reason, _)| !PASSES.contains(reason))?;
        Some(short(&format!("container {}: {reason}: {said}", container.name)))
    })
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses).flatten()
}

/// Why a container waits: Kubernetes' word for it, and what it says.
fn waiting(container: &ContainerStatus) -> Option<(&str, &str)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
}

fn short(text: &str) -> String {
    text.chars().take(MOST_SAID).collect()
}

/// What the scheduler says of a Pod for which it finds no node.
pub fn unschedulable(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.unschedulable.as_deref()
}

/// What the scheduler says of a Pod that waits, where nobody's end would help against it.
pub fn kept_off(pod: &Pod) -> Option<&str> {
    let status = pod.status.as_ref()?;
    let asks_more = pod.spec.placing.as_ref().is_some_and(|placing| placing.asks_more);
    let said = status.unschedulable.as_deref().filter(|_| !status.blame.may_help(asks_more))?;
    // What it tried itself is no reason.
    said.split(" preemption: ").next()
}

/// Since when the scheduler finds no node for a Pod.
pub fn unschedulable_since(pod: &Pod) -> Option<Timestamp> {
    pod.status.as_ref()?.unschedulable_since
}

/// How the server of a workspace is.
pub fn serves(pod: &Pod) -> Option<&Serves> {
    pod.status.as_ref()?.serves.as_deref()
}

/// When its node began to start it.
pub fn started_at(pod: &Pod) -> Option<Timestamp> {
    pod.status.as_ref()?.started_at
}

/// Why one of its containers does not start, as the kubelet says.
pub fn held_up(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.held_up.as_deref()
}
