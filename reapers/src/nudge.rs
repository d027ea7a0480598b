//! Nudge: makes controllers try again when there is room.
//!
//! **Your Deployment's** Pods are refused while a quota is full, and its controller waits longer and longer before it tries
//! again. When accounts of its project have more room, because something has ended or because the plan allows more,
//! ReplicaSets, StatefulSets, Jobs and ReplicationControllers of that project's Namespaces that have fewer Pods than they
//! want are made to look again: an annotation comes and goes. Nothing else of them changes.

use std::collections::BTreeMap;

use cluster::world::Topic;
use cluster::write::{About, News, Short, Tone};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use policy_engine::charge::{limits, payers};
use policy_engine::ledger::{Account, Limits};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::quota::Quota;

use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;

/// At most so many objects are nudged in a turn. Others have their turn when there is room the next time.
const MOST: usize = 200;
/// So many questions, and then nudges, are on their way at a time.
const AT_A_TIME: usize = 8;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("nudge", HEARS, propose).hearing_of_room();

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces];

/// What the daemon remembers between turns.
#[derive(Default)]
struct Memory {
    /// What each project and its users were allowed, by the project's id.
    allowed: BTreeMap<ProjectId, Allowed>,
    /// The last Namespace that was looked into: the bound must not keep others from their turn for ever.
    last: String,
}

/// What a project may use with all projects above it, and each user in it.
type Allowed = (Limits, Quota);

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, may_act } = turn;
        let memory = memory.of::<Memory>();
        let namespaces = concerned(stage, memory);
        let asked = stream::iter(namespaces).take_while(|_| std::future::ready(may_act()));
        let mut asked = asked.map(|namespace| short_of_pods(stage, namespace)).buffered(AT_A_TIME);
        let mut short = Vec::new();
        while short.len() < MOST
            && let Some((namespace, found)) = asked.next().await
        {
            short.extend(found);
            memory.last = namespace;
        }
        short.truncate(MOST);
        let steps = short.into_iter().map(|short| step(stage, short)).collect();
        Ok(Proposal { steps, together: AT_A_TIME, ..Proposal::default() })
    }
    .boxed()
}

/// The Namespaces whose projects have more room, those first that come after the one that was looked into last.
fn concerned(stage: &Stage, memory: &mut Memory) -> Vec<String> {
    let (policy, now) = (stage.world.policy(), Timestamp::now());
    let lowered = stage.room.take();
    let (mut allowed, mut concerned) = (BTreeMap::new(), Vec::new());
    for (namespace, id) in stage.world.bindings() {
        let Some(project) = policy.project_by_id(&id) else { continue };
        let now_allowed = &*allowed
            .entry(id.clone())
            .or_insert_with(|| (payers(&policy, project, None, now), limits(&policy, project, now).1));
        let has_room = lowered.iter().any(|account| match account {
            Account::Project(_) => now_allowed.0.0.contains_key(account),
            // With a project's own room goes that of its users.
            Account::User { project: of, .. } => *of == project.id,
        });
        if has_room || memory.allowed.get(&id) != Some(now_allowed) {
            concerned.push(namespace);
        }
    }
    memory.allowed = allowed;
    let first = concerned.partition_point(|namespace| *namespace <= memory.last);
    concerned.rotate_left(first);
    concerned
}

async fn short_of_pods(stage: &Stage, namespace: String) -> (String, Vec<Short>) {
    match stage.writer.short_of_pods(&namespace, MOST).await {
        Ok(found) => (namespace, found),
        Err(failed) => {
            let error: &dyn std::error::Error = &failed;
            tracing::warn!(daemon = DAEMON.name, namespace, error, "could not look; tried at the next room");
            (namespace, Vec::new())
        }
    }
}

fn step(stage: &Stage, short: Short) -> Step {
    let news = News {
        tone: Tone::Normal,
        about: About::Namespace(short.namespace().to_owned()),
        related: None,
        reason: "Nudged",
        note: format!("make the controller of {short} try again: there is room"),
    };
    let stage = stage.clone();
    let act = async move {
        let outcome = stage.writer.nudge(&short).await?;
        stage.metrics.nudged();
        Ok(outcome)
    };
    Step::noted(news, act.boxed())
}

#[cfg(test)]
mod tests;
