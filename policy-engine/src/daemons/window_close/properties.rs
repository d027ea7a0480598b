//! Whatever admins do to windows while Pods run, and however seldom anybody looks.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{at, planned, policy, running, view};
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::window::{Schedule, Window};

/// One day, in minutes: what holds then, and whether the daemon looks.
#[derive(Clone, Debug)]
struct Minute {
    /// Another schedule of the plan from now on, by the minutes at which its windows begin and how long they are.
    edit: Option<Vec<(i64, i64)>>,
    looks: bool,
    is_blocked: bool,
}

fn minute() -> impl Strategy<Value = Minute> {
    (proptest::option::weighted(0.01, few_windows()), proptest::bool::weighted(0.15), proptest::bool::weighted(0.7))
        .prop_map(|(edit, looks, is_blocked)| Minute { edit, looks, is_blocked })
}

/// Short ones, between which nobody may have looked.
fn few_windows() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0_i64..300, 1_i64..20), 0..12)
}

/// Windows as an admin has them from a minute on. What was stays: windows that are taken out of the record are not known of any more.
fn edited(old: &[(i64, i64)], new: &[(i64, i64)], now: i64) -> Vec<(i64, i64)> {
    let past = old.iter().map(|(from, long)| (*from, (*long).min(now - from)));
    let future = new.iter().map(|(from, long)| ((*from).max(now), from + long - (*from).max(now)));
    past.chain(future).filter(|(_, long)| *long > 0).collect()
}

fn begin() -> Timestamp {
    at("2026-11-23T00:00:00Z")
}

fn schedule(windows: &[(i64, i64)]) -> Schedule {
    let minute = |minutes| begin() + SignedDuration::from_mins(minutes);
    let once = |(from, long): &(i64, i64)| Window::Once { from: minute(*from), until: minute(from + long) };
    Schedule { time_zone: "UTC".into(), windows: windows.iter().map(once).collect() }
}

fn is_open(windows: &[(i64, i64)], minute: i64) -> bool {
    windows.iter().any(|(from, long)| (*from..from + long).contains(&minute))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Minute by minute, with a clock and windows that are told apart from the plan's: nobody is evicted whose queue was not closed,
    /// without a break, for the whole grace, nor who was not told for as long; nobody in `default` is told anything; and no Pod is
    /// deleted against a budget that was not heeded for its time.
    #[test]
    fn nobody_is_evicted_before_their_time(day in proptest::collection::vec(minute(), 300), first in few_windows()) {
        const GRACE: i64 = 5;
        const BUDGET: i64 = 10;
        let mut windows = first;
        let mut state = view(vec![running("p", "batch", None), running("d", DEFAULT_QUEUE, None)]);
        let (mut closed_for, mut told_for) = (0_i64, None::<i64>);
        for (minute, today) in (0_i64..).zip(day) {
            // An edit is heard of at once; without one, it does not matter when anybody looks.
            let looks = today.looks || today.edit.is_some();
            windows = today.edit.map_or(windows.clone(), |edit| edited(&windows, &edit, minute));
            closed_for = if is_open(&windows, minute) { 0 } else { closed_for + 1 };
            told_for = told_for.map(|told| told + 1);
            if !looks {
                continue;
            }
            let now = begin() + SignedDuration::from_mins(minute);
            let policy = policy(|records| records.plans.get_mut("gold").expect("it").schedule = Some(schedule(&windows)));
            let plan = planned(&state, &policy, now);
            for note in &plan.notes {
                prop_assert_eq!(&note.pod.name, "p");
                let pod = state.pods.iter_mut().find(|pod| pod.uid == note.uid).expect("the Pod");
                pod.closes_at = note.closing.as_ref().map(|closing| closing.at.to_string());
                pod.eviction_reason = None;
                told_for = note.closing.as_ref().map(|_| 0);
            }
            for eviction in &plan.evictions {
                prop_assert_eq!(&eviction.pod.name, "p");
                // A minute that was closed when it began counts from its beginning.
                prop_assert!(closed_for > GRACE, "closed for {} minutes at {}", closed_for - 1, now);
                prop_assert!(told_for.is_some_and(|told| told >= 1), "it was told of nothing before {}", now);
                if eviction.is_forced {
                    prop_assert!(closed_for > GRACE + BUDGET, "heeded for {} minutes", closed_for - 1 - GRACE);
                } else if today.is_blocked {
                    state.pods[0].eviction_reason = Some(eviction.reason.to_string());
                    continue;
                }
                return Ok(());
            }
        }
    }

    /// Who looks twice sees nothing to do the second time: what was written is what is wanted.
    #[test]
    fn what_was_written_is_not_written_again(windows in few_windows(), minute in 0_i64..300, told in proptest::option::of(0_i64..300)) {
        let policy = policy(|records| records.plans.get_mut("gold").expect("it").schedule = Some(schedule(&windows)));
        let now = begin() + SignedDuration::from_mins(minute);
        let told = told.map(|minute| (begin() + SignedDuration::from_mins(minute)).to_string());
        let mut state = view(vec![running("p", "batch", told.as_deref())]);
        for note in planned(&state, &policy, now).notes {
            state.pods[0].closes_at = note.closing.map(|closing| closing.at.to_string());
        }
        let again = planned(&state, &policy, now);
        prop_assert_eq!(again.notes, vec![]);
        let waits: BTreeSet<_> = again.evictions.iter().map(|eviction| eviction.closed_at).collect();
        prop_assert!(waits.iter().all(|closed| *closed + SignedDuration::from_mins(5) <= now));
    }
}
