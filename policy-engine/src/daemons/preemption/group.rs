//! Who waits: single Pods, and those that need each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::names::{ProjectName, QueueName};
use crate::policy::project::Project;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::policy::rule_id::RuleId;
use crate::windows::Closed;

use super::ground::Ground;
use super::view::Gang;
use super::why::WhyNot;

/// As many Pods as can use a claim at a time.
const MOST_USERS: usize = 256;

/// Waiting Pods that are planned together.
pub(super) struct Group {
    pub(super) pods: Vec<usize>,
    /// Why it is not looked for room for them.
    pub(super) refused: Option<WhyNot>,
}

/// All who wait, in the order in which room is made for them.
pub(super) fn groups(ground: &Ground<'_>, policy: &Policy, now: Timestamp) -> Vec<Group> {
    let under_way = on_their_way(ground);
    let mut waiting: Vec<_> = (0..ground.pods.len()).filter(|pod| waits(ground, *pod)).collect();
    waiting.sort_by_key(|pod| rank(ground, *pod));
    let mut workloads: BTreeMap<(&str, &str), (Vec<usize>, u32)> = BTreeMap::new();
    let mut groups = Vec::new();
    for pod in waiting {
        let seen = &ground.view.pods[pod];
        match (&seen.gang, under_way.get(&pod)) {
            (_, Some(node)) => {
                groups.push(Group { pods: vec![pod], refused: Some(WhyNot::UnderWay((*node).to_owned())) });
            }
            (None, None) => groups.push(Group { pods: vec![pod], refused: None }),
            (Some(Gang { workload, size }), None) => {
                let members = workloads.entry((&seen.pod.namespace, workload)).or_default();
                members.0.push(pod);
                members.1 = members.1.max(*size);
            }
        }
    }
    for ((namespace, workload), (mut pods, size)) in workloads {
        let runs = |pod: usize| {
            let seen = &ground.view.pods[pod];
            let one_of =
                seen.pod.namespace == namespace && seen.gang.as_ref().is_some_and(|it| it.workload == workload);
            one_of && (under_way.contains_key(&pod) || (seen.node.is_some() && !seen.ending))
        };
        let running = (0..ground.pods.len()).filter(|pod| runs(*pod)).count();
        let needed = (size as usize).saturating_sub(running);
        if pods.len() < needed {
            let have = u32::try_from(running + pods.len()).unwrap_or(u32::MAX);
            let why = WhyNot::GangIncomplete { workload: workload.to_owned(), have, size };
            groups.push(Group { pods, refused: Some(why) });
            continue;
        }
        let more = pods.split_off(needed);
        groups.extend(more.into_iter().map(|pod| Group { pods: vec![pod], refused: None }));
        if !pods.is_empty() {
            groups.push(Group { pods, refused: None });
        }
    }
    groups.sort_by_cached_key(|group| {
        let priority = queue_of(ground, &group.pods).map(|queue| ground.queues[queue].priority);
        (Reverse(priority), group.pods.iter().map(|pod| rank(ground, *pod)).min())
    });
    let mut given = Given { policy, now, known: BTreeMap::new() };
    for group in &mut groups {
        let refused = || group.pods.iter().find_map(|pod| refused(ground, &mut given, *pod));
        group.refused = group.refused.take().or_else(refused);
    }
    groups
}

/// Whether a Pod of a project waits for room.
pub(super) fn waits(ground: &Ground<'_>, pod: usize) -> bool {
    let seen = &ground.view.pods[pod];
    let pending = seen.node.is_none() && !seen.ending && !seen.gated && seen.unschedulable_since.is_some();
    pending && ground.pods[pod].project.is_some()
}

/// The Pods for which room is being made, with their nodes.
fn on_their_way<'v>(ground: &Ground<'v>) -> BTreeMap<usize, &'v str> {
    let placements = ground.view.under_way.iter().flat_map(|it| &it.placements);
    placements.filter_map(|it| Some((ground.pod(&it.uid)?, it.node.as_str()))).collect()
}

fn rank<'v>(ground: &Ground<'v>, pod: usize) -> impl Ord + use<'v> {
    let (seen, queue) = (&ground.view.pods[pod], ground.pods[pod].queue);
    let priority = Reverse(queue.map(|queue| ground.queues[queue].priority));
    (priority, seen.unschedulable_since, seen.created_at, &seen.pod, &seen.uid)
}

fn refused<'v>(ground: &Ground<'v>, given: &mut Given<'v>, pod: usize) -> Option<WhyNot> {
    let (seen, standing) = (&ground.view.pods[pod], &ground.pods[pod]);
    let project = standing.project.filter(|_| !standing.enforced);
    let missing = || seen.claims.iter().find(|it| it.uid.as_deref().and_then(|uid| ground.claim(uid)).is_none());
    let full = |claim: &&usize| ground.view.claims[**claim].reserved_for.len() >= MOST_USERS;
    project
        .map(|project| WhyNot::NotEnforced(project.name.clone()))
        .or_else(|| standing.queue.is_none().then(|| WhyNot::NoQueue(seen.queue.clone())))
        .or_else(|| given.withheld(standing.project?, ground.queues[standing.queue?]))
        .or_else(|| missing().map(|claim| WhyNot::NoClaim(claim.name.clone())))
        .or_else(|| {
            standing.claims.iter().find(full).map(|claim| WhyNot::ClaimFull(ground.view.claims[*claim].name.clone()))
        })
        .or_else(|| seen.kept_off.clone().map(WhyNot::KeptOff))
        .or_else(|| seen.in_vain.clone().map(WhyNot::InVain))
}

/// Which queues projects' plans give now.
struct Given<'v> {
    policy: &'v Policy,
    now: Timestamp,
    known: BTreeMap<(&'v ProjectName, &'v QueueName), Option<WhyNot>>,
}

impl<'v> Given<'v> {
    /// Why a Pod that was admitted into a queue has none of its rights now.
    fn withheld(&mut self, project: &'v Project, queue: &'v Queue) -> Option<WhyNot> {
        let Self { policy, now, known } = self;
        let find = || {
            let not_given = |plan| Some(WhyNot::NotGiven { queue: queue.name.clone(), plan });
            if queue.name.as_str() == DEFAULT_QUEUE {
                return None;
            }
            let Some(plan) = policy.plan_in_force(project, *now) else { return not_given(None) };
            if !plan.queues.contains(&queue.name) {
                return not_given(Some(plan.name.clone()));
            }
            let is_enforced = policy.platform().mode_of(RuleId::PlanWindow, Some(project)) == RuleMode::Enforce;
            let closed = Closed::of(plan, queue, *now).filter(|_| is_enforced);
            closed.map(|closed| WhyNot::Closed(closed.to_string()))
        };
        known.entry((&project.name, &queue.name)).or_insert_with(find).clone()
    }
}

/// The queue by whose rights Pods are planned together: the one of the lowest priority.
pub(super) fn queue_of(ground: &Ground<'_>, pods: &[usize]) -> Option<usize> {
    let queues = pods.iter().map(|pod| ground.pods[*pod].queue);
    queues.min_by_key(|queue| queue.map(|queue| ground.queues[queue].priority)).flatten()
}
