//! What one plan of preemptions costs, and how that grows with the cluster.

#[path = "../tests/engine/support/policies.rs"]
mod policies;

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::audit::audit;
use policy_engine::daemons::preemption::plan;
use policy_engine::daemons::preemption::view::devices::*;
use policy_engine::daemons::preemption::view::places::Reach;
use policy_engine::daemons::preemption::view::*;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;

/// What `sluice` allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The project of all Pods.
const PROJECT: &str = "llm-finetune";

fn device(node: &str, index: usize) -> Device {
    Device {
        id: DeviceId { driver: "gpu.nvidia.com".into(), pool: node.into(), device: format!("gpu-{index}") },
        reach: Reach::Node(node.into()),
        kind: 0,
        attributes: BTreeMap::new(),
        capacity: BTreeMap::new(),
        divisible: false,
        taints: Vec::new(),
        listed: true,
    }
}

/// Adds a Pod that asks so many devices.
fn pod(view: &mut View, name: &str, queue: &str, count: u32) {
    let of = |name: &str| PodName { namespace: PROJECT.into(), name: name.into() };
    let alternative = Alternative {
        name: None,
        selector: 0,
        count: Some(count),
        admin_access: false,
        capacity: BTreeMap::new(),
        tolerations: Vec::new(),
    };
    view.claims.push(Claim {
        uid: format!("claim-{name}"),
        name: of(name),
        milli_gpu: u64::from(count) * 1000,
        requests: vec![Request { name: "gpu".into(), alternatives: vec![alternative] }],
        constraints: Vec::new(),
        allocation: None,
        reserved_for: Vec::new(),
        kept: false,
    });
    view.pods.push(Pod {
        uid: name.into(),
        pod: of(name),
        user: None,
        project: Some(ProjectId::new(PROJECT)),
        queue: queue.into(),
        priority: 0,
        node: None,
        milli_cpu: 1000,
        memory: 1 << 30,
        claims: vec![PodClaim { name: "gpu".into(), uid: Some(format!("claim-{name}")) }],
        node_selector: BTreeMap::new(),
        affinity: None,
        tolerations: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        started_at: None,
        ending: false,
        gated: false,
        unschedulable_since: Some(Timestamp::UNIX_EPOCH),
        others: BTreeMap::new(),
        kept_off: None,
        in_vain: None,
        gang: None,
        room_made_in: None,
    });
}

/// Nodes of eight devices, each with a Pod of one of three queues, and some Pods of `urgent` that wait for four.
fn full(devices: usize, waiting: usize) -> View {
    let mut view = View { matching: Matching(vec![vec![true]]), ..View::default() };
    for at in 0..devices.div_ceil(8) {
        let name = format!("n{at:05}");
        let allocatable = Amounts { milli_cpu: 9000, memory: 64 << 30, pods: 110 };
        view.nodes.push(Node { name: name.clone(), allocatable, ..Node::default() });
        for index in 0..8.min(devices - at * 8) {
            let device = device(&name, index);
            pod(&mut view, &format!("{name}-{index}"), ["default", "batch", "research"][(at * 7 + index) % 3], 1);
            let (Some(pod), Some(claim)) = (view.pods.last_mut(), view.claims.last_mut()) else { return view };
            let holding = Holding { device: device.id.clone(), takes: None, admin_access: false };
            claim.allocation = Some(Allocation { reach: device.reach.clone(), devices: vec![holding] });
            claim.reserved_for.push(pod.uid.clone());
            let minutes = i64::try_from((at * 37 + index * 11) % 997).unwrap_or_default();
            pod.started_at = Some(Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes));
            (pod.node, pod.unschedulable_since) = (Some(name.clone()), None);
            view.devices.push(device);
        }
    }
    (0..waiting).for_each(|index| pod(&mut view, &format!("w{index}"), "urgent", 4));
    view
}

fn all(criterion: &mut Criterion) {
    let policy = Policy::from(policies::sample_organisation());
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
    let once = |view: &View, preemptions: usize| {
        let plan = plan(black_box(view), black_box(&policy), now);
        assert_eq!(plan.preemptions.len(), preemptions, "{:?}", plan.waiting);
        plan
    };
    let mut by_devices = criterion.benchmark_group("preemption");
    for devices in [100, 1_000, 4_000, 10_000] {
        let view = full(devices, 1);
        let id = BenchmarkId::from_parameter(devices);
        by_devices.bench_function(id, |bencher| bencher.iter(|| once(&view, 1)));
    }
    by_devices.finish();
    let many = full(4_000, 20);
    criterion.bench_function("preemption of 20 Pods", |bencher| bencher.iter(|| once(&many, 20)));
    let planned = once(&many, 20);
    criterion.bench_function("audit of 20 preemptions", |bencher| {
        bencher.iter(|| assert_eq!(audit(black_box(&many), &policy, &planned), Ok(())));
    });
}

criterion_group!(benches, all);
criterion_main!(benches);
