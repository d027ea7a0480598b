//! What holds for the platform as a whole.

use std::collections::{BTreeMap, BTreeSet};

use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::host_path::HostPath;
use policy_engine::policy::other_devices::{ResourceNames, Treatment};
use policy_engine::policy::platform::{
    ChargeBy, Elsewhere, LabelsAlone, Platform, ServiceFeature, Unstamped, WithoutLedger, WithoutPlan,
};
use policy_engine::policy::quantity::Unit;
use policy_engine::policy::workload::{TemplatePath, WorkloadKind, built_in};

use super::modes::modes;
use super::plans::names;
use super::problem::{About, Report};
use super::read::Entry;
use super::storage::lane;
use super::units::{duration, quota, read};
use crate::POLICY_NAME;
use crate::platform;
use crate::platform::PlatformPolicySpec;
use crate::text::{Amount, Capability, HostPathText, Subject};

/// The policy named `default`; without one, what grants least.
pub(super) fn platform(entries: &[Entry<PlatformPolicySpec>], report: &mut Report) -> Platform {
    let mut platform = Platform::default();
    for entry in entries {
        if entry.about.name == POLICY_NAME {
            platform = convert(entry, report);
        } else {
            let message = format!(
                "given {:?}; the one PlatformPolicy is named {POLICY_NAME}; this one is not read",
                entry.about.name
            );
            report.refuse(&entry.about, "metadata.name", message);
        }
    }
    platform
}

fn convert(entry: &Entry<PlatformPolicySpec>, report: &mut Report) -> Platform {
    let about = &entry.about;
    let PlatformPolicySpec {
        id: _,
        rule_modes,
        admin_groups,
        exempt_namespaces,
        trusted_controllers,
        trusted_clients,
        labels_alone,
        schedulers,
        permissions: _,
        unstamped,
        workload_kinds: kinds,
        without_ledger,
        charge,
        elsewhere,
        personal_plan,
        without_plan,
        storage_lanes,
        host_paths: listed_paths,
        capabilities: listed_capabilities,
        device_classes: classes,
        resource_names: names_of_resources,
        volume_types,
        csi_drivers,
        services,
        grace: platform::Grace { plan_window, budget },
    } = &entry.spec;
    let platform::WithoutPlan { quota: without_quota, gpu_models } = without_plan;
    let fallback = Platform::default();
    Platform {
        host_paths: host_paths(listed_paths, about, report),
        capabilities: capabilities(listed_capabilities, about, report),
        device_classes: device_classes(classes, about, report),
        resource_names: resource_names(names_of_resources, about, report),
        volume_types: volume_types.iter().map(|it| it.0.clone()).collect(),
        csi_drivers: csi_drivers.iter().map(|it| it.0.clone()).collect(),
        services: services.iter().map(service_feature).collect(),
        storage_lanes: storage_lanes.iter().map(|(name, it)| (name.clone(), lane(it))).collect(),
        rule_modes: modes(rule_modes, about, report),
        exempt_namespaces: exempt_namespaces.iter().map(|namespace| namespace.0.clone()).collect(),
        trusted_controllers: texts(trusted_controllers),
        trusted_clients: texts(trusted_clients),
        admin_groups: texts(admin_groups),
        schedulers: schedulers.iter().map(|scheduler| scheduler.0.clone()).collect(),
        labels_alone: match labels_alone {
            platform::LabelsAlone::Warn => LabelsAlone::Warn,
            platform::LabelsAlone::Claim => LabelsAlone::Claim,
        },
        unstamped: match unstamped {
            platform::Unstamped::Project => Unstamped::Project,
            platform::Unstamped::Refuse => Unstamped::Refuse,
        },
        without_ledger: match without_ledger {
            platform::WithoutLedger::Retry => WithoutLedger::Retry,
            platform::WithoutLedger::Admit => WithoutLedger::Admit,
        },
        elsewhere: match elsewhere {
            platform::Elsewhere::Warn => Elsewhere::Warn,
            platform::Elsewhere::Enforce => Elsewhere::Enforce,
        },
        charge: match charge {
            platform::ChargeBy::Requests => ChargeBy::Requests,
            platform::ChargeBy::Limits => ChargeBy::Limits,
        },
        workload_kinds: workload_kinds(kinds, about, report),
        personal_plan: personal_plan.as_ref().map(|plan| plan.as_str().into()),
        without_plan: WithoutPlan {
            quota: quota(without_quota, "spec.withoutPlan.quota", about, report),
            gpu_models: names(gpu_models),
        },
        plan_window_grace: duration(plan_window, "spec.grace.planWindow", about, report)
            .unwrap_or(fallback.plan_window_grace),
        budget_grace: duration(budget, "spec.grace.budget", about, report).unwrap_or(fallback.budget_grace),
    }
}

pub(super) fn host_paths(listed: &[HostPathText], about: &About, report: &mut Report) -> Vec<HostPath> {
    let paths = listed.iter().enumerate().filter_map(|(index, text)| match text.0.parse::<HostPath>() {
        Ok(path) => Some(path),
        Err(why) => {
            report.refuse(about, format!("spec.hostPaths[{index}]"), why);
            None
        }
    });
    paths.collect()
}

/// Capabilities, without the word that stands for all of them.
pub(super) fn capabilities(listed: &[Capability], about: &About, report: &mut Report) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (index, Capability(name)) in listed.iter().enumerate() {
        let is_name = name.bytes().all(|it| it.is_ascii_uppercase() || it == b'_') && !name.starts_with("CAP_");
        if is_name && name != "ALL" {
            found.insert(name.clone());
        } else {
            let message = format!("given {name:?}; name each capability, without CAP_, such as IPC_LOCK");
            report.refuse(about, format!("spec.capabilities[{index}]"), message);
        }
    }
    found
}

/// What costs nothing is said so: a price that cannot be read must not become one.
fn price(written: &Amount, field: &str, about: &About, report: &mut Report) -> Option<Treatment> {
    read(written, Unit::Milli, &format!("{field}.price"), about, report).map(Treatment::Price)
}

fn device_classes(
    written: &BTreeMap<String, platform::DeviceClassUse>,
    about: &About,
    report: &mut Report,
) -> BTreeMap<String, Treatment> {
    let mut classes = BTreeMap::new();
    for (class, platform::DeviceClassUse { price: priced, ignore }) in written {
        let field = format!("spec.deviceClasses.{class}");
        let treatment = match (priced, ignore) {
            (Some(amount), false) => price(amount, &field, about, report),
            (None, true) => Some(Treatment::Ignore),
            (Some(_), true) | (None, false) => {
                report.refuse(about, &field, "give either a price, or ignore: true");
                None
            }
        };
        // What is not said clearly may not be asked for.
        classes.insert(class.clone(), treatment.unwrap_or(Treatment::Refuse));
    }
    classes
}

fn resource_names(
    written: &BTreeMap<String, platform::ResourceNameUse>,
    about: &About,
    report: &mut Report,
) -> ResourceNames {
    let mut names = ResourceNames::default();
    for (pattern, platform::ResourceNameUse { price: priced, ignore, refuse }) in written {
        let field = format!("spec.resourceNames.{pattern}");
        let treatment = match (priced, ignore, refuse) {
            (Some(amount), false, false) => price(amount, &field, about, report),
            (None, true, false) => Some(Treatment::Ignore),
            (None, false, true) => Some(Treatment::Refuse),
            _ => {
                report.refuse(about, &field, "give exactly one: a price, ignore: true, or refuse: true");
                None
            }
        };
        if let Err(why) = names.add(pattern, treatment.unwrap_or(Treatment::Refuse)) {
            report.refuse(about, field, why);
        }
    }
    names
}

fn service_feature(listed: &platform::ServiceFeature) -> ServiceFeature {
    match listed {
        platform::ServiceFeature::ExternalIps => ServiceFeature::ExternalIps,
        platform::ServiceFeature::LoadBalancerIp => ServiceFeature::LoadBalancerIp,
        platform::ServiceFeature::NodePort => ServiceFeature::NodePort,
    }
}

fn texts(subjects: &[Subject]) -> BTreeSet<String> {
    subjects.iter().map(|subject| subject.0.clone()).collect()
}

/// The version is for the chart's webhook entries: what is judged is told apart by group and resource alone.
fn workload_kinds(written: &[platform::WorkloadKind], about: &About, report: &mut Report) -> Vec<WorkloadKind> {
    let mut kinds = built_in();
    for (index, platform::WorkloadKind { group, version: _, resource, pod_templates }) in written.iter().enumerate() {
        let field = format!("spec.workloadKinds[{index}]");
        let of = GroupResource::new(group, resource.as_str());
        if kinds.iter().any(|kind| kind.of == of) {
            report.refuse(about, field, format!("{of} is listed already; remove this line"));
            continue;
        }
        let paths = pod_templates.iter().enumerate().filter_map(|(place, text)| match text.0.parse::<TemplatePath>() {
            Ok(path) => Some(path),
            Err(why) => {
                report.refuse(about, format!("{field}.podTemplates[{place}]"), why);
                None
            }
        });
        kinds.push(WorkloadKind { pod_templates: paths.collect(), of });
    }
    kinds
}
