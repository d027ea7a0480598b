//! The sentences of the journal and of Events.

use std::fmt;

use crate::daemons::common::PodName;
use crate::policy::quantity::decimal;

use super::why::{Because, Lack, Missing, Spared, WhyNot};

/// At most so many Pods are named in a sentence.
const MOST_NAMED: usize = 5;

/// The reason of Events about a Pod for which nobody is evicted.
pub const NO_ROOM: &str = "NoRoomMade";

/// What such an Event says, of a Pod that waits.
pub fn no_room(pod: &PodName, why: &WhyNot) -> String {
    format!("nobody is evicted for pod {pod}: {}", why.to_people_of(&pod.namespace))
}

/// Why nobody is evicted, as such an Event says it.
pub fn why_no_room<'a>(event: &'a str, pod: &PodName) -> Option<&'a str> {
    event.strip_prefix(&format!("nobody is evicted for pod {pod}: "))
}

/// What helps a Pod of which such an Event says this; `None` where the sentence says it itself.
pub fn what_helps(why: &str) -> Option<&'static str> {
    let is_small = why.starts_with(NOBODY_WOULD) && why.contains(&Lack::Kept.to_string());
    match () {
        () if is_small => Some("wait for what those have to become free, or ask for less or another model"),
        () if why.starts_with(NOBODY_WOULD) && why.contains(&Lack::Unlisted.to_string()) => {
            Some("wait until the driver of those nodes is back, or ask an admin")
        }
        () if why.starts_with(NOBODY_WOULD) => {
            Some("waiting does not help: change what it asks of a node, or ask an admin for one that has it")
        }
        () if why.contains(TOGETHER) => Some(
            "waiting does not help unless its workload makes the others: have it make as many, or write a smaller platform-go/gang",
        ),
        () if why.starts_with(FOR_ALL_THAT) => {
            Some("waiting does not help until that is mended: look at what the scheduler names")
        }
        () if why.starts_with("it would fit on node") => {
            Some("wait for what those have to become free, or ask for less or another model")
        }
        () => None,
    }
}

const NOBODY_WOULD: &str = "no pod";
const FOR_ALL_THAT: &str = "it would not run for all that";
const TOGETHER: &str = "pods together, and";

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lower { queue, priority, than, than_priority, owes_room: false } => write!(
                f,
                "queue {queue} (priority {priority}) is preemptible and gives way to queue {than} (priority {than_priority})"
            ),
            Self::Lower { queue, priority, than, than_priority, owes_room: true } => write!(
                f,
                "others were evicted for it in a preemptible queue, so that in queue {queue} (priority {priority}) it still gives way to \
                 queue {than} (priority {than_priority})"
            ),
            Self::Above { queue, in_use, deserved, below } => write!(
                f,
                "queue {queue} uses {} GPU and deserves {}; queue {below} has less than it deserves",
                decimal(*in_use),
                decimal(*deserved)
            ),
        }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt => f.write_str("its namespace is no project's"),
            Self::Critical => f.write_str("Kubernetes needs it to run"),
            Self::NoQueue(queue) => write!(f, "its queue {queue} has no record"),
            Self::NotEnforced(project) => write!(f, "the rule queue is not enforced in project {project}"),
            Self::SharesClaim => f.write_str("it uses a claim that the waiting pod uses too"),
            Self::NotLower { queue, than } => write!(f, "queue {queue} does not give way to queue {than}"),
            Self::NotPreemptible(queue) => write!(f, "queue {queue} is not preemptible"),
            Self::Floor { queue, in_use, deserved } => write!(
                f,
                "queue {queue} uses {} GPU and would have less than the {} that it deserves",
                decimal(*in_use),
                decimal(*deserved)
            ),
            Self::Budget(budget) => write!(f, "the PodDisruptionBudget {budget} protects it"),
            Self::FewerSuffice { queue, taken } => {
                let pods = if *taken == 1 { "1 pod is".into() } else { format!("{taken} pods are") };
                write!(
                    f,
                    "queue {queue} gives way first, but {pods} enough without it: the fewest pods that suffice are evicted, and the lowest \
                     queues only of equally few"
                )
            }
            Self::NotNeeded => f.write_str("the others suffice, and cost less"),
        }
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits(node) => write!(f, "it fits on node {node}; nobody has to end for it"),
            Self::Ending { node, pods } => write!(f, "it fits on node {node} when {} ended", have(pods)),
            Self::UnderWay(node) => write!(f, "room is being made for it on node {node}"),
            Self::NotEnforced(project) => {
                write!(f, "the rule queue is not enforced in project {project}, so nobody ends for its pods")
            }
            Self::NoQueue(queue) => {
                write!(f, "its queue {queue} has no record; create it in another queue, or ask an admin")
            }
            Self::NotGiven { queue, plan: Some(plan) } => {
                write!(f, "queue {queue} is no longer given by plan {plan}; move it to another with switch-queue")
            }
            Self::NotGiven { queue, plan: None } => {
                write!(
                    f,
                    "its project has no plan in force that gives queue {queue}; move it to default with switch-queue"
                )
            }
            Self::Closed(why) => f.write_str(why),
            Self::KeptOff(said) => write!(f, "{FOR_ALL_THAT}; the scheduler says: {said}"),
            Self::InVain(in_vain) => in_vain.fmt(f),
            Self::NoClaim(claim) => write!(f, "its claim {claim} does not exist yet; create it, or wait"),
            Self::ClaimFull(claim) => {
                write!(f, "as many pods use the claim {claim} as can; end one of them, or use another claim")
            }
            Self::GangIncomplete { workload, have, size } => {
                write!(f, "{workload} needs {size} {TOGETHER} {have} of them run or wait for room")
            }
            Self::Missing(missing) => missing.fmt(f),
            Self::WouldTake { node, pods, projects } => {
                let projects: Vec<_> = projects.iter().map(|project| project.as_str()).collect();
                let (pods, projects) = (names(pods), projects.join(", "));
                write!(
                    f,
                    "it would fit on node {node} without {pods}; nobody is evicted in {projects}, where the rule queue is not enforced"
                )
            }
            Self::NextTurn => f.write_str("others come first in this turn; it is looked at in the next"),
        }
    }
}

impl WhyNot {
    /// The same for people of the Pod's own Namespace: whose Pods of other Namespaces are is nobody's business.
    pub fn to_people_of(&self, namespace: &str) -> String {
        let Self::WouldTake { node, pods, .. } = self else { return self.to_string() };
        let (own, others): (Vec<_>, Vec<_>) = pods.iter().cloned().partition(|pod| pod.namespace == namespace);
        let plural = if others.len() == 1 { "" } else { "s" };
        let others = (!others.is_empty()).then(|| format!("{} pod{plural} of other namespaces", others.len()));
        let own = (!own.is_empty()).then(|| names(&own));
        let pods: Vec<_> = own.into_iter().chain(others).collect();
        format!(
            "it would fit on node {node} without {}; nobody is evicted in projects where the rule queue is not enforced",
            pods.join(" and ")
        )
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, together } = self;
        match together {
            None => write!(f, "{NOBODY_WOULD} that may be evicted would make room for it")?,
            Some(count) => {
                write!(f, "{NOBODY_WOULD}s that may be evicted would make room for all {count} that need each other")?
            }
        }
        for (index, (lack, count)) in nodes.iter().enumerate() {
            let (before, plural) = (if index == 0 { ": " } else { ", " }, if *count == 1 { "" } else { "s" });
            write!(f, "{before}{count} node{plural} {lack}")?;
        }
        let none = nodes.is_empty() && together.is_none();
        if none { f.write_str(": there is no node") } else { Ok(()) }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Selector => "without the labels of its node selector",
            Self::Affinity => "that its affinity rules out",
            Self::Taint => "with a taint that it does not tolerate",
            Self::Claim => "out of reach of a claim's devices",
            Self::Cpu => "with too little CPU in all",
            Self::Memory => "with too little memory in all",
            Self::Pods => "with room for fewer pods in all",
            Self::Other => "with too little of ephemeral storage, huge pages or an extended resource in all",
            Self::Devices => "without the devices that its claims ask",
            Self::Unlisted => "whose devices are not published at the moment",
            Self::Kept => "held by pods that may not be evicted for it",
        })
    }
}

fn names(pods: &[PodName]) -> String {
    let named: Vec<_> = pods.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = pods.len().saturating_sub(MOST_NAMED);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

fn have(pods: &[PodName]) -> String {
    match pods {
        // The Pod object is gone, and its claim is about to be.
        [] => "a claim is given back whose pods have".into(),
        [one] => format!("{one} has"),
        several => format!("{} have", names(several)),
    }
}
