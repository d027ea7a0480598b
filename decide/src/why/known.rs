//! What the caches and the journal know of a Pod or a claim, as lines.

use cluster::view::{self, devices};
use cluster::world::World;
use cluster::world::pod::{self, Pod, life, unschedulable};
use jiff::Timestamp;
use k8s_openapi::api::resource::v1::ResourceClaim;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::plan_window::{Plan as Gate, plan};
use policy_engine::daemons::preemption;
use policy_engine::ledger::Life;
use policy_engine::policy::Policy;
use records::review::{Concern, Reason};

use super::queues::Queues;
use super::reason;

/// What the daemon would do with the gate of this Pod alone.
pub fn gate(world: &World, policy: &Policy, namespace: &str, name: &str, now: Timestamp) -> Gate {
    let mut view = view::plan_window::view(world, "");
    view.pods.retain(|it| it.pod.namespace == namespace && it.pod.name == name);
    plan(&view, policy, now)
}

pub(super) fn gated(pod: &Pod, gate: Option<&Gate>, to_default: Option<&str>, queues: &Queues<'_>) -> Reason {
    let queue = pod::queue(pod);
    let Some(gate) = gate.filter(|_| pod.spec.waits_for_queue) else {
        let sentence = "it has a scheduling gate that is not the platform's; whoever set it takes it away";
        return reason(Concern::Gate, sentence);
    };
    // Where the daemon lets it go, whatever its queue says, it waits for room alone.
    let is_let_go = !gate.releases.is_empty();
    queues.gated(queue, to_default).filter(|_| !is_let_go).unwrap_or_else(|| {
        let room = "it starts once there is room for it, in the project and in what its user may use";
        reason(Concern::Gate, &format!("queue {queue} is open, and {room}"))
    })
}

/// Why it has no node. What nobody is evicted for may never come by itself: then waiting is no advice.
pub(super) fn unplaced(pod: &Pod, no_room: Option<&str>) -> Vec<Reason> {
    let Some(said) = unschedulable(pod) else {
        return vec![reason(Concern::Device, "the scheduler has not placed it yet; ask again in a moment")];
    };
    let of_scheduler = |what_to_do| Reason {
        concern: Concern::Device,
        says: format!("the scheduler finds no node: {said}"),
        what_to_do,
    };
    match no_room {
        None => {
            let wait = "wait for what others have to become free, or ask for less or another model";
            vec![of_scheduler(Some(wait.to_owned()))]
        }
        Some(why) => {
            let nobody = format!("nobody is evicted for it: {why}");
            let of_daemon = match preemption::what_helps(why) {
                Some(helps) => Reason { concern: Concern::Device, says: nobody, what_to_do: Some(helps.to_owned()) },
                None => reason(Concern::Device, &nobody),
            };
            vec![of_scheduler(None), of_daemon]
        }
    }
}

/// Why nobody is evicted for a Pod, by what the daemon has said of it last.
pub fn no_room(said: Option<&str>, namespace: &str, name: &str) -> Option<String> {
    let pod = PodName { namespace: namespace.to_owned(), name: name.to_owned() };
    preemption::why_no_room(said?, &pod).map(str::to_owned)
}

/// Why its container does not start.
pub fn held_up(pod: &Pod) -> Option<Reason> {
    let said = pod::held_up(pod)?;
    let about_image = said.contains("Image") || said.contains("ErrImage");
    Some(match about_image {
        true => Reason {
            concern: Concern::Image,
            says: said.to_owned(),
            what_to_do: Some("see that the image exists and that its registry lets the cluster pull it".to_owned()),
        },
        false => Reason {
            concern: Concern::Rule,
            says: said.to_owned(),
            what_to_do: Some("look at kubectl describe pod and kubectl logs --previous".to_owned()),
        },
    })
}

/// Why the platform stopped it, is about to, or will.
pub(super) fn stopped(pod: &Pod, queues: &Queues<'_>) -> Option<Reason> {
    let annotation = |key: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(key));
    let closes: Option<Timestamp> = annotation(contract::WINDOW_CLOSES_AT).and_then(|at| at.parse().ok());
    let has_ended = pod.metadata.deletion_timestamp.is_some() || life(pod) == Life::Finished;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let queue = pod::queue(pod);
    match (annotation(contract::EVICTION_REASON), closes) {
        (Some(why), _) if has_ended => {
            Some(Reason { concern: Concern::Stopped, says: format!("it was evicted: {why}"), what_to_do: None })
        }
        // It was tried, and it is there: a budget holds it up.
        (Some(why), closes) => {
            let forced = closes.map(|at| queues.forced_at(queues.evicted_at(at)));
            let forced = forced.map(|at| format!(", and it is deleted at {at} whatever that says")).unwrap_or_default();
            let says = format!("it is to be evicted: {why}: held up by a PodDisruptionBudget{forced}");
            Some(Reason { concern: Concern::Budget, says, what_to_do: Some("save your work".to_owned()) })
        }
        (None, Some(at)) if !has_ended => Some(queues.closing(name, queue, at)),
        (None, _) => None,
    }
}

/// The models that a Pod's labels ask, with how many exist; and claims that it names and that are not there.
pub fn models(world: &World, policy: &Policy, pod: &Pod) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    for name in pod.spec.claims.iter().filter_map(|it| it.resource_claim_name.as_deref()) {
        if world.claim(namespace, name).is_none() {
            let sentence = format!("its claim {name} does not exist; create it, and the pod goes on by itself");
            reasons.push(reason(Concern::Device, &sentence));
        }
    }
    let asked = pod::label(pod, contract::GPU_MODEL).and_then(|asked| policy.model_asked(asked));
    if let Some(model) = asked
        && let Some(count) = devices::of_models(world, policy).get(&model.name)
    {
        let free = count.there.saturating_sub(count.held);
        let says = format!("of model {} there are {} devices, {free} that no claim holds", model.name, count.there);
        let what_to_do = Some("sluice me shows which models are free and allowed".to_owned());
        reasons.push(Reason { concern: Concern::Device, says, what_to_do });
    }
    reasons
}

/// How a claim is.
pub fn claim(claim: &ResourceClaim, pods: usize) -> (String, Vec<Reason>) {
    let status = claim.status.as_ref();
    let results = status.and_then(|it| it.allocation.as_ref()?.devices.as_ref()?.results.as_ref());
    let reserved = status.and_then(|it| it.reserved_for.as_ref()).map_or(0, Vec::len);
    match results {
        Some(results) => {
            let device = |it: &k8s_openapi::api::resource::v1::DeviceRequestAllocationResult| {
                format!("{}/{}/{}", it.driver, it.pool, it.device)
            };
            let devices: Vec<_> = results.iter().map(device).collect();
            (format!("it has {}; {reserved} pods use it", devices.join(", ")), Vec::new())
        }
        None if pods == 0 => {
            let sentence = "no pod uses it; it gets its devices when a pod that names it is placed";
            ("it has no devices yet".to_owned(), vec![reason(Concern::Device, sentence)])
        }
        None => ("it has no devices yet, and its pods wait".to_owned(), Vec::new()),
    }
}

/// The condition of a workload that could not make a Pod.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";

/// What a workload's own conditions say, where they say that something is wrong.
pub fn conditions(workload: &serde_json::Value) -> Vec<Reason> {
    let told = workload["status"]["conditions"].as_array().into_iter().flatten();
    let is_bad = |condition: &&serde_json::Value| {
        let is = |value: &str| condition["status"] == value;
        match condition["type"].as_str() {
            Some(REPLICA_FAILURE | "Failed" | "Suspended") => is("True"),
            Some("Progressing") => is("False"),
            Some(_) | None => false,
        }
    };
    let said = told.filter(is_bad).map(|condition| {
        let (kind, message) = (condition["type"].as_str(), condition["message"].as_str());
        let says = format!("{}: {}", kind.unwrap_or_default(), message.unwrap_or_default());
        Reason { concern: Concern::Rule, says, what_to_do: None }
    });
    said.collect()
}
