//! What runs and waits, by queue and by user, and the devices of each model.

use std::collections::{BTreeMap, HashMap};

use policy_engine::contract;
use policy_engine::daemons::common::is_exempt;
use policy_engine::ledger::Life;
use policy_engine::policy::Policy;
use policy_engine::policy::names::{ModelName, QueueName, UserName};
use policy_engine::policy::queue::DEFAULT_QUEUE;

use super::ledger::Prices;
use super::{devices, label, ledger};
use crate::world::World;
use crate::world::pod::life;

/// What there is, by the names of records. What is not listed has nothing.
#[derive(Debug, Default)]
pub struct Counts {
    /// What each queue has.
    pub queues: BTreeMap<QueueName, Queue>,
    /// How many Pods of each user have a node.
    pub users: BTreeMap<UserName, usize>,
    /// The devices of each model.
    pub models: BTreeMap<ModelName, devices::Count>,
}

/// What a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Pods that have a node.
    pub running: usize,
    /// Pods that have none yet.
    pub waiting: usize,
    /// Effective GPU in thousandths of claims that such Pods hold.
    pub milli_gpu: u64,
}

/// What is there. Only Pods of projects count: elsewhere anybody writes their labels.
pub fn view(world: &World, prices: &Prices, policy: &Policy, own_namespace: &str) -> Counts {
    let mut counts = Counts { models: devices::of_models(world, policy), ..Counts::default() };
    let bindings = world.bindings();
    let governed = |namespace: &str| {
        bindings.get(namespace).is_some_and(|id| policy.project_by_id(id).is_some())
            && !is_exempt(own_namespace, policy.platform(), namespace)
    };
    let mut queue_of_pod = HashMap::new();
    for pod in world.pods() {
        let (meta, life) = (&pod.metadata, life(&pod));
        if life == Life::Finished || !meta.namespace.as_deref().is_some_and(governed) {
            continue;
        }
        let queue = policy.queue_asked(label(meta, contract::QUEUE_NAME).unwrap_or(DEFAULT_QUEUE));
        let runs = life == Life::Scheduled;
        if let Some(queue) = queue {
            let count = counts.queues.entry(queue.name.clone()).or_default();
            *(if runs { &mut count.running } else { &mut count.waiting }) += 1;
        }
        if runs {
            queue_of_pod.extend(meta.uid.clone().zip(queue.map(|queue| queue.name.clone())));
            let user = label(meta, contract::USER_ID).and_then(|id| policy.user_by_id(id));
            *user.map_or(&mut 0, |user| counts.users.entry(user.name.clone()).or_default()) += 1;
        }
    }
    for (queue, milli_gpu) in ledger::held_by_queue(world, prices, policy, &queue_of_pod) {
        counts.queues.entry(queue).or_default().milli_gpu += milli_gpu;
    }
    counts
}
