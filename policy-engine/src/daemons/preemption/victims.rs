//! Who may be evicted for whom, and what it costs.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::policy::queue::Queue;

use super::ground::{Ground, Standing};
use super::state::State;
use super::why::{Because, Spared};

/// From here on a priority in Kubernetes is that of what the cluster needs to run.
const CRITICAL: i32 = 2_000_000_000;

/// Whom the Pods of a queue may take from.
pub(super) struct Rights<'v> {
    by_queue: Vec<Result<Because, Spared>>,
    /// The same of Pods that owe room to higher queues; nothing where there are none.
    of_debtors: Vec<Result<Because, Spared>>,
    /// Whether the queue rule is taken to be enforced everywhere.
    everywhere: bool,
    /// The claims that they use.
    claims: Vec<usize>,
    ground: &'v Ground<'v>,
}

impl<'v> Rights<'v> {
    /// The rights of Pods of one queue, before any of them has what it asks.
    pub(super) fn of(ground: &'v Ground<'v>, state: &State, queue: usize, pods: &[usize]) -> Self {
        let own = ground.queues[queue];
        let claims: Vec<_> = pods.iter().flat_map(|pod| &ground.pods[*pod].claims).copied().collect();
        let mut new = claims.iter().filter(|claim| !state.counts(**claim, queue));
        let gains = new.any(|claim| ground.view.claims[*claim].milli_gpu > 0);
        let below = own.deserved_milli_gpu.is_some_and(|deserved| state.in_use[queue] < deserved);
        let verdict = |index: usize, gives_way| {
            let other = ground.queues[index];
            over(own, other, gives_way, gains && below, state.in_use[index])
        };
        let queues = || 0..ground.queues.len();
        let by_queue = queues().map(|index| verdict(index, ground.queues[index].preemptible)).collect();
        let has_debtors = ground.pods.iter().any(|pod| pod.owes_room);
        let of_debtors = queues().filter(|_| has_debtors).map(|index| verdict(index, true)).collect();
        Self { by_queue, of_debtors, everywhere: false, claims, ground }
    }

    /// The same if the queue rule were enforced everywhere.
    pub(super) fn everywhere(self) -> Self {
        Self { everywhere: true, ..self }
    }

    /// Whether anybody at all may be taken.
    pub(super) fn is_any(&self) -> bool {
        self.by_queue.iter().chain(&self.of_debtors).any(Result::is_ok)
    }

    /// What follows for a Pod from its queue, and from how it came by its room; `None` where its queue has no record.
    fn by_queue(&self, standing: &Standing<'_>) -> Option<&Result<Because, Spared>> {
        let verdicts = if standing.owes_room { &self.of_debtors } else { &self.by_queue };
        Some(&verdicts[standing.queue?])
    }

    /// Whether a Pod may be evicted for those that ask.
    pub(super) fn allow(&self, pod: usize) -> bool {
        let standing = &self.ground.pods[pod];
        let may = standing.project.is_some() && (standing.enforced || self.everywhere);
        may && self.by_queue(standing).is_some_and(Result::is_ok) && self.over(pod).is_ok()
    }

    /// Why a Pod may be evicted for those that ask, or why not.
    pub(super) fn over(&self, pod: usize) -> Result<&Because, Spared> {
        let (standing, seen) = (&self.ground.pods[pod], &self.ground.view.pods[pod]);
        let project = standing.project.ok_or(Spared::Exempt)?;
        if seen.priority >= CRITICAL {
            return Err(Spared::Critical);
        }
        let by_queue = self.by_queue(standing).ok_or_else(|| Spared::NoQueue(seen.queue.clone()))?;
        let because = by_queue.as_ref().map_err(Clone::clone)?;
        if standing.claims.iter().any(|claim| self.claims.contains(claim)) {
            return Err(Spared::SharesClaim);
        }
        let may = standing.enforced || self.everywhere;
        if may { Ok(because) } else { Err(Spared::NotEnforced(project.name.clone())) }
    }
}

fn over(own: &Queue, other: &Queue, gives_way: bool, reclaims: bool, in_use: u64) -> Result<Because, Spared> {
    let deserved = other.deserved_milli_gpu.filter(|deserved| in_use > *deserved);
    match deserved {
        _ if gives_way && other.priority < own.priority => Ok(Because::Lower {
            queue: other.name.clone(),
            priority: other.priority,
            than: own.name.clone(),
            than_priority: own.priority,
            owes_room: !other.preemptible,
        }),
        Some(deserved) if reclaims && other.priority <= own.priority => {
            Ok(Because::Above { queue: other.name.clone(), in_use, deserved, below: own.name.clone() })
        }
        _ if other.priority < own.priority => Err(Spared::NotPreemptible(other.name.clone())),
        Some(_) | None => Err(Spared::NotLower { queue: other.name.clone(), than: own.name.clone() }),
    }
}

/// The floor that would be broken if these Pods left.
pub(super) fn broken_floor(ground: &Ground<'_>, state: &State, pods: &[usize]) -> Option<Spared> {
    let mut lost: Vec<(usize, u64)> = Vec::new();
    for (at, &pod) in pods.iter().enumerate() {
        let standing = &ground.pods[pod];
        let has_floor = |queue: &usize| ground.queues[*queue].deserved_milli_gpu.is_some_and(|deserved| deserved > 0);
        let Some(queue) = standing.queue.filter(has_floor) else { continue };
        for &claim in standing.claims.iter().filter(|claim| state.counts(**claim, queue)) {
            let of_queue = |other: &usize| ground.pods[*other].queue == Some(queue);
            let counted = pods[..at].iter().any(|other| of_queue(other) && ground.pods[*other].claims.contains(&claim));
            let stays = state.stay(ground, claim).any(|other| of_queue(&other) && !pods.contains(&other));
            if !counted && !stays {
                lost.push((queue, ground.view.claims[claim].milli_gpu));
            }
        }
    }
    lost.iter().find_map(|&(queue, _)| {
        let loss: u64 = lost.iter().filter(|(of, _)| *of == queue).map(|(_, milli_gpu)| milli_gpu).sum();
        let (of, in_use) = (ground.queues[queue], state.in_use[queue]);
        let deserved = of.deserved_milli_gpu.filter(|deserved| loss > 0 && in_use < loss.saturating_add(*deserved))?;
        Some(Spared::Floor { queue: of.name.clone(), in_use, deserved })
    })
}

/// The budget that keeps the last of these Pods from being evicted after the others.
pub(super) fn budget_over<'v>(ground: &Ground<'v>, state: &State, pods: &[usize]) -> Option<&'v str> {
    let (last, others) = pods.split_last()?;
    let budgets = &ground.pods[*last].budgets;
    let over = |budget: &&usize| {
        let before = others.iter().filter(|pod| ground.pods[**pod].budgets.contains(budget)).count();
        // The Eviction API evicts no Pod that several budgets protect.
        budgets.len() > 1 || i64::try_from(before).is_ok_and(|before| before >= state.allowed[**budget])
    };
    budgets.iter().find(over).map(|budget| ground.view.budgets[*budget].name.as_str())
}

/// Whether budgets let all of these Pods be evicted, one after the other.
fn within_budget(ground: &Ground<'_>, state: &State, pods: &[usize]) -> bool {
    (1..=pods.len()).all(|count| budget_over(ground, state, &pods[..count]).is_none())
}

/// What a set of Pods costs. Less is better; the names are there so that no two sets cost the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    pub(super) pods: usize,
    /// How many are of queues that do not drain first.
    not_drained: usize,
    /// The queues' priorities, the highest first.
    priorities: Vec<i32>,
    /// Whether a budget puts the end of one off. That comes after what the queues say: everybody may write a budget that allows nothing.
    put_off: bool,
    /// When they started, the oldest first. What has not started yet has lost nothing.
    starts: Vec<Reverse<Timestamp>>,
    names: Vec<usize>,
}

impl Cost {
    pub(super) fn of(ground: &Ground<'_>, state: &State, pods: &[usize]) -> Self {
        let queues = || pods.iter().filter_map(|pod| ground.pods[*pod].queue).map(|queue| ground.queues[queue]);
        let mut priorities: Vec<_> = queues().map(|queue| queue.priority).collect();
        priorities.sort_by_key(|priority| Reverse(*priority));
        let mut starts: Vec<_> = pods.iter().map(|pod| Reverse(started(ground, *pod))).collect();
        starts.sort_by_key(|start| start.0);
        let mut names: Vec<_> = pods.iter().map(|pod| ground.nth[*pod]).collect();
        names.sort_unstable();
        let not_drained = queues().filter(|queue| queue.deserved_milli_gpu != Some(0)).count();
        let put_off = !within_budget(ground, state, pods);
        Self { pods: pods.len(), not_drained, priorities, put_off, starts, names }
    }
}

/// When a Pod started; the end of time where it has not.
pub(super) fn started(ground: &Ground<'_>, pod: usize) -> Timestamp {
    ground.view.pods[pod].started_at.unwrap_or(Timestamp::MAX)
}
