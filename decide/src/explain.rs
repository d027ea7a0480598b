//! The answer to *who was evicted for whom, and why?* (`PlatformReview`, question `explainPreemption`), from the journal.
//!
//! Pods of projects that the person is no member of have no name here, nor have their projects and budgets. Of their queues
//! it is said what counted: queues are the platform's, and everybody may read their records.

use jiff::Timestamp;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::progress;
use policy_engine::daemons::preemption::view::Placement;
use policy_engine::daemons::preemption::why::Spared;
use policy_engine::daemons::preemption::{NAME, Preemption as Planned, SparedPod, Victim};
use records::review::{Ended, Preemption, Preemptions, RoomMade, Spared as SparedLine, VictimFate};
use store::{Concerned, Entry};

use crate::viewer::{OTHERS, Viewer};

/// What the journal knows of, as this person may read it. `runs` says whether a Pod with this UID is there and was not told to end.
pub fn answer(
    viewer: &Viewer<'_>,
    entries: &[Entry],
    now: Timestamp,
    runs: impl Fn(&PodName, &str) -> bool,
) -> Preemptions {
    let visible = |entry: &&Entry| {
        viewer.is_admin() || entry.subjects.iter().chain(&entry.objects).any(|pod| viewer.sees(&pod.namespace))
    };
    let is_preemption = |entry: &&Entry| entry.daemon == NAME;
    let preemptions: Vec<_> =
        entries.iter().filter(is_preemption).filter(visible).map(|entry| preemption(viewer, entry, &runs)).collect();
    let hint = "nobody was evicted for it, nor it for another, in what the journal still has; why a pod waits, sluice why \
                says, and the pod's own Events";
    Preemptions { at: now.to_string(), hint: preemptions.is_empty().then(|| hint.to_owned()), preemptions }
}

fn preemption(viewer: &Viewer<'_>, entry: &Entry, runs: &impl Fn(&PodName, &str) -> bool) -> Preemption {
    let Entry { id, subjects, objects, plan, begun_at, ended_at, outcome, .. } = entry;
    let (room_for, ended, spared) = match serde_json::from_value::<Planned>(plan.clone()) {
        Ok(Planned { placements, victims, spared, .. }) => (
            placements.iter().map(|it| room(viewer, it)).collect(),
            victims.iter().map(|it| victim(viewer, entry, it, runs(&it.pod, &it.uid))).collect(),
            spared.iter().map(|it| spare(viewer, it)).collect(),
        ),
        // Another version planned it: who is concerned stands beside it.
        Err(_) => (
            subjects.iter().map(|pod| unread_room(viewer, pod)).collect(),
            objects.iter().map(|pod| unread_victim(viewer, pod)).collect(),
            Vec::new(),
        ),
    };
    let (begun_at, ended_at) = (begun_at.to_string(), ended_at.map(|at| at.to_string()));
    let outcome = outcome.as_deref().map(told);
    Preemption { id: id.clone(), begun_at, ended_at, outcome, room_for, ended, spared }
}

/// The sentence behind the journal's word for how it ended.
fn told(word: &str) -> String {
    use progress::Ended::{Changed, GaveUp, InVain, Placed, TimedOut};
    let known = [Placed, GaveUp, InVain, Changed, TimedOut].into_iter().find(|it| it.word() == word);
    known.map_or_else(|| word.to_owned(), |it| it.to_string())
}

fn room(viewer: &Viewer<'_>, Placement { pod, node, devices, .. }: &Placement) -> RoomMade {
    let devices = devices.iter().map(|given| given.device.to_string()).collect();
    RoomMade { pod: viewer.name(pod), node: node.clone(), devices }
}

fn victim(viewer: &Viewer<'_>, entry: &Entry, victim: &Victim, runs: bool) -> Ended {
    let Victim { pod, queue, because, budget, .. } = victim;
    let fate = match (runs, entry.ended_at) {
        (false, _) => VictimFate::Evicted,
        (true, None) => VictimFate::ToBeEvicted,
        (true, Some(_)) => VictimFate::GoesOn,
    };
    let is_held_up = fate == VictimFate::ToBeEvicted;
    let known = budget.as_ref().map(|budget| match viewer.sees(&pod.namespace) {
        true => format!("the PodDisruptionBudget {budget}"),
        false => "a PodDisruptionBudget".to_owned(),
    });
    // Who is still there after a moment is held up, also by a budget that did not forbid it when that was planned.
    let held_up_by = known.or_else(|| is_held_up.then(|| "a PodDisruptionBudget".to_owned()));
    let deleted_at = is_held_up.then(|| victim.forced_at(entry.begun_at, viewer.policy).to_string());
    let (queue, because) = (queue.to_string(), because.to_string());
    Ended { pod: viewer.name(pod), queue, because, fate, held_up_by, deleted_at }
}

fn spare(viewer: &Viewer<'_>, SparedPod { pod, because }: &SparedPod) -> SparedLine {
    let because = match because {
        Spared::NotEnforced(_) if !viewer.sees(&pod.namespace) => {
            "the rule queue is not enforced in its project".to_owned()
        }
        Spared::Budget(_) if !viewer.sees(&pod.namespace) => "a PodDisruptionBudget protects it".to_owned(),
        because => because.to_string(),
    };
    SparedLine { pod: viewer.name(pod), because }
}

fn concerned(viewer: &Viewer<'_>, pod: &Concerned) -> String {
    if viewer.sees(&pod.namespace) { format!("{}/{}", pod.namespace, pod.name) } else { OTHERS.to_owned() }
}

const UNREAD: &str = "another version of Sluice planned it, and this one cannot read why";

fn unread_room(viewer: &Viewer<'_>, pod: &Concerned) -> RoomMade {
    RoomMade { pod: concerned(viewer, pod), node: "unknown".to_owned(), devices: Vec::new() }
}

fn unread_victim(viewer: &Viewer<'_>, pod: &Concerned) -> Ended {
    let (queue, because) = ("unknown".to_owned(), UNREAD.to_owned());
    let fate = VictimFate::Evicted;
    Ended { pod: concerned(viewer, pod), queue, because, fate, held_up_by: None, deleted_at: None }
}
