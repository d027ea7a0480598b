//! What holds for the platform as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::host_path::HostPath;
use super::modes::{RuleMode, RuleModes};
use super::names::{ModelName, PlanName};
use super::other_devices::{ResourceNames, Treatment};
use super::project::Project;
use super::quota::Quota;
use super::rule_id::RuleId;
use super::storage::Lane;
use super::workload::{WorkloadKind, built_in};
use crate::object::kinds::GroupResource;

/// The volume types that the Pod Security Standard *restricted* allows, Kubernetes 1.37.
pub const RESTRICTED_VOLUME_TYPES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What holds for the platform as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct Platform {
    /// Rules that are not simply enforced.
    pub rule_modes: RuleModes,
    /// Namespaces that are never governed.
    pub exempt_namespaces: BTreeSet<String>,
    /// Service accounts of operators: what they create belongs to the user stamped on its controller owner.
    pub trusted_controllers: BTreeSet<String>,
    /// Service accounts of dashboards: they may say for which member they create an object.
    pub trusted_clients: BTreeSet<String>,
    /// Kubernetes groups whose people are platform Admins, besides `system:masters`.
    pub admin_groups: BTreeSet<String>,
    /// What GPU labels alone do.
    pub labels_alone: LabelsAlone,
    /// Schedulers that Pods may name, besides the default one.
    pub schedulers: BTreeSet<String>,
    /// What happens to workloads from before the platform.
    pub unstamped: Unstamped,
    /// Kinds whose objects make Pods: the built-in ones and those that the admin lists.
    pub workload_kinds: Vec<WorkloadKind>,
    /// Host paths that Pods may mount; everything below a listed path is listed.
    pub host_paths: Vec<HostPath>,
    /// Capabilities beyond the baseline that projects may have.
    pub capabilities: BTreeSet<String>,
    /// Types of volumes that Pods may use.
    pub volume_types: BTreeSet<String>,
    /// CSI drivers that Pods may use inline.
    pub csi_drivers: BTreeSet<String>,
    /// DeviceClasses of devices that are no GPUs, and what each device costs. Without any, all of them may be asked for.
    pub device_classes: BTreeMap<String, Treatment>,
    /// Extended resources that no GPU model lists.
    pub resource_names: ResourceNames,
    /// What Services may take of the cluster.
    pub services: BTreeSet<ServiceFeature>,
    /// What the lanes mean that a new PersistentVolumeClaim may name.
    pub storage_lanes: BTreeMap<String, Lane>,
    /// The plan that a new personal project is given.
    pub personal_plan: Option<PlanName>,
    /// What a project without a plan in force may use.
    pub without_plan: WithoutPlan,
    /// How long a Pod may stay after its window has closed.
    pub plan_window_grace: Duration,
    /// How long a PodDisruptionBudget is heeded that does not let a Pod be evicted.
    pub budget_grace: Duration,
    /// What happens to a Pod while the ledger does not answer.
    pub without_ledger: WithoutLedger,
    /// What a Pod is charged of CPU and memory.
    pub charge: ChargeBy,
    /// What happens to GPUs that are asked for outside of projects.
    pub elsewhere: Elsewhere,
}

/// What happens to GPUs that are asked for outside of projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Elsewhere {
    /// They are given, with a warning.
    #[default]
    Warn,
    /// They are refused.
    Enforce,
}

/// What a Pod is charged of CPU and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ChargeBy {
    /// What it requests: the scheduler sets that aside for it.
    #[default]
    Requests,
    /// Its limits: it may use that much.
    Limits,
}

/// What happens to what costs something while the ledger does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum WithoutLedger {
    /// It is refused, and may be tried again.
    #[default]
    Retry,
    /// It is admitted, and charged once the ledger answers again.
    Admit,
}

/// What a project without a plan in force may use.
#[derive(Clone, Debug, Serialize)]
pub struct WithoutPlan {
    /// Its limits.
    pub quota: Quota,
    /// GPU models that may be used; none means no GPU.
    pub gpu_models: BTreeSet<ModelName>,
}

impl Default for WithoutPlan {
    /// Nothing.
    fn default() -> Self {
        Self { quota: Quota::NOTHING, gpu_models: BTreeSet::new() }
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            rule_modes: RuleModes::new(),
            exempt_namespaces: BTreeSet::new(),
            trusted_controllers: BTreeSet::new(),
            trusted_clients: BTreeSet::new(),
            admin_groups: BTreeSet::new(),
            labels_alone: LabelsAlone::default(),
            schedulers: BTreeSet::new(),
            unstamped: Unstamped::default(),
            workload_kinds: built_in(),
            host_paths: Vec::new(),
            capabilities: BTreeSet::new(),
            volume_types: RESTRICTED_VOLUME_TYPES.map(Into::into).into(),
            csi_drivers: BTreeSet::new(),
            device_classes: BTreeMap::new(),
            resource_names: ResourceNames::default(),
            services: BTreeSet::new(),
            storage_lanes: BTreeMap::new(),
            personal_plan: None,
            without_plan: WithoutPlan::default(),
            plan_window_grace: Duration::from_secs(5 * 60),
            budget_grace: Duration::from_secs(10 * 60),
            without_ledger: WithoutLedger::default(),
            charge: ChargeBy::default(),
            elsewhere: Elsewhere::default(),
        }
    }
}

impl Platform {
    /// The listed kind of a resource.
    pub fn workload_kind(&self, of: &GroupResource) -> Option<&WorkloadKind> {
        self.workload_kinds.iter().find(|kind| kind.of == *of)
    }
}

/// What a Service may take of the cluster, where an admin lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ServiceFeature {
    /// Addresses outside of the cluster.
    ExternalIps,
    /// A load balancer's address by choice.
    LoadBalancerIp,
    /// A port on every node.
    NodePort,
}

impl ServiceFeature {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ExternalIps, Self::LoadBalancerIp, Self::NodePort];
}

impl std::fmt::Display for ServiceFeature {
    /// As admins list it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ExternalIps => "ExternalIPs",
            Self::LoadBalancerIp => "LoadBalancerIP",
            Self::NodePort => "NodePort",
        })
    }
}

/// What GPU labels alone do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LabelsAlone {
    /// They attach nothing, with a warning.
    #[default]
    Warn,
    /// They are enough for a claim.
    Claim,
}

/// What happens to Pods of a workload that no user is stamped on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Unstamped {
    /// They are charged to the project alone, with a warning.
    #[default]
    Project,
    /// They are refused.
    Refuse,
}

impl Platform {
    /// Capabilities beyond the baseline that the project's containers may add: what it lists, if the platform does.
    pub fn capabilities_of<'a>(&'a self, project: &'a Project) -> BTreeSet<&'a str> {
        self.capabilities.intersection(&project.capabilities).map(String::as_str).collect()
    }

    /// Host paths that the project's Pods may mount: the platform's, or what the project narrows them to.
    pub fn host_paths_of<'a>(&'a self, project: &'a Project) -> Vec<&'a HostPath> {
        match &project.host_paths {
            None => self.host_paths.iter().collect(),
            Some(narrowed) => {
                let is_listed = |path: &&HostPath| self.host_paths.iter().any(|listed| listed.covers(path.as_str()));
                narrowed.iter().filter(is_listed).collect()
            }
        }
    }

    /// Whether the project's Pods may have what the Pod Security Standard *baseline* refuses.
    pub fn goes_beyond_baseline(&self, project: &Project) -> bool {
        !self.host_paths_of(project).is_empty() || !self.capabilities_of(project).is_empty()
    }

    /// The mode of a rule: what the project says, else what the platform says, else `enforce`.
    pub fn mode_of(&self, rule: RuleId, project: Option<&Project>) -> RuleMode {
        let of_project = project.and_then(|project| project.rule_modes.get(&rule));
        of_project.or_else(|| self.rule_modes.get(&rule)).copied().unwrap_or_default()
    }
}
