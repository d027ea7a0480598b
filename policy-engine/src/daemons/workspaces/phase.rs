//! How a workspace is, in a word for programs and in words for people, who read what to do.

use super::view::{Known, PodSeen, Refused};
use crate::ledger::Life;
use crate::sentence::one_line;
use crate::workspace::Workspace;

/// Where a workspace is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is not to run, and has no Pod.
    Stopped,
    /// It is to run, and its Pod is not ready.
    Starting,
    /// Its Pod is ready.
    Running,
    /// It is not to run, and its Pod is ending.
    Stopping,
    /// It cannot run as it is.
    Error,
}

impl Phase {
    /// As it stands in the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Error => "Error",
        }
    }
}

/// How a workspace is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The phase.
    pub phase: Phase,
    /// Why, in a word for programs.
    pub reason: &'static str,
    /// Why, in words, and what to do.
    pub message: String,
}

/// How it is.
pub fn of(known: &Known) -> Said {
    let said = |phase, reason, message: String| Said { phase, reason, message: one_line(message) };
    let spec = match &known.spec {
        Ok(spec) => spec,
        Err(why) => return said(Phase::Error, "Unreadable", format!("{why}; correct the workspace")),
    };
    if !spec.running {
        let is_there = known.pod.as_ref().is_some_and(|pod| pod.is_own);
        let phase = if is_there { Phase::Stopping } else { Phase::Stopped };
        return said(phase, phase.as_str(), known.why_stopped());
    }
    let (phase, reason, message) = match (&known.pod, &known.refused) {
        (None, Some(refused)) => of_refused(refused),
        (None, None) => (Phase::Starting, "Making", "its Pod is being made".to_owned()),
        (Some(pod), _) => of_pod(known, spec, pod),
    };
    said(phase, reason, message)
}

fn of_refused(refused: &Refused) -> (Phase, &'static str, String) {
    let Refused { message, is_for_room, .. } = refused;
    match is_for_room {
        true => (Phase::Starting, "WaitsForQuota", message.clone()),
        false => (Phase::Error, "Refused", format!("its Pod was refused: {message}")),
    }
}

fn of_pod(known: &Known, spec: &Workspace, pod: &PodSeen) -> (Phase, &'static str, String) {
    let name = &known.name.name;
    if !pod.is_own {
        let message = format!(
            "a Pod {name} that is not this workspace's stands in its way; delete that Pod, or give the workspace another name"
        );
        return (Phase::Error, "NameTaken", message);
    }
    if pod.is_ending {
        return (
            Phase::Starting,
            "WaitsForPod",
            "its last Pod is still ending; the next one is made when it is gone".to_owned(),
        );
    }
    match pod.life {
        Life::Finished => {
            let why = pod.failed.clone().filter(|why| !why.is_empty()).or_else(|| pod.ended.as_ref().map(ended));
            let why = why.unwrap_or_else(|| "nobody says why".to_owned());
            (Phase::Error, "PodFailed", format!("its Pod has ended: {why}; stop the workspace and start it again"))
        }
        Life::Gated if pod.waits_for_queue => {
            let queue = pod.queue.as_deref().unwrap_or("default");
            let until = pod.starts_at.as_ref().map(|at| format!(" until {at}")).unwrap_or_default();
            let message =
                format!("queue {queue} is closed{until}; wait, or run: sluice switch-queue workspace/{name} default");
            (Phase::Starting, "WaitsForWindow", message)
        }
        Life::Gated => {
            (Phase::Starting, "WaitsForGate", "something holds its Pod back by a scheduling gate".to_owned())
        }
        Life::Waiting => match &pod.unschedulable {
            Some(said) => (
                Phase::Starting,
                "WaitsForNode",
                format!("no node fits now: {}; wait, or ask for less", shortened(said)),
            ),
            None => (Phase::Starting, "Scheduling", "a node is being looked for".to_owned()),
        },
        Life::Scheduled => on_a_node(spec, pod),
    }
}

/// The kubelet's words for an image that it cannot have.
const OF_IMAGES: [&str; 5] =
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"];
/// The kubelet's words for what passes by itself.
pub const PASSES: [&str; 2] = ["ContainerCreating", "PodInitializing"];

fn on_a_node(spec: &Workspace, pod: &PodSeen) -> (Phase, &'static str, String) {
    match &pod.waits {
        Some((word, says)) if OF_IMAGES.contains(&word.as_str()) => {
            let message = format!(
                "image {} cannot be pulled: {says}; correct spec.image, or name a Secret in spec.imagePullSecrets",
                spec.image
            );
            (Phase::Error, "ImageNotPulled", message)
        }
        Some((word, says)) if word == "CrashLoopBackOff" => {
            let how = pod.ended.as_ref().map_or_else(|| says.clone(), ended);
            (
                Phase::Error,
                "CrashLoop",
                format!("it ends again and again: {how}; correct the workspace, then stop it and start it again"),
            )
        }
        Some((word, says)) if !PASSES.contains(&word.as_str()) => {
            (Phase::Error, "NotStarted", format!("its container does not start: {word}: {says}; correct the workspace"))
        }
        Some(_) | None if pod.is_ready => (Phase::Running, "Running", "it runs".to_owned()),
        Some(_) => (Phase::Starting, "Creating", "its image is pulled and its container is made".to_owned()),
        None => match &pod.ended {
            Some(how) => {
                (Phase::Starting, "Restarting", format!("it was started again after it ended: {}", ended(how)))
            }
            None => (Phase::Starting, "NotReady", "its server does not answer yet".to_owned()),
        },
    }
}

fn ended((code, line): &(i32, String)) -> String {
    match line.as_str() {
        "" => format!("exit code {code}"),
        line => format!("exit code {code}: {line}"),
    }
}

/// The scheduler's words, without what it tried itself.
fn shortened(said: &str) -> &str {
    said.split(" preemption: ").next().unwrap_or(said).trim_end_matches('.')
}
