//! Templates: makes the ResourceClaimTemplates that Pods name which ask for GPUs by labels or as extended resources.
//!
//! **Your Pod** names a template such as `gpu-h100-cnt1-sm50-memmax-0123456789`. It is made just before the Pod is, or before the
//! Pods of your workload are: where the webhook runs in the same process as the leading daemon, a Pod waits for its template for
//! a tenth of a second at most. Elsewhere it is made within a moment of the Pod; until then Kubernetes says
//! `FailedResourceClaimCreation` on the first Pod that names it, tries again, and goes on. It is
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
pub const DAEMON: Daemon = Daemon::new("templates", HEARS, propose).hearing_of_expected();

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
        // Nobody is told of what is only expected: there is nothing yet to tell it of.
        let step = if matches!(action, Action::Make { pod: None, .. }) { Step::noted } else { Step::told };
        step(done(&action), async move { Ok(writer.provide(&action).await?) }.boxed())
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
        Action::Make { pod: Some((pod, seen)), .. } => ("TemplateMade", of_pod(pod, seen)),
        Action::Make { namespace, .. } => ("TemplateMade", About::Namespace(namespace.clone())),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cluster::testing::ApiServer;
    use policy_engine::claims::template::Template;

    use super::*;
    use crate::cycle::{Past, turn};
    use crate::testing::{ledger, projects, stage};

    /// There is nobody yet who could be told.
    #[tokio::test]
    async fn what_admission_expects_is_made_in_projects_and_nobody_is_told() {
        let server = ApiServer::with_collections(projects(["detector"]));
        let (ledger, _directory) = ledger().await;
        let stage = stage(&server, ledger).await;
        let named = "gpu-any-cnt1-sm100-memmax-44136fa355";
        let template = Template::recorded("{}", named).expect("a text under its own name");
        for namespace in ["detector", "nobodys"] {
            assert!(!stage.world.expect_template(namespace, &template, Duration::ZERO).await);
        }
        turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
        let calls: Vec<_> = server.calls().into_iter().map(|call| (call.path, call.body)).collect();
        let [(path, made)] = &calls[..] else { panic!("one write: {calls:?}") };
        assert_eq!(path, "/apis/resource.k8s.io/v1/namespaces/detector/resourceclaimtemplates");
        assert_eq!(made["metadata"]["name"], named);
    }
}
