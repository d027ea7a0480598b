//! What becomes of preemptions that were begun: who is still to be evicted, and when one is over.
//!
//! All follows from the journal and from what is there, so that a daemon that begins anew goes on where another ended. Since when all are gone
//! who were to end is only seen: who begins anew counts from then, and a preemption has an end at which it is over in any case.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::daemons::common::{PodName, is_exempt, later};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;

use super::Preemption;
use super::view::{Pod, UnderWay, View};

/// So long after the last of those who end for it is gone, a waiting Pod may take to get its node.
pub const LASTS: SignedDuration = SignedDuration::from_mins(2);

/// A preemption that was begun, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its name in the journal.
    pub id: String,
    /// When it was begun.
    pub at: Timestamp,
    /// What was planned.
    pub preemption: Preemption,
    /// Since when all are gone who were to end, as far as that was seen.
    pub vacated_at: Option<Timestamp>,
}

/// What is to be done about one that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is over: nothing is held for it any more.
    Over(Ended),
    /// It goes on.
    GoesOn {
        /// Who has not been evicted yet.
        evict: Vec<Eviction>,
        /// When it is over at the latest.
        until: Timestamp,
    },
}

/// How a preemption ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// For whom room was made has a node.
    Placed,
    /// For whom room was made does not wait any more, and nobody has ended for it.
    GaveUp,
    /// For whom room was made does not wait any more, though somebody has ended for it.
    InVain,
    /// Who was to end may not be evicted any more.
    Changed,
    /// The time is over.
    TimedOut,
}

/// A Pod that is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Its UID.
    pub uid: String,
    /// Which Pod.
    pub pod: PodName,
    /// The id of its queue, as its label says: one that has another by now stays.
    pub queue: String,
    /// How long it may take to end, in seconds.
    pub grace_seconds: u32,
    /// The queue for whose Pod it ends.
    pub winner: String,
    /// When a budget that does not let it go is heeded no longer.
    pub forced_at: Timestamp,
    /// Whether that is now.
    pub is_forced: bool,
}

impl Ended {
    /// How the journal has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::GaveUp => "gave-up",
            Self::InVain => "in-vain",
            Self::Changed => "changed",
            Self::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placed => "it has a node",
            Self::GaveUp => "it does not wait any more",
            Self::InVain => "it does not wait any more, although others had ended for it",
            Self::Changed => "who was to end for it may not be evicted any more",
            Self::TimedOut => "it found no node in time, although those had ended",
        })
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ends to make room for a pod of queue {}", super::PREEMPTED, self.winner)
    }
}

impl Begun {
    /// What the planner is to count on while it goes on.
    pub fn under_way(&self) -> UnderWay {
        let victims = self.preemption.victims.iter().map(|victim| victim.uid.clone()).collect();
        UnderWay { placements: self.preemption.placements.clone(), victims }
    }

    /// Whether all are gone who were to end.
    pub fn is_vacated(&self, view: &View) -> bool {
        let victims: BTreeSet<_> = self.preemption.victims.iter().map(|victim| victim.uid.as_str()).collect();
        !view.pods.iter().any(|pod| victims.contains(pod.uid.as_str()))
    }
}

/// Says what becomes of a preemption. `grace_seconds` is how long Pods may take to end, by UID.
///
/// # Guarantees
/// Who is evicted was planned, is there by UID, ends not already, and is in the queue in which it was when that was planned, in a
/// project where the rule is still enforced. Nobody is evicted any more for Pods of which none waits.
pub fn progress(
    begun: &Begun,
    view: &View,
    grace_seconds: &HashMap<String, u32>,
    policy: &Policy,
    now: Timestamp,
) -> Progress {
    let Preemption { placements, victims, .. } = &begun.preemption;
    let concerned = placements.iter().map(|it| it.uid.as_str()).chain(victims.iter().map(|it| it.uid.as_str()));
    let concerned: BTreeSet<_> = concerned.collect();
    let found = view.pods.iter().map(|pod| (pod.uid.as_str(), pod)).filter(|(uid, _)| concerned.contains(uid));
    let pods: BTreeMap<_, _> = found.collect();
    let waiting: Vec<_> = placements.iter().filter_map(|it| pods.get(it.uid.as_str())).collect();
    let waits = |pod: &&&Pod| pod.node.is_none() && !pod.ending && !pod.gated;
    let Some(first) = waiting.iter().find(|pod| waits(pod)) else {
        let placed = waiting.iter().any(|pod| pod.node.is_some());
        let stays = |uid: &str| pods.get(uid).is_some_and(|pod| !pod.ending);
        let nobody_ended = victims.iter().all(|victim| stays(&victim.uid));
        return Progress::Over(match () {
            () if placed => Ended::Placed,
            () if nobody_ended => Ended::GaveUp,
            () => Ended::InVain,
        });
    };
    let budget_grace = policy.platform().budget_grace;
    let mut evict = Vec::new();
    let mut longest = 0;
    for victim in victims {
        longest = longest.max(victim.grace_seconds);
        let Some(pod) = pods.get(victim.uid.as_str()) else { continue };
        let grace = grace_seconds.get(&victim.uid).copied().unwrap_or(1);
        longest = longest.max(grace);
        if pod.ending {
            continue;
        }
        let asked = policy.queue_asked(&pod.queue);
        if asked.is_none_or(|queue| queue.name != victim.queue) || !is_enforced(view, policy, pod) {
            return Progress::Over(Ended::Changed);
        }
        let forced_at = victim.forced_at(begun.at, policy);
        evict.push(Eviction {
            uid: victim.uid.clone(),
            pod: victim.pod.clone(),
            queue: pod.queue.clone(),
            grace_seconds: grace,
            winner: first.queue.clone(),
            forced_at,
            is_forced: forced_at <= now,
        });
    }
    // Whatever was seen, and however often this began anew: a budget's grace, the time to end, and the time to come.
    let ends = SignedDuration::from_secs(longest.into()).saturating_add(LASTS);
    let last = later(begun.at, budget_grace).saturating_add(ends).unwrap_or(Timestamp::MAX);
    let comes = begun.vacated_at.map(|at| at.saturating_add(LASTS).unwrap_or(Timestamp::MAX));
    let until = comes.map_or(last, |comes| comes.min(last));
    if until <= now { Progress::Over(Ended::TimedOut) } else { Progress::GoesOn { evict, until } }
}

fn is_enforced(view: &View, policy: &Policy, pod: &Pod) -> bool {
    let exempt = is_exempt(&view.own_namespace, policy.platform(), &pod.pod.namespace);
    let project = pod.project.as_ref().filter(|_| !exempt).and_then(|id| policy.project_by_id(id));
    project.is_some_and(|project| policy.platform().mode_of(RuleId::Queue, Some(project)) == RuleMode::Enforce)
}
