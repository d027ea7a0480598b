//! Small clusters, and what becomes of the Pods there.

mod rights;
mod room;

use super::world::*;
use crate::daemons::preemption::MOST_PREEMPTIONS;
use crate::daemons::preemption::view::{Gang, Pod, View};
use crate::policy::Policy;
use jiff::SignedDuration;

/// Who ends for whom, and what those read for whom nobody does.
fn outcome(view: &View, policy: &Policy) -> String {
    let plan = view.planned(policy);
    [said(&plan), waiting(&plan)].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A node whose eight devices alice and bob fill from `batch`.
fn filled() -> View {
    let mut view = cluster(&[("n1", 8)]);
    for index in 0..8 {
        let whose = if index < 4 { "alice" } else { "bob" };
        let pod =
            view.runs(&format!("{whose}-{index}"), "batch", "n1", &[index], 100 - i64::try_from(index).expect("small"));
        (pod.milli_cpu, pod.user) = (500, Some(crate::policy::ids::UserId::new(whose)));
    }
    view
}

#[test]
fn who_started_last_ends_and_the_device_is_held() {
    let mut view = filled();
    view.waits("carol", "research", 1);
    let plan = view.planned(&policy([]));
    assert_eq!(said(&plan), "bob-7 for carol on n1");
    let [preemption] = &plan.preemptions[..] else { panic!("{plan:?}") };
    assert_eq!(preemption.hold, [id("n1", 7)]);
    assert_eq!(
        preemption.victims[0].because.to_string(),
        "queue batch (priority 10) is preemptible and gives way to queue research (priority 100)"
    );
    let spared: Vec<_> = preemption.spared.iter().map(|it| format!("{}: {}", it.pod.name, it.because)).collect();
    assert_eq!((spared.len(), spared[0].as_str()), (7, "alice-0: the others suffice, and cost less"));
    assert_eq!((plan.waiting, plan.again_at), (Vec::new(), None));
}

#[test]
fn the_fewest_end_then_those_that_drain_first_then_the_lowest_then_the_latest() {
    let mut view = cluster(&[("n1", 4), ("n2", 4)]);
    view.runs("old", "batch", "n1", &[0, 1], 90);
    view.runs("new", "batch", "n1", &[2, 3], 80);
    view.runs("lower", "lower", "n2", &[0], 90);
    view.runs("drains", "drains", "n2", &[1], 95);
    view.runs("other", "batch", "n2", &[2, 3], 99);
    let policy = policy([queue("lower", 5), deserves(0, queue("drains", 20))]);
    let ends = |devices| {
        let mut view = view.clone();
        view.waits("w", "research", devices);
        said(&view.planned(&policy))
    };
    assert_eq!(ends(1), "drains for w on n2");
    assert_eq!(ends(2), "new for w on n1", "one Pod is less than two that are lower");
    assert_eq!(ends(3), "drains, other for w on n2");
    view.pods.retain(|pod| pod.pod.name != "drains");
    view.claims.retain(|claim| claim.uid != "claim-drains");
    view.runs("drained", "batch", "n2", &[1], 1);
    assert_eq!(ends_of(&view, &policy), "lower for w on n2", "the lowest before the latest");
}

#[test]
fn a_lower_pod_that_stays_because_fewer_suffice_without_it_is_told_which_rule_decided() {
    let mut view = cluster(&[("n1", 4)]);
    view.runs("large", "batch", "n1", &[0, 1], 90);
    view.runs("small-1", "lower", "n1", &[2], 90);
    view.runs("small-2", "lower", "n1", &[3], 90);
    view.waits("w", "research", 2);
    let plan = view.planned(&policy([queue("lower", 5)]));
    assert_eq!(said(&plan), "large for w on n1");
    let spared: Vec<_> =
        plan.preemptions[0].spared.iter().map(|it| format!("{}: {}", it.pod.name, it.because)).collect();
    let why = "queue lower gives way first, but 1 pod is enough without it: the fewest pods that suffice are evicted, and the lowest \
               queues only of equally few";
    assert_eq!(spared, [format!("small-1: {why}"), format!("small-2: {why}")]);
}

fn ends_of(view: &View, policy: &Policy) -> String {
    let mut view = view.clone();
    view.waits("w", "research", 1);
    said(&view.planned(policy))
}

#[test]
fn nobody_ends_where_room_is_free_or_about_to_be() {
    let mut view = filled();
    view.devices.push(device("n1", 8, 0));
    view.waits("carol", "research", 1);
    assert_eq!(outcome(&view, &policy([])), "carol: it fits on node n1; nobody has to end for it");
    view.devices.pop();
    view.pods[2].ending = true;
    assert_eq!(outcome(&view, &policy([])), "carol: it fits on node n1 when nlp/alice-2 has ended");
    view.waits("dave", "research", 1);
    let both = "bob-7 for dave on n1\ncarol: it fits on node n1 when nlp/alice-2 has ended";
    assert_eq!(outcome(&view, &policy([])), both, "what is about to be free is counted on once");
    // The Pod object is gone, and its claim not given back yet.
    view.pods.retain(|pod| pod.pod.name != "alice-2" && pod.pod.name != "dave");
    let waits = "carol: it fits on node n1 when a claim is given back whose pods have ended";
    assert_eq!(outcome(&view, &policy([])), waits);
}

#[test]
fn what_is_begun_goes_on_and_nobody_ends_twice() {
    let mut view = filled();
    view.waits("carol", "research", 1);
    let plan = view.planned(&policy([]));
    let meanwhile = super::rehearsal::begun(&view, &plan);
    assert_eq!(outcome(&meanwhile, &policy([])), "carol: room is being made for it on node n1");
    let mut more = meanwhile.clone();
    more.waits("dave", "research", 1);
    let next = "bob-6 for dave on n1\ncarol: room is being made for it on node n1";
    assert_eq!(outcome(&more, &policy([])), next);
}

#[test]
fn a_turn_does_so_much_and_the_next_the_rest() {
    let count = MOST_PREEMPTIONS + 1;
    let mut view = cluster(&[("n1", count)]);
    view.nodes[0].allocatable =
        crate::daemons::preemption::view::Amounts { milli_cpu: 1 << 30, memory: 1 << 50, pods: 200 };
    for index in 0..count {
        view.runs(&format!("r{index}"), "batch", "n1", &[index], 9);
        view.waits(&format!("w{index:02}"), "research", 1);
    }
    let plan = view.planned(&policy([]));
    assert_eq!((plan.preemptions.len(), plan.cut_short, plan.again_at), (MOST_PREEMPTIONS, true, Some(now())));
    assert_eq!(waiting(&plan), "w20: others come first in this turn; it is looked at in the next");
}

fn gang(view: &mut View, names: &[&str], size: u32) {
    for name in names {
        view.waits(name, "research", 1).gang = Some(Gang { workload: "job/train".into(), size });
    }
}

#[test]
fn those_who_need_each_other_get_room_together_or_not_at_all() {
    let mut view = cluster(&[("n1", 2), ("n2", 2)]);
    view.runs("small-1", "batch", "n1", &[0], 10);
    view.runs("small-2", "batch", "n1", &[1], 11);
    view.runs("large", "batch", "n2", &[0, 1], 90);
    let together = |names: &[&str], size| {
        let mut view = view.clone();
        gang(&mut view, names, size);
        outcome(&view, &policy([]))
    };
    assert_eq!(together(&["g1", "g2"], 2), "large for g1 on n2, g2 on n2", "one Pod makes room for both");
    assert_eq!(together(&["g1", "g2", "g3"], 3), "large, small-1 for g1 on n1, g2 on n2, g3 on n2");
    let none = "no pods that may be evicted would make room for all 5 that need each other";
    let five = together(&["g1", "g2", "g3", "g4", "g5"], 5);
    assert_eq!(five.lines().collect::<Vec<_>>(), ["g1", "g2", "g3", "g4", "g5"].map(|name| format!("{name}: {none}")));
    let two = "job/train needs 3 pods together, and 2 of them run or wait for room";
    assert_eq!(together(&["g1", "g2"], 3), format!("g1: {two}\ng2: {two}"));
}

#[test]
fn one_of_a_gang_that_runs_counts() {
    let mut view = filled();
    let one: &mut Pod = view.pods.first_mut().expect("one");
    (one.queue, one.gang) = ("research".into(), Some(Gang { workload: "job/train".into(), size: 2 }));
    gang(&mut view, &["g1"], 2);
    assert_eq!(outcome(&view, &policy([])), "bob-7 for g1 on n1");
}

#[test]
fn others_are_sought_before_those_whom_a_budget_protects() {
    let mut view = filled();
    let budget = |pods: &[usize], name: &str| crate::daemons::preemption::view::Budget {
        namespace: "nlp".into(),
        name: name.into(),
        pods: pods.iter().map(|index| view.pods[*index].uid.clone()).collect(),
        allowed: 0,
    };
    let (last, all) = (budget(&[7], "last"), budget(&[0, 1, 2, 3, 4, 5, 6, 7], "all"));
    view.waits("carol", "research", 1);
    view.budgets = vec![last];
    let plan = view.planned(&policy([]));
    assert_eq!((said(&plan).as_str(), plan.again_at), ("bob-6 for carol on n1", None));
    let spared = &plan.preemptions[0].spared;
    assert_eq!(
        spared.last().map(|it| it.because.to_string()).as_deref(),
        Some("the PodDisruptionBudget last protects it")
    );
    view.budgets = vec![all];
    let plan = view.planned(&policy([]));
    assert_eq!(said(&plan), "bob-7 for carol on n1");
    assert_eq!(plan.preemptions[0].victims[0].budget.as_deref(), Some("all"), "the plan says who is protected");
    assert_eq!(plan.again_at, Some(now() + SignedDuration::from_secs(5)));
}

/// Everybody may write a budget that allows nothing, over their own Pods.
#[test]
fn a_budget_makes_no_more_pods_end_and_none_of_higher_queues() {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 5);
    view.runs("b", "peer", "n1", &[1], 1);
    let shield = |uid: &str| crate::daemons::preemption::view::Budget {
        namespace: "nlp".into(),
        name: "shield".into(),
        pods: [uid.to_owned()].into(),
        allowed: 0,
    };
    view.budgets = vec![shield(&view.pods[0].uid)];
    view.waits("w", "research", 1);
    let higher = || policy([queue("peer", 11)]);
    let plan = view.planned(&higher());
    assert_eq!(said(&plan), "a for w on n1", "a queue of higher priority goes on");
    assert_eq!(
        plan.preemptions[0].victims[0].budget.as_deref(),
        Some("shield"),
        "and the budget is heeded for its grace"
    );
    view.shares("c", "b");
    let equal = || policy([queue("peer", 10)]);
    assert_eq!(outcome(&view, &equal()), "a for w on n1", "one ends, and not two");
    view.pods.pop();
    view.claim("claim-b").reserved_for.pop();
    let plan = view.planned(&equal());
    assert_eq!(said(&plan), "b for w on n1", "among equals it decides");
    assert_eq!(plan.preemptions[0].spared[0].because.to_string(), "the PodDisruptionBudget shield protects it");
}

#[test]
fn who_shares_a_claim_with_one_of_a_gang_is_not_evicted_for_another_of_it() {
    let mut view = cluster(&[("n1", 2)]);
    view.nodes[0].allocatable.milli_cpu = 3000;
    view.runs("a", "batch", "n1", &[0], 5);
    view.runs("b", "batch", "n1", &[1], 20);
    view.runs("c", "batch", "n1", &[], 30);
    let shared = view.pods[0].claims.clone();
    gang(&mut view, &["g1"], 2);
    let other = view.waits("g2", "research", 0);
    (other.claims, other.gang) = (shared, Some(Gang { workload: "job/train".into(), size: 2 }));
    assert_eq!(outcome(&view, &policy([])), "b, c for g1 on n1, g2 on n1");
}
