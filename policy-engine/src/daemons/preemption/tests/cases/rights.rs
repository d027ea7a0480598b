//! Who may be evicted for whom.

use super::super::world::*;
use super::{filled, outcome};
use crate::daemons::preemption::view::View;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::plan::Plan;
use crate::policy::queue::Queue;
use crate::policy::rule_id::RuleId;
use crate::policy::window::{Schedule, Window};
use crate::policy::{Policy, Records};

const KEPT: &str =
    "no pod that may be evicted would make room for it: 1 node held by pods that may not be evicted for it";

/// Two devices that `mine` has, and a Pod in `theirs` that asks one.
fn one_of_two(mine: &str, theirs: &str) -> View {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", mine, "n1", &[0], 20);
    view.runs("b", mine, "n1", &[1], 10);
    view.waits("w", theirs, 1);
    view
}

/// What is said of who is spared for the first Pod that waits.
fn spared(view: &View, queues: Vec<Queue>) -> String {
    let plan = view.planned(&policy(queues));
    let first = plan.waiting.first().expect("one waits");
    assert_eq!(first.why.to_string(), KEPT);
    first.spared.iter().map(|it| format!("{}: {}", it.pod.name, it.because)).collect::<Vec<_>>().join("\n")
}

/// It was admitted before the plan changed, or waited behind a gate of its own.
#[test]
fn a_queue_that_the_plan_does_not_give_any_more_gives_no_rights() {
    let mut view = cluster(&[("n1", 1)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.waits("w", "research", 1);
    let outcome = |change: &dyn Fn(&mut Records)| {
        let mut records = policy([]).records().clone();
        change(&mut records);
        outcome(&view, &Policy::from(records))
    };
    let plan = |records: &mut Records, change: fn(&mut Plan)| records.plans.values_mut().for_each(change);
    assert_eq!(outcome(&|_| {}), "a for w on n1");
    assert_eq!(
        outcome(&|records| plan(records, |plan| plan.queues.retain(|queue| queue.as_str() != "research"))),
        "w: queue research is no longer given by plan gold; move it to another with switch-queue"
    );
    assert_eq!(
        outcome(&|records| plan(records, |plan| plan.validity.until = Some(now()))),
        "w: its project has no plan in force that gives queue research; move it to default with switch-queue"
    );
    // It is noon.
    let evening = |records: &mut Records| {
        plan(records, |plan| {
            let (from, until) = (minutes_ago(-480), minutes_ago(-600));
            plan.schedule = Some(Schedule { time_zone: "UTC".into(), windows: vec![Window::Once { from, until }] });
        });
    };
    assert_eq!(
        outcome(&evening),
        "w: queue research is closed until Mon 2026-11-23 20:00 UTC, by the windows of plan gold"
    );
    let warns = |records: &mut Records| {
        evening(records);
        records.platform.rule_modes.insert(RuleId::PlanWindow, RuleMode::Warn);
    };
    assert_eq!(outcome(&warns), "a for w on n1");
}

#[test]
fn a_queue_gives_way_only_to_a_higher_one_and_only_if_it_is_preemptible() {
    let not = "queue research does not give way to queue batch";
    assert_eq!(spared(&one_of_two("research", "batch"), vec![]), format!("a: {not}\nb: {not}"));
    let not = "queue peer does not give way to queue batch";
    assert_eq!(spared(&one_of_two("peer", "batch"), vec![queue("peer", 10)]), format!("a: {not}\nb: {not}"));
    let firm = Queue { preemptible: false, ..queue("firm", 1) };
    let not = "queue firm is not preemptible";
    assert_eq!(spared(&one_of_two("firm", "research"), vec![firm]), format!("a: {not}\nb: {not}"));
}

/// It waited in a queue that takes from others and gives way, and moved to one that does neither.
#[test]
fn who_took_from_others_gives_way_in_whatever_queue_it_is_then() {
    let firm = || [Queue { preemptible: false, ..queue("firm", 1) }];
    let mut view = one_of_two("firm", "research");
    view.pods[0].room_made_in = Some("batch".into());
    let plan = view.planned(&policy(firm()));
    assert_eq!(said(&plan), "a for w on n1");
    assert_eq!(
        plan.preemptions[0].victims[0].because.to_string(),
        "others were evicted for it in a preemptible queue, so that in queue firm (priority 1) it still gives way to queue research (priority \
         100)"
    );
    assert_eq!(
        outcome(&one_of_two("firm", "research"), &policy(firm())),
        format!("w: {KEPT}"),
        "who took nothing keeps it"
    );
    view.pods[0].room_made_in = Some("gone".into());
    assert_eq!(outcome(&view, &policy(firm())), "a for w on n1", "a queue without a record may have been preemptible");
    view.pods[0].room_made_in = Some("firm".into());
    assert_eq!(outcome(&view, &policy(firm())), format!("w: {KEPT}"), "what such a queue takes is its own");
    let higher = [Queue { preemptible: false, ..queue("firm", 100) }];
    view.pods[0].room_made_in = Some("batch".into());
    assert_eq!(outcome(&view, &policy(higher)), format!("w: {KEPT}"), "it gives way to higher queues alone");
}

#[test]
fn no_queue_is_left_with_less_than_it_deserves() {
    let view = one_of_two("batch", "research");
    assert_eq!(outcome(&view, &policy([deserves(1000, queue("batch", 10))])), "b for w on n1");
    let not = "queue batch uses 2 GPU and would have less than the 1.5 that it deserves";
    assert_eq!(spared(&view, vec![deserves(1500, queue("batch", 10))]), format!("a: {not}\nb: {not}"));
    let mut both = view;
    both.waits("x", "research", 1);
    let one = both.planned(&policy([deserves(1000, queue("batch", 10))]));
    assert_eq!((said(&one).as_str(), one.waiting[0].why.to_string().as_str()), ("b for w on n1", KEPT));
}

#[test]
fn a_queue_below_what_it_deserves_takes_from_one_above() {
    let peers = |mine, theirs| [deserves(mine, queue("peer", 10)), deserves(theirs, queue("batch", 10))];
    let mut view = one_of_two("batch", "peer");
    let plan = view.planned(&policy(peers(1000, 1000)));
    assert_eq!(said(&plan), "b for w on n1");
    let because = plan.preemptions[0].victims[0].because.to_string();
    assert_eq!(because, "queue batch uses 2 GPU and deserves 1; queue peer has less than it deserves");
    for (mine, theirs) in [(0, 1000), (1000, 2000)] {
        assert_eq!(outcome(&view, &policy(peers(mine, theirs))), format!("w: {KEPT}"), "{mine} {theirs}");
    }
    let higher = [deserves(1000, queue("peer", 10)), deserves(1000, queue("batch", 11))];
    assert_eq!(outcome(&view, &policy(higher)), format!("w: {KEPT}"), "never from a higher queue");
    let firm = [deserves(1000, queue("peer", 10)), Queue { preemptible: false, ..deserves(1000, queue("batch", 10)) }];
    assert_eq!(outcome(&view, &policy(firm)), "b for w on n1", "what is above belongs to nobody");
    view.nodes[0].allocatable.milli_cpu = 2000;
    view.pods.pop();
    view.waits("cpu", "peer", 0);
    let cpu = outcome(&view, &policy(peers(1000, 1000)));
    assert_eq!(cpu, format!("cpu: {KEPT}"), "who asks no GPU gets no nearer to what the queue deserves");
}

#[test]
fn the_record_of_a_queue_counts_and_not_the_priority_that_a_pod_has() {
    let mut view = filled();
    view.pods[7].priority = 1_000_000;
    view.waits("carol", "research", 1).priority = 1;
    assert_eq!(outcome(&view, &policy([])), "bob-7 for carol on n1");
    view.pods[7].priority = 2_000_001_000;
    assert_eq!(outcome(&view, &policy([])), "bob-6 for carol on n1", "that is critical to the cluster");
}

#[test]
fn nobody_ends_in_an_exempt_namespace_or_in_one_that_is_no_projects() {
    let mut view = one_of_two("batch", "research");
    view.pods[0].pod.namespace = "monitoring".into();
    view.pods[1].project = None;
    let not = "its namespace is no project's";
    assert_eq!(spared(&view, vec![]), format!("a: {not}\nb: {not}"));
    view.pods[0].pod.namespace = "nlp".into();
    assert_eq!(outcome(&view, &policy([])), "a for w on n1");
    view.pods[2].pod.namespace = "kube-system".into();
    assert_eq!(outcome(&view, &policy([])), "", "nor for one there");
}

#[test]
fn where_the_rule_queue_only_warns_nobody_ends_and_nobody_ends_for_those_there() {
    let mut view = one_of_two("batch", "research");
    for pod in &mut view.pods[..2] {
        (pod.pod.namespace, pod.project) = ("lax".into(), Some(ProjectId::new("id-lax")));
    }
    let would =
        "w: it would fit on node n1 without lax/b; nobody is evicted in lax, where the rule queue is not enforced";
    assert_eq!(outcome(&view, &policy([])), would);
    for pod in &mut view.pods {
        let lax = pod.node.is_none();
        let (namespace, project) = if lax { ("lax", "id-lax") } else { ("nlp", "id-nlp") };
        (pod.pod.namespace, pod.project) = (namespace.into(), Some(ProjectId::new(project)));
    }
    let not = "w: the rule queue is not enforced in project lax, so nobody ends for its pods";
    assert_eq!(outcome(&view, &policy([])), not, "a label that nobody checked gives no right");
}

#[test]
fn a_shared_claim_frees_its_devices_when_all_its_pods_go() {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 90);
    view.shares("b", "a");
    view.runs("c", "batch", "n1", &[1], 99);
    view.waits("w", "research", 1);
    assert_eq!(outcome(&view, &policy([])), "c for w on n1", "one is less than two, though it has run longer");
    view.pods[2].queue = "research".into();
    assert_eq!(outcome(&view, &policy([])), "a, b for w on n1");
    view.pods[1].queue = "research".into();
    assert_eq!(outcome(&view, &policy([])), format!("w: {KEPT}"), "one of them stays");
    view.pods[1].queue = "batch".into();
    view.claim("claim-a").kept = true;
    assert_eq!(outcome(&view, &policy([])), format!("w: {KEPT}"), "something besides Pods uses it");
}

#[test]
fn who_shares_a_claim_is_not_evicted_for_the_other() {
    let mut view = cluster(&[("n1", 1)]);
    view.nodes[0].allocatable.milli_cpu = 1000;
    view.runs("a", "batch", "n1", &[0], 90);
    let mut other = pod("w", "research");
    other.claims = view.pods[0].claims.clone();
    view.pods.push(other);
    let plan = view.planned(&policy([]));
    assert_eq!(waiting(&plan), format!("w: {KEPT}"));
}
