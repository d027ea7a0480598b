//! Window-close: which Pods are told that their queue closes, and which are evicted because it has.
//!
//! What becomes of a Pod is defined where it is carried out, in `reapers/src/window_close.rs`. The annotation
//! [`WINDOW_CLOSES_AT`](crate::contract::WINDOW_CLOSES_AT) is the clock: a grace is counted from what it says, so that nobody is evicted who
//! was not told for as long, and a daemon that begins anew goes on where another ended.

pub mod audit;
mod noted;
mod stand;
mod view;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::daemons::common::{PodName, is_exempt, later};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::names::ProjectName;
use stand::{Hours, Stand, stand};

pub use noted::{Ended, NAME, Noted, over};
pub use view::{QueuedPod, Reason, Tried, View};

/// At most so many annotations are written a cycle, and at most so many Pods evicted; the next cycle does the rest.
pub const MAX_STEPS: usize = 100;
/// Of at most so many Pods people are told why they go on.
pub const MAX_SPARED: usize = 200;
/// So long before its queue closes a Pod is told.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// An annotation that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which Pod.
    pub pod: PodName,
    /// Which of that name was seen.
    pub uid: String,
    /// Its queue.
    pub queue: String,
    /// What is announced; `None` takes an announcement back.
    pub closing: Option<Closing>,
}

/// A queue that closes, or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When it closes, or was first seen closed.
    pub at: Timestamp,
    /// When the Pod is evicted.
    pub evicted_at: Timestamp,
    /// Why, where it has closed already.
    pub closed: Option<Reason>,
    /// The zone in which its times are shown.
    pub zone: String,
}

/// A Pod that is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Which Pod.
    pub pod: PodName,
    /// Which of that name was seen.
    pub uid: String,
    /// Its queue, as its label says: one that has another by now stays.
    pub queue: String,
    /// Why.
    pub reason: Reason,
    /// Since when its queue is closed.
    pub closed_at: Timestamp,
    /// How long it may take to end.
    pub grace_seconds: u32,
    /// Whether it is deleted where a budget does not let it be evicted: it was heeded long enough.
    pub is_forced: bool,
}

/// A Pod that goes on though its queue is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Which Pod.
    pub pod: PodName,
    /// Which of that name was seen.
    pub uid: String,
    /// Its queue.
    pub queue: String,
    /// Why its queue is closed.
    pub reason: Reason,
    /// Why it goes on.
    pub because: GoesOn,
}

/// Why a Pod goes on though its queue is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoesOn {
    /// The rule only warns in its project.
    NotEnforced(ProjectName),
    /// A budget does not let it go; it is heeded until then.
    Budget(Timestamp),
}

/// What is to be done, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// Annotations to write.
    pub notes: Vec<Note>,
    /// Pods to evict, in this order.
    pub evictions: Vec<Eviction>,
    /// Pods that go on, and of which people are told so.
    pub spared: Vec<Spared>,
    /// When something is due though nothing changes.
    pub again_at: Option<Timestamp>,
    /// Whether there is more to do than a cycle may.
    pub cut_short: bool,
}

/// Says whose queue closes, and who is evicted.
///
/// # Expected flow
/// Plan, [`audit`](audit::audit), carry out; look again when a record or a Pod changes, and at [`Plan::again_at`].
///
/// # Guarantees
/// A Pod is evicted only if its queue is closed at `now`, was not open since its annotation says that it closes, and that is a grace ago.
/// Nothing in `default`, and nothing where the rule is not enforced, is told or evicted.
///
/// # Assumptions
/// A Pod's annotations are the platform's: nobody else can write them.
///
/// # Caveats
/// A budget is asked before any Pod is deleted, and heeded for its own grace at the least. That a queue was open while nobody looked
/// is known from its windows: who takes past ones out of a record while no daemon runs takes that out, too.
///
/// # Errors
/// None: who goes on is a [`Spared`].
pub fn plan(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let mut known = BTreeMap::new();
    let mut plan = Plan::default();
    let mut pods: Vec<_> = view.pods.iter().collect();
    pods.sort_by_key(|pod| (pod.since, &pod.pod));
    for pod in pods {
        let namespace = &pod.pod.namespace;
        let Some(id) =
            view.bindings.get(namespace).filter(|_| !is_exempt(&view.own_namespace, policy.platform(), namespace))
        else {
            continue;
        };
        let fate = known.entry((id, &pod.queue)).or_insert_with(|| stand(view, policy, id, &pod.queue, now));
        if let Some(fate) = fate {
            plan.judge(pod, fate, view.tried.get(&pod.uid), policy, now);
        }
    }
    plan.evictions.sort_by_key(|eviction| eviction.closed_at);
    plan.cut_short = plan.notes.len() > MAX_STEPS || plan.evictions.len() > MAX_STEPS;
    plan.notes.truncate(MAX_STEPS);
    plan.evictions.truncate(MAX_STEPS);
    plan.spared.truncate(MAX_SPARED);
    plan
}

impl Plan {
    fn judge(&mut self, pod: &QueuedPod, stand: &Stand, tried: Option<&Tried>, policy: &Policy, now: Timestamp) {
        let grace = policy.platform().plan_window_grace;
        let closing =
            |at, closed, zone: &str| Closing { at, evicted_at: later(at, grace), closed, zone: zone.to_owned() };
        match (stand.mode, &stand.hours) {
            (RuleMode::Off, _) | (_, Hours::Open) => self.announce(pod, None),
            (RuleMode::Warn, Hours::OpenUntil { at, .. }) => {
                self.look_at(*at);
                self.announce(pod, None);
            }
            (RuleMode::Warn, Hours::Closed { reason, .. }) => {
                self.announce(pod, None);
                self.spare(pod, *reason, GoesOn::NotEnforced(stand.project.clone()));
            }
            (RuleMode::Enforce, Hours::OpenUntil { at, zone }) => {
                let told_at = at.saturating_sub(WARNED_BEFORE).unwrap_or(Timestamp::MIN);
                self.look_at(if told_at > now { told_at } else { *at });
                self.announce(pod, (told_at <= now).then(|| closing(*at, None, zone)));
            }
            (RuleMode::Enforce, Hours::Closed { reason, since, zone }) => {
                let at = closed_at(pod, *since, now);
                let due = later(at, grace);
                if due > now || pod.announced() != Some(at) {
                    self.look_at(due);
                    self.announce(pod, Some(closing(at, Some(*reason), zone)));
                } else {
                    self.evict(pod, *reason, at, later(due, policy.platform().budget_grace), tried, now);
                }
            }
        }
    }

    fn announce(&mut self, pod: &QueuedPod, closing: Option<Closing>) {
        let says = closing.as_ref().map(|closing| closing.at.to_string());
        if says != pod.closes_at || pod.eviction_reason.is_some() {
            self.notes.push(Note { pod: pod.pod.clone(), uid: pod.uid.clone(), queue: pod.queue.clone(), closing });
        }
    }

    fn evict(
        &mut self,
        pod: &QueuedPod,
        reason: Reason,
        at: Timestamp,
        forced_at: Timestamp,
        tried: Option<&Tried>,
        now: Timestamp,
    ) {
        // Who was not tried yet was not told either that a budget will not be heeded for ever.
        let is_forced = forced_at <= now && pod.eviction_reason.is_some();
        if let Some(Tried { is_blocked: true, .. }) = tried {
            self.spare(pod, reason, GoesOn::Budget(forced_at));
        }
        match tried {
            Some(Tried { not_before, .. }) if *not_before > now => self.look_at(*not_before),
            Some(_) | None => self.evictions.push(Eviction {
                pod: pod.pod.clone(),
                uid: pod.uid.clone(),
                queue: pod.queue.clone(),
                reason,
                closed_at: at,
                grace_seconds: pod.grace_seconds,
                is_forced,
            }),
        }
    }

    fn spare(&mut self, pod: &QueuedPod, reason: Reason, because: GoesOn) {
        let (uid, queue) = (pod.uid.clone(), pod.queue.clone());
        self.spared.push(Spared { pod: pod.pod.clone(), uid, queue, reason, because });
    }

    fn look_at(&mut self, at: Timestamp) {
        self.again_at = Some(self.again_at.map_or(at, |first| first.min(at)));
    }
}

/// Since when a queue is closed to a Pod: since the instant of which it was told, or a later one at which the queue closed again;
/// and for one that was told of none that has come, since now.
fn closed_at(pod: &QueuedPod, since: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let whole_seconds = || Timestamp::from_second(now.as_second()).unwrap_or(now);
    match pod.announced().filter(|told| *told <= now) {
        Some(told) => since.map_or(told, |since| since.max(told)),
        None => whole_seconds(),
    }
}
