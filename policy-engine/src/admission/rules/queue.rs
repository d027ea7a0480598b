//! # queue: Pods go to `default` or to a queue of the project's plan
//!
//! The label `platform-go/queue-name` on a Pod or pod template asks for a queue. Without the label, the queue is
//! `default`, which everyone may use. Every other queue must be bound by the project's plan
//! (`ResourcePlan.spec.queues`), and the plan must be within its validity. The rule `plan-window` says when a queue is
//! open.
//!
//! On Pods, the platform writes `platform-go/queue-name`, `platform-go/preemptible` and the queue's PriorityClass
//! (`platform-go-<queue>`) with its priority. If the Pod asks for another PriorityClass, the platform replaces it and
//! warns; whoever writes a workload with another one is warned too.
//!
//! The annotation `platform-go/gang` says how many Pods of a workload need each other. It is a number.
//!
//! A Pod that exists moves to another queue when its annotation `platform-go/switch-queue` names one: with `sluice switch-queue`,
//! `kubectl annotate --overwrite` or from a dashboard, by the Pod's owner or a Manager. The platform writes `queue-name` and
//! `preemptible` anew. A Pod that waits for its queue waits for the new one, and starts if that is open; one that runs goes on, without a
//! restart, and counts in the new queue from then on. Its priority for the scheduler stays, because Kubernetes lets nobody change it. The new queue
//! must be one that the Pod could have asked for when it was made, and take the models of its GPUs. Who changes the label itself is
//! told so, and the label is put back. A Pod for which others were evicted in a preemptible queue (`platform-go/room-made-in`) stays
//! preemptible in whatever queue it is moved to, and who moves it is told so: nobody keeps for good what was taken from others.
//!
//! The same annotation on a workload moves all of its Pods, whatever its pod template says, and the template is not touched: nothing
//! rolls out. Pods that are made from then on are put into that queue. The daemon `switch-queue` moves those that there are, each as its
//! own annotation would; one that cannot move now (it runs, and the queue is closed) stays where it is and is moved when it can, and an
//! Event on it and on the workload says why it stays. A Pod whose own annotation has moved it stays there until that is taken off. The
//! workload's own annotation goes before that of what owns it. Taken off, or emptied, it moves nothing back: Pods to come follow the
//! template again, and those that there are stay. On what controllers make (the ReplicaSets of a Deployment have its annotations) it counts
//! only if a person writes it there.

mod gang;
mod switched;

use std::fmt;

use crate::admission::findings::Findings;
use crate::contract;
use crate::policy::names::PlanName;
use crate::policy::plan::Validity;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::sentence;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::pod::Pod;
use crate::submission::switch::{Moved, is_moved_now};
use crate::windows::Moment;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    gang::judge(case, say);
    switched::judge(case, say);
    // A living Pod's queue was judged when it was asked, and is asked again by an annotation alone.
    let living = case.is_pod() && case.submission.act == Act::Update;
    // Where a workload is moved now, what is asked there was judged above.
    for pod in case.pods.iter().filter(|_| !living && !is_moved_now(case)) {
        let asked = case.queue_label(pod).unwrap_or(DEFAULT_QUEUE);
        let queue = case.policy.queue_asked(asked);
        let usable = queue.filter(|queue| may_use(case, queue));
        if usable.is_none() {
            let moved = case.moved.filter(|moved| moved.queue == asked);
            let why = NotUsable { case, asked, exists: queue.is_some(), moved };
            say.deny(pod.label_at(contract::QUEUE_NAME), why);
        }
    }
    switched::in_vain_in_template(case, say);
    let foretell = !case.is_pod() && case.is_read_by_people() && say.imposes();
    for pod in case.pods.iter().filter(|_| foretell) {
        let queue = case.queue_of(pod);
        let class = contract::priority_class(queue.unwrap_or_else(|| case.policy.default_queue()).name.as_str());
        if let Some(asked) = pod.spec.priority_class_name.as_ref().filter(|asked| !asked.is_empty() && **asked != class)
        {
            let at = pod.at(["spec", "priorityClassName"]);
            say.warn(format_args!("{at}: asked {asked}; its Pods get {class}, the class of their queue"));
        }
    }
    if let Some(pod) = case.new_pod() {
        let asked = pod.object().label(contract::QUEUE_NAME).and_then(|asked| case.policy.queue_asked(asked));
        write(case, pod, asked.unwrap_or_else(|| case.policy.default_queue()), say);
    }
}

fn may_use(case: &Case<'_>, queue: &Queue) -> bool {
    queue.name.as_str() == DEFAULT_QUEUE || case.plan().is_some_and(|plan| plan.queues.contains(&queue.name))
}

fn write(case: &Case<'_>, pod: &Pod<'_>, queue: &Queue, say: &mut Findings) {
    let class = contract::priority_class(queue.name.as_str());
    let preemptible = if queue.preemptible { "true" } else { "false" };
    say.set(pod.label_at(contract::QUEUE_NAME), queue.id.as_str());
    say.set(pod.label_at(contract::PREEMPTIBLE), preemptible);
    if say.imposes() && pod.spec.priority_class_name.as_deref() != Some(&class) {
        // The Priority plugin has filled both from the class that was asked, and refuses what does not match the new one.
        // If it has to fill them in again, the API server calls this webhook once more.
        let seen = case.priority_classes.get(&class);
        match seen.filter(|seen| seen.value == queue.priority) {
            Some(seen) => {
                say.fill_in(pod.at(["spec", "priority"]), seen.value);
                say.fill_in(pod.at(["spec", "preemptionPolicy"]), seen.preemption_policy.as_str());
            }
            // A class that is about to be replaced would give another priority by the time that the plugin looks.
            None => {
                say.discard(pod.at(["spec", "priority"]));
                say.discard(pod.at(["spec", "preemptionPolicy"]));
            }
        }
    }
    say.impose(pod.at(["spec", "priorityClassName"]), class);
}

/// Why the project's plan counts as missing.
struct NotInForce<'a> {
    case: &'a Case<'a>,
    plan: &'a PlanName,
}

impl fmt::Display for NotInForce<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, plan } = self;
        let Some(plan) = case.policy.records().plans.get(*plan) else { return f.write_str("does not exist") };
        let zone = plan.schedule.as_ref().map_or("UTC", |schedule| schedule.time_zone.as_str());
        let Validity { from, until } = plan.validity;
        match (from.filter(|from| *from > case.now), until) {
            (Some(at), _) => write!(f, "begins {}", Moment { at, zone }),
            (None, Some(at)) => write!(f, "ended {}", Moment { at, zone }),
            (None, None) => f.write_str("is not in force"),
        }
    }
}

struct NotUsable<'a> {
    case: &'a Case<'a>,
    asked: &'a str,
    exists: bool,
    /// The workload that was moved there, whatever its pod template says.
    moved: Option<Moved<'a>>,
}

impl fmt::Display for NotUsable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, asked, exists, moved } = self;
        match moved {
            Some(moved) => moved.fmt(f)?,
            None => write!(f, "asked queue {asked}")?,
        }
        if !exists {
            f.write_str(", which does not exist")?;
        }
        let project = &case.project.name;
        match (case.plan(), &case.project.plan) {
            (Some(plan), _) => write!(f, "; plan {} of project {project} allows ", plan.name)?,
            (None, Some(plan)) => {
                write!(f, "; plan {plan} of project {project} {}, which leaves ", NotInForce { case, plan })?;
            }
            (None, None) => write!(f, "; project {project} has no plan, which leaves ")?,
        }
        let bound = case.plan().into_iter().flat_map(|plan| &plan.queues).filter(|name| name.as_str() != DEFAULT_QUEUE);
        let bound = bound.filter(|name| case.policy.records().queues.contains_key(*name));
        let usable: Vec<_> = std::iter::once(DEFAULT_QUEUE).chain(bound.map(|name| name.as_str())).collect();
        sentence::list(f, &usable)?;
        match (moved, exists) {
            (Some(moved), _) => write!(f, "; switch it: {} QUEUE", moved.command()),
            (None, true) => f.write_str("; name one of those, or ask an admin to bind the queue to the plan"),
            (None, false) => f.write_str("; name one of those"),
        }
    }
}
