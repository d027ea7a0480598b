//! What becomes of a preemption once it was begun.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::world::*;
use crate::daemons::preemption::progress::{Begun, Ended, Eviction, LASTS, Progress, progress};
use crate::daemons::preemption::view::{Pod, View};
use crate::policy::Policy;

/// Two devices, both of `batch`, and a Pod of `research` that waits for both: what was planned for it a moment ago.
fn begun() -> (View, Begun) {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.runs("b", "batch", "n1", &[1], 10);
    view.waits("w", "research", 2);
    let preemption = view.planned(&policy([])).preemptions.remove(0);
    (view, Begun { id: "p1".into(), at: now(), preemption, vacated_at: None })
}

fn becomes(view: &View, begun: &Begun, policy: &Policy, at: Timestamp) -> Progress {
    let grace = view.pods.iter().map(|pod| (pod.uid.clone(), 30)).collect::<HashMap<_, _>>();
    progress(begun, view, &grace, policy, at)
}

fn evicts(progress: &Progress) -> Vec<&str> {
    match progress {
        Progress::GoesOn { evict, .. } => evict.iter().map(|it| it.pod.name.as_str()).collect(),
        Progress::Over(ended) => panic!("it is over: {ended}"),
    }
}

fn change<'v>(view: &'v mut View, name: &str) -> &'v mut Pod {
    view.pods.iter_mut().find(|pod| pod.pod.name == name).expect("the Pod")
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[test]
fn who_ends_already_or_is_gone_is_not_evicted_again() {
    let (mut view, begun) = begun();
    let policy = policy([]);
    assert_eq!(evicts(&becomes(&view, &begun, &policy, now())), ["a", "b"]);
    change(&mut view, "a").ending = true;
    assert_eq!(evicts(&becomes(&view, &begun, &policy, now())), ["b"]);
    view.pods.retain(|pod| pod.pod.name != "b");
    assert_eq!(evicts(&becomes(&view, &begun, &policy, now())), Vec::<&str>::new());
}

#[test]
fn a_namesake_of_who_has_ended_is_not_evicted() {
    let (mut view, begun) = begun();
    change(&mut view, "a").uid = "another".into();
    assert_eq!(evicts(&becomes(&view, &begun, &policy([]), now())), ["b"]);
}

#[test]
fn it_is_over_when_who_waited_has_a_node_or_waits_no_more() {
    let (view, begun) = begun();
    let end = |change_it: fn(&mut Pod)| {
        let mut view = view.clone();
        change_it(change(&mut view, "w"));
        becomes(&view, &begun, &policy([]), now())
    };
    assert_eq!(end(|pod| pod.node = Some("n1".into())), Progress::Over(Ended::Placed));
    assert_eq!(end(|pod| pod.ending = true), Progress::Over(Ended::GaveUp));
    assert_eq!(end(|pod| pod.gated = true), Progress::Over(Ended::GaveUp));
    assert_eq!(end(|pod| pod.uid = "another".into()), Progress::Over(Ended::GaveUp));
}

#[test]
fn nobody_is_evicted_whose_queue_or_whose_project_s_mode_has_changed() {
    let (view, begun) = begun();
    let end = |change_it: fn(&mut Pod)| {
        let mut view = view.clone();
        change_it(change(&mut view, "b"));
        becomes(&view, &begun, &policy([]), now())
    };
    assert_eq!(end(|pod| pod.queue = "research".into()), Progress::Over(Ended::Changed));
    assert_eq!(end(|pod| pod.queue = "gone".into()), Progress::Over(Ended::Changed));
    assert_eq!(end(|pod| pod.project = None), Progress::Over(Ended::Changed));
    assert_eq!(
        end(|pod| pod.project = Some(crate::policy::ids::ProjectId::new("id-lax"))),
        Progress::Over(Ended::Changed)
    );
    assert_eq!(
        end(|pod| pod.pod.name = "renamed".into()),
        becomes(&view, &begun, &policy([]), now()),
        "its UID counts"
    );
}

#[test]
fn a_budget_is_heeded_for_its_grace_and_no_longer() {
    let (view, begun) = begun();
    let policy = policy([]);
    let forced = |at| match becomes(&view, &begun, &policy, at) {
        Progress::GoesOn { evict, .. } => evict.iter().map(|it| it.is_forced).collect::<Vec<_>>(),
        Progress::Over(ended) => panic!("it is over: {ended}"),
    };
    assert_eq!(forced(after(599)), [false, false]);
    assert_eq!(forced(after(600)), [true, true]);
}

#[test]
fn it_is_over_when_nobody_came_though_all_have_ended() {
    let (mut view, begun) = begun();
    let policy = policy([]);
    change(&mut view, "a").ending = true;
    change(&mut view, "b").ending = true;
    let last = 600 + 30 + LASTS.as_secs();
    assert!(
        matches!(becomes(&view, &begun, &policy, after(last - 1)), Progress::GoesOn { until, .. } if until == after(last))
    );
    assert_eq!(becomes(&view, &begun, &policy, after(last)), Progress::Over(Ended::TimedOut));
}

/// Who is gone takes the time that it was given along: what was held for so long was let go the moment that it was free.
#[test]
fn who_waits_has_its_time_from_when_the_last_is_gone_however_long_that_took() {
    let (mut view, mut begun) = begun();
    let policy = policy([]);
    begun.preemption.victims.iter_mut().for_each(|victim| victim.grace_seconds = 3600);
    assert!(!begun.is_vacated(&view));
    view.pods.retain(|pod| pod.pod.name == "w");
    assert!(begun.is_vacated(&view));
    let gone = 3000;
    begun.vacated_at = Some(after(gone));
    let lasts = LASTS.as_secs();
    let until = |at| match becomes(&view, &begun, &policy, after(at)) {
        Progress::GoesOn { until, .. } => until,
        Progress::Over(ended) => panic!("it is over: {ended}"),
    };
    assert_eq!(until(gone), after(gone + lasts));
    assert_eq!(until(gone + lasts - 1), after(gone + lasts));
    assert_eq!(becomes(&view, &begun, &policy, after(gone + lasts)), Progress::Over(Ended::TimedOut));
    // A daemon that begins anew again and again does not hold for ever.
    begun.vacated_at = Some(after(9000));
    assert_eq!(becomes(&view, &begun, &policy, after(600 + 3600 + lasts)), Progress::Over(Ended::TimedOut));
}

#[test]
fn it_was_in_vain_where_somebody_ended_and_who_waited_went_away() {
    let (mut view, begun) = begun();
    change(&mut view, "w").ending = true;
    change(&mut view, "a").ending = true;
    assert_eq!(becomes(&view, &begun, &policy([]), now()), Progress::Over(Ended::InVain));
    view.pods.retain(|pod| pod.pod.name == "b");
    assert_eq!(becomes(&view, &begun, &policy([]), now()), Progress::Over(Ended::InVain));
}

#[test]
fn who_was_asked_to_go_before_has_no_new_time() {
    let (view, mut begun) = begun();
    begun.preemption.victims[0].asked_since = Some(after(-599));
    let forced = |at| match becomes(&view, &begun, &policy([]), after(at)) {
        Progress::GoesOn { evict, .. } => evict.iter().map(|it| it.is_forced).collect::<Vec<_>>(),
        Progress::Over(ended) => panic!("it is over: {ended}"),
    };
    assert_eq!((forced(0), forced(1)), (vec![false, false], vec![true, false]));
}

#[test]
fn an_eviction_says_for_which_queue_it_is_and_for_nobody_s_pod() {
    let (view, begun) = begun();
    let Progress::GoesOn { evict, .. } = becomes(&view, &begun, &policy([]), now()) else { panic!("it goes on") };
    let said: Vec<_> = evict.iter().map(Eviction::to_string).collect();
    assert_eq!(said[0], "Preempted: ends to make room for a pod of queue research");
    let under_way = begun.under_way();
    assert_eq!((under_way.victims, under_way.placements.len()), (vec!["uid-a".to_owned(), "uid-b".to_owned()], 1));
}
