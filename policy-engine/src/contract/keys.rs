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
        "Namespaces, Pods, PersistentVolumeClaims, ResourceClaims",
        Platform,
        "On a Namespace: the project that the Namespace belongs to, which makes it governed. Elsewhere: the project that pays",
    ),
    key(
        "group-id",
        Label,
        "Pods, PersistentVolumeClaims, ResourceClaims",
        Platform,
        "The group that owns the project; absent for a personal project",
    ),
    key(
        "user-id",
        Label,
        "workloads, Pods, Services, PersistentVolumeClaims, VolumeSnapshots, ResourceClaims, ResourceClaimTemplates",
        Platform,
        "The user to whom the object belongs",
    ),
    key("plan-id", Label, "Pods", Platform, "The plan that was in force when the Pod was made"),
    key("queue-name", Label, "Pods, pod templates", Client, "The queue to run in; absent means `default`"),
    key(
        "switch-queue",
        Annotation,
        "Pods, workloads",
        Client,
        "On a Pod that exists: the queue to move it to. The platform writes `queue-name` and `preemptible` anew; the Pod goes on, or \
         starts if it waited. Taking the annotation off moves nothing. On a workload: the queue for all of its Pods, those that \
         there are and those to come, whatever its pod template says. Taken off, those to come follow the template again",
    ),
    key(
        "moved-to",
        Label,
        "workloads",
        Platform,
        "The queue that `switch-queue` has moved the workload to, by its id. It is in the workload's own metadata, and rolls nothing out",
    ),
    key(
        "preemptible",
        Label,
        "Pods",
        Platform,
        "`true` or `false`: whether the Pod may be evicted for queues of higher priority. Its queue says so, and `room-made-in`",
    ),
    key(
        "dra-effective-gpu",
        Label,
        "Pods, ResourceClaims",
        Platform,
        "How much GPU the Pod's claims, or the claim, count for: devices × percent / 100, such as `0.5`",
    ),
    key(
        "dra-gpu-model",
        Label,
        "Pods, pod templates, ResourceClaims",
        Client,
        "The GPU model, by its id; absent means any model that plan and queue allow. On a Pod with claims and on a ResourceClaim, \
         the platform writes the model if there is only one",
    ),
    key(
        "dra-gpu-count",
        Label,
        "Pods, pod templates, ResourceClaims",
        Client,
        "How many devices, 1 to 32; absent means 1. On a Pod with claims and on a ResourceClaim, the platform writes how many \
         devices are held",
    ),
    key(
        "dra-sm-pct",
        Label,
        "Pods, pod templates, ResourceClaims",
        Client,
        "The share of each device's compute, a whole percentage from 1 to 100; absent means 100",
    ),
    key(
        "vram-policy",
        Label,
        "Pods, pod templates, ResourceClaims",
        Client,
        "How the devices' memory is used: `elastic` (no limit; the default) or `hard_cap` (the limit in `dra-pinned-mem`)",
    ),
    key(
        "dra-pinned-mem",
        Label,
        "Pods, pod templates, ResourceClaims",
        Client,
        "The limit of `hard_cap` on each device, a quantity such as `20Gi`; `none` means no limit",
    ),
    key(
        "dra-sharing-mode",
        Label,
        "Pods, pod templates",
        Client,
        "`inline`: make a claim for this Pod from its other GPU labels. `shared-claim`: the Pod uses claims that exist by themselves",
    ),
    key(
        "dra-claim-name",
        Label,
        "Pods, pod templates",
        Client,
        "The claim whose devices the Pod uses, by its name or as a slot: `{{ gpuClaimName \"train-a\" }}`. An annotation of this name asks for the same",
    ),
    key(
        "claim-slots",
        Annotation,
        "Pods, pod templates, workloads",
        Client,
        "Which claim each slot means: `train-a=my-claim,eval=other-claim`",
    ),
    key(
        "claim-template",
        Annotation,
        "Pods",
        Platform,
        "The content of the ResourceClaimTemplate that the platform makes for the Pod",
    ),
    key(
        "slot",
        Label,
        "ResourceClaims",
        Client,
        "The slot that the claim fills, unless `claim-slots` maps another claim to it",
    ),
    key(
        "share",
        Annotation,
        "ResourceClaims, Services",
        Client,
        "`project`: the other members of the project may use the claim, and its owner pays; the Service selects their Pods, too",
    ),
    key(
        "storage",
        Label,
        "PersistentVolumeClaims",
        Client,
        "Makes the claim this volume of the project: a name under `Project.spec.storage`",
    ),
    key(
        "group-storage",
        Label,
        "PersistentVolumeClaims",
        Client,
        "Makes the claim this volume of a group: `<group>.<name>`, a name under `Group.spec.storage`",
    ),
    key(
        "storage-lane",
        Label,
        "PersistentVolumeClaims",
        Client,
        "The lane whose StorageClass and access mode the claim gets: a key of `PlatformPolicy.spec.storageLanes`",
    ),
    key(
        "use-volumes",
        Annotation,
        "Pods, pod templates, PersistentVolumeClaims, VolumeSnapshots",
        Client,
        "The UIDs, separated by commas, of colleagues' PersistentVolumeClaims and VolumeSnapshots that a Manager's work uses: \
         who manages a project may use them where they are named so, whatever else has their names",
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
        "reserved-for",
        Annotation,
        "PersistentVolumes",
        Admin,
        "The user who may make the claim that the volume's `claimRef` names, by the id that `user-id` has",
    ),
    key(
        "made-by",
        Annotation,
        "workloads, Pods, Services, PersistentVolumeClaims, VolumeSnapshots, ResourceClaims, ResourceClaimTemplates; Secrets, ConfigMaps, Ingresses, Endpoints, EndpointSlices",
        Platform,
        "The username of whoever made the object, or for whom a controller made it; the account's own of what the account of a Pod made. While Sluice is away the API server decides by it who changes and deletes the object",
    ),
    key(
        "asked",
        Annotation,
        "Pods, ResourceClaims",
        Platform,
        "What the platform replaced: a JSON object from the place to the value that the client asked for. A place is a JSON Pointer in \
         which elements of lists stand by their names, such as `/spec/containers/name=app/image`. `{\"written\": \"h100\"}` is a label \
         that nobody asked for and the platform wrote. So applying the same manifest twice changes nothing, and an object that is \
         exported and made again asks for what it asked at first",
    ),
    key(
        "nudged",
        Annotation,
        "ReplicaSets, StatefulSets, Jobs, ReplicationControllers",
        Platform,
        "The platform writes it and removes it at once when there is room for Pods that were refused, so that their controller tries again",
    ),
    key(
        "stopped-because",
        Annotation,
        "Workspaces",
        Platform,
        "Why the workspace was stopped: `Stopped by alice`, `Plan window expired`, `Preempted: …`. Its status says it, too",
    ),
    key(
        "activity-path",
        Annotation,
        "Pods",
        Client,
        "A path at which the Pod's server answers with JSON that has its `last_activity`. This version asks nobody there",
    ),
    key("last-activity", Annotation, "Pods", Platform, RESERVED),
    key("idle-stop-at", Annotation, "Pods", Platform, RESERVED),
    key(
        "starts-at",
        Annotation,
        "Pods",
        Platform,
        "When the queue opens for which the Pod waits behind the gate `plan-window`, in RFC 3339. Kept true, and absent where no \
         opening is known, or where the queue is open and the Pod waits for room",
    ),
    key(
        "window-closes-at",
        Annotation,
        "Pods",
        Platform,
        "When the Pod's queue closes, or has closed, in RFC 3339: the Pod is evicted `PlatformPolicy.spec.grace.planWindow` later. \
         There from 15 minutes before, kept true, and taken off when the queue does not close",
    ),
    key(
        "eviction-reason",
        Annotation,
        "Pods",
        Platform,
        "Why the platform ends the Pod: `Plan window expired`, `Plan validity period expired`, `No active resource plan`, or `Preempted: …` \
         with the queue for whose Pod it ends",
    ),
    key(
        "room-made-in",
        Annotation,
        "Pods",
        Platform,
        "The queue, by its id, in which the Pod was when others were evicted for it. If that queue is preemptible the Pod stays so, in \
         whatever queue it is moved to: nobody keeps for good what was taken from others",
    ),
    key(
        "gang",
        Annotation,
        "Pods, workloads",
        Client,
        "How many Pods of this workload must run together, as a number. Written on the pod template, or by hand on Pods with a controller. \
         Room is made for all of them at once, or for none",
    ),
    key(
        "hold",
        Taint,
        "devices, ResourceClaims",
        Platform,
        "Holds a device that is freed for one claim. Every claim tolerates its own hold and no other",
    ),
    key(
        "plan-window",
        Gate,
        "Pods",
        Platform,
        "Makes a Pod wait until its queue opens. Only the platform removes a gate with this prefix",
    ),
];

const RESERVED: &str =
    "Reserved: the platform removes what a client writes there, and writes nothing itself in this version";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    /// The keys that the contract's constants name.
    fn named() -> Vec<&'static str> {
        let source = include_str!("../contract.rs");
        let quoted = source.split('"').skip(1).step_by(2);
        let quoted = quoted.filter(|text| !contract::OF_CLIENTS.contains(text));
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
