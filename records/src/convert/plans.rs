//! Plans, queues and GPU models.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use policy_engine::ledger::Resource;
use policy_engine::policy::model::{Model, Sharing, WHOLE};
use policy_engine::policy::namespace_quota::{NamespaceQuota, check};
use policy_engine::policy::plan::{
    ContainerDefaults, ExtendedResources, Offer, OutsideWindow, Plan, USUAL_GRACE_LIMIT, Validity, VramPolicy,
};
use policy_engine::policy::quantity::{Unit, decimal};
use policy_engine::policy::queue::Queue;
use policy_engine::policy::quota::Quota;

use super::problem::{About, Report};
use super::read::Entry;
use super::units::{duration, limit, moment, quota, read};
use super::windows::schedule;
use crate::model;
use crate::model::GpuModelSpec;
use crate::plan;
use crate::plan::ResourcePlanSpec;
use crate::queue::PlatformQueueSpec;
use crate::text;
use crate::text::{Amount, RecordName};

/// What Kubernetes gives a Pod that asks for nothing. A plan that allowed less would refuse nearly every Pod.
const KUBERNETES_GRACE: Duration = Duration::from_secs(30);

pub(super) fn plan(entry: &Entry<ResourcePlanSpec>, report: &mut Report) -> Option<Plan> {
    let about = &entry.about;
    let ResourcePlanSpec {
        id: _,
        display_name: _,
        quota: of_project,
        per_user,
        namespace_quota: of_namespaces,
        gpu_models,
        vram_policies,
        queues,
        windows,
        time_zone,
        outside_window,
        outside_window_quota: outside,
        validity: bounds,
        idle_timeout,
        defaults: plan::ContainerDefaults { cpu, memory },
        max_devices_per_claim,
        max_termination_grace,
        extended_resources,
        offered_to,
    } = &entry.spec;
    let of_project = quota(of_project, "spec.quota", about, report);
    if windows.is_empty() && *outside != plan::OutsideWindowQuota::default() {
        let why = "has no effect: the plan has no windows, and never closes; give it windows, or leave this out";
        report.warn(about, "spec.outsideWindowQuota", why);
    }
    Some(Plan {
        name: about.name.as_str().into(),
        id: entry.id.clone(),
        quota: of_project,
        outside_window_quota: outside_windows(outside, of_project, about, report),
        per_user: quota(per_user, "spec.perUser", about, report),
        namespace_quota: namespace_quota(of_namespaces, about, report),
        gpu_models: names(gpu_models),
        queues: names(queues),
        vram_policies: vram_policies
            .iter()
            .map(|policy| match policy {
                plan::VramPolicy::Elastic => VramPolicy::Elastic,
                plan::VramPolicy::HardCap => VramPolicy::HardCap,
            })
            .collect(),
        schedule: schedule(windows, time_zone, about, report),
        outside_window: match outside_window {
            plan::OutsideWindow::Gate => OutsideWindow::Gate,
            plan::OutsideWindow::Deny => OutsideWindow::Deny,
        },
        idle_timeout: idle_timeout.as_ref().and_then(|idle| duration(idle, "spec.idleTimeout", about, report)),
        // Unreadable is zero: no device.
        max_devices_per_claim: max_devices_per_claim.map(|most| u64::try_from(most).unwrap_or(0)),
        max_termination_grace: grace(max_termination_grace.as_ref(), about, report),
        extended_resources: match extended_resources {
            plan::ExtendedResources::Translate => ExtendedResources::Translate,
            plan::ExtendedResources::Deny => ExtendedResources::Deny,
        },
        offered_to: offers(offered_to, about, report),
        validity: validity(bounds, about, report)?,
        defaults: ContainerDefaults {
            cpu: default_amount(cpu.as_ref(), Unit::Milli, "spec.defaults.cpu", about, report),
            memory: default_amount(memory.as_ref(), Unit::One, "spec.defaults.memory", about, report),
        },
    })
}

fn grace(written: Option<&text::Duration>, about: &About, report: &mut Report) -> Duration {
    const FIELD: &str = "spec.maxTerminationGrace";
    let Some(written) = written else { return USUAL_GRACE_LIMIT };
    match duration(written, FIELD, about, report) {
        Some(grace) if grace >= KUBERNETES_GRACE => grace,
        Some(_) => {
            let why = format!("given {}, and Kubernetes gives every Pod 30s; write 30s or more", written.as_str());
            report.refuse(about, FIELD, why);
            KUBERNETES_GRACE
        }
        None => KUBERNETES_GRACE,
    }
}

/// What a plan grants while it is closed. One that would grant more than the quota grants the quota.
fn outside_windows(written: &plan::OutsideWindowQuota, all: Quota, about: &About, report: &mut Report) -> Quota {
    const FIELD: &str = "spec.outsideWindowQuota";
    let plan::OutsideWindowQuota { gpu, devices } = written.clone();
    let of_both = plan::Quota { gpu, devices, ..plan::Quota::default() };
    let outside = quota(&of_both, FIELD, about, report);
    for (name, given, resource) in
        [("gpu", &of_both.gpu, Resource::Gpu), ("devices", &of_both.devices, Resource::Devices)]
    {
        let limits = resource.limit(&outside).zip(resource.limit(&all));
        if let (Some(given), Some((_, most))) = (given, limits.filter(|(outside, most)| outside > most)) {
            let most = if resource == Resource::Gpu { decimal(most) } else { most.to_string() };
            let why =
                format!("given {given}, and spec.quota.{name} is {most}; write no more than that, or leave it out");
            report.refuse(about, format!("{FIELD}.{name}"), why);
        }
    }
    outside
}

/// What is no key is left out: the API server would refuse the others with it.
fn namespace_quota(written: &BTreeMap<String, Amount>, about: &About, report: &mut Report) -> NamespaceQuota {
    let limits = written.iter().filter_map(|(key, amount)| {
        let field = format!("spec.namespaceQuota.{key}");
        match check(key) {
            Ok(()) => Some((key.clone(), limit(Some(amount), Unit::One, &field, about, report)?)),
            Err(why) => {
                report.refuse(about, field, why);
                None
            }
        }
    });
    NamespaceQuota(limits.collect())
}

/// `None` where a bound cannot be read: the plan counts as missing, as it does outside its bounds.
fn validity(written: &plan::Validity, about: &About, report: &mut Report) -> Option<Validity> {
    let plan::Validity { from, until } = written;
    let mut bound = |text: &Option<_>, field| match text {
        None => Some(None),
        Some(text) => moment(text, field, about, report).map(Some),
    };
    let from = bound(from, "spec.validity.from");
    let until = bound(until, "spec.validity.until");
    let (from, until) = (from?, until?);
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        let message = format!("given {until}, which is not after {from}; a plan ends after it begins");
        report.refuse(about, "spec.validity.until", message);
    }
    Some(Validity { from, until })
}

fn default_amount(
    amount: Option<&Amount>,
    unit: Unit,
    field: &str,
    about: &About,
    report: &mut Report,
) -> Option<Quantity> {
    let amount = amount?;
    read(amount, unit, field, about, report).map(|_| Quantity(amount.to_string()))
}

fn offers(written: &[plan::Offer], about: &About, report: &mut Report) -> Vec<Offer> {
    let offer =
        |(index, plan::Offer { project, group, personal }): (usize, &plan::Offer)| match (project, group, personal) {
            (Some(project), None, false) => Some(Offer::Project(project.as_str().into())),
            (None, Some(group), false) => Some(Offer::Group(group.as_str().into())),
            (None, None, true) => Some(Offer::Personal),
            _ => {
                let message = "an offer names a project or a group, or says personal: true; give one of the three";
                report.refuse(about, format!("spec.offeredTo[{index}]"), message);
                None
            }
        };
    written.iter().enumerate().filter_map(offer).collect()
}

pub(super) fn names<N: Ord + for<'a> From<&'a str>>(names: &[RecordName]) -> std::collections::BTreeSet<N> {
    names.iter().map(|name| N::from(name.as_str())).collect()
}

pub(super) fn queue(entry: &Entry<PlatformQueueSpec>, report: &mut Report) -> Option<Queue> {
    const HIGHEST: i32 = 1_000_000;
    let about = &entry.about;
    let PlatformQueueSpec {
        id: _,
        display_name: _,
        priority,
        preemptible,
        deserved_gpu,
        gpu_models,
        windows,
        time_zone,
    } = &entry.spec;
    let deserved = deserved_gpu.as_ref();
    Some(Queue {
        name: about.name.as_str().into(),
        id: entry.id.clone(),
        priority: (*priority).clamp(0, HIGHEST),
        preemptible: *preemptible,
        deserved_milli_gpu: deserved.and_then(|gpu| read(gpu, Unit::Milli, "spec.deservedGpu", about, report)),
        gpu_models: names(gpu_models),
        schedule: schedule(windows, time_zone, about, report),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "other kinds can turn out to be unusable")]
pub(super) fn model(entry: &Entry<GpuModelSpec>, report: &mut Report) -> Option<Model> {
    let about = &entry.about;
    let GpuModelSpec {
        id: _,
        display_name: _,
        device_class_name,
        product_names,
        profile,
        price,
        resource_names,
        sharing,
        compute_capacity,
    } = &entry.spec;
    let milli_gpu = read(price, Unit::Milli, "spec.price", about, report).unwrap_or(WHOLE);
    if milli_gpu == 0 {
        report.refuse(
            about,
            "spec.price",
            "given 0; nobody would pay for its devices; write what one costs, such as \"0.143\"",
        );
    }
    Some(Model {
        name: entry.about.name.as_str().into(),
        id: entry.id.clone(),
        device_class_name: device_class_name.0.clone(),
        product_names: product_names.iter().map(|name| name.0.clone()).collect(),
        resource_names: resource_names.iter().map(|name| name.0.clone()).collect(),
        profile: profile.as_ref().map(|profile| profile.0.clone()),
        milli_gpu: if milli_gpu == 0 { WHOLE } else { milli_gpu },
        sharing: match sharing {
            // A slice is one claim's alone.
            _ if profile.is_some() => Sharing::None,
            model::Sharing::Mps => Sharing::Mps,
            model::Sharing::TimeSlicing => Sharing::TimeSlicing,
            model::Sharing::Capacity => Sharing::Capacity,
            model::Sharing::None => Sharing::None,
        },
        compute_capacity: compute_capacity.0.clone(),
    })
}
