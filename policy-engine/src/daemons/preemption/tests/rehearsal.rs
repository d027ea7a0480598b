//! What a cluster becomes when a plan is carried out, and the scheduler does the rest.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::daemons::preemption::Plan;
use crate::daemons::preemption::view::{Pod, UnderWay, View};
use crate::policy::Policy;

use super::oracle::Oracle;
use super::random::start_on;

/// The victims are gone and come back as new Pods that wait, what ended is gone, and those for whom it was done run.
pub(super) fn carried_out(view: &View, plan: &Plan) -> View {
    let mut after = view.clone();
    let victims: BTreeSet<_> = plan.preemptions.iter().flat_map(|it| &it.victims).map(|it| it.uid.clone()).collect();
    let gone = |pod: &Pod| pod.ending || victims.contains(&pod.uid);
    let back = after.pods.iter().filter(|pod| victims.contains(&pod.uid)).map(|pod| Pod {
        uid: format!("{}+", pod.uid),
        node: None,
        started_at: None,
        unschedulable_since: Some(pod.created_at),
        ..pod.clone()
    });
    let back: Vec<_> = back.collect();
    let left: BTreeSet<_> = after.pods.iter().filter(|pod| gone(pod)).map(|pod| pod.uid.clone()).collect();
    after.pods.retain(|pod| !left.contains(&pod.uid));
    after.pods.extend(back);
    for claim in &mut after.claims {
        claim.reserved_for.retain(|uid| !left.contains(uid));
        if claim.reserved_for.is_empty() {
            claim.allocation = None;
        }
    }
    for placement in plan.preemptions.iter().flat_map(|it| &it.placements) {
        let at = after.pods.iter().position(|pod| pod.uid == placement.uid).expect("it waits");
        let pod = after.pods.remove(at);
        start_on(&mut after, pod, &placement.node, &placement.devices);
    }
    after
}

/// The scheduler places whoever fits, those of higher queues first.
pub(super) fn scheduled(mut view: View, policy: &Policy) -> View {
    loop {
        let queue = |pod: &Pod| policy.queue_asked(&pod.queue).map(|queue| queue.priority);
        let mut waiting: Vec<_> = view.pods.iter().filter(|pod| pod.node.is_none()).cloned().collect();
        waiting.sort_by_key(|pod| (Reverse(queue(pod)), pod.created_at, pod.uid.clone()));
        let oracle = Oracle { view: &view, policy, gone: None };
        let fits = |pod: Pod| {
            let mut nodes = view.nodes.iter();
            nodes.find_map(|node| Some((pod.clone(), node.name.clone(), oracle.given(&pod, &node.name)?)))
        };
        let Some((pod, node, given)) = waiting.into_iter().find_map(fits) else { return view };
        view.pods.retain(|other| other.uid != pod.uid);
        start_on(&mut view, pod, &node, &given);
    }
}

/// The view while a plan is being carried out: nobody has ended yet.
pub(super) fn begun(view: &View, plan: &Plan) -> View {
    let under_way = plan.preemptions.iter().map(|it| UnderWay {
        placements: it.placements.clone(),
        victims: it.victims.iter().map(|victim| victim.uid.clone()).collect(),
    });
    View { under_way: under_way.collect(), ..view.clone() }
}

/// What is given twice, or more than there is.
pub(super) fn overfull(view: &View) -> Option<String> {
    let node = view.nodes.iter().find(|node| {
        let on = || view.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name));
        let (cpu, memory): (u64, u64) = on().fold((0, 0), |sum, pod| (sum.0 + pod.milli_cpu, sum.1 + pod.memory));
        let most = node.allocatable;
        cpu > most.milli_cpu.unsigned_abs() || memory > most.memory.unsigned_abs() || on().count() > 6
    });
    let device = view.devices.iter().find(|device| {
        let holdings = view.claims.iter().filter_map(|claim| claim.allocation.as_ref()).flat_map(|it| &it.devices);
        let takes: Vec<_> = holdings.filter(|it| it.device == device.id).map(|it| &it.takes).collect();
        let parts: u64 = takes.iter().map(|it| it.as_ref().map_or(4, |takes| takes["memory"])).sum();
        if device.divisible { parts > 4 } else { takes.len() > 1 }
    });
    node.map(|node| node.name.clone()).or_else(|| device.map(|device| device.id.to_string()))
}
