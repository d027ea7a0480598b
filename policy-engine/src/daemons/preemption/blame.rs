//! What the scheduler blames for a Pod's waiting, as far as it can be told from its message.
//!
//! The message is `0/8 nodes are available: 3 Insufficient cpu, 5 cannot allocate all claims. preemption: …`: each node is counted
//! for the first thing that it lacks. What keeps the Pod off every node at once stands there without a number, such as a
//! PersistentVolumeClaim that does not exist.

use serde::{Deserialize, Serialize};

/// What the scheduler blames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Blame {
    /// Nothing but what is looked at before anybody ends, and on some node what frees who ends.
    Room,
    /// Nothing but what is looked at, and nowhere what frees who ends. Nodes may have changed since.
    Place,
    /// Something else, or in other words than are known here.
    #[default]
    Unknown,
    /// On some node volumes, other Pods or ports. Of which nodes it does not say.
    More,
}

/// What frees who ends. What a node has too little of even when empty is found before anybody ends.
const ROOM: [&str; 4] =
    ["Insufficient ", "Too many pods", "cannot allocate all claims", "timed out trying to allocate"];
/// What is looked at otherwise.
const PLACE: [&str; 5] = [
    "had untolerated taint",
    "were unschedulable",
    "didn't match Pod's node affinity",
    "didn't satisfy plugin(s) [NodeAffinity]",
    "resourceclaim not available on the node",
];
/// What is not looked at, in lower case.
const MORE: [&str; 5] = ["affinity rules", "spread constraints", "free ports", "volume", "storage"];

impl Blame {
    /// What a message blames.
    pub fn of(message: &str) -> Self {
        let nodes = message.strip_prefix("0/").and_then(|rest| rest.split_once(" nodes are available: "));
        let reasons = nodes.map_or(message, |(_, reasons)| reasons);
        let reasons = reasons.split(" preemption: ").next().unwrap_or_default();
        let reasons = reasons.split(". ").next().unwrap_or_default().trim_end_matches('.');
        let worst = reasons.split(", ").map(of_reason).max().unwrap_or_default();
        match worst {
            Self::Room | Self::Place if nodes.is_none() => Self::Unknown,
            // One node is enough.
            Self::Place if reasons.split(", ").any(|reason| of_reason(reason) == Self::Room) => Self::Room,
            worst => worst,
        }
    }

    /// Whether somebody's end may help a Pod. One that asks of a node what is not looked at must be known to lack nothing else.
    pub fn may_help(self, asks_more: bool) -> bool {
        match self {
            Self::Room => true,
            Self::Place | Self::Unknown => !asks_more,
            Self::More => false,
        }
    }
}

/// What one reason blames, with the number of nodes before it or for all.
fn of_reason(reason: &str) -> Blame {
    let counted = reason.split_once(' ').filter(|(count, _)| count.parse::<u32>().is_ok());
    let (is_counted, reason) = (counted.is_some(), counted.map_or(reason, |(_, reason)| reason));
    let reason = reason.strip_prefix("node(s) ").unwrap_or(reason);
    let begins = |words: &[&str]| is_counted && words.iter().any(|word| reason.starts_with(word));
    let lower = reason.to_lowercase();
    match () {
        // First, because names of resources and taints may hold any word.
        () if begins(&ROOM) => Blame::Room,
        () if begins(&PLACE) => Blame::Place,
        () if MORE.iter().any(|word| lower.contains(word)) => Blame::More,
        () => Blame::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reasons: &str) -> Blame {
        Blame::of(&format!(
            "0/8 nodes are available: {reasons}. preemption: not eligible due to preemptionPolicy=Never."
        ))
    }

    #[test]
    fn what_frees_who_ends_is_told_from_what_does_not() {
        assert_eq!(of("8 cannot allocate all claims"), Blame::Room);
        assert_eq!(
            of("1 node(s) had untolerated taint {volume: }, 3 Insufficient cpu, 4 Insufficient memory"),
            Blame::Room
        );
        assert_eq!(of("8 Insufficient ephemeral-storage"), Blame::Room, "what nodes have in all is looked at");
        assert_eq!(of("8 node(s) didn't match Pod's node affinity/selector"), Blame::Place);
        let more = [
            "persistentvolumeclaim \"x\" not found",
            "pod has unbound immediate PersistentVolumeClaims",
            "storageclass.storage.k8s.io \"fast\" not found",
            "1 node(s) didn't match pod anti-affinity rules, 7 cannot allocate all claims",
            "8 node(s) didn't match pod affinity rules",
            "8 node(s) didn't match pod topology spread constraints",
            "8 node(s) didn't satisfy existing pods anti-affinity rules",
            "2 node(s) had volume node affinity conflict, 6 Insufficient cpu",
            "8 node(s) didn't have free ports for the requested pod ports",
            "8 node(s) didn't satisfy plugin(s) [VolumeBinding]",
        ];
        for reasons in more {
            assert_eq!(of(reasons), Blame::More, "{reasons}");
        }
    }

    #[test]
    fn other_words_help_who_asks_nothing_else_and_nobody_more() {
        for message in
            ["no", "", "0/8 nodes are unavailable: 8 Insufficient cpu.", "0/1 nodes are available: 1 is odd."]
        {
            assert_eq!(Blame::of(message), Blame::Unknown, "{message}");
        }
        assert_eq!(of("1 is odd, 7 cannot allocate all claims"), Blame::Unknown);
        let helps =
            |asks_more| [Blame::Room, Blame::Place, Blame::Unknown, Blame::More].map(|it| it.may_help(asks_more));
        assert_eq!(helps(false), [true, true, true, false]);
        assert_eq!(helps(true), [true, false, false, false]);
    }
}
