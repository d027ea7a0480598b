//! What a Pod needs of a node.

use super::super::world::*;
use super::outcome;
use crate::daemons::preemption::view::devices::*;
use crate::daemons::preemption::view::places::*;
use crate::daemons::preemption::view::{Amounts, View};

const ONE: &str = "no pod that may be evicted would make room for it: 1 node";

/// A node with one device that a Pod of `batch` has.
fn one() -> View {
    let mut view = cluster(&[("n1", 1)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view
}

/// What is changed, and what is said then.
type Lack = (&'static dyn Fn(&mut View), &'static str);

#[test]
fn what_a_node_lacks_is_said() {
    let said = |change: &dyn Fn(&mut View)| {
        let mut view = one();
        view.waits("w", "research", 1);
        change(&mut view);
        outcome(&view, &policy([]))
    };
    assert_eq!(said(&|_| {}), "a for w on n1");
    let lacks: [Lack; 11] = [
        (
            &|view| view.pods[1].node_selector = [("zone".into(), "x".into())].into(),
            "without the labels of its node selector",
        ),
        (&|view| view.pods[1].affinity = Some(Vec::new()), "that its affinity rules out"),
        (
            &|view| {
                let taint = Taint { key: "down".into(), value: String::new(), effect: Effect::NoExecute };
                view.nodes[0].taints.push(taint);
            },
            "with a taint that it does not tolerate",
        ),
        (&|view| view.pods[1].milli_cpu = 9000, "with too little CPU in all"),
        (&|view| view.pods[1].memory = 65 * GIB, "with too little memory in all"),
        (&|view| view.nodes[0].allocatable.pods = 0, "with room for fewer pods in all"),
        (
            &|view| _ = view.pods[1].others.insert("example.com/foo".into(), 1),
            "with too little of ephemeral storage, huge pages or an extended resource in all",
        ),
        (
            &|view| {
                view.nodes[0].others.insert("ephemeral-storage".into(), 100);
                view.pods[1].others.insert("ephemeral-storage".into(), 101);
            },
            "with too little of ephemeral storage, huge pages or an extended resource in all",
        ),
        (&|view| view.devices[0].kind = 1, "without the devices that its claims ask"),
        (&|view| view.devices[0].listed = false, "whose devices are not published at the moment"),
        (
            &|view| {
                let hold =
                    Taint { key: "platform-go/hold".into(), value: "another".into(), effect: Effect::NoSchedule };
                view.devices[0].taints.push(hold);
            },
            "without the devices that its claims ask",
        ),
    ];
    for (change, lack) in lacks {
        assert_eq!(said(change), format!("w: {ONE} {lack}"));
    }
}

/// A node with 100 of it, of which the one who may end has 60 and another 30.
#[test]
fn what_else_a_node_has_is_reckoned_with_beside_those_who_stay() {
    let outcome = |asked: u64| {
        let mut view = one();
        view.nodes[0].others.insert("ephemeral-storage".into(), 100);
        view.pods[0].others.insert("ephemeral-storage".into(), 60);
        view.runs("b", "research", "n1", &[], 20).others.insert("ephemeral-storage".into(), 30);
        view.waits("w", "research", 0).others.insert("ephemeral-storage".into(), asked);
        outcome(&view, &policy([]))
    };
    assert_eq!(outcome(10), "w: it fits on node n1; nobody has to end for it");
    assert_eq!(outcome(11), "a for w on n1");
    assert_eq!(outcome(70), "a for w on n1");
    assert_eq!(outcome(71), format!("w: {ONE} held by pods that may not be evicted for it"));
}

#[test]
fn nobody_ends_for_a_pod_that_would_not_run_for_all_that() {
    let mut view = one();
    view.waits("w", "research", 1).kept_off =
        Some("0/1 nodes are available: persistentvolumeclaim \"x\" not found.".into());
    assert_eq!(
        outcome(&view, &policy([])),
        "w: it would not run for all that; the scheduler says: 0/1 nodes are available: persistentvolumeclaim \"x\" not found."
    );
}

#[test]
fn a_claim_that_does_not_exist_yet_is_waited_for() {
    let mut view = one();
    view.waits("w", "research", 1).claims[0].uid = None;
    assert_eq!(outcome(&view, &policy([])), "w: its claim gpu does not exist yet; create it, or wait");
}

#[test]
fn a_claim_that_has_devices_ties_its_pods_to_their_node() {
    let mut view = cluster(&[("n1", 1), ("n2", 1)]);
    view.nodes.iter_mut().for_each(|node| node.allocatable.milli_cpu = 2000);
    view.runs("a", "research", "n1", &[0], 20);
    view.runs("b", "batch", "n1", &[], 20);
    view.runs("c", "batch", "n2", &[], 10);
    view.runs("d", "batch", "n2", &[], 10);
    let claims = view.pods[0].claims.clone();
    view.waits("w", "research", 0).claims = claims;
    assert_eq!(outcome(&view, &policy([])), "b for w on n1");
    view.pods[1].queue = "research".into();
    let not = "no pod that may be evicted would make room for it: 1 node out of reach of a claim's devices, \
               1 node held by pods that may not be evicted for it";
    assert_eq!(outcome(&view, &policy([])), format!("w: {not}"));
}

#[test]
fn cpu_and_memory_alone_are_reason_enough() {
    let mut view = cluster(&[("n1", 0)]);
    for index in 0..8 {
        view.runs(&format!("r{index}"), "batch", "n1", &[], 20 + index);
    }
    view.waits("w", "research", 0).milli_cpu = 2500;
    assert_eq!(outcome(&view, &policy([])), "r0, r1, r2 for w on n1");
    view.pods[5].milli_cpu = 3000;
    view.nodes[0].allocatable.milli_cpu = 10_000;
    assert_eq!(outcome(&view, &policy([])), "r5 for w on n1");
}

#[test]
fn constraints_say_which_devices_go_together() {
    let mut view = cluster(&[("n1", 4)]);
    for (device, numa) in view.devices.iter_mut().zip(["0", "1", "0", "1"]) {
        device.attributes.insert("numa".into(), numa.into());
    }
    for index in 0..4 {
        view.runs(&format!("r{index}"), "batch", "n1", &[index], 20 + i64::try_from(index).expect("small"));
    }
    view.waits("w", "research", 2);
    assert_eq!(outcome(&view, &policy([])), "r0, r1 for w on n1");
    let constraint = |distinct| Constraint { requests: vec!["gpu".into()], attribute: "numa".into(), distinct };
    view.claim("claim-w").constraints = vec![constraint(false)];
    assert_eq!(outcome(&view, &policy([])), "r0, r2 for w on n1");
    view.claim("claim-w").constraints = vec![constraint(true)];
    assert_eq!(outcome(&view, &policy([])), "r0, r1 for w on n1");
}

#[test]
fn the_first_alternative_that_can_be_had_is_enough() {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.runs("b", "research", "n1", &[1], 20);
    view.waits("w", "research", 1);
    let named = |name: &str, way| Alternative { name: Some(name.into()), ..way };
    view.claim("claim-w").requests[0].alternatives = vec![named("two", exactly(0, 2)), named("one", exactly(0, 1))];
    let plan = view.planned(&policy([]));
    assert_eq!(said(&plan), "a for w on n1");
    assert_eq!(plan.preemptions[0].placements[0].devices[0].request, "gpu/one");
}

#[test]
fn parts_of_a_device_are_freed_as_parts() {
    let mut view = cluster(&[("n1", 1)]);
    let memory = |total| Capacity { total, unasked: total, steps: Steps::Range { least: 10, most: total, step: 10 } };
    view.devices[0].divisible = true;
    view.devices[0].capacity = [("memory".into(), memory(80))].into();
    for (name, takes, minutes) in [("a", 50, 30), ("b", 20, 20)] {
        view.runs(name, "batch", "n1", &[0], minutes);
        let allocation = view.claim(&format!("claim-{name}")).allocation.as_mut().expect("it runs");
        allocation.devices[0].takes = Some([("memory".into(), takes)].into());
    }
    view.waits("w", "research", 1);
    for (asks, outcome_is) in [
        (5, "w: it fits on node n1; nobody has to end for it"),
        (25, "b for w on n1"),
        (31, "a for w on n1"),
        (61, "a, b for w on n1"),
    ] {
        view.claim("claim-w").requests[0].alternatives[0].capacity = [("memory".into(), asks)].into();
        assert_eq!(outcome(&view, &policy([])), outcome_is, "{asks}");
    }
}

#[test]
fn what_is_taken_is_rounded_up_within_the_bounds_of_the_driver() {
    let taken = |steps: &Steps, asked| Capacity { total: 80, unasked: 20, steps: steps.clone() }.taken(asked);
    let steps = Steps::Range { least: 10, most: 60, step: 8 };
    assert_eq!(
        [None, Some(1), Some(11), Some(51)].map(|asked| taken(&steps, asked)),
        [Some(26), Some(10), Some(18), Some(58)]
    );
    assert_eq!(taken(&steps, Some(59)), None, "more than the driver gives to one");
    let any = Steps::Range { least: 10, most: 60, step: 0 };
    assert_eq!([Some(1), Some(60), Some(61)].map(|asked| taken(&any, asked)), [Some(10), Some(60), None]);
    let values = Steps::Values(vec![20, 40, 100]);
    assert_eq!([None, Some(21), Some(41)].map(|asked| taken(&values, asked)), [Some(20), Some(40), None]);
    assert_eq!([Some(80), Some(81)].map(|asked| taken(&Steps::Any, asked)), [Some(80), None]);
}

#[test]
fn a_device_that_many_nodes_reach_is_freed_wherever_its_pod_runs() {
    let mut view = cluster(&[("n1", 1), ("n2", 0)]);
    view.devices[0].reach = Reach::Everywhere;
    view.runs("a", "batch", "n1", &[0], 20);
    view.waits("w", "research", 1).node_selector = [("zone".into(), "x".into())].into();
    view.nodes[1].labels.insert("zone".into(), "x".into());
    assert_eq!(outcome(&view, &policy([])), "a for w on n2");
}

#[test]
fn affinity_compares_labels_and_names() {
    let mut view = cluster(&[("n1", 1), ("n2", 1)]);
    view.nodes[1].labels.insert("cores".into(), "16".into());
    view.runs("a", "batch", "n1", &[0], 5);
    view.runs("b", "batch", "n2", &[0], 20);
    let goes = |labels: &[(&str, Is)], names: &[Is]| {
        let mut view = view.clone();
        let expression = |(key, is): (&str, Is)| Expression { key: key.into(), is };
        let term = Term {
            labels: labels.iter().cloned().map(expression).collect(),
            names: names.iter().cloned().map(|is| expression(("metadata.name", is))).collect(),
        };
        view.waits("w", "research", 1).affinity = Some(vec![term]);
        said(&view.planned(&policy([])))
    };
    for is in [Is::Above(8), Is::There, Is::Below(17), Is::In(vec!["16".into()]), Is::NotIn(vec![])] {
        let expected = if is == Is::NotIn(vec![]) { "a for w on n1" } else { "b for w on n2" };
        assert_eq!(goes(&[("cores", is.clone())], &[]), expected, "{is:?}");
    }
    assert_eq!(goes(&[("cores", Is::Absent)], &[]), "a for w on n1");
    assert_eq!(goes(&[], &[Is::In(vec!["n2".into()])]), "b for w on n2");
    assert_eq!(goes(&[], &[]), "", "a term that says nothing holds nowhere");
}

/// The more CPU one has, the less memory it has, so that none is as good as another.
#[test]
fn when_too_many_sets_would_have_to_be_tried_one_is_put_together() {
    let mut view = cluster(&[("n1", 0)]);
    view.nodes[0].allocatable = Amounts { milli_cpu: 60_000, memory: 60 << 30, pods: 61 };
    for index in 0..60 {
        let pod = view.runs(&format!("r{index:02}"), "batch", "n1", &[], 20);
        (pod.milli_cpu, pod.memory) = (705 + index * 10, GIB / 1000 * (1295 - index * 10));
    }
    let pod = view.waits("w", "research", 0);
    (pod.milli_cpu, pod.memory) = (30_000, 30 * GIB);
    // With the audit, which finds that nobody is too many.
    let plan = view.planned(&policy([]));
    let victims = plan.preemptions.first().map_or(0, |it| it.victims.len());
    assert!((28..=34).contains(&victims), "{victims} of 60 Pods end for half of the node");
}
