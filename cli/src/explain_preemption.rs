//! `sluice explain-preemption`: who was evicted for whom, and why.

use std::fmt::Write as _;

use anyhow::anyhow;
use clap::Args;
use owo_colors::OwoColorize as _;
use records::review::{Ended, Preemption, Preemptions, RoomMade, Spared, Subject, VictimFate};

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::output::Format;
use crate::question;
use crate::why::Target;

/// Show who was evicted for whom, why them, and who was spared
///
/// Asked about a Pod, for which room was made or that was evicted, or about the id of a preemption. Pods of projects that you are
/// no member of have no name in the answer. Sluice answers through the API server, as you: any kubeconfig of the cluster is enough.
///
/// Exit codes: 0 shown, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// NAME of a Pod, also of one that is gone, or the id of a preemption
    #[arg(value_name = "POD|ID")]
    target: Target,
    /// The Pod's namespace; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

impl Explain {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { target, namespace, cluster, output } = self;
        if let Target::Object(kind, name) = &target
            && *kind != Subject::Pod
        {
            let why =
                anyhow!("asked about {kind:?} {name}; ask about one of its Pods, or about the id of a preemption");
            return Err(Failure::input(why));
        }
        let server = cluster.server().await?;
        let about = target.about(namespace, server.default_namespace());
        let answer = question::explain_preemption(&server, about).await?;
        output.print(&answer, render)?;
        Ok(Ending::Fine)
    }
}

fn render(Preemptions { preemptions, hint, .. }: &Preemptions) -> String {
    let mut text: String = preemptions.iter().map(one).collect::<Vec<_>>().join("\n");
    if let Some(hint) = hint {
        let _infallible = writeln!(text, "{hint}");
    }
    text
}

fn one(preemption: &Preemption) -> String {
    let Preemption { id, begun_at, ended_at, outcome, room_for, ended, spared } = preemption;
    let over = match ended_at {
        Some(at) => format!("over at {at}: {}", outcome.as_deref().unwrap_or("nothing is known of its outcome")),
        None => "not over yet".to_owned(),
    };
    let mut text = format!("{}, begun at {begun_at}, {over}\n", id.bold());
    for RoomMade { pod, node, devices } in room_for {
        let devices = if devices.is_empty() { String::new() } else { format!(" with {}", devices.join(", ")) };
        let _infallible = writeln!(text, "  room for {pod} on node {node}{devices}");
    }
    for Ended { pod, queue, because, fate, held_up_by, deleted_at } in ended {
        let fate = match fate {
            VictimFate::Evicted => "evicted",
            VictimFate::ToBeEvicted => "to be evicted",
            VictimFate::GoesOn => "not evicted",
        };
        let held_up = held_up_by.as_ref().map(|by| format!("; held up by {by}")).unwrap_or_default();
        let deleted = deleted_at.as_ref().map(|at| format!("; deleted at {at} whatever that says")).unwrap_or_default();
        let _infallible = writeln!(text, "  {fate}: {pod} in queue {queue}: {because}{held_up}{deleted}");
    }
    // Pods of other projects have no name, and are many of one kind.
    let mut alike: Vec<(&Spared, usize)> = Vec::new();
    for spared in spared {
        match alike.iter_mut().find(|(before, _)| *before == spared) {
            Some((_, count)) => *count += 1,
            None => alike.push((spared, 1)),
        }
    }
    for (Spared { pod, because }, count) in alike {
        let times = if count > 1 { format!(" ({count} of them)") } else { String::new() };
        let _infallible = writeln!(text, "  spared: {pod}{times}: {because}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_held_up_by_a_budget_is_to_be_evicted_and_who_stayed_was_not() {
        let victim = |fate: &str, more: serde_json::Value| {
            let mut victim = json!({"pod": "llm/p", "queue": "batch", "because": "it gives way", "fate": fate});
            json_patch::merge(&mut victim, &more);
            victim
        };
        let until = json!({"heldUpBy": "the PodDisruptionBudget llm/b", "deletedAt": "2026-11-23T10:09:00Z"});
        let ended = json!([victim("ToBeEvicted", until), victim("GoesOn", json!({}))]);
        let answer: Preemptions = serde_json::from_value(json!({"at": "2026-11-23T10:00:00Z", "preemptions": [{
            "id": "1", "begunAt": "2026-11-23T09:59:00Z", "roomFor": [], "ended": ended, "spared": [],
        }]}))
        .expect("an answer");
        let text = anstream::adapter::strip_str(&render(&answer)).to_string();
        let lines: Vec<_> = text.lines().skip(1).collect();
        let held_up = "  to be evicted: llm/p in queue batch: it gives way; held up by the PodDisruptionBudget llm/b; deleted at \
                       2026-11-23T10:09:00Z whatever that says";
        assert_eq!(lines, [held_up, "  not evicted: llm/p in queue batch: it gives way"]);
    }

    #[test]
    fn it_is_shown_who_ended_for_whom_and_who_was_spared() {
        let answer: Preemptions = serde_json::from_value(json!({"at": "2026-11-23T10:00:00Z", "preemptions": [{
            "id": "20261123-095900-abcde", "begunAt": "2026-11-23T09:59:00Z", "endedAt": "2026-11-23T09:59:02Z",
            "outcome": "it runs",
            "roomFor": [{"pod": "llm-serving/carol", "node": "n1", "devices": ["gpu.nvidia.com/n1/gpu-7"]}],
            "ended": [{"pod": "a pod of another project", "queue": "batch", "because": "queue batch gives way"}],
            "spared": [{"pod": "llm-serving/a", "because": "the others suffice, and cost less"},
                {"pod": "a pod of another project", "because": "queue urgent is not preemptible"},
                {"pod": "a pod of another project", "because": "queue urgent is not preemptible"}],
        }]}))
        .expect("an answer");
        let text = anstream::adapter::strip_str(&render(&answer)).to_string();
        let expected = "\
20261123-095900-abcde, begun at 2026-11-23T09:59:00Z, over at 2026-11-23T09:59:02Z: it runs
  room for llm-serving/carol on node n1 with gpu.nvidia.com/n1/gpu-7
  evicted: a pod of another project in queue batch: queue batch gives way
  spared: llm-serving/a: the others suffice, and cost less
  spared: a pod of another project (2 of them): queue urgent is not preemptible
";
        assert_eq!(text, expected);
    }
}
