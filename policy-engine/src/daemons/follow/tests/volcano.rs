//! Volcano Queues.

use super::*;
use crate::daemons::follow::testing::volcano_queue;
use crate::daemons::follow::view::Unreadable;
use crate::daemons::follow::volcano::{Found, GPU, VolcanoQueue};
use crate::policy::Records;
use crate::policy::queue::Queue;

fn policy(change: impl FnOnce(&mut Queue)) -> Policy {
    let mut batch = Queue {
        name: "batch".into(),
        id: "q-1".into(),
        priority: 100,
        preemptible: false,
        deserved_milli_gpu: Some(2500),
        ..Queue::fallback()
    };
    change(&mut batch);
    let mut records = queues([("batch", 100)]).records().clone();
    records.queues.insert("batch".into(), batch);
    Policy::from(records)
}

/// A server with the kind, and these of it.
fn with(found: impl IntoIterator<Item = (&'static str, Found)>) -> View {
    let found = found.into_iter().map(|(name, found)| (name.to_owned(), found)).collect();
    View { volcano_queues: Some(found), ..view() }
}

fn of_volcano(view: &View, policy: &Policy) -> Vec<String> {
    actions(view, policy).into_iter().filter(|action| action.contains("Volcano")).collect()
}

fn batch(view: &View) -> Found {
    view.volcano_queues.as_ref().expect("the kind")["batch"].clone()
}

#[test]
fn without_the_kind_there_is_nothing_to_do() {
    assert_eq!(of_volcano(&view(), &policy(|_| {})), Vec::<String>::new());
}

#[test]
fn every_queue_has_one_that_says_what_its_record_says() {
    let policy = policy(|_| {});
    assert_eq!(of_volcano(&with([]), &policy), ["make Volcano's queue batch", "make Volcano's queue default"]);
    let settled = settled(with([]), &policy);
    let wanted =
        VolcanoQueue { queue: "batch".into(), weight: 3, priority: 100, reclaimable: false, deserved: Some(2500) };
    assert_eq!(batch(&settled), volcano_queue(&wanted));
    assert_eq!(of_volcano(&settled, &policy), Vec::<String>::new());
}

#[test]
fn a_queue_that_deserves_no_number_weighs_as_little_as_one_that_deserves_nothing() {
    for deserved in [None, Some(0)] {
        let policy = policy(|queue| {
            queue.deserved_milli_gpu = deserved;
            queue.priority = -5;
        });
        let found = batch(&settled(with([]), &policy));
        let said: Vec<_> = found.deserved.into_iter().collect();
        assert_eq!((found.weight, found.priority), (Some(1), Some(0)), "the least that the kind takes");
        assert_eq!(said, deserved.map(|milli| (GPU.to_owned(), Some(milli))).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn what_drifts_is_put_right_and_what_has_no_record_goes() {
    let records = policy(|_| {});
    let settled = settled(with([]), &records);
    let drifts: [fn(&mut Found); 5] = [
        |found| found.weight = Some(9),
        |found| found.reclaimable = None,
        |found| found.has_capability = true,
        |found| found.deserved = [(GPU.to_owned(), None)].into(),
        |found| found.deserved.extend([("cpu".to_owned(), Some(1000))]),
    ];
    for (nth, drift) in drifts.into_iter().enumerate() {
        let mut edited = settled.clone();
        drift(edited.volcano_queues.as_mut().expect("the kind").get_mut("batch").expect("made"));
        assert_eq!(of_volcano(&edited, &records), ["put right Volcano's queue batch"], "{nth}");
    }
    let edited = policy(|queue| queue.preemptible = true);
    assert_eq!(of_volcano(&settled, &edited), ["put right Volcano's queue batch"]);
    let none = Policy::from(Records::default());
    assert_eq!(of_volcano(&settled, &none), ["delete Volcano's queue batch: its record is gone"]);
    let unreadable =
        View { unreadable: Unreadable { queues: ["batch".into()].into(), ..Unreadable::default() }, ..settled };
    assert_eq!(of_volcano(&unreadable, &none), Vec::<String>::new(), "a record that cannot be read is there");
}

#[test]
fn one_of_another_origin_is_left_alone_and_that_is_said() {
    let records = policy(|_| {});
    let foreign = Found { managed: false, weight: Some(1), ..batch(&settled(with([]), &records)) };
    let same = Found { managed: false, ..batch(&settled(with([]), &records)) };
    let view = with([("batch", foreign.clone()), ("theirs", foreign)]);
    assert_eq!(of_volcano(&view, &records), ["make Volcano's queue default"]);
    let says = "Volcano's queue batch is not sluice's, and says something else than PlatformQueue batch; it is left as it is; delete \
                it, or label it app.kubernetes.io/managed-by=sluice to hand it over";
    assert_eq!(sentences(&view, &records), [says]);
    assert!(sentences(&with([("batch", same)]), &records).is_empty(), "what says the same may be anybody's");
}

#[test]
fn the_audit_stops_what_is_not_ours() {
    let records = policy(|_| {});
    let foreign = Found { managed: false, ..batch(&settled(with([]), &records)) };
    let view = with([("batch", foreign.clone())]);
    let queue = VolcanoQueue { queue: "batch".into(), weight: 1, priority: 1, reclaimable: true, deserved: None };
    let forbidden = [
        Action::DeleteVolcanoQueue { name: "batch".into(), seen: foreign.seen.clone() },
        Action::AmendVolcanoQueue { queue, seen: foreign.seen, surplus: Default::default() },
    ];
    for action in forbidden {
        let plan = Plan { actions: vec![action.clone()], ..Plan::default() };
        assert_eq!(audit(&view, &records, &plan), Err(Violation::NotOurs(action.into())));
    }
}
