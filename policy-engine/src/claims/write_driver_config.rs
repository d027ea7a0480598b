//! Writes into a claim what its labels ask of the driver.

use k8s_openapi::api::resource::v1::{DeviceClaimConfiguration, OpaqueDeviceConfiguration};

use super::ask::Ask;
use super::driver_config::{self, Told};
use super::price::Price;
use super::understood::{Alternative, Request, Understood};
use crate::policy::model::{Model, Sharing};

/// What has to be written so that the drivers are told what is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    /// Parameters for NVIDIA's driver.
    pub(crate) config: Option<DeviceClaimConfiguration>,
    /// What each alternative that requests parts of devices calls their compute.
    pub(crate) capacity: Vec<Option<String>>,
}

/// What tells the drivers of the models what is asked of some alternatives.
pub(crate) fn tell(ask: &Ask<'_>, alternatives: &[(&Alternative<'_>, Vec<&Model>)]) -> Parameters {
    let shared = |models: &[&Model], how: Sharing| models.iter().any(|model| model.sharing == how);
    let compute = |models: &[&Model]| {
        let parts = models.iter().find(|model| model.sharing == Sharing::Capacity);
        parts.map(|model| model.compute_capacity.clone())
    };
    let called = |(alternative, models): &(&Alternative<'_>, Vec<&Model>)| {
        shared(models, Sharing::Mps).then(|| alternative.called.clone())
    };
    let requests: Vec<_> = alternatives.iter().filter_map(called).collect();
    let opaque = driver_config::gpu_config(ask).filter(|_| !requests.is_empty());
    let opaque =
        opaque.map(|parameters| OpaqueDeviceConfiguration { driver: driver_config::DRIVER.into(), parameters });
    Parameters {
        config: opaque.map(|opaque| DeviceClaimConfiguration { opaque: Some(opaque), requests: Some(requests) }),
        capacity: alternatives.iter().map(|(_, models)| compute(models)).collect(),
    }
}

/// Whether something has to be written so that an alternative's driver is told what is asked. Its class may tell it.
pub(crate) fn must_be_told(ask: &Ask<'_>, alternative: &Alternative<'_>) -> bool {
    let asked = Told { sm_percent: ask.sm_percent, vram: ask.vram };
    alternative.others.is_none()
        && !alternative.explicit
        && asked != Told::NOTHING
        && alternative.told.as_ref().is_ok_and(|told| *told != asked)
}

/// What a claim costs once its driver is told what its labels ask.
pub(crate) fn price_when_told(understood: &Understood<'_>, ask: Option<&Ask<'_>>) -> Price {
    let price = |alternative: &Alternative<'_>| match ask.filter(|ask| must_be_told(ask, alternative)) {
        Some(ask) => alternative.price_at(ask.sm_percent),
        None => alternative.price(),
    };
    let dearest = |request: &Request<'_>| request.alternatives.iter().map(price).fold(Price::default(), Price::or);
    understood.requests.iter().map(dearest).fold(Price::default(), Price::and)
}
