//! Switch-queue: moves the Pods of a workload that was moved to another queue.
//!
//! **Your Deployment** (or StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, ReplicationController, or object of a listed kind) is moved by
//! its annotation `platform-go/switch-queue`. Its Pods that have not ended follow within a moment, without a restart: the labels `queue-name` and
//! `preemptible` change, as if each had the annotation itself. A Pod stays where it is while it runs and the queue is closed, while the
//! plan in force does not bind the queue, if its GPUs are of models that the queue does not take, and while its own annotation
//! `platform-go/switch-queue` names the queue that it is in. Events on the Pod and on the workload say so, and it follows as soon as it
//! may. Of two workloads above a Pod, the one that is nearer to it counts.
//!
//! Of a kind that `PlatformPolicy.spec.workloadKinds` lists and that Sluice may not read nothing is moved, and `sluice status` says so.
//!
//! When the annotation goes, nothing is moved back. Where the rule `queue` is off, nothing is moved; where it only warns, everything is.
//! Exempt Namespaces are left alone.

use cluster::lookup::owners::Owners;
use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, News, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::plan_window::Controller;
use policy_engine::daemons::switch_queue::audit::audit;
use policy_engine::daemons::switch_queue::{Crowd, Move, Plan, STAYS, Spared, Workload, plan};
use policy_engine::object::kinds::GroupResource;

use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("switch-queue", HEARS, propose);

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces, Topic::Pods, Topic::MovedWorkloads];
/// So many Pods are moved at a time.
const AT_A_TIME: usize = 8;

/// What is above the owners of Pods, as far as it was asked.
#[derive(Default)]
struct Memory(Option<Owners>);

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let Memory(owners) = memory.of();
        let owners = owners.get_or_insert_with(|| Owners::of(&stage.world));
        let view = view::switch_queue::view(&stage.world, owners, &stage.own_namespace).await?;
        let (policy, now) = (stage.world.policy(), Timestamp::now());
        let plan = plan(&view, &policy, now);
        audit(&view, &policy, &plan, now).map_err(Refusal::stopped)?;
        Ok(proposal(stage, plan))
    }
    .boxed()
}

fn proposal(stage: &Stage, plan: Plan) -> Proposal {
    let Plan { moves, spared, crowds, opens, cut_short } = plan;
    let step = |one: Move| {
        let news = News {
            tone: Tone::Normal,
            about: of_pod(&one.pod, &one.seen.uid),
            related: Some(of_workload(&one.with)),
            reason: "QueueSwitched",
            note: one.to_string(),
        };
        let writer = stage.writer.clone();
        Step::told(news, async move { Ok(writer.switch(&one).await?) }.boxed())
    };
    Proposal {
        steps: moves.into_iter().map(step).collect(),
        together: AT_A_TIME,
        refusals: spared.iter().map(stays).chain(crowds.iter().map(stay)).collect(),
        attention: stage.world.unreadable_kinds().iter().map(unreadable).collect(),
        again_at: opens,
        cut_short,
        ..Proposal::default()
    }
}

/// A kind that the policy lists and the chart's values do not. It is theirs to give rights.
fn unreadable(kind: &GroupResource) -> String {
    format!(
        "PlatformPolicy.spec.workloadKinds lists {kind}, which Sluice has no right to read: its workloads that are switched to a queue keep \
         their Pods where they are; list it in the chart's value policy.workloadKinds too and run helm upgrade, or apply what the chart renders"
    )
}

fn stays(spared: &Spared) -> News {
    let (about, related) = (of_pod(&spared.pod, &spared.uid), Some(of_workload(&spared.with)));
    News { tone: Tone::Warning, about, related, reason: STAYS, note: spared.to_string() }
}

fn stay(crowd: &Crowd) -> News {
    let about = of_workload(&crowd.with);
    News { tone: Tone::Warning, about, related: None, reason: STAYS, note: crowd.to_string() }
}

fn of_pod(pod: &PodName, uid: &str) -> About {
    About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: uid.to_owned() }
}

fn of_workload(of: &Workload) -> About {
    let Controller { api_version, kind, name, uid } = of.named.clone();
    About::Workload { api_version, kind, namespace: of.namespace.clone(), name, uid }
}

#[cfg(test)]
mod tests;
