//! A cluster as large as they come: 4,000 GPUs and 4,000 Pods. What it takes is measured by `benches/preempt.rs`.

use crate::daemons::preemption::view::{Gang, View};

use super::world::*;

/// So many full nodes of eight devices, with Pods of three queues.
fn full(nodes: usize) -> View {
    let names: Vec<_> = (0..nodes).map(|index| format!("n{index:04}")).collect();
    let mut view = cluster(&names.iter().map(|name| (name.as_str(), 8)).collect::<Vec<_>>());
    for (at, name) in names.iter().enumerate() {
        for index in 0..8 {
            let queue = ["batch", "low", "peer"][(at * 7 + index) % 3];
            let minutes = i64::try_from((at * 37 + index * 11) % 997).expect("small");
            view.runs(&format!("r{at:04}-{index}"), queue, name, &[index], minutes);
        }
    }
    view
}

/// So many preemptions with so many victims are planned, twice the same.
fn planned(what: &str, view: &View, preemptions: usize, victims: usize) {
    let policy = policy([deserves(0, queue("low", 0)), deserves(100_000, queue("peer", 20))]);
    let plan = view.planned(&policy);
    assert_eq!(super::super::plan(view, &policy, now()), plan, "{what}: equal views have equal plans");
    let ended: usize = plan.preemptions.iter().map(|it| it.victims.len()).sum();
    assert_eq!((plan.preemptions.len(), ended), (preemptions, victims), "{what}");
}

#[test]
fn a_large_cluster_is_planned_whole() {
    let large = full(500);
    let with = |change: &dyn Fn(&mut View)| {
        let mut view = large.clone();
        change(&mut view);
        view
    };
    for devices in [1, 2, 4, 8] {
        let one = with(&|view| _ = view.waits("w", "research", devices));
        planned(&format!("one Pod, {devices} devices"), &one, 1, devices as usize);
    }
    let many = with(&|view| (0..20).for_each(|index| _ = view.waits(&format!("w{index}"), "research", 1 + index % 4)));
    planned("20 Pods", &many, 20, 50);
    let gang = Gang { workload: "job/train".into(), size: 8 };
    let eight = with(&|view| {
        (0..8).for_each(|index| view.waits(&format!("w{index}"), "research", 8).gang = Some(gang.clone()));
    });
    planned("a gang of 8 Pods, 8 devices each", &eight, 1, 64);
    let backlog = with(&|view| (0..1000).for_each(|index| _ = view.waits(&format!("w{index}"), "low", 1)));
    planned("1000 Pods of the lowest queue", &backlog, 0, 0);
    let mixed = with(&|view| {
        view.nodes.iter_mut().for_each(|node| node.allocatable.pods = 50);
        let sizes = [300, 700, 1100, 400, 900, 250, 650, 1300];
        for (index, pod) in view.pods.iter_mut().enumerate() {
            (pod.milli_cpu, pod.memory) = (sizes[(index * 5 + index / 8) % 8], (1 + (index as u64 * 7) % 11) * GIB);
        }
        view.waits("w", "research", 0).milli_cpu = 7000;
    });
    planned("one Pod of 7 cores among Pods of many sizes", &mixed, 1, 5);
    let vain = with(&|view| (0..100).for_each(|index| _ = view.waits(&format!("w{index}"), "research", 9 + index)));
    planned("100 Pods that fit nowhere", &vain, 0, 0);
}
