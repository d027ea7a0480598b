//! Every key of the contract, with what it says.

use std::fmt;

/// A key of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key, without the prefix `platform-go/`.
    pub name: &'static str,
    /// What kind of key it is.
    pub kind: KeyKind,
    /// The objects that carry it.
    pub on: &'static str,
    /// Who writes it.
    pub by: Writer,
    /// What values it has, and what they mean.
    pub meaning: &'static str,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A label.
    Label,
    /// An annotation.
    Annotation,
    /// A scheduling gate.
    Gate,
    /// A taint of a device, with the toleration of it.
    Taint,
}

/// Who writes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The platform alone.
    Platform,
    /// A client, to ask for something.
    Client,
    /// An admin.
    Admin,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
            Self::Gate => "scheduling gate",
            Self::Taint => "device taint",
        })
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "the platform",
            Self::Client => "a client, to ask",
            Self::Admin => "an admin",
        })
    }
}

const fn key(name: &'static str, kind: KeyKind, on: &'static str, by: Writer, meaning: &'static str) -> Key {
    Key { name, kind, on, by, meaning }
}

use KeyKind::{Annotation, Gate, Label, Taint};
use Writer::{Admin, Client, Platform};

/// Every key that Sluice reads or writes.
pub const KEYS: &[Key] = &[
    key(
        "project-id",
        Label,
        "Namespaces, Pods",
        Platform,
        "On a Namespace: the project that it is bound to, which is what makes it governed. On a Pod: the project that pays",
    ),
    key("group-id", Label, "Pods", Platform, "The group that owns the project; absent for a personal project"),
    key("user-id", Label, "workloads, Pods", Platform, "The user for whom it runs"),
    key("plan-id", Label, "Pods", Platform, "The plan in force when the Pod was made"),
    key("queue-name", Label, "Pods, pod templates", Client, "The queue to run in; absent means `default`"),
    key(
        "preemptible",
        Label,
        "Pods",
        Platform,
        "`true` or `false`: whether Pods of the queue may be evicted for higher ones",
    ),
    key(
        "dra-effective-gpu",
        Label,
        "Pods",
        Platform,
        "What the GPU request amounts to. Reserved: a client's is taken off",
    ),
    key("dra-gpu-model", Label, "Pods", Client, ASKED_GPU),
    key("dra-gpu-count", Label, "Pods", Client, ASKED_GPU),
    key("dra-sm-pct", Label, "Pods", Client, ASKED_GPU),
    key("vram-policy", Label, "Pods", Client, ASKED_GPU),
    key("dra-pinned-mem", Label, "Pods", Client, ASKED_GPU),
    key("dra-sharing-mode", Label, "Pods", Client, ASKED_GPU),
    key(
        "dra-claim-name",
        Label,
        "Pods, pod templates",
        Client,
        "The claim whose devices it uses, by name or as a slot: `{{ gpuClaimName \"train-a\" }}`. An annotation of this name asks the same",
    ),
    key(
        "claim-slots",
        Annotation,
        "Pods, pod templates, workloads",
        Client,
        "Which claims slots mean: `train-a=my-claim,eval=other-claim`",
    ),
    key(
        "claim-template",
        Annotation,
        "Pods",
        Platform,
        "What the ResourceClaimTemplate says that the platform makes for the Pod",
    ),
    key(
        "slot",
        Label,
        "ResourceClaims",
        Client,
        "The slot that the claim fills where `claim-slots` maps nothing else to it",
    ),
    key(
        "share",
        Annotation,
        "ResourceClaims",
        Client,
        "`project`: other members of the project may use the claim; its owner pays",
    ),
    key(
        "storage",
        Label,
        "PersistentVolumeClaims",
        Client,
        "The project's volume that it is: a name under `Project.spec.storage`",
    ),
    key(
        "group-storage",
        Label,
        "PersistentVolumeClaims",
        Client,
        "The group's volume that it is: `<group>.<name>`, a name under `Group.spec.storage`",
    ),
    key(
        "storage-lane",
        Label,
        "PersistentVolumeClaims",
        Client,
        "The lane whose StorageClass and access mode it gets: a key of `PlatformPolicy.spec.storageLanes`",
    ),
    key(
        "root-shell",
        Annotation,
        "Pods, pod templates",
        Client,
        "`true`: run as UID 0, where project and group allow it",
    ),
    key("adopt", Annotation, "Namespaces", Admin, "The project that may take over this existing Namespace"),
    key(
        "asked",
        Annotation,
        "Pods, workloads",
        Platform,
        "What the platform replaced: a JSON object of JSON Pointer to the value that was asked. \
         Because of it, applying the same manifest twice changes nothing",
    ),
    key(
        "nudged",
        Annotation,
        "ReplicaSets, StatefulSets, Jobs, ReplicationControllers",
        Platform,
        "Comes and goes at once where room is made for Pods that were refused, so that their controller tries again",
    ),
    key("last-activity", Annotation, "Pods", Platform, RESERVED),
    key("idle-stop-at", Annotation, "Pods", Platform, RESERVED),
    key("window-closes-at", Annotation, "Pods", Platform, RESERVED),
    key("eviction-reason", Annotation, "Pods", Platform, RESERVED),
    key(
        "hold",
        Taint,
        "devices, ResourceClaims",
        Platform,
        "Holds a device that was freed for one claim back from all others; every claim tolerates its own hold and no other",
    ),
    key(
        "plan-window",
        Gate,
        "Pods",
        Platform,
        "Holds a Pod back until the window of its queue opens. Only the platform takes away a gate with this prefix",
    ),
];

const ASKED_GPU: &str = "Kept as it was asked and fixed once the Pod exists; nothing is judged by it yet";
const RESERVED: &str = "Reserved, and not written yet: a client's is taken off";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    /// The keys that the contract's constants name.
    fn named() -> Vec<&'static str> {
        let source = include_str!("../contract.rs");
        let quoted = source.split('"').skip(1).step_by(2);
        quoted.filter_map(|text| text.strip_prefix(contract::PREFIX)).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn every_constant_is_described_once() {
        let described: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        for name in named() {
            let times = described.iter().filter(|it| **it == name).count();
            assert_eq!(times, 1, "{}{name} is described {times} times in contract/keys.rs", contract::PREFIX);
        }
        for key in KEYS {
            assert!(key.meaning.len() > 10 && !key.meaning.ends_with('.'), "{}: {:?}", key.name, key.meaning);
        }
    }

    #[test]
    fn what_the_platform_alone_writes_is_described_so() {
        let of_the_platform = [&contract::PLATFORM_LABELS[..], &contract::PLATFORM_ANNOTATIONS[..]].concat();
        for full in of_the_platform {
            let key = KEYS.iter().find(|key| full.strip_prefix(contract::PREFIX) == Some(key.name));
            assert_eq!(key.map(|key| key.by), Some(Platform), "{full}");
        }
        for full in contract::ASKING_LABELS {
            let key = KEYS.iter().find(|key| full.strip_prefix(contract::PREFIX) == Some(key.name));
            assert_eq!(key.map(|key| (key.by, key.kind)), Some((Client, Label)), "{full}");
        }
    }
}
