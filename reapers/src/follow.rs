//! Follow: makes Namespaces, RoleBindings, ResourceQuotas, PriorityClasses and Volcano's Queues what the records say.
//!
//! **Your Namespace** is made if a project lists it and it does not exist. If it exists already, it is bound to the
//! project if nobody has put a Pod, volume claim, Service or workload in it, or if an admin has annotated it with
//! `platform-go/adopt: <project>`. It is never bound if it is labelled for another project, if it is exempt in the
//! PlatformPolicy, if its name begins with `kube-`, or if Sluice runs in it. Two projects that list the same
//! Namespace: the one that has it keeps it, else it is the first by name.
//!
//! Bound means: the label `platform-go/project-id`, and `pod-security.kubernetes.io/enforce: baseline`, unless it says
//! `restricted` already or the PlatformPolicy lists host paths. Who changes these sees them put back within seconds.
//! When no project lists the Namespace any more, the two labels are taken back; the Namespace and all that is in it
//! stay. A label that an admin wrote on a Namespace that no project lists stays as well.
//!
//! **Your access** to a project's Namespaces is the RoleBinding `sluice-member`, `sluice-manager` or `sluice-admin`, by
//! the highest line of the project's member list that names you, or a group that you are in. RoleBindings of these
//! names are overwritten; those that carry `app.kubernetes.io/managed-by: sluice` and belong to no role are deleted.
//!
//! **What your Namespace may hold** is the ResourceQuota `sluice-plan`, by `namespaceQuota` of the project's plan while
//! that is in force. The API server keeps it, also while Sluice is away. Whoever changes or deletes it sees it put back; it
//! goes when no plan in force says anything, or when no project has the Namespace. Other ResourceQuotas stay.
//!
//! **A queue's** PriorityClass is `platform-go-<queue>`. When the queue's priority changes, the class is deleted and
//! made anew; Pods that run keep the number that they have. When the queue is gone, the class goes. A class of that
//! name that others made is taken over if it says the same, and is left alone if it does not.
//!
//! **Where Volcano is installed**, a queue has a Volcano Queue of its own name: `priority` is the queue's (none is below zero), `reclaimable` whether
//! it is preemptible, `deserved` its `deservedGpu` as `nvidia.com/gpu`, `weight` the same in whole GPUs and at least 1; and no `capability`, because
//! no record limits a queue as a whole. Who changes these sees them put back; the rest of it is the admin's. When the queue is gone, it goes. One of that
//! name that others made (Volcano itself makes `default`) is left alone, and if it says something else the queue's status says so. That
//! Volcano was installed is noticed within half a minute.
//!
//! While a record exists and cannot be read, what belongs to it stays as it is.

use cluster::conditions::{Undone, amendments};
use cluster::view;
use cluster::world::Topic;
use cluster::write::{About, News, Tone};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use policy_engine::daemons::follow::action::Action;
use policy_engine::daemons::follow::audit::audit;
use policy_engine::daemons::follow::spared::{NotYours, Spared};
use policy_engine::daemons::follow::{Plan, plan};
use records::Kind;

use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("follow", HEARS, propose);

const HEARS: &[Topic] = &[
    Topic::Records,
    Topic::Namespaces,
    Topic::RoleBindings,
    Topic::ResourceQuotas,
    Topic::PriorityClasses,
    Topic::VolcanoQueues,
    Topic::DeviceClasses,
];

/// Which Namespace was looked into last.
#[derive(Default)]
struct LookedInto(usize);

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let LookedInto(last) = memory.of();
        let snapshot = stage.world.snapshot();
        let policy = &snapshot.policy;
        let now = Timestamp::now();
        let mut view = view::follow::view(&stage.world, &snapshot, &stage.own_namespace, now)?;
        view::follow::look_into(&stage.world, &mut view, policy, last).await;
        let plan = plan(&view, policy);
        audit(&view, policy, &plan).map_err(Refusal::stopped)?;
        let undone = Undone { spared: &plan.spared, classes: &stage.world.device_classes() };
        let amendments = amendments(&snapshot, &undone, DAEMON.name, now);
        Ok(Proposal { amendments, ..proposal(stage, plan) })
    }
    .boxed()
}

fn proposal(stage: &Stage, plan: Plan) -> Proposal {
    let step = |action: Action| {
        let writer = stage.writer.clone();
        Step::told(done(&action), async move { Ok(writer.carry_out(&action).await?) }.boxed())
    };
    Proposal {
        steps: plan.actions.into_iter().map(step).collect(),
        refusals: plan.spared.iter().map(refused).collect(),
        cut_short: plan.cut_short,
        ..Proposal::default()
    }
}

fn done(action: &Action) -> News {
    let record = |kind, name: &str| About::Record(kind, name.to_owned());
    let (reason, about, related) = match action {
        Action::CreateNamespace { namespace, project, .. } => {
            ("NamespaceMade", record(Kind::Project, project.as_str()), Some(About::Namespace(namespace.clone())))
        }
        Action::LabelNamespace { namespace, project, .. } => {
            ("NamespaceBound", About::Namespace(namespace.clone()), Some(record(Kind::Project, project.as_str())))
        }
        Action::RemoveLabel { namespace, .. } => ("NamespaceReleased", About::Namespace(namespace.clone()), None),
        Action::ApplyRoleBinding { namespace, .. } => ("AccessWritten", About::Namespace(namespace.clone()), None),
        Action::DeleteRoleBinding { namespace, .. } => ("AccessRemoved", About::Namespace(namespace.clone()), None),
        Action::ApplyResourceQuota { namespace, .. } => ("QuotaWritten", About::Namespace(namespace.clone()), None),
        Action::DeleteResourceQuota { namespace, .. } => ("QuotaRemoved", About::Namespace(namespace.clone()), None),
        Action::CreatePriorityClass(class)
        | Action::AmendPriorityClass { class, .. }
        | Action::ReplacePriorityClass { class, .. } => {
            ("PriorityClassWritten", record(Kind::PlatformQueue, class.queue.as_str()), None)
        }
        Action::CreateVolcanoQueue(queue) | Action::AmendVolcanoQueue { queue, .. } => {
            ("VolcanoQueueWritten", record(Kind::PlatformQueue, queue.queue.as_str()), None)
        }
        // Its record is gone, so nobody can describe it; the journal has it.
        Action::DeleteVolcanoQueue { name, .. } => ("VolcanoQueueRemoved", record(Kind::PlatformQueue, name), None),
        Action::DeletePriorityClass { name, .. } => ("PriorityClassRemoved", record(Kind::PlatformQueue, name), None),
    };
    News { tone: Tone::Normal, about, related, reason, note: action.to_string() }
}

fn refused(spared: &Spared) -> News {
    let project = |name: &policy_engine::policy::names::ProjectName| About::Record(Kind::Project, name.to_string());
    let queue = |name: &policy_engine::policy::names::QueueName| About::Record(Kind::PlatformQueue, name.to_string());
    let (reason, about, related) = match spared {
        Spared::Namespace { namespace, project: by, because } => {
            let reason = match because {
                NotYours::Exempt => "NamespaceExempt",
                NotYours::BoundTo(_) => "NamespaceForeign",
                NotYours::GivenTo { .. } => "NamespaceGivenToMember",
                NotYours::ListedBy(_) => "NamespaceListedTwice",
                NotYours::NotEmpty(_) => "NamespaceNotEmpty",
                NotYours::Terminating => "NamespaceTerminating",
            };
            (reason, project(by), Some(About::Namespace(namespace.clone())))
        }
        Spared::UnreadableProject { namespace, project: by } => {
            ("ProjectUnreadable", About::Namespace(namespace.clone()), Some(project(by)))
        }
        Spared::UnreadablePeople { project: by, .. } => ("PeopleUnreadable", project(by), None),
        Spared::UnreadablePlan { project: by, .. } => ("PlanUnreadable", project(by), None),
        Spared::ForeignPriorityClass { queue: of, .. } => ("PriorityClassForeign", queue(of), None),
        Spared::ForeignVolcanoQueue { queue: of } => ("VolcanoQueueForeign", queue(of), None),
    };
    News { tone: Tone::Warning, about, related, reason, note: spared.to_string() }
}
