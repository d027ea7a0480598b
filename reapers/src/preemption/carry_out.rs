//! Carrying out: the journal, then the holds, then the evictions.

use std::collections::BTreeSet;

use cluster::view::preemption::{Held, Seen};
use cluster::write::{Ending, Hold, News, Outcome, Writer};
use futures::FutureExt;
use jiff::Timestamp;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::progress::{Begun, Ended, Eviction, Progress, progress};
use policy_engine::daemons::preemption::view::devices::DeviceId;
use policy_engine::daemons::preemption::view::{Placement, Pod};
use policy_engine::daemons::preemption::{Preemption, Victim};
use policy_engine::policy::Policy;
use store::{Beginning, Concerned};

use super::{NAME, words};
use crate::attempts::Attempts;
use crate::cycle::{Refusal, Step, StepFailed};
use crate::stage::Stage;

/// What preemptions are carried out with.
pub(super) struct CarryOut<'s> {
    stage: &'s Stage,
    attempts: &'s Attempts,
    seen: &'s Seen,
    policy: &'s Policy,
    now: Timestamp,
}

impl<'s> CarryOut<'s> {
    pub(super) fn new(
        stage: &'s Stage,
        attempts: &'s Attempts,
        seen: &'s Seen,
        policy: &'s Policy,
        now: Timestamp,
    ) -> Self {
        Self { stage, attempts, seen, policy, now }
    }

    /// Begins what was planned. What cannot be noted in the journal is not begun.
    pub(super) fn begin(&self, preemption: Preemption) -> Result<Step, Refusal> {
        let news = words::begins(&preemption);
        let beginning = Beginning {
            daemon: NAME,
            subjects: preemption.placements.iter().map(|it| concerned(&it.uid, &it.pod)).collect(),
            objects: preemption.victims.iter().map(|it| concerned(&it.uid, &it.pod)).collect(),
            plan: serde_json::to_value(&preemption).map_err(Refusal::stopped)?,
            at: self.now,
        };
        let begun = Begun { id: String::new(), at: self.now, preemption, vacated_at: None };
        let evict = evictions(&begun, self.seen, self.policy, self.now);
        let devices = self.devices(&begun);
        let debtors = debtors(&begun);
        let (journal, hands) = (self.stage.ledger.journal(), self.hands());
        let act = async move {
            let id = match journal.begin(&beginning).await? {
                store::Begun::Yes { id } => id,
                // Another replica was faster, or this one was not told: what is open is gone on with in the next turn.
                store::Begun::AlreadyOpen { .. } => return Ok(Outcome::Overtaken),
            };
            hands.mark(debtors).await?;
            hands.hold(&id, devices).await?;
            let Preemption { placements, victims, .. } = begun.preemption;
            for Placement { pod, uid, node, .. } in &placements {
                hands.writer.nominate(pod, uid, Some(node)).await?;
            }
            hands.evict(evict, &victims).await
        };
        Ok(Step::told(news, act.boxed()))
    }

    /// Goes on with what was begun: marks and holds what is not yet, and evicts those who are due.
    pub(super) fn go_on(&self, begun: &Begun, due: Vec<Eviction>) -> Option<Step> {
        let held: BTreeSet<_> = self.seen.held.iter().map(|it| it.name.as_str()).collect();
        let mut devices = self.devices(begun);
        devices.retain(|it| !held.contains(name(&begun.id, it.index).as_str()));
        let mut debtors = debtors(begun);
        debtors.retain(|it| self.seen.view.pods.iter().any(|pod| pod.uid == it.uid && !it.is_marked(pod)));
        if devices.is_empty() && due.is_empty() && debtors.is_empty() {
            return None;
        }
        let (hands, id, victims) = (self.hands(), begun.id.clone(), begun.preemption.victims.clone());
        let act = async move {
            hands.mark(debtors).await?;
            hands.hold(&id, devices).await?;
            hands.evict(due, &victims).await
        };
        Some(Step::silent(act.boxed()))
    }

    fn hands(&self) -> Hands {
        Hands { writer: self.stage.writer.clone(), attempts: self.attempts.clone() }
    }

    /// The devices to hold. A claim that tolerates no hold gets its device without one, as do all where the API server knows no holds.
    fn devices(&self, begun: &Begun) -> Vec<ToHold> {
        let given = begun.preemption.placements.iter().flat_map(|it| &it.devices).enumerate();
        let holds = given.filter_map(|(index, given)| {
            let value = self.seen.holds.get(&given.claim)?.clone();
            Some(ToHold { index, device: given.device.clone(), value })
        });
        if self.seen.can_hold { holds.collect() } else { Vec::new() }
    }
}

/// A Pod for which others are to end, and the id of the queue as of which they do.
struct Debtor {
    pod: PodName,
    uid: String,
    queue: String,
}

impl Debtor {
    fn is_marked(&self, pod: &Pod) -> bool {
        pod.room_made_in.as_ref() == Some(&self.queue)
    }
}

/// Those for whom room is made. Where an earlier version planned it, nobody knows in which queue they were.
fn debtors(begun: &Begun) -> Vec<Debtor> {
    let Preemption { placements, asker, .. } = &begun.preemption;
    let Some(asker) = asker else { return Vec::new() };
    let debtor = |it: &Placement| Debtor { pod: it.pod.clone(), uid: it.uid.clone(), queue: asker.queue().to_owned() };
    placements.iter().map(debtor).collect()
}

/// A device that is to be held.
struct ToHold {
    /// Which of the preemption's devices.
    index: usize,
    device: DeviceId,
    value: String,
}

/// What acts, apart from what was seen.
struct Hands {
    writer: Writer,
    attempts: Attempts,
}

impl Hands {
    /// Before anybody ends for them: who moves to another queue meanwhile is marked by then.
    async fn mark(&self, debtors: Vec<Debtor>) -> Result<(), StepFailed> {
        for Debtor { pod, uid, queue } in debtors {
            self.writer.mark_room(&pod, &uid, &queue).await?;
        }
        Ok(())
    }

    async fn hold(&self, preemption: &str, devices: Vec<ToHold>) -> Result<(), StepFailed> {
        for ToHold { index, device, value } in devices {
            let hold = Hold { name: name(preemption, index), device, value, preemption: preemption.to_owned() };
            self.writer.hold(&hold).await?;
        }
        Ok(())
    }

    /// Evicts each, and says so to each. That a budget blocks one keeps nobody else.
    async fn evict(&self, evict: Vec<Eviction>, victims: &[Victim]) -> Result<Outcome, StepFailed> {
        let mut failed = None;
        for eviction in evict {
            let ended = self.writer.end(&Ending::from(&eviction)).await;
            let is_blocked = matches!(ended, Ok(Outcome::BlockedByBudget));
            self.attempts.note(eviction.uid.clone(), is_blocked, Timestamp::now());
            let because = victims.iter().find(|it| it.uid == eviction.uid).map(|it| &it.because);
            match ended {
                Ok(Outcome::Written) => drop(self.writer.tell(&words::evicted(&eviction, because)).await),
                Ok(Outcome::BlockedByBudget) => drop(self.writer.tell(&words::blocked(&eviction)).await),
                Ok(Outcome::Gone | Outcome::Overtaken) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(Outcome::Written), |error| Err(error.into()))
    }
}

/// What is to be undone when a preemption is over.
#[derive(Default)]
pub(super) struct End {
    pub(super) id: String,
    /// How it ended, as the journal has it.
    pub(super) word: &'static str,
    pub(super) news: Option<News>,
    pub(super) held: Vec<Held>,
    /// Those for whom a node was set aside, and who did not get it.
    pub(super) waiting: Vec<(PodName, String)>,
    /// Those who were to end, and go on.
    pub(super) spared: Vec<(PodName, String)>,
}

impl End {
    /// What is left of a preemption.
    pub(super) fn of(begun: &Begun, ended: Ended, seen: &Seen) -> Self {
        let stays = |uid: &str| seen.view.pods.iter().any(|pod| pod.uid == uid && !pod.ending);
        let waits = |uid: &str| seen.view.pods.iter().any(|pod| pod.uid == uid && pod.node.is_none());
        let Preemption { placements, victims, .. } = &begun.preemption;
        let waiting = placements.iter().filter(|it| waits(&it.uid)).map(|it| (it.pod.clone(), it.uid.clone()));
        let spared = victims.iter().filter(|it| stays(&it.uid)).map(|it| (it.pod.clone(), it.uid.clone()));
        Self {
            id: begun.id.clone(),
            word: ended.word(),
            news: words::ended(begun, ended),
            held: seen.held.iter().filter(|it| it.preemption == begun.id).cloned().collect(),
            waiting: waiting.collect(),
            spared: spared.collect(),
        }
    }

    /// Says in the journal that it is over, and undoes what is left.
    pub(super) fn step(self, stage: &Stage) -> Step {
        let Self { id, word, news, held, waiting, spared } = self;
        let (journal, writer) = (stage.ledger.journal(), stage.writer.clone());
        let act = async move {
            journal.end(&id, word, Timestamp::now()).await?;
            for held in held {
                writer.let_go(&held.name, &held.seen).await?;
            }
            for (pod, uid) in waiting {
                writer.nominate(&pod, &uid, None).await?;
            }
            for (pod, uid) in spared {
                writer.spare(&pod, &uid).await?;
            }
            Ok(Outcome::Written)
        };
        match news {
            Some(news) => Step::told(news, act.boxed()),
            None => Step::silent(act.boxed()),
        }
    }
}

/// Takes a hold away.
pub(super) fn let_go(stage: &Stage, held: Held) -> Step {
    let writer = stage.writer.clone();
    Step::silent(async move { Ok(writer.let_go(&held.name, &held.seen).await?) }.boxed())
}

/// Who is to be evicted of what was planned a moment ago.
fn evictions(begun: &Begun, seen: &Seen, policy: &Policy, now: Timestamp) -> Vec<Eviction> {
    match progress(begun, &seen.view, &seen.grace_seconds, policy, now) {
        Progress::GoesOn { evict, .. } => evict,
        Progress::Over(_) => Vec::new(),
    }
}

fn concerned(uid: &str, pod: &PodName) -> Concerned {
    Concerned { uid: uid.to_owned(), namespace: pod.namespace.clone(), name: pod.name.clone() }
}

fn name(id: &str, index: usize) -> String {
    format!("sluice-hold-{id}-{index}")
}
