//! The answer to *why does it wait, why was it refused, why was it stopped?* (`PlatformReview`, question `why`): from facts
//! to lines, in the order in which they have to be mended.

mod journal;
mod kinds;
mod known;
mod queues;

#[cfg(test)]
mod tests;

use cluster::world::pod::{Pod, is_running, life};
use jiff::{SignedDuration, Timestamp};
use policy_engine::daemons::plan_window::Plan as Gate;
use policy_engine::ledger::Life;
use records::review::{Concern, Reason};
use store::Refusal;

pub use journal::{before_it, journaled};
pub use kinds::{is_of, of_asked, plural, subject, waits_on};
pub use known::{REPLICA_FAILURE, claim, conditions, gate, held_up, models, no_room};
pub use queues::Queues;

/// What a line says, and what is to be done: sentences of the platform end with what to do.
pub fn reason(concern: Concern, sentence: &str) -> Reason {
    let (says, what_to_do) = match sentence.rsplit_once("; ") {
        Some((says, does)) => (says, Some(does.to_owned())),
        None => (sentence, None),
    };
    Reason { concern, says: says.to_owned(), what_to_do }
}

/// What a Pod's gate and the ledger say, beside what the Pod says itself.
#[derive(Debug, Default)]
pub struct PodFacts {
    /// What the daemon would do with its gate.
    pub gate: Option<Gate>,
    /// What it lacks, as sentences, where it waits behind its gate for room.
    pub full: Vec<String>,
    /// How it is moved to `default`, where that helps.
    pub to_default: Option<String>,
    /// Why nobody is evicted for it, as the daemon `preemption` has said it.
    pub no_room: Option<String>,
    /// What else is known, of its devices, its claims, a preemption.
    pub more: Vec<Reason>,
}

/// How a Pod is, and why.
pub fn pod(pod: &Pod, facts: PodFacts, queues: &Queues<'_>) -> (String, Vec<Reason>) {
    let PodFacts { gate, full, to_default, no_room, more } = facts;
    let mut reasons = more;
    reasons.extend(known::stopped(pod, queues));
    reasons.extend(held_up(pod));
    let state = match life(pod) {
        _ if pod.metadata.deletion_timestamp.is_some() => "it was told to end",
        Life::Finished => "it has ended",
        Life::Scheduled if is_running(pod) => "it runs",
        Life::Scheduled => "its node starts it",
        Life::Gated => {
            reasons.push(known::gated(pod, gate.as_ref(), to_default.as_deref(), queues));
            reasons.extend(full.iter().map(|sentence| reason(Concern::Quota, sentence)));
            "it waits behind a gate"
        }
        Life::Waiting => {
            reasons.extend(known::unplaced(pod, no_room.as_deref()));
            "it waits for a node"
        }
    };
    reasons.sort_by_key(|reason| reason.concern);
    (state.to_owned(), reasons)
}

/// A controller tries again within this time what was refused to its workload.
const LATELY: SignedDuration = SignedDuration::from_mins(30);

/// What is there of what is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Not,
    /// It was admitted in the end.
    Itself,
    /// It makes Pods, and a controller tries again what is refused to it.
    Workload {
        /// When it was made. What was refused before was refused to another of its name.
        made_at: Option<Timestamp>,
    },
}

/// Whether a refusal still says something of what is asked about.
pub fn still_counts(refusal: &Refusal, there: There, now: Timestamp) -> bool {
    match there {
        There::Not => true,
        There::Itself => false,
        There::Workload { made_at } => {
            now.duration_since(refusal.at) < LATELY && made_at.is_none_or(|made_at| refusal.at >= made_at)
        }
    }
}

/// What was refused, as lines.
pub fn refused(refusal: &Refusal) -> Vec<Reason> {
    let mut reasons: Vec<_> = refusal
        .denials
        .iter()
        .map(|denied| {
            let concern = match denied.rule.as_str() {
                "plan-window" => Concern::Gate,
                "quota" => Concern::Quota,
                "image" => Concern::Image,
                "gpu-model" | "extended-resource" | "inline-claim" | "claim-shape" | "slot" | "sm-share" | "vram" => {
                    Concern::Device
                }
                _ => Concern::Rule,
            };
            let reason = reason(concern, &denied.message);
            Reason { says: format!("rule {}, {}: {}", denied.rule, denied.field, reason.says), ..reason }
        })
        .collect();
    reasons.sort_by_key(|reason| reason.concern);
    reasons
}
