//! Templates: makes the ResourceClaimTemplates that Pods name which ask for GPUs by labels or as extended resources.
//!
//! **Your Pod** names a template such as `gpu-h100-cnt1-sm50-memmax-0123456789`. It is made within a moment of the Pod, is
//! shared by all Pods of the Namespace that ask the same, and is made anew when somebody deletes it while a Pod names it.
//! When no unfinished Pod names it any more it is removed, half a minute after it was made at the earliest; claims that
//! were made from it are not touched.
//!
//! A template of such a name that does not carry `app.kubernetes.io/managed-by: sluice` is never removed. If it asks for
//! something else than the Pod, an Event of the Pod says so.

use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, News, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::templates::audit::audit;
use policy_engine::daemons::templates::{Action, NotOurs, Plan, Spared, plan};

use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("templates", HEARS, propose);

const HEARS: &[Topic] = &[Topic::Records, Topic::Namespaces, Topic::Pods, Topic::ResourceClaimTemplates];

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, .. } = turn;
        let policy = stage.world.policy();
        let view = view::templates::view(&stage.world, &stage.own_namespace);
        let plan = plan(&view, &policy, Timestamp::now());
        audit(&view, &policy, &plan).map_err(Refusal::stopped)?;
        Ok(proposal(stage, plan))
    }
    .boxed()
}

fn proposal(stage: &Stage, plan: Plan) -> Proposal {
    let Plan { actions, spared, again_at, cut_short } = plan;
    let step = |action: Action| {
        let writer = stage.writer.clone();
        Step::told(done(&action), async move { Ok(writer.provide(&action).await?) }.boxed())
    };
    Proposal {
        steps: actions.into_iter().map(step).collect(),
        refusals: spared.iter().map(refused).collect(),
        cut_short,
        again_at,
        ..Proposal::default()
    }
}

fn done(action: &Action) -> News {
    let (reason, about) = match action {
        Action::Make { pod, seen, .. } => ("TemplateMade", of_pod(pod, seen)),
        Action::Remove { namespace, .. } => ("TemplateRemoved", About::Namespace(namespace.clone())),
    };
    News { tone: Tone::Normal, about, related: None, reason, note: action.to_string() }
}

fn refused(spared: &Spared) -> News {
    let reason = match spared.because {
        NotOurs::Foreign => "TemplateForeign",
        NotOurs::Unsaid => "TemplateUnknown",
    };
    let about = of_pod(&spared.pod, &spared.seen);
    News { tone: Tone::Warning, about, related: None, reason, note: spared.to_string() }
}

fn of_pod(pod: &PodName, seen: &Seen) -> About {
    About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: seen.uid.clone() }
}
