//! A Pod, or a workload with its Pods, that moves to another queue.

use std::fmt;

use super::{NotUsable, may_use};
use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::sentence;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::switch::{Switch, models_not_taken};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    in_vain(case, say);
    if let Some(switch) = Switch::of_workload(case) {
        return workload(case, switch, say);
    }
    let (Some(Switch { asked, queue }), Some(old)) = (Switch::of(case), case.old()) else { return };
    let Some(queue) = queue else { return say.deny(here(), NotUsable { case, asked, exists: false, moved: None }) };
    if !may_use(case, queue) {
        say.deny(here(), NotUsable { case, asked, exists: true, moved: None });
    } else if let Some(has) = foreign_models(case, old, queue) {
        say.deny(here(), NotTaken { case, queue, has });
    }
    let label = |key| Place::of(["metadata", "labels", key]);
    let made_in = old.annotation(contract::ROOM_MADE_IN);
    let gives_way = case.policy.gives_way(queue, made_in);
    // It was asked by the annotation: nobody is told that the labels change.
    say.fill_in(label(contract::QUEUE_NAME), queue.id.as_str());
    say.fill_in(label(contract::PREEMPTIBLE), if gives_way { "true" } else { "false" });
    if let Some(made_in) = made_in.filter(|_| gives_way && !queue.preemptible) {
        say.warn(format_args!(
            "{}: asked queue {}, which is not preemptible; others were evicted for this Pod in queue {made_in}, so that it still gives way to \
             higher queues; to have one that does not, make the Pod anew in queue {}",
            here(), queue.name, queue.name
        ));
    }
}

/// What is judged of a workload holds for each of its Pods to come. Those that there are, the daemon `switch-queue` moves.
fn workload(case: &Case<'_>, Switch { asked, queue }: Switch<'_>, say: &mut Findings) {
    let Some(queue) = queue else { return say.deny(here(), NotUsable { case, asked, exists: false, moved: None }) };
    if !may_use(case, queue) {
        say.deny(here(), NotUsable { case, asked, exists: true, moved: None });
    } else if let Some(has) = models_of_templates(case, queue) {
        say.deny(here(), NotTaken { case, queue, has });
    }
    say.fill_in(Place::of(["metadata", "labels", contract::MOVED_TO]), queue.id.as_str());
}

fn here() -> Place {
    Place::of(["metadata", "annotations", contract::SWITCH_QUEUE])
}

/// The annotation moves what exists, and what makes Pods.
fn in_vain(case: &Case<'_>, say: &mut Findings) {
    let asked = |object: Option<Object<'_>>| {
        object.and_then(|object| object.annotation(contract::SWITCH_QUEUE).map(str::to_owned))
    };
    let (now, before) = (asked(case.object()), asked(case.old()));
    if now.is_none() || now == before || !case.is_read_by_people() {
        return;
    }
    let (here, label) = (here(), contract::QUEUE_NAME);
    if case.new_pod().is_some() {
        say.warn(format_args!("{here}: it moves a Pod that exists; a new one asks for its queue by the label {label}"));
    } else if case.is_workload() && !case.owns_pods() && matches!(case.submission.act, Act::Create | Act::Update) {
        say.warn(format_args!(
            "{here}: it moves Pods, and this makes none; write it on what makes them, or on each Pod"
        ));
    }
}

/// Who writes another queue into the template of a workload that was moved may think that it counts.
pub(super) fn in_vain_in_template(case: &Case<'_>, say: &mut Findings) {
    let Some(moved) = case.moved.filter(|_| !case.is_pod() && case.is_read_by_people()) else { return };
    let stands = case.policy.queue_asked(moved.queue).map(|queue| &queue.name);
    for pod in &case.pods {
        let label = pod.label_at(contract::QUEUE_NAME);
        let before = case.submission.old.and_then(|old| label.resolve(old)?.as_str());
        let Some(asked) = pod.object().label(contract::QUEUE_NAME).filter(|asked| Some(*asked) != before) else {
            continue;
        };
        if stands.is_none_or(|stands| case.policy.queue_asked(asked).map(|queue| &queue.name) != Some(stands)) {
            say.warn(format_args!(
                "{label}: asked queue {asked}; {moved}, and its Pods go there whatever the template says; to let it say, take the \
                 annotation {} away, or switch it: {} QUEUE",
                contract::SWITCH_QUEUE,
                moved.command()
            ));
        }
    }
}

/// The models of a Pod's GPUs, if the queue does not take them all.
fn foreign_models(case: &Case<'_>, pod: Object<'_>, queue: &Queue) -> Option<Vec<String>> {
    pod.label(contract::EFFECTIVE_GPU)?;
    let from = case.policy.queue_asked(pod.label(contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE));
    models_not_taken(case.policy, case.plan(), pod.label(contract::GPU_MODEL), from, queue)
}

/// The model that a pod template asks for, if the queue does not take it: its Pods would be refused for ever.
fn models_of_templates(case: &Case<'_>, queue: &Queue) -> Option<Vec<String>> {
    case.all_templates().iter().find_map(|template| {
        let model = template.object().label(contract::GPU_MODEL)?;
        models_not_taken(case.policy, case.plan(), Some(model), None, queue)
    })
}

struct NotTaken<'a> {
    case: &'a Case<'a>,
    queue: &'a Queue,
    has: Vec<String>,
}

impl fmt::Display for NotTaken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, queue, has } = self;
        let what = if case.is_pod() { "a Pod" } else { "Pods" };
        write!(f, "asked queue {} for {what} with GPUs of ", queue.name)?;
        sentence::list(f, &has.iter().map(String::as_str).collect::<Vec<_>>())?;
        let taken: Vec<_> = case.allowed_models_in(Some(queue)).into_iter().map(|model| model.name.as_str()).collect();
        if taken.is_empty() {
            f.write_str("; that queue takes none of the plan's models")?;
        } else {
            f.write_str("; that queue takes ")?;
            sentence::list(f, &taken)?;
        }
        f.write_str("; name a queue that takes its models, or make the Pod anew")
    }
}
