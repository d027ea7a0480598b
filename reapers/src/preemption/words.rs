//! What people read of preemptions. Whose Pods of other Namespaces are is nobody's business: of them only the queue is said.

use std::collections::BTreeMap;

use cluster::write::{About, News, Tone};
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::progress::{Begun, Ended, Eviction};
use policy_engine::daemons::preemption::why::{Because, WhyNot};
use policy_engine::daemons::preemption::{PREEMPTED, Preemption, Waiting};

/// Said of the Pod for which room is made.
pub(super) fn begins(preemption: &Preemption) -> News {
    let Preemption { placements, victims, .. } = preemption;
    let Some(first) = placements.first() else { unreachable!("room is made for somebody") };
    let mut own = Vec::new();
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for victim in victims {
        if victim.pod.namespace == first.pod.namespace {
            own.push(format!("pod {} (queue {})", victim.pod.name, victim.queue));
        } else {
            *others.entry(victim.queue.as_str()).or_default() += 1;
        }
    }
    let others = others.into_iter().map(|(queue, count)| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} pod{plural} of queue {queue} elsewhere")
    });
    let ends: Vec<_> = own.into_iter().chain(others).collect();
    let verb = if victims.len() == 1 { "is" } else { "are" };
    let together = match placements.len() {
        1 => String::new(),
        count => format!(" and {} more that it needs", count - 1),
    };
    let note = format!(
        "room is made for pod {}{together} on node {}: {} {verb} evicted",
        first.pod,
        first.node,
        ends.join(", ")
    );
    news(Tone::Normal, "MakingRoom", &first.pod, &first.uid, note)
}

/// Said of a Pod that was evicted.
pub(super) fn evicted(eviction: &Eviction, because: Option<&Because>) -> News {
    let because = because.map(|it| format!("; {it}")).unwrap_or_default();
    news(Tone::Warning, PREEMPTED, &eviction.pod, &eviction.uid, format!("{eviction}{because}"))
}

/// Said of a Pod that a budget does not let go.
pub(super) fn blocked(eviction: &Eviction) -> News {
    let note = format!(
        "{eviction}; a PodDisruptionBudget does not let it go and is heeded until {}, then the pod is deleted",
        eviction.forced_at
    );
    news(Tone::Warning, "EvictionBlocked", &eviction.pod, &eviction.uid, note)
}

/// Said of a Pod that waits and for which nobody is evicted; `None` where there is nothing to be done about it.
pub(super) fn waits(waiting: &Waiting) -> Option<News> {
    match &waiting.why {
        WhyNot::Fits(_)
        | WhyNot::Ending { .. }
        | WhyNot::UnderWay(_)
        | WhyNot::NextTurn
        | WhyNot::NoClaim(_)
        | WhyNot::NotEnforced(_) => None,
        WhyNot::NoQueue(_)
        | WhyNot::NotGiven { .. }
        | WhyNot::Closed(_)
        | WhyNot::KeptOff(_)
        | WhyNot::InVain(_)
        | WhyNot::ClaimFull(_)
        | WhyNot::GangIncomplete { .. }
        | WhyNot::Missing(_)
        | WhyNot::WouldTake { .. } => {
            let why = waiting.why.to_people_of(&waiting.pod.namespace);
            let note = format!("nobody is evicted for pod {}: {why}", waiting.pod);
            Some(news(Tone::Warning, "NoRoomMade", &waiting.pod, &waiting.uid, note))
        }
    }
}

/// Said when it is over, where it ended otherwise than was planned.
pub(super) fn ended(begun: &Begun, ended: Ended) -> Option<News> {
    let first = begun.preemption.placements.first()?;
    match ended {
        Ended::Placed | Ended::GaveUp | Ended::InVain => None,
        Ended::Changed | Ended::TimedOut => {
            let note = format!("no room is made any more for pod {}: {ended}", first.pod);
            Some(news(Tone::Warning, "NoRoomMade", &first.pod, &first.uid, note))
        }
    }
}

fn news(tone: Tone, reason: &'static str, pod: &PodName, uid: &str, note: String) -> News {
    let about = About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: uid.to_owned() };
    News { tone, about, related: None, reason, note }
}
