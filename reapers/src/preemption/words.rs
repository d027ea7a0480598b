//! What people read of preemptions. Whose Pods of other Namespaces are is nobody's business: of them only the queue is said.

use std::collections::BTreeMap;

use cluster::write::{About, News, Tone};
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::progress::{Begun, Ended, Eviction};
use policy_engine::daemons::preemption::why::{Because, WhyNot};
use policy_engine::daemons::preemption::{NO_ROOM, PREEMPTED, Preemption, Waiting, no_room};

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
    let others = others.into_iter().map(|(queue, count)| match count {
        1 => format!("1 pod of queue {queue} in another namespace"),
        count => format!("{count} pods of queue {queue} in other namespaces"),
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
        "{eviction}; a PodDisruptionBudget does not let it go and is heeded until {:.0}, then the pod is deleted",
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
            let note = no_room(&waiting.pod, &waiting.why);
            Some(news(Tone::Warning, NO_ROOM, &waiting.pod, &waiting.uid, note))
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
            Some(news(Tone::Warning, NO_ROOM, &first.pod, &first.uid, note))
        }
    }
}

fn news(tone: Tone, reason: &'static str, pod: &PodName, uid: &str, note: String) -> News {
    let about = About::Pod { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: uid.to_owned() };
    News { tone, about, related: None, reason, note }
}

#[cfg(test)]
mod tests {
    use policy_engine::daemons::preemption::Victim;
    use policy_engine::daemons::preemption::view::Placement;

    use super::*;

    #[test]
    fn whose_pods_of_other_namespaces_are_is_not_said_and_where_they_are_not_is() {
        let pod = |namespace: &str, name: &str| PodName { namespace: namespace.to_owned(), name: name.to_owned() };
        let victim = |of: PodName| Victim {
            uid: "u".to_owned(),
            pod: of,
            queue: "batch".into(),
            because: Because::Lower {
                queue: "batch".into(),
                priority: 1,
                than: "high".into(),
                than_priority: 2,
                owes_room: false,
            },
            budget: None,
            grace_seconds: 0,
            asked_since: None,
        };
        let placement =
            Placement { uid: "w".to_owned(), pod: pod("s1", "winner"), node: "s1-gpu".to_owned(), devices: Vec::new() };
        let preemption = |victims: Vec<Victim>| Preemption {
            place: 0,
            placements: vec![placement.clone()],
            victims,
            hold: Vec::new(),
            spared: Vec::new(),
            asker: None,
        };
        let said = begins(&preemption(vec![victim(pod("s1", "mine")), victim(pod("s2", "theirs"))])).note;
        let expected = "room is made for pod s1/winner on node s1-gpu: pod mine (queue batch), 1 pod of queue batch in another namespace are evicted";
        assert_eq!(said, expected);
    }
}
