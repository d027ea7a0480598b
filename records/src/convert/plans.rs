//! Plans, queues and GPU models.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use policy_engine::policy::model::{Model, Sharing};
use policy_engine::policy::plan::{
    ContainerDefaults, ExtendedResources, Offer, OutsideWindow, Plan, Validity, VramPolicy,
};
use policy_engine::policy::quantity::Unit;
use policy_engine::policy::queue::Queue;

use super::problem::Report;
use super::read::Entry;
use super::units::{duration, moment, quota, read};
use super::windows::schedule;
use crate::model;
use crate::model::GpuModelSpec;
use crate::plan;
use crate::plan::ResourcePlanSpec;
use crate::queue::PlatformQueueSpec;
use crate::text::{Amount, RecordName};

pub(super) fn plan(entry: &Entry<ResourcePlanSpec>, report: &mut Report) -> Option<Plan> {
    let (about, spec) = (&entry.about, &entry.spec);
    let idle = spec.idle_timeout.as_ref();
    Some(Plan {
        name: about.name.as_str().into(),
        id: entry.id.clone(),
        quota: quota(&spec.quota, "spec.quota", about, report),
        per_user: quota(&spec.per_user, "spec.perUser", about, report),
        gpu_models: names(&spec.gpu_models),
        queues: names(&spec.queues),
        vram_policies: spec
            .vram_policies
            .iter()
            .map(|policy| match policy {
                plan::VramPolicy::Elastic => VramPolicy::Elastic,
                plan::VramPolicy::HardCap => VramPolicy::HardCap,
            })
            .collect(),
        schedule: schedule(&spec.windows, &spec.time_zone, about, report),
        outside_window: match spec.outside_window {
            plan::OutsideWindow::Gate => OutsideWindow::Gate,
            plan::OutsideWindow::Deny => OutsideWindow::Deny,
        },
        idle_timeout: idle.and_then(|idle| duration(idle, "spec.idleTimeout", about, report)),
        // Unreadable is zero: no device.
        max_devices_per_claim: spec.max_devices_per_claim.map(|most| u64::try_from(most).unwrap_or(0)),
        extended_resources: match spec.extended_resources {
            plan::ExtendedResources::Translate => ExtendedResources::Translate,
            plan::ExtendedResources::Deny => ExtendedResources::Deny,
        },
        offered_to: offers(entry, report),
        validity: validity(entry, report)?,
        defaults: ContainerDefaults {
            cpu: default_amount(entry, spec.defaults.cpu.as_ref(), Unit::Milli, "spec.defaults.cpu", report),
            memory: default_amount(entry, spec.defaults.memory.as_ref(), Unit::One, "spec.defaults.memory", report),
        },
    })
}

/// `None` where a bound cannot be read: the plan counts as missing, as it does outside its bounds.
fn validity(entry: &Entry<ResourcePlanSpec>, report: &mut Report) -> Option<Validity> {
    let (about, written) = (&entry.about, &entry.spec.validity);
    let mut bound = |text: &Option<_>, field| match text {
        None => Some(None),
        Some(text) => moment(text, field, about, report).map(Some),
    };
    let from = bound(&written.from, "spec.validity.from");
    let until = bound(&written.until, "spec.validity.until");
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
    entry: &Entry<ResourcePlanSpec>,
    amount: Option<&Amount>,
    unit: Unit,
    field: &str,
    report: &mut Report,
) -> Option<Quantity> {
    let amount = amount?;
    read(amount, unit, field, &entry.about, report).map(|_| Quantity(amount.to_string()))
}

fn offers(entry: &Entry<ResourcePlanSpec>, report: &mut Report) -> Vec<Offer> {
    let offer = |(index, offer): (usize, &plan::Offer)| match (&offer.project, &offer.group, offer.personal) {
        (Some(project), None, false) => Some(Offer::Project(project.as_str().into())),
        (None, Some(group), false) => Some(Offer::Group(group.as_str().into())),
        (None, None, true) => Some(Offer::Personal),
        _ => {
            let message = "an offer names a project or a group, or says personal: true; give one of the three";
            report.refuse(&entry.about, format!("spec.offeredTo[{index}]"), message);
            None
        }
    };
    entry.spec.offered_to.iter().enumerate().filter_map(offer).collect()
}

pub(super) fn names<N: Ord + for<'a> From<&'a str>>(names: &[RecordName]) -> std::collections::BTreeSet<N> {
    names.iter().map(|name| N::from(name.as_str())).collect()
}

pub(super) fn queue(entry: &Entry<PlatformQueueSpec>, report: &mut Report) -> Option<Queue> {
    const HIGHEST: i32 = 1_000_000;
    let (about, spec) = (&entry.about, &entry.spec);
    let deserved = spec.deserved_gpu.as_ref();
    Some(Queue {
        name: about.name.as_str().into(),
        id: entry.id.clone(),
        priority: spec.priority.clamp(0, HIGHEST),
        preemptible: spec.preemptible,
        deserved_milli_gpu: deserved.and_then(|gpu| read(gpu, Unit::Milli, "spec.deservedGpu", about, report)),
        gpu_models: names(&spec.gpu_models),
        schedule: schedule(&spec.windows, &spec.time_zone, about, report),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "other kinds can turn out to be unusable")]
pub(super) fn model(entry: &Entry<GpuModelSpec>, _: &mut Report) -> Option<Model> {
    let spec = &entry.spec;
    Some(Model {
        name: entry.about.name.as_str().into(),
        id: entry.id.clone(),
        device_class_name: spec.device_class_name.0.clone(),
        product_names: spec.product_names.iter().map(|name| name.0.clone()).collect(),
        resource_names: spec.resource_names.iter().map(|name| name.0.clone()).collect(),
        sharing: match spec.sharing {
            model::Sharing::Mps => Sharing::Mps,
            model::Sharing::TimeSlicing => Sharing::TimeSlicing,
            model::Sharing::Capacity => Sharing::Capacity,
            model::Sharing::None => Sharing::None,
        },
    })
}
