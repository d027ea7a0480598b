//! The audit stops what no plan may contain.

use super::world::*;
use crate::daemons::preemption::audit::{Violation, audit};
use crate::daemons::preemption::view::devices::Constraint;
use crate::daemons::preemption::view::{Budget, Gang, View};
use crate::daemons::preemption::{MOST_PREEMPTIONS, Plan, Preemption, plan};
use crate::policy::Policy;

/// Two devices that two Pods of `batch` have, and a Pod of `research` that asks one.
fn two() -> View {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.runs("b", "batch", "n1", &[1], 10);
    view.waits("w", "research", 1);
    view
}

/// What the audit says of a plan for one view on another, and with a change.
fn found(made_on: &View, view: &View, policy: &Policy, change: impl FnOnce(&mut Preemption)) -> Violation {
    let mut plan = plan(made_on, &self::policy([]), now());
    change(&mut plan.preemptions[0]);
    audit(view, policy, &plan).expect_err("a violation")
}

fn after(change: impl FnOnce(&mut View)) -> View {
    let mut view = two();
    change(&mut view);
    view
}

#[test]
fn who_may_not_end_does_not() {
    let made_on = two();
    let on = |view: &View| found(&made_on, view, &policy([]), |_| {});
    let b = made_on.pods[1].pod.clone();
    assert_eq!(on(&after(|view| view.pods[1].queue = "top".into())), Violation::NoRight(b.clone()));
    let above = |view: &View| found(&made_on, view, &policy([queue("top", 101)]), |_| {});
    assert_eq!(above(&after(|view| view.pods[1].queue = "top".into())), Violation::Higher(b.clone()));
    assert_eq!(on(&after(|view| view.pods[1].queue = "research".into())), Violation::NoRight(b.clone()));
    assert_eq!(on(&after(|view| view.pods[1].project = None)), Violation::Exempt(b.clone()));
    assert_eq!(on(&after(|view| view.pods[1].ending = true)), Violation::Twice(b.clone()));
    assert_eq!(on(&after(|view| view.pods[1].uid = "new".into())), Violation::Unseen(b.clone()));
    let w = made_on.pods[2].pod.clone();
    assert_eq!(on(&after(|view| view.pods[2].gated = true)), Violation::NotWaiting(w.clone()));
    assert_eq!(on(&after(|view| view.pods[2].kept_off = Some("no volume".into()))), Violation::NotWaiting(w));
    let floor = found(&made_on, &made_on, &policy([deserves(2000, queue("batch", 10))]), |_| {});
    assert_eq!(floor, Violation::Floor("batch".into()));
    let budget =
        Budget { namespace: "nlp".into(), name: "b".into(), pods: [made_on.pods[1].uid.clone()].into(), allowed: 0 };
    assert_eq!(on(&after(|view| view.budgets.push(budget))), Violation::Budget(b));
}

#[test]
fn nobody_ends_who_need_not_and_what_is_freed_is_enough() {
    let made_on = two();
    let mut needs_both = made_on.clone();
    needs_both.claim("claim-w").requests[0].alternatives[0].count = Some(2);
    let (a, b, w) = (made_on.pods[0].pod.clone(), made_on.pods[1].pod.clone(), made_on.pods[2].pod.clone());
    let one_of_both = found(&needs_both, &needs_both, &policy([]), |it| it.victims.truncate(1));
    assert_eq!(one_of_both, Violation::TooLittle { pod: w.clone(), lacks: "a device" });
    let both_of_one = plan(&needs_both, &policy([]), now()).preemptions[0].victims.clone();
    let too_much = found(&made_on, &made_on, &policy([]), |it| it.victims = both_of_one);
    assert!([a, b].map(Violation::TooMuch).contains(&too_much), "{too_much:?}");
    let another = found(&made_on, &made_on, &policy([]), |it| it.placements[0].devices.clear());
    assert_eq!(another, Violation::TooLittle { pod: w.clone(), lacks: "what a claim asks" });
    let kind = after(|view| view.devices[1].kind = 1);
    let unlike = Violation::TooLittle { pod: w.clone(), lacks: "what a claim asks" };
    assert_eq!(found(&made_on, &kind, &policy([]), |_| {}), unlike);
    let of = |attribute: &str| Constraint { requests: Vec::new(), attribute: attribute.into(), distinct: false };
    let constrained = after(|view| view.claim("claim-w").constraints.push(of("numa")));
    assert_eq!(found(&made_on, &constrained, &policy([]), |_| {}), unlike, "the device has no such attribute");
    let small = after(|view| view.nodes[0].allocatable.milli_cpu = 1500);
    assert_eq!(found(&made_on, &small, &policy([]), |_| {}), Violation::TooLittle { pod: w, lacks: "CPU" });
}

#[test]
fn what_is_held_is_what_is_freed() {
    let made_on = two();
    let more = found(&made_on, &made_on, &policy([]), |it| it.hold.push(id("n1", 0)));
    assert_eq!(more, Violation::Hold(id("n1", 0)));
    let less = found(&made_on, &made_on, &policy([]), |it| it.hold.clear());
    assert_eq!(less, Violation::Hold(id("n1", 1)));
}

#[test]
fn a_turn_is_bounded_and_counts_what_was_counted_on() {
    let one = plan(&two(), &policy([]), now()).preemptions.remove(0);
    let many = Plan { preemptions: vec![one; MOST_PREEMPTIONS + 1], ..Plan::default() };
    assert_eq!(audit(&two(), &policy([]), &many), Err(Violation::TooMany(MOST_PREEMPTIONS + 1)));
    // The first Pod counts on what is about to be free, so that the second needs somebody's end.
    let mut view = after(|view| view.pods[0].ending = true);
    view.waits("x", "research", 1);
    let mut plan = view.planned(&policy([]));
    assert_eq!(said(&plan), "b for x on n1");
    plan.waiting.clear();
    let b = view.pods[1].pod.clone();
    assert_eq!(audit(&view, &policy([]), &plan), Err(Violation::TooMuch(b)));
}

#[test]
fn for_a_gang_nobody_ends_without_whom_all_have_room() {
    let mut view = cluster(&[("n1", 2), ("n2", 1)]);
    view.runs("a", "batch", "n1", &[0, 1], 20);
    view.runs("b", "batch", "n2", &[0], 10);
    for name in ["g1", "g2"] {
        view.waits(name, "research", 1).gang = Some(Gang { workload: "job/train".into(), size: 2 });
    }
    let mut plan = view.planned(&policy([]));
    assert_eq!(said(&plan), "a for g1 on n1, g2 on n1");
    let b = view.pods[1].clone();
    let mut more = plan.preemptions[0].victims[0].clone();
    (more.uid, more.pod) = (b.uid, b.pod.clone());
    plan.preemptions[0].victims.push(more);
    assert_eq!(audit(&view, &policy([]), &plan), Err(Violation::TooMuch(b.pod)));
}
