//! Preemption: makes room for Pods of higher queues, which the scheduler cannot do for devices.
//!
//! For whom room is made, and who ends for it, is defined in `policy_engine::daemons::preemption`:
//!
//! **Room is made for your Pod if and only if** the scheduler finds no node for it, all its claims exist, its queue is open and given by the
//! project's plan, the scheduler blames no node for volumes, other Pods, spreads or ports, and on some node it would fit
//! without Pods that may be evicted for it. Nobody is evicted while it fits somewhere, or will when Pods are gone that end already.
//!
//! **Your Pod may be evicted for another if and only if** the rule `queue` is on `enforce` in its project, and its queue has a
//! lower priority and is preemptible (or others were evicted for your Pod in one that is: the annotation `platform-go/room-made-in` says
//! so, and a switch of queues does not change it), or has more GPU than it deserves while the other's has less; and its queue keeps the GPU that it deserves. Of the sets
//! of Pods that suffice, the smallest is taken, and of those the one with the lowest queues; then one that no PodDisruptionBudget forbids,
//! and then the one that started last.
//!
//! What is planned stands in the journal before anything is done. Then the waiting Pod is marked, and the devices are held: a DeviceTaintRule lets only the waiting Pod's claim
//! have them. (Where the API server has no such rules, whoever comes first gets them.) Then Pods are evicted by the Eviction API, with the time to end that
//! each asks for itself; the annotation `platform-go/eviction-reason` and an Event say why. A budget is heeded for `PlatformPolicy.spec.grace.budget` (10 minutes);
//! after that the Pod gets the condition `DisruptionTarget` and is deleted.
//!
//! It is over, and nothing is held any more, when the waiting Pod has a node or waits no more, when one that was to end may not be evicted
//! any more, or two minutes after all are gone who were to end; at the latest after a budget's grace, the time that they have to end, and two minutes.
//! Where Pods ended in vain (the waiting Pod found no node even so, or went away), nobody ends for it, or for others of the same person in
//! its queue, for ten minutes; twice as long each time more of the last day, at most eight hours. A Pod that was asked to go and switched its
//! queue for a moment has no new time for its budget: that goes on unless it was left alone for as long as budgets are heeded. A process that begins anew
//! goes on from the journal, and takes holds away that nobody waits for.

mod carry_out;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cluster::view::preemption::{Held, Seen, Selectors, anybody_waits, held, view};
use cluster::world::Topic;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use policy_engine::daemons::preemption::audit::audit;
use policy_engine::daemons::preemption::past::{self, COUNTS_FOR};
use policy_engine::daemons::preemption::progress::{Begun, Progress, progress};
use policy_engine::daemons::preemption::{NAME, Plan, Preemption, plan};
use policy_engine::policy::Policy;

use crate::attempts::{Attempts, FIRST_RETRY};
use crate::cycle::{Daemon, Proposal, Refusal, Step, Turn};
use crate::stage::Stage;
use carry_out::{CarryOut, End};

/// What preempts waits only so long for what comes with a change.
const GATHER: Duration = Duration::from_millis(50);
/// So many preemptions are carried out at a time.
const TOGETHER: usize = 8;
/// What ended so long before the last look is read again: clocks of replicas differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// Of at most so many waiting Pods it is said in a turn why nobody is evicted for them.
const MOST_TOLD: usize = 100;

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new(NAME, HEARS, propose).gathering(GATHER);

const HEARS: &[Topic] = &[
    Topic::Records,
    Topic::Namespaces,
    Topic::Pods,
    Topic::ResourceClaims,
    Topic::DeviceClasses,
    Topic::ResourceSlices,
    Topic::DeviceTaintRules,
    Topic::Nodes,
    Topic::Budgets,
];

/// What is remembered between turns. None of it is needed: who begins anew asks selectors again, reads what ended, tries evictions again sooner, and
/// counts from then since when those are gone who were to end.
#[derive(Default)]
struct Past {
    selectors: Selectors,
    attempts: Attempts,
    /// What came of what was begun before, as the journal has it.
    ended: past::Past,
    /// When the journal was asked for that.
    read_at: Option<Timestamp>,
    /// By preemption, since when all are gone who were to end for it.
    vacated: BTreeMap<String, Timestamp>,
}

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let past: &mut Past = memory.of();
        let open = stage.ledger.journal().open(NAME).await?;
        // What changes on a cluster with room is nobody's business here, and the view is dear.
        if open.is_empty() && !anybody_waits(&stage.world) && held(&stage.world).is_empty() {
            return Ok(Proposal::default());
        }
        let policy = stage.world.policy();
        let mut seen = view(&stage.world, &stage.prices, &policy, &stage.own_namespace, &mut past.selectors);
        let now = Timestamp::now();
        let mut proposal = Proposal { together: TOGETHER, ..Proposal::default() };
        past.read(stage, &policy, now).await?;
        let mut begun = Vec::new();
        for entry in open {
            match serde_json::from_value(entry.plan) {
                Ok(preemption) => begun.push(past.begun(entry.id, entry.begun_at, preemption, &seen, now)),
                // Another version wrote it. Its holds go with it.
                Err(_) => {
                    proposal.steps.push(End { id: entry.id, word: "unreadable", ..End::default() }.step(stage));
                }
            }
        }
        proposal.steps.extend(left_over(stage, &begun, &seen.held));
        past.go_on(stage, begun, &mut seen, &policy, now, &mut proposal);
        past.leave_alone(&mut seen, now);
        let Plan { preemptions, waiting, cut_short, again_at } = {
            let plan = plan(&seen.view, &policy, now);
            audit(&seen.view, &policy, &plan).map_err(Refusal::stopped)?;
            plan
        };
        let carry_out = CarryOut::new(stage, &past.attempts, &seen, &policy, now);
        for mut preemption in preemptions {
            past.note_clocks(&mut preemption, &seen, &policy, now);
            proposal.steps.push(carry_out.begin(preemption)?);
        }
        proposal.refusals.extend(waiting.iter().filter_map(words::waits).take(MOST_TOLD));
        proposal.cut_short |= cut_short;
        proposal.again_at = [proposal.again_at, again_at].into_iter().flatten().min();
        Ok(proposal)
    }
    .boxed()
}

/// Holds for which nobody waits: a process ended before it took them away.
fn left_over<'s>(stage: &'s Stage, begun: &[Begun], held: &'s [Held]) -> impl Iterator<Item = Step> + use<'s> {
    let open: BTreeSet<_> = begun.iter().map(|it| it.id.clone()).collect();
    let left = held.iter().filter(move |it| !open.contains(&it.preemption));
    left.map(|it| carry_out::let_go(stage, it.clone()))
}

impl Past {
    /// Goes on with what was begun, or ends it, and tells the planner.
    fn go_on(
        &mut self,
        stage: &Stage,
        begun: Vec<Begun>,
        seen: &mut Seen,
        policy: &Policy,
        now: Timestamp,
        proposal: &mut Proposal,
    ) {
        let tried = self.attempts.of(seen.view.pods.iter().map(|pod| pod.uid.as_str()));
        let mut under_way = Vec::new();
        self.vacated.retain(|id, _| begun.iter().any(|begun| begun.id == *id));
        for begun in begun {
            match progress(&begun, &seen.view, &seen.grace_seconds, policy, now) {
                Progress::Over(ended) => {
                    self.ended.note(&begun.id, &begun.preemption, begun.at, ended.word(), now);
                    proposal.steps.push(End::of(&begun, ended, seen).step(stage));
                }
                Progress::GoesOn { evict, until } => {
                    under_way.push(begun.under_way());
                    let is_due = |uid: &str| tried.get(uid).is_none_or(|tried| tried.not_before <= now);
                    let retry = (!evict.is_empty()).then(|| now + FIRST_RETRY);
                    let due = evict.into_iter().filter(|it| is_due(&it.uid)).collect();
                    let carry_out = CarryOut::new(stage, &self.attempts, seen, policy, now);
                    proposal.steps.extend(carry_out.go_on(&begun, due));
                    proposal.again_at = [proposal.again_at, retry, Some(until)].into_iter().flatten().min();
                }
            }
        }
        seen.view.under_way = under_way;
    }

    /// Nobody ends for a while for those for whom, or for whose like, Pods ended in vain.
    fn leave_alone(&self, seen: &mut Seen, now: Timestamp) {
        for pod in seen.view.pods.iter_mut().filter(|pod| pod.unschedulable_since.is_some()) {
            pod.in_vain = self.ended.in_vain(pod, now);
        }
    }

    /// Reads what ended since it was read last, by whichever replica; at first what ended in the last day.
    async fn read(&mut self, stage: &Stage, policy: &Policy, now: Timestamp) -> Result<(), Refusal> {
        let since = self.read_at.map_or_else(|| now.saturating_sub(COUNTS_FOR), |at| at.saturating_sub(OVERLAP));
        let since = since.unwrap_or(Timestamp::MIN);
        for entry in stage.ledger.journal().ended_since(NAME, since).await? {
            if let (Ok(preemption), Some(outcome), Some(at)) =
                (serde_json::from_value(entry.plan), &entry.outcome, entry.ended_at)
            {
                self.ended.note(&entry.id, &preemption, entry.begun_at, outcome, at);
            }
        }
        self.read_at = Some(now);
        self.ended.forget(policy, now);
        Ok(())
    }

    /// What was begun, with what was seen of it.
    fn begun(&mut self, id: String, at: Timestamp, preemption: Preemption, seen: &Seen, now: Timestamp) -> Begun {
        let mut begun = Begun { id, at, preemption, vacated_at: None };
        if begun.is_vacated(&seen.view) {
            begun.vacated_at = Some(*self.vacated.entry(begun.id.clone()).or_insert(now));
        }
        begun
    }

    /// Notes how long those may take to end who are to, and since when they were asked to before.
    fn note_clocks(&self, preemption: &mut Preemption, seen: &Seen, policy: &Policy, now: Timestamp) {
        for victim in &mut preemption.victims {
            victim.grace_seconds = seen.grace_seconds.get(&victim.uid).copied().unwrap_or(1);
            victim.asked_since = self.ended.asked_since(&victim.uid, policy, now);
        }
    }
}

#[cfg(test)]
mod tests;
