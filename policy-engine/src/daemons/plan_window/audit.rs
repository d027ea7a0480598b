//! A second opinion on a plan, before anything is carried out.

use jiff::Timestamp;

use super::fate::to_come;
use super::{Because, MAX_NOTES, MAX_RELEASES, Note, Plan, Release, View};
use crate::daemons::common::is_exempt;
use crate::policy::Policy;
use crate::windows::Calendar;

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a cycle may do.
    #[error("{0} releases planned; at most {MAX_RELEASES} a cycle")]
    TooMany(usize),
    /// More than a cycle may write.
    #[error("{0} annotations planned; at most {MAX_NOTES} a cycle")]
    TooManyNotes(usize),
    /// A Pod would say when it starts that was not seen waiting, or in an exempt Namespace.
    #[error("writes on a Pod that does not wait: {}", .0.pod)]
    NotWaiting(Box<Note>),
    /// A Pod would name an instant at which its queue does not open.
    #[error("names a time at which the queue does not open, on pod {}", .0.pod)]
    Untrue(Box<Note>),
    /// A Pod that was not seen so would be changed.
    #[error("changes a Pod that was not seen waiting: {0}")]
    Unseen(Box<Release>),
    /// An exempt Namespace would be touched.
    #[error("touches an exempt namespace: {0}")]
    Exempt(Box<Release>),
    /// A Pod would start while its queue is closed.
    #[error("lets a Pod of a closed queue start: {0}")]
    Closed(Box<Release>),
}

/// Checks what [`plan`](super::plan) promises.
pub fn audit(view: &View, policy: &Policy, plan: &Plan, now: Timestamp) -> Result<(), Violation> {
    if plan.releases.len() > MAX_RELEASES {
        return Err(Violation::TooMany(plan.releases.len()));
    }
    if plan.notes.len() > MAX_NOTES {
        return Err(Violation::TooManyNotes(plan.notes.len()));
    }
    plan.notes.iter().try_for_each(|note| told(view, policy, note, now))?;
    plan.releases.iter().try_for_each(|release| one(view, policy, release, now))
}

fn told(view: &View, policy: &Policy, note: &Note, now: Timestamp) -> Result<(), Violation> {
    let Note { pod, uid, starts } = note;
    let waiting = view.pods.iter().find(|waiting| waiting.pod == *pod && waiting.seen.uid == *uid);
    let is_exempt = is_exempt(&view.own_namespace, policy.platform(), &pod.namespace);
    let Some(waiting) = waiting.filter(|_| !is_exempt) else { return Err(Violation::NotWaiting(note.clone().into())) };
    let Some(start) = starts else { return Ok(()) };
    let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
    let plan = project.and_then(|it| policy.plan_in_force(it, now).or_else(|| to_come(policy, it, now)));
    let queue = waiting.queue.as_deref().and_then(|asked| policy.queue_asked(asked));
    let opens = plan.zip(queue).is_some_and(|(plan, queue)| {
        let calendar = Calendar::of_queue(plan, queue);
        start.at > now && !calendar.is_open(now) && calendar.is_open(start.at)
    });
    if opens { Ok(()) } else { Err(Violation::Untrue(note.clone().into())) }
}

fn one(view: &View, policy: &Policy, release: &Release, now: Timestamp) -> Result<(), Violation> {
    let Release { pod, seen, because, is_told: _ } = release;
    let Some(waiting) = view.pods.iter().find(|waiting| waiting.pod == *pod && waiting.seen == *seen) else {
        return Err(Violation::Unseen(release.clone().into()));
    };
    if is_exempt(&view.own_namespace, policy.platform(), &pod.namespace) {
        return Err(Violation::Exempt(release.clone().into()));
    }
    let project = view.bindings.get(&pod.namespace).and_then(|id| policy.project_by_id(id));
    let may_start = match because {
        Because::Open(_) => {
            let plan = project.and_then(|project| policy.plan_in_force(project, now));
            let queue = waiting.queue.as_deref().and_then(|asked| policy.queue_asked(asked));
            plan.zip(queue).is_some_and(|(plan, queue)| Calendar::of_queue(plan, queue).is_open(now))
        }
        Because::Default | Because::NotEnforced(_) => project.is_some(),
        Because::Ungoverned => !view.bindings.contains_key(&pod.namespace),
    };
    if may_start { Ok(()) } else { Err(Violation::Closed(release.clone().into())) }
}
