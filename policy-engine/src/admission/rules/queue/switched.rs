//! A Pod that moves to another queue.

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
use crate::submission::switch::Switch;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    in_vain(case, say);
    let (Some(Switch { asked, queue }), Some(old)) = (Switch::of(case), case.old()) else { return };
    let here = Place::of(["metadata", "annotations", contract::SWITCH_QUEUE]);
    let Some(queue) = queue else {
        return say.deny(here, NotUsable { case, asked, exists: false });
    };
    if !may_use(case, queue) {
        say.deny(here, NotUsable { case, asked, exists: true });
    } else if let Some(has) = foreign_models(case, old, queue) {
        say.deny(here, NotTaken { case, queue, has });
    }
    let label = |key| Place::of(["metadata", "labels", key]);
    // It was asked by the annotation: nobody is told that the labels change.
    say.fill_in(label(contract::QUEUE_NAME), queue.id.as_str());
    say.fill_in(label(contract::PREEMPTIBLE), if queue.preemptible { "true" } else { "false" });
}

/// The annotation moves Pods that exist, and nothing else.
fn in_vain(case: &Case<'_>, say: &mut Findings) {
    let asked = |object: Option<Object<'_>>| {
        object.and_then(|object| object.annotation(contract::SWITCH_QUEUE).map(str::to_owned))
    };
    let (now, before) = (asked(case.object()), asked(case.old()));
    if now.is_none() || now == before || !case.is_read_by_people() {
        return;
    }
    let (here, label) = (Place::of(["metadata", "annotations", contract::SWITCH_QUEUE]), contract::QUEUE_NAME);
    if case.new_pod().is_some() {
        say.warn(format_args!("{here}: it moves a Pod that exists; a new one asks for its queue by the label {label}"));
    } else if case.is_workload() && matches!(case.submission.act, Act::Create | Act::Update) {
        say.warn(format_args!(
            "{here}: it moves Pods, and this is none; write it on each Pod, and the label {label} into the pod template for those to come"
        ));
    }
}

/// The models that the Pod's GPUs may be of, if the queue does not take them all. Its claims were made for them.
fn foreign_models(case: &Case<'_>, pod: Object<'_>, queue: &Queue) -> Option<Vec<String>> {
    pod.label(contract::EFFECTIVE_GPU)?;
    // What runs on a model that its plan no longer has goes on, in every queue that takes all of them.
    if queue.gpu_models.is_empty() {
        return None;
    }
    let has: Vec<String> = match pod.label(contract::GPU_MODEL) {
        Some(model) => vec![model.to_owned()],
        None => {
            let before = case.policy.queue_asked(pod.label(contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE));
            case.allowed_models_in(before).into_iter().map(|model| model.id.clone()).collect()
        }
    };
    let taken = case.allowed_models_in(Some(queue));
    let is_taken = |id: &String| taken.iter().any(|model| model.id == *id);
    (!has.iter().all(is_taken)).then_some(has)
}

struct NotTaken<'a> {
    case: &'a Case<'a>,
    queue: &'a Queue,
    has: Vec<String>,
}

impl fmt::Display for NotTaken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, queue, has } = self;
        write!(f, "asked queue {} for a Pod with GPUs of ", queue.name)?;
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
