//! Plan-window: lets Pods start that wait for their queue to open.
//!
//! **Your Pod** waits behind the gate `platform-go/plan-window` if it was made while its queue was closed. The gate is
//! taken away within a moment of the queue's opening, whether its time has come or somebody changed the windows of the
//! queue or the plan; the Pods that were made first come first. It is also taken away where it means nothing: in the
//! queue `default`, where the rule `plan-window` is off for the project, and in a Namespace that is no project's any
//! more. A Pod that waits for what will not come (the project's plan has ended or does not bind the queue, or the
//! windows do not open again) stays as it is, with an Event that says so.
//!
//! Nothing here stops a Pod. Exempt Namespaces are left alone.

use cluster::write::{About, News, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use policy_engine::follow::view::Seen;
use policy_engine::plan_window::audit::audit;
use policy_engine::plan_window::{InVain, Plan, PodName, Release, Spared, plan};

use crate::cycle::{Daemon, DaemonName, Hears, Proposal, Refusal, Stage, Step};

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon { name: DaemonName::PlanWindow, hears: Hears::RecordsAndPods, propose };

fn propose(stage: &Stage) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        // Which namespaces are exempt, and who is whose, comes from the same caches as for `follow`.
        stage.governed.fit()?;
        let snapshot = stage.governed.caches().snapshot();
        let policy = &snapshot.policy;
        let view = stage.waiting.view()?;
        let now = Timestamp::now();
        let plan = plan(&view, policy, now);
        audit(&view, policy, &plan, now).map_err(Refusal::stopped)?;
        Ok(proposal(stage, plan))
    }
    .boxed()
}

fn proposal(stage: &Stage, plan: Plan) -> Proposal {
    let Plan { releases, spared, opens, cut_short } = plan;
    let step = |release: Release| {
        let writer = stage.writer.clone();
        let news = news(Tone::Normal, "QueueOpen", &release.pod, &release.seen, release.to_string());
        Step { news, act: async move { writer.release(&release).await }.boxed() }
    };
    Proposal {
        steps: releases.into_iter().map(step).collect(),
        refusals: spared.iter().map(refused).collect(),
        amendments: Vec::new(),
        cut_short,
        again_at: opens,
    }
}

fn refused(spared: &Spared) -> News {
    let reason = match spared.because {
        InVain::NoPlan(_) => "PlanMissing",
        InVain::NotBound { .. } => "QueueNotBound",
        InVain::NeverOpens(_) => "QueueNeverOpens",
    };
    news(Tone::Warning, reason, &spared.pod, &spared.seen, spared.to_string())
}

fn news(tone: Tone, reason: &'static str, pod: &PodName, seen: &Seen, note: String) -> News {
    let about = About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: seen.uid.clone() };
    News { tone, about, related: None, reason, note }
}
