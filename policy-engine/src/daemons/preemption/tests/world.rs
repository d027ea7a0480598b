//! What clusters are made of in these tests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::daemons::common::PodName;
use crate::daemons::follow::testing;
use crate::daemons::preemption::audit::audit;
use crate::daemons::preemption::view::devices::*;
use crate::daemons::preemption::view::places::Reach;
use crate::daemons::preemption::view::*;
use crate::daemons::preemption::{Plan, plan};
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::plan::Validity;
use crate::policy::queue::Queue;
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::policy::{Policy, Records};

pub(super) const NOW: &str = "2026-11-23T12:00:00Z";
pub(super) const GIB: u64 = 1 << 30;

pub(super) fn now() -> Timestamp {
    NOW.parse().expect("a timestamp")
}

pub(super) fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A queue that is preemptible and has no floor.
pub(super) fn queue(name: &str, priority: i32) -> Queue {
    let deserved_milli_gpu = None;
    Queue { name: name.into(), id: name.into(), priority, deserved_milli_gpu, ..Queue::fallback() }
}

pub(super) fn deserves(milli_gpu: u64, queue: Queue) -> Queue {
    Queue { deserved_milli_gpu: Some(milli_gpu), ..queue }
}

/// The queues `batch` (10) and `research` (100) and others, and the projects `nlp` and `lax`, which only warns of queues; their plan `gold`
/// gives them all.
pub(super) fn policy(queues: impl IntoIterator<Item = Queue>) -> Policy {
    let mut lax = testing::project("lax", &["lax"]);
    lax.rule_modes.insert(RuleId::Queue, RuleMode::Warn);
    let mut projects = [testing::project("nlp", &["nlp"]), lax];
    projects.iter_mut().for_each(|project| project.plan = Some("gold".into()));
    let mut records: Records = testing::policy(projects).records().clone();
    let queues = [queue("batch", 10), queue("research", 100)].into_iter().chain(queues);
    records.queues = queues.map(|queue| (queue.name.clone(), queue)).collect();
    let mut gold = testing::plan_record("gold", Quota::default(), Validity::default());
    gold.queues = records.queues.keys().cloned().collect();
    records.plans.insert("gold".into(), gold);
    Policy::from(records)
}

/// A node with 8 cores, 64 GiB, and room for 10 Pods.
pub(super) fn node(name: &str) -> Node {
    let allocatable = Amounts { milli_cpu: 8000, memory: 64 << 30, pods: 10 };
    Node { name: name.into(), allocatable, ..Node::default() }
}

pub(super) fn id(node: &str, index: usize) -> DeviceId {
    DeviceId { driver: "gpu.nvidia.com".into(), pool: node.into(), device: format!("gpu-{index}") }
}

pub(super) fn device(node: &str, index: usize, kind: usize) -> Device {
    Device {
        id: id(node, index),
        reach: Reach::Node(node.into()),
        kind,
        attributes: BTreeMap::new(),
        capacity: BTreeMap::new(),
        divisible: false,
        taints: Vec::new(),
        listed: true,
    }
}

/// A cluster of nodes with so many devices of kind 0 each. Selector 0 is kind 0, selector 1 is kind 1, selector 2 is any.
pub(super) fn cluster(nodes: &[(&str, usize)]) -> View {
    let devices = nodes.iter().flat_map(|&(name, count)| (0..count).map(move |index| device(name, index, 0)));
    View {
        own_namespace: "sluice-system".into(),
        nodes: nodes.iter().map(|(name, _)| node(name)).collect(),
        devices: devices.collect(),
        matching: Matching(vec![vec![true, false], vec![false, true], vec![true, true]]),
        ..View::default()
    }
}

pub(super) fn exactly(selector: usize, count: u32) -> Alternative {
    Alternative {
        name: None,
        selector,
        count: Some(count),
        admin_access: false,
        capacity: BTreeMap::new(),
        tolerations: Vec::new(),
    }
}

pub(super) fn claim(uid: &str, alternatives: Vec<Alternative>) -> Claim {
    let most = alternatives.iter().map(|it| it.count.unwrap_or(1)).max().unwrap_or_default();
    Claim {
        uid: uid.into(),
        name: PodName { namespace: "nlp".into(), name: uid.into() },
        milli_gpu: u64::from(most) * 1000,
        requests: vec![Request { name: "gpu".into(), alternatives }],
        constraints: Vec::new(),
        allocation: None,
        reserved_for: Vec::new(),
        kept: false,
    }
}

/// A Pod of the namespace `nlp` that asks one core and a GiB, and waits.
pub(super) fn pod(name: &str, queue: &str) -> Pod {
    Pod {
        uid: format!("uid-{name}"),
        pod: PodName { namespace: "nlp".into(), name: name.into() },
        user: None,
        project: Some(ProjectId::new("id-nlp")),
        queue: queue.into(),
        priority: 0,
        node: None,
        milli_cpu: 1000,
        memory: GIB,
        others: BTreeMap::new(),
        claims: Vec::new(),
        node_selector: BTreeMap::new(),
        affinity: None,
        tolerations: Vec::new(),
        created_at: minutes_ago(5),
        started_at: None,
        ending: false,
        gated: false,
        unschedulable_since: Some(minutes_ago(4)),
        kept_off: None,
        in_vain: None,
        gang: None,
        room_made_in: None,
    }
}

impl View {
    /// A Pod that waits for so many devices of kind 0, with a claim of its own.
    pub(super) fn waits(&mut self, name: &str, queue: &str, devices: u32) -> &mut Pod {
        let mut pod = pod(name, queue);
        if devices > 0 {
            let uid = format!("claim-{name}");
            self.claims.push(claim(&uid, vec![exactly(0, devices)]));
            pod.claims.push(PodClaim { name: "gpu".into(), uid: Some(uid) });
        }
        self.pods.push(pod);
        self.pods.last_mut().expect("one")
    }

    /// A Pod that has run for so long on a node, on these of its devices.
    pub(super) fn runs(&mut self, name: &str, queue: &str, node: &str, devices: &[usize], minutes: i64) -> &mut Pod {
        let count = u32::try_from(devices.len()).expect("not many");
        self.waits(name, queue, count);
        if count > 0 {
            let claim = self.claims.last_mut().expect("its claim");
            let holding = |index| Holding { device: id(node, index), takes: None, admin_access: false };
            let devices = devices.iter().copied().map(holding).collect();
            claim.allocation = Some(Allocation { reach: Reach::Node(node.into()), devices });
            claim.reserved_for.push(format!("uid-{name}"));
        }
        let pod = self.pods.last_mut().expect("one");
        (pod.node, pod.started_at, pod.unschedulable_since) = (Some(node.into()), Some(minutes_ago(minutes)), None);
        pod
    }

    /// A Pod beside another, with the same claim.
    pub(super) fn shares(&mut self, name: &str, with: &str) -> &mut Pod {
        let mut pod = self.pods.iter().find(|pod| pod.pod.name == with).expect("the other").clone();
        (pod.uid, pod.pod.name) = (format!("uid-{name}"), name.into());
        let claim = pod.claims[0].uid.clone().expect("its claim");
        self.claim(&claim).reserved_for.push(pod.uid.clone());
        self.pods.push(pod);
        self.pods.last_mut().expect("one")
    }

    pub(super) fn claim(&mut self, uid: &str) -> &mut Claim {
        self.claims.iter_mut().find(|claim| claim.uid == uid).expect("the claim")
    }

    pub(super) fn planned(&self, policy: &Policy) -> Plan {
        let plan = plan(self, policy, now());
        assert_eq!(audit(self, policy, &plan), Ok(()));
        plan
    }
}

/// Who ends for whom: `a, b for c on n`, with a semicolon between preemptions.
pub(super) fn said(plan: &Plan) -> String {
    let one = |it: &crate::daemons::preemption::Preemption| {
        let victims: Vec<_> = it.victims.iter().map(|victim| victim.pod.name.as_str()).collect();
        let places: Vec<_> = it.placements.iter().map(|it| format!("{} on {}", it.pod.name, it.node)).collect();
        format!("{} for {}", victims.join(", "), places.join(", "))
    };
    plan.preemptions.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What those read for whom nobody ends, with a line for each.
pub(super) fn waiting(plan: &Plan) -> String {
    plan.waiting.iter().map(|it| format!("{}: {}", it.pod.name, it.why)).collect::<Vec<_>>().join("\n")
}
