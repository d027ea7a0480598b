//! Where a Pod fits and who may end for it, found by trying everything, with none of the planner's code.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::daemons::preemption::view::devices::*;
use crate::daemons::preemption::view::places::{Reach, Taint, Toleration};
use crate::daemons::preemption::view::*;
use crate::policy::Policy;
use crate::policy::queue::Queue;

/// A view in which some Pods are gone; `None` is that what ends has not ended either.
pub(super) struct Oracle<'v> {
    pub(super) view: &'v View,
    pub(super) policy: &'v Policy,
    pub(super) gone: Option<BTreeSet<String>>,
}

/// What a set of victims costs, but for names.
pub(super) type Price = (usize, usize, Vec<Reverse<i32>>, bool, Vec<Timestamp>);

fn covered(taints: &[Taint], tolerations: &[Toleration]) -> bool {
    taints.iter().all(|taint| tolerations.iter().any(|it| it.key.as_deref() == Some(&taint.key)))
}

fn reached(device: &Device, node: &str) -> bool {
    match &device.reach {
        Reach::Node(name) => name == node,
        Reach::Everywhere => true,
        Reach::Nodes(_) => panic!("no cluster here has such devices"),
    }
}

impl<'v> Oracle<'v> {
    fn is_gone(&self, uid: &str) -> bool {
        self.gone.as_ref().is_some_and(|gone| gone.contains(uid))
    }

    fn queue(&self, pod: &Pod) -> &'v Queue {
        self.policy.records().queues.values().find(|queue| queue.name.as_str() == pod.queue).expect("a queue")
    }

    /// The claims that hold a device for good, with what they take of it.
    fn held(&self, device: &DeviceId, own: &[&Claim]) -> Vec<Option<u64>> {
        let stays = |claim: &&Claim| {
            let used = claim.reserved_for.iter().any(|uid| !self.is_gone(uid));
            self.gone.is_none() || used || own.iter().any(|it| it.uid == claim.uid)
        };
        let holdings = self.view.claims.iter().filter(stays).filter_map(|claim| claim.allocation.as_ref());
        let on_it = holdings.flat_map(|it| &it.devices).filter(|it| it.device == *device);
        on_it.map(|it| it.takes.as_ref().map(|takes| takes["memory"])).collect()
    }

    /// What the Pod would get on a node; `None` where it does not fit.
    pub(super) fn given(&self, pod: &Pod, name: &str) -> Option<Vec<Given>> {
        let node = self.view.nodes.iter().find(|node| node.name == name)?;
        let there = self.view.pods.iter().filter(|it| it.node.as_deref() == Some(name) && !self.is_gone(&it.uid));
        let disk = |pod: &Pod| pod.others.get("disk").copied().unwrap_or_default();
        let (mut cpu, mut memory, mut count, mut disks) = (pod.milli_cpu, pod.memory, 1, disk(pod));
        for other in there {
            (cpu, memory, count, disks) =
                (cpu + other.milli_cpu, memory + other.memory, count + 1, disks + disk(other));
        }
        let room = (pod.milli_cpu == 0 || cpu <= node.allocatable.milli_cpu.unsigned_abs())
            && memory <= node.allocatable.memory.unsigned_abs()
            && count <= node.allocatable.pods
            && (disk(pod) == 0 || disks <= node.others["disk"]);
        let labels = pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
        if !(room && labels && covered(&node.taints, &pod.tolerations)) {
            return None;
        }
        let find = |uid: &String| self.view.claims.iter().find(|claim| claim.uid == *uid).expect("the claim");
        let own: Vec<_> = pod.claims.iter().filter_map(|it| it.uid.as_ref()).map(find).collect();
        let mut missing: Vec<(&Claim, &Request)> = Vec::new();
        for claim in &own {
            match &claim.allocation {
                Some(has) => {
                    let near = |it: &Holding| self.view.devices.iter().any(|d| d.id == it.device && reached(d, name));
                    has.devices.iter().all(near).then_some(())?;
                }
                None => missing.extend(claim.requests.iter().map(|request| (*claim, request))),
            }
        }
        let devices: Vec<_> = self.view.devices.iter().filter(|device| reached(device, name)).collect();
        self.tried(&devices, &own, &missing, Vec::new())
    }

    /// Tries every way to fulfil the first request, and then the rest.
    fn tried(
        &self,
        devices: &[&'v Device],
        own: &[&Claim],
        missing: &[(&Claim, &Request)],
        so_far: Vec<Given>,
    ) -> Option<Vec<Given>> {
        let Some(((claim, request), rest)) = missing.split_first() else {
            return self.holds_together(own, &so_far).then_some(so_far);
        };
        request.alternatives.iter().find_map(|way| {
            let passes = |it: &&&Device| self.view.matching.0[way.selector][it.kind];
            let all: Vec<_> = devices.iter().filter(passes).copied().collect();
            let picks: Vec<Vec<&Device>> = match way.count {
                None if all.is_empty() => Vec::new(),
                None => vec![all],
                Some(count) => (0..count).fold(vec![Vec::new()], |picks, _| {
                    let more = |pick: Vec<&'v Device>| all.iter().map(move |it| [pick.clone(), vec![*it]].concat());
                    picks.into_iter().flat_map(more).collect()
                }),
            };
            picks.into_iter().find_map(|pick| {
                let usable = |it: &&Device| it.listed && covered(&it.taints, &way.tolerations);
                pick.iter().all(usable).then_some(())?;
                let called = way.name.as_ref().map_or(request.name.clone(), |name| format!("{}/{name}", request.name));
                let takes = |it: &Device| {
                    let asked = way.capacity.get("memory").copied().unwrap_or(4);
                    it.divisible.then(|| BTreeMap::from([("memory".to_owned(), asked)]))
                };
                let given = pick.iter().map(|it| Given {
                    claim: claim.uid.clone(),
                    request: called.clone(),
                    device: it.id.clone(),
                    takes: takes(it),
                    freed: false,
                });
                let with: Vec<_> = so_far.iter().cloned().chain(given).collect();
                self.enough(own, &with).then_some(())?;
                self.tried(devices, own, rest, with)
            })
        })
    }

    /// Whether no device is given more than it has.
    fn enough(&self, own: &[&Claim], given: &[Given]) -> bool {
        given.iter().all(|one| {
            let all =
                given.iter().filter(|it| it.device == one.device).map(|it| it.takes.as_ref().map(|it| it["memory"]));
            let takes: Vec<_> = self.held(&one.device, own).into_iter().chain(all).collect();
            match one.takes {
                None => takes.len() == 1,
                Some(_) => takes.iter().map(|it| it.unwrap_or(4)).sum::<u64>() <= 4,
            }
        })
    }

    fn holds_together(&self, own: &[&Claim], given: &[Given]) -> bool {
        let numa = |it: &Given| {
            &self.view.devices.iter().find(|device| device.id == it.device).expect("it").attributes["numa"]
        };
        own.iter().filter(|claim| !claim.constraints.is_empty()).all(|claim| {
            let values: Vec<_> = given.iter().filter(|it| it.claim == claim.uid).map(numa).collect();
            let different: BTreeSet<_> = values.iter().collect();
            if claim.constraints[0].distinct { different.len() == values.len() } else { different.len() < 2 }
        })
    }

    pub(super) fn fits(&self, pod: &Pod) -> bool {
        self.view.nodes.iter().any(|node| self.given(pod, &node.name).is_some())
    }

    /// The GPU that a queue uses.
    fn in_use(&self, queue: &Queue) -> u64 {
        let counts = |claim: &&Claim| {
            let of_queue = |uid: &String| {
                let pod = self.view.pods.iter().find(|pod| pod.uid == *uid);
                pod.is_some_and(|pod| !self.is_gone(uid) && pod.queue == queue.name.as_str())
            };
            claim.allocation.is_some() && claim.reserved_for.iter().any(of_queue)
        };
        self.view.claims.iter().filter(counts).map(|claim| claim.milli_gpu).sum()
    }

    /// Whether these may all be evicted for a Pod, as the manual says it.
    fn may_take(&self, pod: &Pod, victims: &[&Pod], lax: bool) -> bool {
        let own = self.queue(pod);
        let asks_gpu = pod.claims.iter().filter_map(|it| it.uid.as_ref()).any(|uid| {
            let claim = self.view.claims.iter().find(|claim| claim.uid == *uid).expect("it");
            claim.milli_gpu > 0
        });
        let above = |queue: &Queue| queue.deserved_milli_gpu.is_some_and(|floor| self.in_use(queue) > floor);
        let below = own.deserved_milli_gpu.is_some_and(|floor| self.in_use(own) < floor);
        let each = victims.iter().all(|victim| {
            let theirs = self.queue(victim);
            let took_in = self
                .policy
                .records()
                .queues
                .values()
                .find(|it| Some(it.name.as_str()) == victim.room_made_in.as_deref());
            let took = took_in.is_some_and(|queue| queue.preemptible);
            let gives_way = (theirs.preemptible || took) && theirs.priority < own.priority;
            let reclaimed = theirs.priority <= own.priority && above(theirs) && below && asks_gpu;
            (gives_way || reclaimed) && (lax || victim.pod.namespace != "lax")
        });
        let mut gone = self.gone.clone().unwrap_or_default();
        gone.extend(victims.iter().map(|pod| pod.uid.clone()));
        let later = Oracle { gone: Some(gone), ..*self };
        each && self.policy.records().queues.values().all(|queue| {
            let (before, after) = (self.in_use(queue), later.in_use(queue));
            after == before || queue.deserved_milli_gpu.is_none_or(|floor| after >= floor)
        })
    }

    fn price(&self, victims: &[&Pod]) -> Price {
        let blocked = self.view.budgets.iter().any(|budget| {
            victims.iter().filter(|pod| budget.pods.contains(&pod.uid)).count() > budget.allowed as usize
        });
        let several =
            |pod: &&&Pod| self.view.budgets.iter().filter(|budget| budget.pods.contains(&pod.uid)).count() > 1;
        let blocked = blocked || victims.iter().any(|pod| several(&pod));
        let queues = || victims.iter().map(|pod| self.queue(pod));
        let mut priorities: Vec<_> = queues().map(|queue| Reverse(queue.priority)).collect();
        priorities.sort_unstable();
        let mut starts: Vec<_> = victims.iter().map(|pod| pod.started_at.unwrap_or(Timestamp::MAX)).collect();
        starts.sort_unstable();
        let keeps = queues().filter(|queue| queue.deserved_milli_gpu != Some(0)).count();
        (victims.len(), keeps, priorities, blocked, starts)
    }

    /// Every set of Pods that may end for a Pod and suffices, by its price.
    pub(super) fn sets(&self, pod: &Pod, lax: bool) -> Vec<Price> {
        let gone = self.gone.as_ref().expect("what ends has ended");
        let running: Vec<_> = self.view.pods.iter().filter(|it| it.node.is_some() && !gone.contains(&it.uid)).collect();
        let subsets = (1_u32..1 << running.len()).map(|bits| {
            running.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, pod)| *pod).collect::<Vec<_>>()
        });
        let suffices = |victims: &Vec<&Pod>| {
            let more = victims.iter().map(|pod| pod.uid.clone());
            let later = Oracle { gone: Some(gone.iter().cloned().chain(more).collect()), ..*self };
            self.may_take(pod, victims, lax) && later.fits(pod)
        };
        subsets.filter(suffices).map(|victims| self.price(&victims)).collect()
    }

    pub(super) fn price_of(&self, uids: &[&str]) -> Price {
        let victims: Vec<_> = self.view.pods.iter().filter(|pod| uids.contains(&pod.uid.as_str())).collect();
        self.price(&victims)
    }
}

/// Which of two prices is less. Priorities are compared highest first and less is better, starts oldest first and later is better.
pub(super) fn less(one: &Price, other: &Price) -> bool {
    let key = |(count, keeps, priorities, blocked, starts): &Price| {
        let priorities: Vec<_> = priorities.iter().map(|priority| priority.0).collect();
        (*count, *keeps, priorities, *blocked, starts.iter().map(|start| Reverse(*start)).collect::<Vec<_>>())
    };
    key(one) < key(other)
}
