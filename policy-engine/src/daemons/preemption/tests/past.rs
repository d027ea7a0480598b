//! What earlier preemptions mean for later ones.

use jiff::{SignedDuration, Timestamp};

use super::world::*;
use crate::daemons::preemption::Preemption;
use crate::daemons::preemption::past::Past;
use crate::daemons::preemption::view::{Pod, View};
use crate::policy::ids::UserId;

/// A device that `batch` has and mallory's Pod waits for, and what is planned for that.
fn planned(name: &str) -> (View, Preemption) {
    let mut view = cluster(&[("n1", 1)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.waits(name, "research", 1).user = Some(UserId::new("mallory"));
    let preemption = view.planned(&policy([])).preemptions.remove(0);
    (view, preemption)
}

fn after(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

#[test]
fn after_each_vain_preemption_others_of_the_same_person_in_that_queue_wait_twice_as_long() {
    let (mut view, first) = planned("w1");
    let mut past = Past::default();
    let next = |view: &mut View, name: &str, queue: &str, user: &str| -> Pod {
        let pod = view.waits(name, queue, 1);
        pod.user = Some(UserId::new(user));
        pod.clone()
    };
    let (same, more) = (next(&mut view, "w2", "research", "mallory"), next(&mut view, "w3", "research", "alice"));
    let elsewhere = next(&mut view, "w4", "batch", "mallory");
    past.note("p0", &first, now(), "placed", now());
    past.note("p1", &first, now(), "gave-up", now());
    assert_eq!(past.in_vain(&same, now()), None, "nobody ended in vain");
    past.note("p2", &first, now(), "in-vain", now());
    past.note("p2", &first, now(), "in-vain", after(1));
    let until = |past: &Past, pod: &Pod| past.in_vain(pod, now()).map(|it| (it.times, it.until));
    assert_eq!(until(&past, &same), Some((1, after(10))));
    assert_eq!((until(&past, &more), until(&past, &elsewhere)), (None, None), "the others do nobody any harm");
    assert_eq!(past.in_vain(&same, after(10)), None);
    past.note("p3", &first, now(), "timed-out", now());
    past.note("p4", &first, now(), "timed-out", now());
    assert_eq!(until(&past, &same), Some((3, after(40))));
    past.forget(&policy([]), after(24 * 60));
    assert_eq!(past.in_vain(&same, after(24 * 60)), None);
}

#[test]
fn who_waits_because_it_was_in_vain_is_told_so() {
    let (mut view, first) = planned("w");
    let mut past = Past::default();
    past.note("p", &first, now(), "timed-out", now());
    view.pods[1].in_vain = past.in_vain(&view.pods[1], now());
    let plan = view.planned(&policy([]));
    assert_eq!(
        (said(&plan), waiting(&plan)),
        (
            String::new(),
            "w: pods ended once in the last day for it or others of the same person in its queue, which then did not run; \
             it is looked at again 2026-11-23T12:10:00Z"
                .to_owned()
        )
    );
}

#[test]
fn who_gets_out_of_the_way_for_a_moment_keeps_its_clock_and_who_was_let_go_does_not() {
    let (_, mut plan) = planned("w");
    let policy = policy([]);
    let mut past = Past::default();
    past.note("p1", &plan, now(), "gave-up", after(1));
    assert_eq!(past.asked_since("uid-a", &policy, after(1)), None);
    past.note("p2", &plan, after(2), "changed", after(3));
    assert_eq!(past.asked_since("uid-a", &policy, after(4)), Some(after(2)));
    // What is planned then says since when, and that is what counts when it is broken off again.
    plan.victims[0].asked_since = Some(after(2));
    past.note("p3", &plan, after(4), "changed", after(9));
    assert_eq!(past.asked_since("uid-a", &policy, after(10)), Some(after(2)));
    assert_eq!(past.asked_since("uid-a", &policy, after(19)), None, "that was long ago");
}
