//! The claim that asks what labels ask. Equal asks give equal claims, to the byte.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{
    CELDeviceSelector, CapacityRequirements, DeviceClaim, DeviceClaimConfiguration, DeviceRequest, DeviceSelector,
    DeviceSubRequest, ExactDeviceRequest, OpaqueDeviceConfiguration, ResourceClaimSpec,
};

use super::ask::{Ask, Vram};
use super::driver_config;
use super::models::narrowing;
use crate::policy::model::{Model, Sharing};

/// The name of the one request in a claim that the platform writes.
pub const REQUEST: &str = "gpu";

/// Kubernetes takes no more alternatives in one request.
const MOST_ALTERNATIVES: usize = 8;

/// The allowed models that can give what is asked: a part of a device, or a ceiling of its memory, only where the
/// driver can be told. Who names no model gets whole devices, if any are allowed.
pub fn candidates<'a>(ask: &Ask<'a>, allowed: &[&'a Model]) -> Vec<&'a Model> {
    let whole = allowed.iter().any(|model| model.profile.is_none());
    let asked = |model: &&&Model| match ask.model {
        Some(asked) => asked.name == model.name,
        None => model.profile.is_none() || !whole,
    };
    allowed.iter().filter(asked).filter(|model| can_give(ask, model.sharing)).copied().collect()
}

/// Whether drivers of models that are shared in this way can be told what is asked.
pub(crate) fn can_give(ask: &Ask<'_>, sharing: Sharing) -> bool {
    match sharing {
        Sharing::Mps | Sharing::Capacity => true,
        Sharing::TimeSlicing | Sharing::None => ask.sm_percent == 100 && ask.vram == Vram::Elastic,
    }
}

/// The claim that asks for the same; `None` where no allowed model can give it.
///
/// Models of one class that are shared in one way are one request. Where there are several kinds of them, the request
/// is `firstAvailable` with one alternative for each, in the order of their names.
pub fn spec_of(ask: &Ask<'_>, allowed: &[&Model]) -> Option<ResourceClaimSpec> {
    let mut kinds = BTreeMap::<_, Vec<&Model>>::new();
    for model in candidates(ask, allowed) {
        kinds.entry(Kind::of(model)).or_default().push(model);
    }
    let mut kinds: Vec<_> = kinds.into_iter().take(MOST_ALTERNATIVES).collect();
    let named = |request: DeviceRequest| DeviceRequest { name: REQUEST.into(), ..request };
    let (request, config) = match (kinds.pop()?, kinds.is_empty()) {
        ((kind, models), true) => {
            let sub = alternative(ask, kind, &models);
            let exactly = ExactDeviceRequest {
                allocation_mode: sub.allocation_mode,
                capacity: sub.capacity,
                count: sub.count,
                device_class_name: sub.device_class_name,
                selectors: sub.selectors,
                ..ExactDeviceRequest::default()
            };
            let config = parameters(ask, kind.sharing, REQUEST.into());
            (DeviceRequest { exactly: Some(exactly), ..DeviceRequest::default() }, config.into_iter().collect())
        }
        (last, false) => {
            kinds.push(last);
            let name = |index: usize| format!("kind-{index}");
            let subs = kinds.iter().enumerate().map(|(index, (kind, models))| DeviceSubRequest {
                name: name(index),
                ..alternative(ask, *kind, models)
            });
            let configs = kinds
                .iter()
                .enumerate()
                .filter_map(|(index, (kind, _))| parameters(ask, kind.sharing, format!("{REQUEST}/{}", name(index))));
            let request = DeviceRequest { first_available: Some(subs.collect()), ..DeviceRequest::default() };
            (request, configs.collect::<Vec<_>>())
        }
    };
    let config = Some(config).filter(|config| !config.is_empty());
    Some(ResourceClaimSpec {
        devices: Some(DeviceClaim { config, constraints: None, requests: Some(vec![named(request)]) }),
    })
}

/// What one request says alike of several models. Their order is that of the alternatives in a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'m> {
    class: &'m str,
    sharing: Sharing,
    compute: &'m str,
}

impl<'m> Kind<'m> {
    fn of(model: &'m Model) -> Self {
        Self { class: &model.device_class_name, sharing: model.sharing, compute: &model.compute_capacity }
    }
}

fn alternative(ask: &Ask<'_>, kind: Kind<'_>, models: &[&Model]) -> DeviceSubRequest {
    let capacity = match kind.sharing {
        Sharing::Capacity => driver_config::capacity(ask, kind.compute),
        Sharing::Mps | Sharing::TimeSlicing | Sharing::None => BTreeMap::new(),
    };
    let cel = CELDeviceSelector { expression: narrowing(models) };
    DeviceSubRequest {
        allocation_mode: Some("ExactCount".into()),
        capacity: (!capacity.is_empty()).then_some(CapacityRequirements { requests: Some(capacity) }),
        // At most 32.
        count: i64::try_from(ask.count).ok(),
        device_class_name: kind.class.into(),
        selectors: Some(vec![DeviceSelector { cel: Some(cel) }]),
        ..DeviceSubRequest::default()
    }
}

fn parameters(ask: &Ask<'_>, sharing: Sharing, request: String) -> Option<DeviceClaimConfiguration> {
    let parameters = match sharing {
        Sharing::Mps => driver_config::gpu_config(ask)?,
        Sharing::Capacity | Sharing::TimeSlicing | Sharing::None => return None,
    };
    let opaque = OpaqueDeviceConfiguration { driver: driver_config::DRIVER.into(), parameters };
    Some(DeviceClaimConfiguration { opaque: Some(opaque), requests: Some(vec![request]) })
}
