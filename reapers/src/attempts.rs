//! Evictions that were tried.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use policy_engine::daemons::common;
use policy_engine::daemons::window_close::Tried;

/// What was not evicted is tried again after so long, and then after twice as long each time.
pub(crate) const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(5);
/// And after so long at the most.
const LAST_RETRY: SignedDuration = SignedDuration::from_mins(1);

/// What was tried and did not end a Pod yet. It only spaces the attempts: when a budget is heeded no longer follows from the Pod's
/// annotations. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<BTreeMap<String, (u32, Tried)>>>);

impl Attempts {
    /// Of these Pods; the others are forgotten.
    pub(crate) fn of<'p>(&self, pods: impl Iterator<Item = &'p str>) -> BTreeMap<String, Tried> {
        let mut tried = self.tried();
        if !tried.is_empty() {
            let uids: BTreeSet<_> = pods.collect();
            tried.retain(|uid, _| uids.contains(uid.as_str()));
        }
        tried.iter().map(|(uid, (_, tried))| (uid.clone(), *tried)).collect()
    }

    pub(crate) fn note(&self, uid: String, is_blocked: bool, now: Timestamp) {
        let mut tried = self.tried();
        let times = tried.get(&uid).map_or(0, |(times, _)| times.saturating_add(1));
        let pause = common::pause(times, FIRST_RETRY, LAST_RETRY);
        tried.insert(uid, (times, Tried { not_before: now + pause, is_blocked }));
    }

    fn tried(&self) -> MutexGuard<'_, BTreeMap<String, (u32, Tried)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spaced_and_forgotten_with_their_pod() {
        let (attempts, mut now) = (Attempts::default(), Timestamp::UNIX_EPOCH);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            attempts.note("u".into(), true, now);
            let next = attempts.of(["u"].into_iter())["u"].not_before;
            pauses.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert!(attempts.of(std::iter::empty()).is_empty());
    }
}
