//! What a story changes about the sample organisation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use policy_engine::policy::Records;
use policy_engine::policy::model::{CORES, Model, Sharing, WHOLE};
use policy_engine::policy::modes::{RuleMode, RuleModes};
use policy_engine::policy::other_devices::Treatment;
use policy_engine::policy::plan::{ExtendedResources, OutsideWindow, USUAL_GRACE_LIMIT, VramPolicy};
use policy_engine::policy::platform::{ChargeBy, LabelsAlone, ServiceFeature, Unstamped};
use policy_engine::policy::project::{Holder, Member, MemberRef, ProjectRole};
use policy_engine::policy::quantity::{Unit, parse};
use policy_engine::policy::quota::Quota;
use policy_engine::policy::workload::WorkloadKind;
use serde::Deserialize;

use super::object::resource_of;
use super::schedules::ScheduleOptions;
use super::volumes::{Lanes, Storages};

/// What is different from the sample organisation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Options {
    rule_modes: BTreeMap<String, Mode>,
    trusted_clients: BTreeSet<String>,
    trusted_controllers: BTreeSet<String>,
    admin_groups: BTreeSet<String>,
    schedulers: BTreeSet<String>,
    /// GPU labels alone are enough for a claim.
    labels_alone: bool,
    refuse_unstamped: bool,
    charge_limits: bool,
    host_paths: Vec<String>,
    capabilities: BTreeSet<String>,
    volume_types: Option<BTreeSet<String>>,
    csi_drivers: BTreeSet<String>,
    /// As in PlatformPolicy.
    services: BTreeSet<String>,
    /// As in PlatformPolicy.
    device_classes: BTreeMap<String, Treated>,
    resource_names: BTreeMap<String, Treated>,
    storage_lanes: Lanes,
    /// Group to its storage.
    group_storage: BTreeMap<String, Storages>,
    /// `<plural>.<group>` to the places of its pod templates.
    workload_kinds: BTreeMap<String, Vec<String>>,
    project: BTreeMap<String, ProjectOptions>,
    plan: BTreeMap<String, PlanOptions>,
    /// What a project without a plan in force may use.
    without_plan: QuotaOptions,
    queue: BTreeMap<String, QueueOptions>,
    model: BTreeMap<String, ModelOptions>,
    /// Group to the groups of the identity provider whose people are its members.
    identity_groups: BTreeMap<String, BTreeSet<String>>,
    /// Users whose records are gone.
    without_users: Vec<String>,
    /// Queues whose records are gone.
    without_queues: Vec<String>,
    /// Groups whose records are gone.
    without_groups: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    Enforce,
    Warn,
    Off,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct ProjectOptions {
    rule_modes: BTreeMap<String, Mode>,
    without_plan: bool,
    plan: Option<String>,
    images: Option<Vec<String>>,
    allow_service_account_token: Option<bool>,
    spread_together: Option<bool>,
    /// Namespaces of single members, and whose each is.
    #[serde(default)]
    member_namespaces: BTreeMap<String, String>,
    allow_root_containers: Option<bool>,
    capabilities: BTreeSet<String>,
    host_paths: Option<Vec<String>>,
    storage: Storages,
    owner: Option<String>,
    /// Groups whose people are Members besides those listed.
    member_groups: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct PlanOptions {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    cpu: Option<String>,
    memory: Option<String>,
    /// Pods are refused while it is closed.
    deny: bool,
    schedule: Option<ScheduleOptions>,
    quota: QuotaOptions,
    outside_window_quota: QuotaOptions,
    per_user: QuotaOptions,
    /// Extended resources are refused.
    deny_extended: bool,
    max_devices_per_claim: Option<u64>,
    /// Models besides those that it has.
    also_models: Vec<String>,
    /// In seconds.
    max_termination_grace: Option<u64>,
    hard_cap_only: bool,
    elastic_only: bool,
}

/// Limits; what is not said stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct QuotaOptions {
    gpu: Option<String>,
    devices: Option<u64>,
    cpu: Option<String>,
    memory: Option<String>,
}

impl QuotaOptions {
    fn change(&self, quota: &mut Quota) {
        let read = |text: &Option<String>, unit| text.as_ref().map(|text| parse(text, unit).expect("an amount"));
        quota.milli_gpu = read(&self.gpu, Unit::Milli).or(quota.milli_gpu);
        quota.devices = self.devices.or(quota.devices);
        quota.milli_cpu = read(&self.cpu, Unit::Milli).or(quota.milli_cpu);
        quota.memory_bytes = read(&self.memory, Unit::One).or(quota.memory_bytes);
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct QueueOptions {
    schedule: Option<ScheduleOptions>,
    priority: Option<i32>,
    gpu_models: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModelOptions {
    #[serde(default)]
    sharing: Shared,
    compute_capacity: Option<String>,
    class: Option<String>,
    #[serde(default)]
    resource_names: BTreeSet<String>,
    /// The product of a model that the sample organisation does not have.
    product: Option<String>,
    profile: Option<String>,
    /// In GPU.
    price: Option<String>,
}

/// What is done with devices that are no GPU model's.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Treated {
    Ignore,
    Refuse,
    #[serde(untagged)]
    Price {
        price: String,
    },
}

impl Treated {
    fn treatment(&self) -> Treatment {
        match self {
            Self::Ignore => Treatment::Ignore,
            Self::Refuse => Treatment::Refuse,
            Self::Price { price } => Treatment::Price(parse(price, Unit::Milli).expect("a price")),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Shared {
    #[default]
    Mps,
    TimeSlicing,
    Capacity,
    None,
}

fn modes(modes: &BTreeMap<String, Mode>) -> RuleModes {
    let mode = |mode: &Mode| match mode {
        Mode::Enforce => RuleMode::Enforce,
        Mode::Warn => RuleMode::Warn,
        Mode::Off => RuleMode::Off,
    };
    modes.iter().map(|(rule, it)| (rule.parse().expect("a rule"), mode(it))).collect()
}

impl Options {
    /// Changes the records.
    pub(crate) fn change(&self, records: &mut Records) {
        let platform = &mut records.platform;
        platform.rule_modes = modes(&self.rule_modes);
        platform.trusted_clients.clone_from(&self.trusted_clients);
        platform.trusted_controllers.clone_from(&self.trusted_controllers);
        platform.admin_groups.clone_from(&self.admin_groups);
        platform.schedulers.clone_from(&self.schedulers);
        platform.labels_alone = if self.labels_alone { LabelsAlone::Claim } else { LabelsAlone::Warn };
        platform.unstamped = if self.refuse_unstamped { Unstamped::Refuse } else { Unstamped::Project };
        platform.charge = if self.charge_limits { ChargeBy::Limits } else { ChargeBy::Requests };
        platform.host_paths = self.host_paths.iter().map(|path| path.parse().expect("a host path")).collect();
        platform.capabilities.clone_from(&self.capabilities);
        if let Some(types) = &self.volume_types {
            platform.volume_types.clone_from(types);
        }
        platform.csi_drivers.clone_from(&self.csi_drivers);
        let listed = |feature: &ServiceFeature| self.services.contains(&feature.to_string());
        platform.services = ServiceFeature::ALL.into_iter().filter(listed).collect();
        let treated = self.device_classes.iter().map(|(class, it)| (class.clone(), it.treatment()));
        platform.device_classes = treated.collect();
        for (pattern, it) in &self.resource_names {
            platform.resource_names.add(pattern, it.treatment()).expect("a pattern");
        }
        platform.storage_lanes.extend(self.storage_lanes.values());
        for (group, storages) in &self.group_storage {
            records.groups.get_mut(group.as_str()).expect("a sample group").storage.extend(storages.values());
        }
        platform.workload_kinds.extend(self.workload_kinds.iter().map(|(resource, templates)| WorkloadKind {
            of: resource_of("", Some(resource)),
            pod_templates: templates.iter().map(|path| path.parse().expect("a template path")).collect(),
        }));
        for (name, options) in &self.project {
            options.change(records.projects.get_mut(name.as_str()).expect("a sample project"));
        }
        for (name, options) in &self.plan {
            let plan = records.plans.get_mut(name.as_str()).expect("a sample plan");
            plan.validity.from = options.from;
            plan.validity.until = options.until;
            plan.defaults.cpu = options.cpu.clone().map(Quantity);
            plan.defaults.memory = options.memory.clone().map(Quantity);
            plan.outside_window = if options.deny { OutsideWindow::Deny } else { OutsideWindow::Gate };
            plan.schedule = options.schedule.as_ref().map(ScheduleOptions::schedule);
            options.quota.change(&mut plan.quota);
            options.outside_window_quota.change(&mut plan.outside_window_quota);
            options.per_user.change(&mut plan.per_user);
            if options.deny_extended {
                plan.extended_resources = ExtendedResources::Deny;
            }
            plan.gpu_models.extend(options.also_models.iter().map(|model| model.as_str().into()));
            plan.max_devices_per_claim = options.max_devices_per_claim;
            plan.max_termination_grace = options.max_termination_grace.map_or(USUAL_GRACE_LIMIT, Duration::from_secs);
            let only = [(options.hard_cap_only, VramPolicy::HardCap), (options.elastic_only, VramPolicy::Elastic)];
            plan.vram_policies = only.into_iter().filter(|(only, _)| *only).map(|(_, policy)| policy).collect();
        }
        self.without_plan.change(&mut records.platform.without_plan.quota);
        for (name, options) in &self.queue {
            let queue = records.queues.get_mut(name.as_str()).expect("a sample queue");
            queue.schedule = options.schedule.as_ref().map(ScheduleOptions::schedule);
            queue.priority = options.priority.unwrap_or(queue.priority);
            queue.gpu_models = options.gpu_models.iter().map(|model| model.as_str().into()).collect();
        }
        for (name, options) in &self.model {
            let sample = records.models.get("h100").expect("a sample model").clone();
            let model = records.models.entry(name.as_str().into()).or_insert_with(|| Model {
                name: name.as_str().into(),
                id: name.clone(),
                product_names: options.product.iter().cloned().collect(),
                ..sample
            });
            model.profile.clone_from(&options.profile);
            model.milli_gpu = options.price.as_ref().map_or(WHOLE, |price| parse(price, Unit::Milli).expect("a price"));
            model.sharing = match options.sharing {
                Shared::Mps => Sharing::Mps,
                Shared::TimeSlicing => Sharing::TimeSlicing,
                Shared::Capacity => Sharing::Capacity,
                Shared::None => Sharing::None,
            };
            model.compute_capacity = options.compute_capacity.clone().unwrap_or_else(|| CORES.into());
            model.resource_names.clone_from(&options.resource_names);
            if let Some(class) = &options.class {
                model.device_class_name.clone_from(class);
            }
        }
        for (name, proven) in &self.identity_groups {
            records.groups.get_mut(name.as_str()).expect("a sample group").identity_groups.clone_from(proven);
        }
        records.queues.retain(|name, _| !self.without_queues.contains(&name.to_string()));
        records.users.retain(|name, _| !self.without_users.contains(&name.to_string()));
        records.groups.retain(|name, _| !self.without_groups.contains(&name.to_string()));
    }
}

impl ProjectOptions {
    fn change(&self, project: &mut policy_engine::policy::project::Project) {
        project.rule_modes = modes(&self.rule_modes);
        if self.without_plan {
            project.plan = None;
        }
        if let Some(plan) = &self.plan {
            project.plan = Some(plan.as_str().into());
        }
        if let Some(images) = &self.images {
            project.images = images.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        }
        if let Some(owner) = &self.owner {
            project.holder = Holder::User(owner.as_str().into());
        }
        project.allow_service_account_token |= self.allow_service_account_token == Some(true);
        project.spread_together |= self.spread_together == Some(true);
        if !self.member_namespaces.is_empty() {
            let given = self.member_namespaces.iter().map(|(name, user)| (name.clone(), user.as_str().into()));
            project.member_namespaces = Some(given.collect());
        }
        project.allow_root_containers = self.allow_root_containers.unwrap_or(project.allow_root_containers);
        project.capabilities.clone_from(&self.capabilities);
        if let Some(paths) = &self.host_paths {
            project.host_paths = Some(paths.iter().map(|path| path.parse().expect("a host path")).collect());
        }
        project.storage.extend(self.storage.values());
        let groups = self.member_groups.iter();
        project.members.extend(
            groups.map(|group| Member { who: MemberRef::Group(group.as_str().into()), role: ProjectRole::Member }),
        );
    }
}
