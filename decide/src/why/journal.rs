//! What the journal knows of a Pod, as lines: what was done for it or to it, also when it is gone, and what was done to the Pod of
//! its name before it.

use jiff::SignedDuration;
use policy_engine::daemons::preemption::{self, Preemption};
use policy_engine::daemons::window_close::{self, Ended, Noted};
use records::review::{Concern, Reason};
use store::Entry;

use super::queues::Queues;

/// A Pod that was made again is told for so long why the one before it ended.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the journal has of a Pod with this UID. One that is there has not ended for anybody, whatever was tried.
pub fn journaled(entries: &[Entry], uid: &str, is_gone: bool, queues: &Queues<'_>) -> Vec<Reason> {
    let about = |entry: &Entry| match entry.daemon.as_str() {
        preemption::NAME => preempted(entry, uid, is_gone, queues),
        window_close::NAME => closed(entry, uid, is_gone, queues),
        // Another version's daemon: what it did is in its own words.
        _ => None,
    };
    entries.iter().filter_map(about).collect()
}

/// Why the Pod of this name ended that was there before the one with this UID, if that was lately.
pub fn before_it(entries: &[Entry], name: &str, uid: &str, queues: &Queues<'_>) -> Option<Reason> {
    let is_lately = |entry: &&Entry| entry.ended_at.is_some_and(|at| queues.now.duration_since(at) < TOLD_FOR);
    entries.iter().filter(is_lately).find_map(|entry| {
        let before = entry.objects.iter().find(|pod| pod.name == name && pod.uid != uid)?;
        let Reason { concern, says, what_to_do } =
            journaled(std::slice::from_ref(entry), &before.uid, true, queues).pop()?;
        Some(Reason { concern, says: format!("of the pod of this name before it: {says}"), what_to_do })
    })
}

/// Of one that is there its annotations say it, which are newer.
fn closed(entry: &Entry, uid: &str, is_gone: bool, queues: &Queues<'_>) -> Option<Reason> {
    let is_it = entry.objects.iter().any(|pod| pod.uid == uid);
    let stays = entry.outcome.as_deref() == Some(Ended::Stays.word());
    if !is_it || !is_gone || stays {
        return None;
    }
    let at = entry.ended_at.unwrap_or(entry.begun_at);
    let (says, what_to_do) = match serde_json::from_value::<Noted>(entry.plan.clone()) {
        Ok(Noted { queue, reason, closed_at }) => (
            format!("it was stopped at {at:.0}: {reason}: its queue {queue} was closed since {closed_at:.0}"),
            Some(queues.again(&queue)),
        ),
        Err(_) => (format!("it was stopped at {at:.0}: its queue was closed"), None),
    };
    Some(Reason { concern: Concern::Stopped, says, what_to_do })
}

fn preempted(entry: &Entry, uid: &str, is_gone: bool, queues: &Queues<'_>) -> Option<Reason> {
    let id = &entry.id;
    let ask = Some(format!("sluice explain-preemption {id} says who, and why"));
    let (is_victim, begun_at) = (entry.objects.iter().any(|pod| pod.uid == uid), entry.begun_at);
    let ends = match (is_gone, entry.ended_at) {
        (true, _) => Some("it ended for another pod"),
        (false, None) => Some("it is to end for another pod"),
        (false, Some(_)) => None,
    };
    let victims = || serde_json::from_value::<Preemption>(entry.plan.clone()).ok().map(|plan| plan.victims);
    if let Some(ends) = ends.filter(|_| is_victim) {
        let own = victims().into_iter().flatten().find(|victim| victim.uid == uid);
        let held_up = own.as_ref().and_then(|own| Some((own, own.budget.as_ref()?))).filter(|_| !is_gone);
        if let Some((own, budget)) = held_up {
            let forced_at = own.forced_at(begun_at, queues.policy);
            let says = format!(
                "it is to be evicted for another pod: preemption {id}, begun at {begun_at}: held up by the PodDisruptionBudget {budget}, and \
                 deleted at {forced_at} whatever that says"
            );
            return Some(Reason { concern: Concern::Budget, says, what_to_do: ask });
        }
        let says = format!("{ends}: preemption {id}, begun at {begun_at}");
        return Some(Reason { concern: Concern::Stopped, says, what_to_do: ask });
    }
    let is_open = entry.ended_at.is_none() && entry.subjects.iter().any(|pod| pod.uid == uid);
    let budget = || victims().into_iter().flatten().find_map(|victim| victim.budget);
    is_open.then(|| match budget() {
        Some(_) => Reason {
            concern: Concern::Budget,
            says: format!("room is being made for it, and a PodDisruptionBudget holds that up: preemption {id}"),
            what_to_do: ask,
        },
        None => Reason {
            concern: Concern::Device,
            says: format!("room is being made for it: preemption {id}"),
            what_to_do: ask,
        },
    })
}
