//! Plan-window: which Pods that wait for their queue may start, and what the others say of it.
//!
//! The rule `plan-window` sets the gate [`PLAN_WINDOW_GATE`](crate::contract::PLAN_WINDOW_GATE) on a Pod whose queue is
//! closed. Here it is taken away again: when the queue is open, when the Pod's queue is `default`, when the rule is not
//! enforced in its project, and where the Namespace is no project's any more. Those of queues of higher priority come first,
//! and of these those that have waited longest. What waits for an opening that is known says when it is.

pub mod audit;
mod fate;
mod stranded;
mod view;
mod words;
mod workloads;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::daemons::common::{PodName, Seen, is_exempt};
use crate::policy::Policy;
use crate::policy::names::{PlanName, ProjectName, QueueName};
use crate::policy::queue::DEFAULT_QUEUE;
use fate::{Fate, fate};
use workloads::Workloads;

pub use fate::why_it_waits;
pub use stranded::{Mend, Stranded};
pub use view::{Controller, GatedPod, View};

/// At most so many Pods are released a cycle; the next cycle releases the rest.
pub const MAX_RELEASES: usize = 200;
/// At most so many Pods are told a cycle when they start; the next cycle tells the rest.
pub const MAX_NOTES: usize = 100;
/// Of at most so many Pods people are told that they wait in vain.
pub const MAX_SPARED: usize = 200;

/// A Pod from which the gate is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Whether it says when it starts.
    pub is_told: bool,
    /// Why.
    pub because: Because,
}

/// Why a Pod may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its queue is open.
    Open(QueueName),
    /// It is in the queue that never closes.
    Default,
    /// The rule is not enforced in its project.
    NotEnforced(ProjectName),
    /// Its Namespace is bound to no project.
    Ungoverned,
}

/// A Pod that waits, and for nothing that will come by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Which Pod.
    pub pod: PodName,
    /// Which state of it was seen.
    pub seen: Seen,
    /// Why it does not start.
    pub because: InVain,
}

/// Why a Pod waits in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InVain {
    /// Its project has no plan in force.
    NoPlan(ProjectName),
    /// The plan does not bind the queue, or there is no such queue.
    NotBound {
        /// The project's plan.
        plan: PlanName,
        /// The queue's id.
        queue: String,
    },
    /// The windows of the queue do not open again.
    NeverOpens(QueueName),
}

/// When a Pod starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// When its queue opens.
    pub at: Timestamp,
    /// Why not before.
    pub why: String,
}

/// What is to stand on a Pod about its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which Pod.
    pub pod: PodName,
    /// Which of that name was seen.
    pub uid: String,
    /// When it starts; `None` takes off what it says.
    pub starts: Option<Start>,
}

/// A workload whose Pods wait for one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Its Namespace.
    pub namespace: String,
    /// The workload.
    pub controller: Controller,
    /// How many of its Pods wait.
    pub pods: usize,
    /// When they start.
    pub starts: Start,
}

/// What is to be done, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pods to release, in this order.
    pub releases: Vec<Release>,
    /// Annotations to write.
    pub notes: Vec<Note>,
    /// Workloads that are told how many of their Pods wait.
    pub crowds: Vec<Crowd>,
    /// Pods that wait in vain.
    pub spared: Vec<Spared>,
    /// How many do, all of them, and because of what.
    pub stranded: Vec<Stranded>,
    /// When the first of the queues opens for which Pods wait.
    pub opens: Option<Timestamp>,
    /// Whether [`MAX_RELEASES`] or [`MAX_NOTES`] left something for the next cycle.
    pub cut_short: bool,
    /// Whether [`MAX_RELEASES`] did: then the next cycle does not look again at those that find no room in this one.
    pub releases_cut_short: bool,
}

/// Says which Pods may start.
///
/// # Expected flow
/// Plan, [`audit`](audit::audit), carry out; look again when a record or a Pod changes, and at [`Plan::opens`].
///
/// # Guarantees
/// A Pod is released only while its queue is open at `now`, or where the gate means nothing. Exempt Namespaces, and those
/// of a project whose record cannot be read, are left alone. Carried out, a plan has no notes and no crowds the next time: a
/// workload is told in the cycle in which the last of its Pods is.
///
/// # Assumptions
/// A Pod's label says its queue, and its annotation what it was told: the platform wrote them, and puts them back.
///
/// # Caveats
/// A queue that is seen open may be closed when the release is carried out, a moment later.
///
/// # Errors
/// None: what waits in vain is a [`Spared`].
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut known = BTreeMap::new();
    let (mut plan, mut releases, mut workloads) = (Plan::default(), Vec::new(), Workloads::default());
    let mut stranded: BTreeMap<Mend, BTreeMap<ProjectName, usize>> = BTreeMap::new();
    let mut pods: Vec<_> = view.pods.iter().collect();
    pods.sort_by_key(|waiting| (waiting.since, &waiting.pod));
    for waiting in pods {
        let (pod, seen) = (waiting.pod.clone(), waiting.seen.clone());
        if is_exempt(&view.own_namespace, policy.platform(), &pod.namespace) {
            continue;
        }
        let project = view.bindings.get(&pod.namespace);
        let asked = waiting.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
        let fate = known.entry((project, asked)).or_insert_with(|| match project {
            None => Some(Fate::Released(Because::Ungoverned)),
            // One that cannot be read says nothing of its Pods.
            Some(id) => Some(fate(policy, policy.project_by_id(id)?, asked, now)),
        });
        match fate {
            Some(Fate::Released(because)) => {
                let priority = policy.queue_asked(asked).map(|queue| queue.priority);
                let (is_told, because) = (waiting.starts_at.is_some(), because.clone());
                releases.push((Reverse(priority), Release { pod, seen, is_told, because }));
            }
            Some(Fate::Waits(start)) => {
                plan.opens = Some(plan.opens.map_or(start.at, |first| first.min(start.at)));
                let noted = plan.note(waiting, Some(start));
                workloads.count(waiting, start, noted);
            }
            Some(Fate::InVain(because)) => {
                plan.note(waiting, None);
                let of = project.and_then(|id| policy.project_by_id(id));
                if let Some((project, mend)) = of.and_then(|it| Some((it, Mend::of(policy, it, because)?))) {
                    *stranded.entry(mend).or_default().entry(project.name.clone()).or_default() += 1;
                }
                plan.spared.push(Spared { pod, seen, because: because.clone() });
            }
            None => {}
        }
    }
    releases.sort_by_key(|(priority, _)| *priority);
    // Room is sought for everybody before it is sought for anybody again: what one project waits for is no other's fault.
    releases.retain(|(_, release)| !view.without_room.contains(&release.seen.uid));
    plan.releases_cut_short = releases.len() > MAX_RELEASES;
    plan.cut_short |= plan.releases_cut_short;
    plan.releases = releases.into_iter().take(MAX_RELEASES).map(|(_, release)| release).collect();
    plan.spared.truncate(MAX_SPARED);
    plan.crowds = workloads.told();
    plan.stranded = stranded.into_iter().map(|(because, projects)| Stranded { because, projects }).collect();
    plan
}

/// Whether a Pod has still to say when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    /// It says so already.
    Before,
    /// It does after this cycle.
    Now,
    /// There is no time for it in this cycle.
    Later,
}

impl Plan {
    fn note(&mut self, waiting: &GatedPod, starts: Option<&Start>) -> Noted {
        if starts.map(|start| start.at.to_string()) == waiting.starts_at {
            return Noted::Before;
        }
        if self.notes.len() == MAX_NOTES {
            self.cut_short = true;
            return Noted::Later;
        }
        let (pod, uid) = (waiting.pod.clone(), waiting.seen.uid.clone());
        self.notes.push(Note { pod, uid, starts: starts.cloned() });
        Noted::Now
    }
}
