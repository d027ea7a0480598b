//! What came of earlier preemptions, as the journal has it: whose asking was in vain, and who was asked to go before.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Preemption;
use super::progress::Ended;
use super::view::{InVain, Pod};
use crate::daemons::common::{self, later};
use crate::policy::Policy;

/// So long what was in vain counts.
pub const COUNTS_FOR: SignedDuration = SignedDuration::from_hours(24);
/// So long those wait for whom Pods ended in vain once, and twice as long each time more.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// And so long at the most.
const LAST_PAUSE: SignedDuration = SignedDuration::from_hours(8);

/// Who asks for room: a person's Pods of one queue, or where nobody knows whose they are, a Namespace's. What exactly they ask does
/// not matter: it could be made a little different each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asker {
    whose: String,
    queue: String,
}

/// What came of preemptions of the last day.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// By their names in the journal.
    in_vain: BTreeMap<String, Failure>,
    /// By UID, those who were asked to go when it was broken off: since when, and until when.
    asked: BTreeMap<String, (Timestamp, Timestamp)>,
}

#[derive(Clone, Debug)]
struct Failure {
    at: Timestamp,
    asker: Option<Asker>,
    uids: Vec<String>,
}

impl Asker {
    /// The id of the queue in which they wait.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Who asks by a Pod.
    pub fn of(pod: &Pod) -> Self {
        // An id has no slash.
        let whose = pod.user.as_ref().map_or_else(|| format!("namespace/{}", pod.pod.namespace), ToString::to_string);
        Self { whose, queue: pod.queue.clone() }
    }
}

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, until } = self;
        let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        write!(
            f,
            "pods ended {often} in the last day for it or others of the same person in its queue, which then did not run; it is looked at again {until}"
        )
    }
}

impl Past {
    /// Takes up how a preemption ended. To be told the same twice does no harm.
    pub fn note(&mut self, id: &str, preemption: &Preemption, begun_at: Timestamp, outcome: &str, at: Timestamp) {
        let is = |ended: &[Ended]| ended.iter().any(|ended| ended.word() == outcome);
        if is(&[Ended::TimedOut, Ended::InVain]) {
            let uids = preemption.placements.iter().map(|it| it.uid.clone()).collect();
            self.in_vain.entry(id.to_owned()).or_insert(Failure { at, asker: preemption.asker.clone(), uids });
        }
        if is(&[Ended::TimedOut, Ended::Changed]) {
            for victim in &preemption.victims {
                let since = victim.asked_at(begun_at);
                let known = self.asked.entry(victim.uid.clone()).or_insert((since, at));
                *known = (*known).max((since, at));
            }
        }
    }

    /// Forgets what does not count any more.
    pub fn forget(&mut self, policy: &Policy, now: Timestamp) {
        let grace = policy.platform().budget_grace;
        self.in_vain.retain(|_, failure| failure.at.saturating_add(COUNTS_FOR).is_ok_and(|until| until > now));
        self.asked.retain(|_, (_, at)| later(*at, grace) > now);
    }

    /// Whether a Pod waits because Pods ended for it, or for others of its asker, in vain.
    pub fn in_vain(&self, pod: &Pod, now: Timestamp) -> Option<InVain> {
        if self.in_vain.is_empty() {
            return None;
        }
        let asker = Asker::of(pod);
        let concerns = |it: &&Failure| it.asker.as_ref() == Some(&asker) || it.uids.contains(&pod.uid);
        let times = self.in_vain.values().filter(concerns).count();
        let last = self.in_vain.values().filter(concerns).map(|it| it.at).max()?;
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let pause = common::pause(times - 1, FIRST_PAUSE, LAST_PAUSE);
        let until = later(last, Duration::try_from(pause).unwrap_or_default());
        (until > now).then_some(InVain { times, until })
    }

    /// Since when a Pod was asked to go, where that was broken off less than a budget's grace ago: who gets out of the way for a
    /// moment does not get the time anew.
    pub fn asked_since(&self, uid: &str, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        let grace = policy.platform().budget_grace;
        self.asked.get(uid).filter(|(_, at)| later(*at, grace) > now).map(|(since, _)| *since)
    }
}
