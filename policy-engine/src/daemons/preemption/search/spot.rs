//! A node, and who would have to end there.

use std::cmp::Reverse;

use crate::daemons::preemption::ask::Ask;
use crate::daemons::preemption::devices::Open;
use crate::daemons::preemption::fit::{Gone, fits, has_others, open};
use crate::daemons::preemption::ground::Ground;
use crate::daemons::preemption::state::State;
use crate::daemons::preemption::victims::{Rights, broken_floor, started};

/// CPU, memory, Pods, and whole devices.
type Sums = [i64; 4];

/// A node where the Pods fit if everybody ended who may.
pub(super) struct Spot {
    pub(super) node: usize,
    /// Any set of Pods that makes room, and could do without none of them, is made of these.
    pub(super) units: Vec<Unit>,
    /// What is missing as long as nobody ends.
    short: Sums,
    /// For each of the sums, the most that so many Pods free.
    most: [Vec<i64>; 4],
    /// For each unit, the most that it and those behind it free; and nothing.
    behind: Vec<Sums>,
    /// At least so many Pods end.
    pub(super) least: usize,
    /// At most so many Pods can.
    pub(super) candidates: usize,
}

/// Pods that free something if all of them end: those that use a claim, or one that has CPU and memory.
pub(super) struct Unit {
    pub(super) pods: Vec<usize>,
    frees: Sums,
    /// What the Pods' claims count for.
    milli_gpu: u64,
    /// What it frees, by profile, where it is but one Pod with claims of its own.
    alone: Option<Vec<usize>>,
}

/// What is looked for, and by whose rights.
#[derive(Clone, Copy)]
pub(super) struct Sought<'s, 'v> {
    pub(super) ground: &'v Ground<'v>,
    pub(super) state: &'s State,
    pub(super) ask: &'s Ask<'v>,
    pub(super) rights: &'s Rights<'v>,
}

impl Spot {
    /// `None` where the Pods do not fit even if everybody ends who may.
    pub(super) fn of(sought: Sought<'_, '_>, node: usize) -> Option<Self> {
        let Sought { ground, state, ask, rights } = sought;
        let may_end =
            |pod: &usize| !state.leaving[*pod] && rights.allow(*pod) && broken_floor(ground, state, &[*pod]).is_none();
        let wanted = |device: usize| {
            let profile = ground.profiles[device];
            ask.needs.iter().flat_map(|need| &need.ways).any(|way| way.matches[profile])
        };
        let site = &ground.sites[node];
        let wanted: Vec<_> = site.devices.iter().copied().filter(|device| wanted(*device)).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let has_others = has_others(ground, state, ask, node, Gone::Leaving);
        if !state.room_then[node].covers(ask.amounts) || !has_others {
            groups.extend(site.pods.iter().filter(|pod| may_end(pod)).map(|pod| vec![*pod]));
        }
        for (claim, _) in wanted.iter().flat_map(|device| &ground.holders[*device]) {
            let users = &ground.claims[*claim];
            let stay: Vec<_> = users.pods.iter().copied().filter(|pod| !state.leaving[*pod]).collect();
            if !users.kept && !state.joined.contains_key(claim) && !stay.is_empty() && stay.iter().all(may_end) {
                groups.push(stay);
            }
        }
        groups.iter_mut().for_each(|pods| pods.sort_unstable());
        groups.sort_unstable();
        groups.dedup();
        let mut candidates: Vec<_> = groups.concat();
        candidates.sort_unstable();
        candidates.dedup();
        if candidates.is_empty() {
            return None;
        }
        fits(ground, state, ask, node, Gone::And(&candidates))?;
        let room = state.room_then[node];
        let frees = |pod: usize| frees(ground, &wanted, node, pod);
        let all: Vec<_> = candidates.iter().map(|pod| frees(*pod)).collect();
        let missing = |asked: i64, has: i64| if asked > 0 { asked.saturating_sub(has) } else { 0 };
        let short = [
            missing(ask.amounts.milli_cpu, room.milli_cpu),
            missing(ask.amounts.memory, room.memory),
            missing(ask.amounts.pods, room.pods),
            short_of_devices(sought, &wanted),
        ];
        let most = [0, 1, 2, 3].map(|sum| {
            let mut each: Vec<_> = all.iter().map(|frees| frees[sum]).collect();
            each.sort_by_key(|freed| Reverse(*freed));
            std::iter::once(0).chain(each.iter().scan(0, |so_far, freed| Some(add(so_far, *freed)))).collect::<Vec<_>>()
        });
        let enough = |count: &usize| (0..4).all(|sum| short[sum] <= most[sum][*count]);
        let least = (1..=candidates.len()).find(enough)?;
        let mut units: Vec<_> = groups.into_iter().map(|pods| Unit::of(ground, &wanted, node, pods)).collect();
        units.sort_by_cached_key(|unit| unit.rank(ground));
        let mut behind = vec![[0; 4]];
        for unit in units.iter().rev() {
            behind.push(plus(behind[behind.len() - 1], unit.frees));
        }
        behind.reverse();
        Some(Self { node, units, short, most, behind, least, candidates: candidates.len() })
    }

    /// What is still missing when these units have ended.
    fn still(&self, units: &[usize]) -> Sums {
        units.iter().fold(self.short, |short, unit| plus(short, self.units[*unit].frees.map(|freed| -freed)))
    }

    /// How much one more brings of what is missing, for each of its Pods: the more the better.
    pub(super) fn brings(&self, units: &[usize], more: usize) -> i64 {
        let (still, unit) = (self.still(units), &self.units[more]);
        let share = |sum: usize| unit.frees[sum].min(still[sum]).max(0).saturating_mul(1000) / self.short[sum].max(1);
        (0..4).map(share).sum::<i64>() / i64::try_from(unit.pods.len()).unwrap_or(i64::MAX)
    }

    /// Whether so many Pods more, of units behind these, could be enough.
    pub(super) fn within_reach(&self, units: &[usize], more: usize) -> bool {
        let still = self.still(units);
        let behind = self.behind[units.last().map_or(0, |last| last + 1)];
        (0..4).all(|sum| still[sum] <= self.most[sum][more.min(self.candidates)].min(behind[sum]))
    }

    /// Whether one unit is as good as another in whatever set.
    pub(super) fn as_good(&self, ground: &Ground<'_>, one: usize, other: usize) -> bool {
        let (one, other) = (&self.units[one], &self.units[other]);
        let (Some(alone), Some(theirs)) = (&one.alone, &other.alone) else { return false };
        let (pod, their) = (one.pods[0], other.pods[0]);
        let (standing, their_standing) = (&ground.pods[pod], &ground.pods[their]);
        alone == theirs
            && standing.queue == their_standing.queue
            && standing.budgets == their_standing.budgets
            && ground.view.pods[pod].others == ground.view.pods[their].others
            && one.milli_gpu <= other.milli_gpu
            && (0..4).all(|sum| one.frees[sum] >= other.frees[sum])
            && (started(ground, pod), Reverse(ground.nth[pod])) >= (started(ground, their), Reverse(ground.nth[their]))
    }
}

fn plus(one: Sums, other: Sums) -> Sums {
    std::array::from_fn(|sum| one[sum].saturating_add(other[sum]))
}

fn add(so_far: &mut i64, more: i64) -> i64 {
    *so_far = so_far.saturating_add(more);
    *so_far
}

impl Unit {
    fn of(ground: &Ground<'_>, wanted: &[usize], node: usize, pods: Vec<usize>) -> Self {
        let each = pods.iter().map(|pod| frees(ground, wanted, node, *pod));
        let frees = each.fold([0; 4], plus);
        let alone = match pods[..] {
            [pod] => {
                let own = &ground.pods[pod].claims;
                let has = |device: &&usize| ground.holders[**device].iter().any(|(claim, _)| own.contains(claim));
                let mut profiles: Vec<_> = wanted.iter().filter(has).map(|device| ground.profiles[*device]).collect();
                profiles.sort_unstable();
                let whole = profiles.iter().all(|profile| !ground.samples[*profile].divisible);
                (whole && own.iter().all(|claim| ground.claims[*claim].pods == [pod])).then_some(profiles)
            }
            _ => None,
        };
        let claims = pods.iter().flat_map(|pod| &ground.pods[*pod].claims);
        let milli_gpu = claims.map(|claim| ground.view.claims[*claim].milli_gpu).sum();
        Self { pods, frees, milli_gpu, alone }
    }

    /// Those first that are likely in the best set.
    fn rank(&self, ground: &Ground<'_>) -> impl Ord + use<> {
        let queues = || self.pods.iter().filter_map(|pod| ground.pods[*pod].queue).map(|queue| ground.queues[queue]);
        let drains = queues().all(|queue| queue.deserved_milli_gpu == Some(0));
        let oldest = self.pods.iter().map(|pod| started(ground, *pod)).min();
        let names: Vec<_> = self.pods.iter().map(|pod| ground.nth[*pod]).collect();
        (self.pods.len(), !drains, queues().map(|queue| queue.priority).max(), Reverse(oldest), names)
    }
}

/// What a Pod may free on a node: more, if anything, than it does.
fn frees(ground: &Ground<'_>, wanted: &[usize], node: usize, pod: usize) -> Sums {
    let standing = &ground.pods[pod];
    let there = standing.node == Some(node);
    let has =
        |device: &&usize| ground.holders[**device].iter().any(|(claim, _)| ground.claims[*claim].pods.contains(&pod));
    let devices = i64::try_from(wanted.iter().filter(has).count()).unwrap_or(i64::MAX);
    let of_node = |amount: i64| if there { amount } else { 0 };
    [of_node(standing.asks.milli_cpu), of_node(standing.asks.memory), of_node(standing.asks.pods), devices]
}

/// How many whole devices are missing at least; zero where parts of devices can be had.
fn short_of_devices(sought: Sought<'_, '_>, wanted: &[usize]) -> i64 {
    let Sought { ground, state, ask, .. } = sought;
    let mut available = 0;
    for device in wanted {
        match open(ground, state, ask, *device, Gone::Leaving) {
            Open::Closed => {}
            Open::Whole { .. } => available += 1,
            Open::Parts { .. } => return 0,
        }
    }
    let least = (0..ask.needs.len()).filter_map(|need| ask.least(need)).sum::<usize>();
    i64::try_from(least).unwrap_or(i64::MAX) - available
}
