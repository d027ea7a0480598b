//! The kinds that are watched.

use std::sync::Arc;

use tokio::sync::watch;

/// A kind of objects that is watched, or what is made of several kinds. Whoever names one sees it, and hears of its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The seven kinds of records, as one policy. It has changed when the policy or its problems have.
    Records,
    /// Namespaces.
    Namespaces,
    /// Pods. One has changed when that has changed of it which is kept; its resource version alone does not count.
    Pods,
    /// ResourceClaims.
    ResourceClaims,
    /// ResourceClaimTemplates.
    ResourceClaimTemplates,
    /// DeviceClasses.
    DeviceClasses,
    /// ResourceSlices: the devices that there are.
    ResourceSlices,
    /// DeviceTaintRules. A cluster may do without the kind; then there are none.
    DeviceTaintRules,
    /// PersistentVolumeClaims.
    VolumeClaims,
    /// PersistentVolumes.
    Volumes,
    /// RoleBindings that carry the platform's mark.
    RoleBindings,
    /// ResourceQuotas that carry the platform's mark. One has changed when its limits have.
    ResourceQuotas,
    /// PriorityClasses.
    PriorityClasses,
    /// Nodes. One has changed when its labels, its taints or what Pods may take of it have.
    Nodes,
    /// PodDisruptionBudgets.
    Budgets,
    /// Workloads that were moved to a queue.
    MovedWorkloads,
    /// Volcano's Queues. A cluster may do without the kind; then there are none.
    VolcanoQueues,
    /// Workspaces. Where the kind is not installed yet, there are none.
    Workspaces,
}

impl Topic {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::Records,
        Self::Namespaces,
        Self::Pods,
        Self::ResourceClaims,
        Self::ResourceClaimTemplates,
        Self::DeviceClasses,
        Self::ResourceSlices,
        Self::DeviceTaintRules,
        Self::VolumeClaims,
        Self::Volumes,
        Self::RoleBindings,
        Self::ResourceQuotas,
        Self::PriorityClasses,
        Self::Nodes,
        Self::Budgets,
        Self::MovedWorkloads,
        Self::VolcanoQueues,
        Self::Workspaces,
    ];

    /// What is watched whatever is asked: without records and bindings nothing is decided.
    pub(super) const ALWAYS: [Self; 2] = [Self::Records, Self::Namespaces];

    /// What people read when it is missing.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Namespaces => "namespaces",
            Self::Pods => "pods",
            Self::ResourceClaims => "resourceclaims",
            Self::ResourceClaimTemplates => "resourceclaimtemplates",
            Self::DeviceClasses => "deviceclasses",
            Self::ResourceSlices => "resourceslices",
            Self::DeviceTaintRules => "devicetaintrules",
            Self::VolumeClaims => "persistentvolumeclaims",
            Self::Volumes => "persistentvolumes",
            Self::RoleBindings => "rolebindings",
            Self::ResourceQuotas => "resourcequotas",
            Self::PriorityClasses => "priorityclasses",
            Self::Nodes => "nodes",
            Self::Budgets => "poddisruptionbudgets",
            Self::MovedWorkloads => "moved workloads",
            Self::VolcanoQueues => "queues.scheduling.volcano.sh",
            Self::Workspaces => "workspaces",
        }
    }
}

/// One signal for each topic. A signal carries no data.
#[derive(Clone)]
pub(super) struct Signals(Arc<[watch::Sender<()>; Topic::ALL.len()]>);

impl Signals {
    pub(super) fn new() -> Self {
        Self(Arc::new(Topic::ALL.map(|_| watch::Sender::new(()))))
    }

    pub(super) fn give(&self, topic: Topic) {
        self.0[topic as usize].send_replace(());
    }

    pub(super) fn listen(&self, topics: &[Topic]) -> Changes {
        Changes(topics.iter().map(|topic| self.0[*topic as usize].subscribe()).collect())
    }
}

/// What changes from now on, of some topics.
#[derive(Clone, Debug)]
pub struct Changes(Vec<watch::Receiver<()>>);

impl Changes {
    /// Waits until something has changed that was not [noticed](Self::notice) yet.
    pub async fn changed(&mut self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let any = self.0.iter_mut().map(|receiver| Box::pin(receiver.changed()));
        if futures::future::select_all(any).await.0.is_err() {
            // The process ends.
            std::future::pending::<()>().await;
        }
    }

    /// Takes note of everything that has changed so far.
    pub fn notice(&mut self) {
        self.0.iter_mut().for_each(watch::Receiver::mark_unchanged);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_listener_hears_of_its_topics_and_of_each_change_once() {
        let signals = Signals::new();
        let mut changes = signals.listen(&[Topic::Pods, Topic::Records]);
        signals.give(Topic::Namespaces);
        assert_eq!(changes.changed().now_or_never(), None, "it does not listen to that");
        signals.give(Topic::Records);
        assert_eq!(changes.changed().now_or_never(), Some(()));
        assert_eq!(changes.changed().now_or_never(), None);
        signals.give(Topic::Pods);
        changes.notice();
        assert_eq!(changes.changed().now_or_never(), None, "it was noticed");
    }

    #[test]
    fn every_topic_has_a_signal_of_its_own() {
        for (at, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic as usize, at, "{topic:?}");
        }
    }
}
