//! # plan-window: while its queue is closed, a Pod waits or is refused
//!
//! A queue of a plan is open while a window of the plan (`ResourcePlan.spec.windows`) and a window of the queue
//! (`PlatformQueue.spec.windows`) are open. A plan or queue without windows is always open. The queue `default` never
//! closes.
//!
//! A Pod that is made for a closed queue gets the scheduling gate `platform-go/plan-window`. It waits, holds nothing,
//! and starts when the queue opens: its annotation `platform-go/starts-at` says when that is, as far as it is known. If the plan says `outsideWindow: Deny`, the Pod is refused instead, and the refusal
//! says when the queue opens next.
//!
//! A Pod that waits may move to another queue that is closed, and waits for that one; one that runs may not. A workload may: its Pods
//! that run stay where they are until the queue opens, and move then.
//!
//! Workloads can be made at any time, with a warning, because their Pods may be made later, as those of a CronJob are.
//! A workload is refused only if its Pods would be refused for ever. If the windows of a queue never meet those of the plan, the
//! sentence says so.
//!
//! A Pod that runs when its queue closes is told 15 minutes before, and evicted after a grace
//! (`PlatformPolicy.spec.grace.planWindow`), with the reason `Plan window expired`; so it is when the plan's validity has
//! ended (`Plan validity period expired`) and where the project has no plan (`No active resource plan`). Where this rule
//! only warns, an Event says who would be evicted, and nobody is.
//!
//! Only the platform sets and removes gates whose names begin with `platform-go/`. It removes such gates from the
//! manifest of a new Pod. It refuses to let anybody else remove one from a waiting Pod, Admins included. Applying the
//! Pod's own manifest again keeps the gate and changes nothing. A gate of your own, or of another program, comes off
//! while the Pod's queue is open: taking off the last one starts the Pod. `sluice plan windows` shows when the queues of
//! a plan are open.

mod closed;
mod gates;

use closed::{ForMoved, ForPods, ForSwitch, ForTemplates, InDefault, closed, queue_closed};

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::policy::plan::OutsideWindow;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::pod::Pod;
use crate::submission::switch::{Switch, is_moved_now};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    match (case.submission.act, case.is_pod()) {
        (Act::Create, true) => case.pods.iter().for_each(|pod| new_pod(case, pod, say)),
        (Act::Create | Act::Update, false) => {
            case.pods.iter().for_each(|pod| template(case, pod, say));
            moved_workload(case, say);
        }
        (Act::Update | Act::Status, true) => {
            gates::kept(case, say);
            moved(case, say);
        }
        (Act::Touch | Act::Status | Act::Bind | Act::Delete | Act::Connect, _) => {}
    }
}

fn new_pod(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let closed = closed(case, pod.object());
    let gated = closed.as_ref().filter(|closed| closed.plan.outside_window == OutsideWindow::Gate);
    gates::written(pod, gated.is_some(), say);
    match closed {
        Some(closed) if gated.is_none() => {
            say.deny(pod.label_at(contract::QUEUE_NAME), ForPods(&closed, InDefault::of(case, pod)));
        }
        Some(closed) => say.warn(ForPods(&closed, InDefault::of(case, pod))),
        None => {}
    }
}

/// A Pod moves to a closed queue only to wait there, as it does already.
fn moved(case: &Case<'_>, say: &mut Findings) {
    let (Some(Switch { queue: Some(queue), .. }), Some(old)) = (Switch::of(case), case.old()) else { return };
    let stays = old.label(contract::QUEUE_NAME) == Some(&queue.id);
    let Some(closed) = queue_closed(case, queue).filter(|_| !stays) else { return };
    let default = InDefault::of_living(case, old);
    match closed.plan.outside_window {
        OutsideWindow::Gate if gates::waits(old) => say.warn(ForPods(&closed, default)),
        OutsideWindow::Gate | OutsideWindow::Deny => {
            say.deny(Place::of(["metadata", "annotations", contract::SWITCH_QUEUE]), ForSwitch(&closed, default));
        }
    }
}

/// A workload moves to a closed queue as one is made for it.
fn moved_workload(case: &Case<'_>, say: &mut Findings) {
    let Some(queue) = Switch::of_workload(case).and_then(|switch| switch.queue) else { return };
    let Some(closed) = queue_closed(case, queue) else { return };
    let here = Place::of(["metadata", "annotations", contract::SWITCH_QUEUE]);
    let too_small = |pod: &Pod<'_>| InDefault::of(case, pod) == InDefault::TooSmall;
    let default = if case.all_templates().iter().any(too_small) { InDefault::TooSmall } else { InDefault::Takes };
    match (closed.plan.outside_window, closed.opens) {
        (OutsideWindow::Deny, None) => say.deny(here, ForTemplates(&closed, default)),
        (OutsideWindow::Deny | OutsideWindow::Gate, _) => say.warn(ForMoved(&closed, default)),
    }
}

/// Whether a Pod that is made now of a template would wait for its queue.
pub(crate) fn waits(case: &Case<'_>, pod: &Pod<'_>) -> bool {
    case.queue_of(pod).and_then(|queue| queue_closed(case, queue)).is_some()
}

fn template(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    // Where a workload is moved now, it was said of that.
    let Some(closed) = case.queue_of(pod).filter(|_| !is_moved_now(case)).and_then(|queue| queue_closed(case, queue))
    else {
        return;
    };
    let default = InDefault::of(case, pod);
    match (closed.plan.outside_window, closed.opens) {
        (OutsideWindow::Deny, None) => say.deny(pod.label_at(contract::QUEUE_NAME), ForTemplates(&closed, default)),
        (OutsideWindow::Deny | OutsideWindow::Gate, _) => say.warn(ForTemplates(&closed, default)),
    }
}
