//! The labels and annotations that every client of the platform shares.
//!
//! Keys that *ask* may be set by a client; every other `platform-go/` key is the platform's to write.

mod keys;

pub use keys::{KEYS, Key, KeyKind, Writer};

/// The prefix of every key of the contract.
pub const PREFIX: &str = "platform-go/";

/// The name of the PriorityClass that stands for a queue begins with this.
pub const PRIORITY_CLASS_PREFIX: &str = "platform-go-";

/// Binds a Namespace to a project; on Pods, the project that pays.
pub const PROJECT_ID: &str = "platform-go/project-id";
/// The group that owns the project; absent for a personal project.
pub const GROUP_ID: &str = "platform-go/group-id";
/// The user for whom the object runs.
pub const USER_ID: &str = "platform-go/user-id";
/// The plan in force when the Pod was made.
pub const PLAN_ID: &str = "platform-go/plan-id";
/// Asks for a queue; absent means `default`.
pub const QUEUE_NAME: &str = "platform-go/queue-name";
/// Annotation on a living Pod, or on a workload: asks to move it, or all that it makes, to another queue.
pub const SWITCH_QUEUE: &str = "platform-go/switch-queue";
/// Label on a workload: the id of the queue to which it was moved. By a label, watches find the few that were.
pub const MOVED_TO: &str = "platform-go/moved-to";
/// Whether the Pod may be evicted for those of higher queues.
pub const PREEMPTIBLE: &str = "platform-go/preemptible";
/// Asks for a GPU model.
pub const GPU_MODEL: &str = "platform-go/dra-gpu-model";
/// Asks for so many devices; absent means one.
pub const GPU_COUNT: &str = "platform-go/dra-gpu-count";
/// Asks for a share of each device's compute, in percent; absent means all of it.
pub const SM_PERCENT: &str = "platform-go/dra-sm-pct";
/// Asks how the devices' memory is used; absent means `elastic`.
pub const VRAM_POLICY: &str = "platform-go/vram-policy";
/// Asks for a ceiling of device memory; `none` is none.
pub const PINNED_MEMORY: &str = "platform-go/dra-pinned-mem";
/// Asks where the devices come from: a claim made for the Pod, or one that is there.
pub const SHARING_MODE: &str = "platform-go/dra-sharing-mode";
/// Key of the taint that holds a freed device for whom it was freed, and of the toleration that every claim carries.
pub const HOLD: &str = "platform-go/hold";
/// What the GPU request amounts to.
pub const EFFECTIVE_GPU: &str = "platform-go/dra-effective-gpu";
/// On a PersistentVolumeClaim: the group's volume that it is, `<group id>.<name>`.
pub const GROUP_STORAGE: &str = "platform-go/group-storage";
/// On a PersistentVolumeClaim: the project's volume that it is.
pub const STORAGE: &str = "platform-go/storage";
/// On a PersistentVolumeClaim: asks for the StorageClass and access mode of a lane.
pub const STORAGE_LANE: &str = "platform-go/storage-lane";
/// Label or annotation that asks for a claim by its name, or by a slot.
pub const CLAIM_NAME: &str = "platform-go/dra-claim-name";
/// Annotation that says which claims slots mean: `train-a=my-claim,eval=other-claim`.
pub const CLAIM_SLOTS: &str = "platform-go/claim-slots";
/// Annotation: the content of the ResourceClaimTemplate that the platform makes for the Pod.
pub const CLAIM_TEMPLATE: &str = "platform-go/claim-template";
/// On a claim: the slot that it fills when nothing else is mapped.
pub const SLOT: &str = "platform-go/slot";
/// Annotation on a claim: `project` lets other members use it.
pub const SHARE: &str = "platform-go/share";
/// Annotation: the UIDs of colleagues' volumes that a Manager's work uses.
pub const USE_VOLUMES: &str = "platform-go/use-volumes";
/// Annotation that asks for UID 0.
pub const ROOT_SHELL: &str = "platform-go/root-shell";
/// Annotation: place to the value that was asked there before the platform replaced it.
pub const ASKED: &str = "platform-go/asked";
/// Scheduling gate of a Pod whose queue is closed. Gates with the [`PREFIX`] are the platform's to take away.
pub const PLAN_WINDOW_GATE: &str = "platform-go/plan-window";
/// Annotation: when the Pod's queue closes, or has closed.
pub const WINDOW_CLOSES_AT: &str = "platform-go/window-closes-at";
/// Annotation: when a Pod may start whose queue is closed.
pub const STARTS_AT: &str = "platform-go/starts-at";
/// Annotation: why the platform ends the Pod.
pub const EVICTION_REASON: &str = "platform-go/eviction-reason";
/// Annotation: the id of the queue as of which others were evicted for the Pod.
pub const ROOM_MADE_IN: &str = "platform-go/room-made-in";
/// Annotation: why a workspace was stopped.
pub const STOPPED_BECAUSE: &str = "platform-go/stopped-because";
/// Annotation: where a custom image says when something was last active in it.
pub const ACTIVITY_PATH: &str = "platform-go/activity-path";
/// What kind of workload a Pod is, to dashboards.
pub const RESOURCE_TYPE: &str = "platform-go/resource-type";
/// Annotation: how many Pods of a workload must run together.
pub const GANG: &str = "platform-go/gang";
/// Annotation on a Namespace by which an admin lets a project take it over.
pub const ADOPT: &str = "platform-go/adopt";

/// Annotation on a PersistentVolume: the user who may make the claim for which it is reserved.
pub const RESERVED_FOR: &str = "platform-go/reserved-for";

/// Annotation that comes and goes on a workload that has fewer Pods than it wants, so that its controller looks again.
pub const NUDGED: &str = "platform-go/nudged";

/// Annotation: the username of whoever made the object, or for whom a controller did. A Pod's account is itself.
pub const MADE_BY: &str = "platform-go/made-by";

/// Labels that name whom and what an object belongs to; corrected wherever a client wrote them.
pub const OWNERSHIP_LABELS: [&str; 4] = [PROJECT_ID, GROUP_ID, USER_ID, PLAN_ID];

/// Labels that the platform alone writes on Pods.
pub const PLATFORM_LABELS: [&str; 6] = [PROJECT_ID, GROUP_ID, USER_ID, PLAN_ID, PREEMPTIBLE, EFFECTIVE_GPU];

/// Annotations that the platform alone writes on Pods.
pub const PLATFORM_ANNOTATIONS: [&str; 7] = [
    CLAIM_TEMPLATE,
    "platform-go/last-activity",
    "platform-go/idle-stop-at",
    STARTS_AT,
    WINDOW_CLOSES_AT,
    EVICTION_REASON,
    ROOM_MADE_IN,
];

/// Labels by which a client asks for something that is fixed once the Pod exists.
pub const ASKING_LABELS: [&str; 8] =
    [QUEUE_NAME, CLAIM_NAME, GPU_MODEL, GPU_COUNT, SM_PERCENT, VRAM_POLICY, PINNED_MEMORY, SHARING_MODE];

/// Labels with the prefix that clients keep for themselves, and that say nothing to the platform.
pub const OF_CLIENTS: [&str; 3] = [RESOURCE_TYPE, "platform-go/job-id", "platform-go/gpu-count"];

/// The PriorityClass of a queue.
pub fn priority_class(queue: &str) -> String {
    format!("{PRIORITY_CLASS_PREFIX}{queue}")
}
