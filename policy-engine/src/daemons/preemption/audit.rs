//! A second opinion on a plan, before anything is carried out.

mod sums;

use std::collections::BTreeSet;

use crate::daemons::common::{PodName, is_exempt};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::project::Project;
use crate::policy::queue::Queue;
use crate::policy::rule_id::RuleId;

use super::fit::{Gone, place_all};
use super::ground::Ground;
use super::state::State;
use super::turn::states;
use super::view::devices::DeviceId;
use super::view::{Placement, Pod, View};
use super::{MOST_PREEMPTIONS, MOST_VICTIMS, Plan, Preemption, Victim};

use sums::{Sums, in_use};

/// What a plan must never contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// More than a turn may do.
    #[error("{0} preemptions planned; at most {MOST_PREEMPTIONS} a turn, and none after {MOST_VICTIMS} victims")]
    TooMany(usize),
    /// Room would be made for a Pod that does not wait, or may not have it.
    #[error("makes room for pod {0}, which does not wait for room that may be made for it")]
    NotWaiting(PodName),
    /// A Pod would be evicted that was not seen running.
    #[error("evicts pod {0}, which was not seen running")]
    Unseen(PodName),
    /// A Pod would be evicted that ends already, or twice.
    #[error("evicts pod {0}, which ends already")]
    Twice(PodName),
    /// A Pod would be evicted where nobody is.
    #[error("evicts pod {0}, in whose namespace or project nobody is evicted")]
    Exempt(PodName),
    /// A Pod of a higher queue would be evicted for one of a lower.
    #[error("evicts pod {0}, whose queue is higher than that of who waits")]
    Higher(PodName),
    /// A Pod would be evicted that neither gives way nor is above what its queue deserves.
    #[error("evicts pod {0}, whose queue does not give way to that of who waits")]
    NoRight(PodName),
    /// A queue would be left with less than it deserves.
    #[error("leaves queue {0} with less GPU than it deserves")]
    Floor(String),
    /// A budget forbids an eviction, and the plan does not say so.
    #[error("evicts pod {0} against a budget without saying so")]
    Budget(PodName),
    /// There would be no room without this victim's end less than with it.
    #[error("evicts pod {0}, without whose end there is room")]
    TooMuch(PodName),
    /// There would be no room after all.
    #[error("makes no room for pod {pod}: {lacks}")]
    TooLittle {
        /// For whom.
        pod: PodName,
        /// What is missing.
        lacks: &'static str,
    },
    /// What is held is not what the Pods would get.
    #[error("holds {0}, or does not, against what is planned")]
    Hold(DeviceId),
}

/// Checks what [`plan`](super::plan) promises.
pub fn audit(view: &View, policy: &Policy, plan: &Plan) -> Result<(), Violation> {
    let Plan { preemptions, waiting, cut_short: _, again_at: _ } = plan;
    let victims = |preemptions: &[Preemption]| preemptions.iter().map(|it| it.victims.len()).sum::<usize>();
    let before_the_last = preemptions.split_last().map_or(0, |(_, before)| victims(before));
    if preemptions.len() > MOST_PREEMPTIONS || before_the_last >= MOST_VICTIMS {
        return Err(Violation::TooMany(preemptions.len()));
    }
    let ground = Ground::new(view, policy);
    let (_, state) = states(&ground);
    let mut check = Check { view, policy, ground: &ground, state, sums: Sums::new(view, policy) };
    let mut expected = waiting.iter().filter_map(|it| Some((it.place, it.counts_on.as_ref()?))).peekable();
    for preemption in preemptions {
        while let Some((_, placement)) = expected.next_if(|(place, _)| *place < preemption.place) {
            check.state.place(&ground, placement);
            check.sums.place(placement);
        }
        check.one(preemption)?;
    }
    Ok(())
}

struct Check<'v> {
    view: &'v View,
    policy: &'v Policy,
    ground: &'v Ground<'v>,
    /// For whether there would be room without a victim's end, and for nothing else.
    state: State,
    sums: Sums<'v>,
}

impl<'v> Check<'v> {
    fn one(&mut self, preemption: &'v Preemption) -> Result<(), Violation> {
        let Preemption { placements, victims, hold, .. } = preemption;
        let mut waiting = Vec::new();
        for placement in placements {
            let pod = self.waits(placement).ok_or_else(|| Violation::NotWaiting(placement.pod.clone()))?;
            waiting.push(pod);
        }
        let lowest = waiting.iter().filter_map(|pod| self.policy.queue_asked(&pod.queue)).min_by_key(|it| it.priority);
        let before = in_use(self.view, &self.sums);
        for victim in victims {
            self.victim(victim, &waiting, lowest, &before)?;
        }
        let after = in_use(self.view, &self.sums);
        for queue in self.policy.records().queues.values() {
            let (has, had) = (after.get(&queue.name), before.get(&queue.name));
            if has < had && queue.deserved_milli_gpu.is_some_and(|floor| has.copied().unwrap_or_default() < floor) {
                return Err(Violation::Floor(queue.name.to_string()));
            }
        }
        for placement in placements {
            self.sums.place(placement);
            let lacks = self.sums.lacks(self.view, placement);
            lacks.map_or(Ok(()), |lacks| Err(Violation::TooLittle { pod: placement.pod.clone(), lacks }))?;
        }
        self.held(hold, placements)?;
        self.needed(victims, placements)
    }

    /// Somebody for whom room may be made.
    fn waits(&self, placement: &Placement) -> Option<&'v Pod> {
        let pod = self.view.pods.iter().find(|pod| pod.uid == placement.uid && pod.pod == placement.pod)?;
        let waits = pod.node.is_none() && !pod.ending && !pod.gated && pod.unschedulable_since.is_some();
        let may_help = pod.kept_off.is_none() && pod.in_vain.is_none();
        let on_its_way = self.view.under_way.iter().flat_map(|it| &it.placements).any(|it| it.uid == pod.uid);
        (waits && may_help && !on_its_way && self.enforced(pod).is_some()).then_some(pod)
    }

    /// The Pod's project, where evictions may be.
    fn enforced(&self, pod: &Pod) -> Option<&'v Project> {
        let exempt = is_exempt(&self.view.own_namespace, self.policy.platform(), &pod.pod.namespace);
        let project = self.policy.project_by_id(pod.project.as_ref().filter(|_| !exempt)?)?;
        (self.policy.platform().mode_of(RuleId::Queue, Some(project)) == RuleMode::Enforce).then_some(project)
    }

    fn victim(
        &mut self,
        victim: &'v Victim,
        waiting: &[&Pod],
        lowest: Option<&Queue>,
        before: &sums::InUse,
    ) -> Result<(), Violation> {
        let Victim { uid, pod: name, budget, .. } = victim;
        let seen = self.view.pods.iter().find(|pod| pod.uid == *uid && pod.pod == *name && pod.node.is_some());
        let pod = seen.ok_or_else(|| Violation::Unseen(name.clone()))?;
        if !self.sums.end(uid) {
            return Err(Violation::Twice(name.clone()));
        }
        self.enforced(pod).ok_or_else(|| Violation::Exempt(name.clone()))?;
        let (Some(own), Some(lowest)) = (self.policy.queue_asked(&pod.queue), lowest) else {
            return Err(Violation::NoRight(name.clone()));
        };
        if own.priority > lowest.priority {
            return Err(Violation::Higher(name.clone()));
        }
        let in_use = |queue: &Queue| before.get(&queue.name).copied().unwrap_or_default();
        let asks_gpu = || {
            let claims = waiting.iter().flat_map(|pod| &pod.claims).filter_map(|claim| claim.uid.as_ref());
            self.view
                .claims
                .iter()
                .filter(|claim| claim.milli_gpu > 0)
                .any(|claim| claims.clone().any(|uid| *uid == claim.uid))
        };
        let lower = self.policy.gives_way(own, pod.room_made_in.as_deref()) && own.priority < lowest.priority;
        let above = own.deserved_milli_gpu.is_some_and(|floor| in_use(own) > floor);
        let below = lowest.deserved_milli_gpu.is_some_and(|floor| in_use(lowest) < floor);
        let reclaims = || above && below && asks_gpu();
        if !lower && !reclaims() {
            return Err(Violation::NoRight(name.clone()));
        }
        let within = self.sums.count(self.view, uid);
        if within || budget.is_some() { Ok(()) } else { Err(Violation::Budget(name.clone())) }
    }

    /// What is held is what the Pods would get, and nothing else.
    fn held(&self, hold: &[DeviceId], placements: &[Placement]) -> Result<(), Violation> {
        let given: BTreeSet<_> = placements.iter().flat_map(|it| &it.devices).map(|it| &it.device).collect();
        let held: BTreeSet<_> = hold.iter().collect();
        let differs = given.symmetric_difference(&held).next();
        differs.map_or(Ok(()), |device| Err(Violation::Hold((*device).clone())))
    }

    /// Without any of the victims' ends there would be no room.
    fn needed(&mut self, victims: &[Victim], placements: &[Placement]) -> Result<(), Violation> {
        let ground = self.ground;
        let waiting: Vec<_> = placements.iter().filter_map(|it| ground.pod(&it.uid)).collect();
        let ends: Vec<_> = victims.iter().filter_map(|it| ground.pod(&it.uid)).collect();
        for (victim, pod) in victims.iter().zip(&ends) {
            let others: Vec<_> = ends.iter().copied().filter(|other| other != pod).collect();
            if place_all(ground, &self.state, &waiting, Gone::And(&others)).is_some() {
                return Err(Violation::TooMuch(victim.pod.clone()));
            }
        }
        ends.iter().for_each(|pod| self.state.evict(ground, *pod));
        placements.iter().for_each(|placement| self.state.place(ground, placement));
        Ok(())
    }
}
