//! What a claim asks, whoever wrote it.

use std::collections::BTreeSet;

use k8s_openapi::api::resource::v1::{
    CapacityRequirements, DeviceClaim, DeviceClaimConfiguration, DeviceConstraint, DeviceSelector,
    OpaqueDeviceConfiguration, ResourceClaimSpec,
};

use super::classes::{DeviceClasses, Kind, Kinds, Others};
use super::driver_config::{self, Told};
use super::matching::{Comparison, Matching};
use super::models::narrowed_to;
use super::price::Price;
use super::{MOST_DEVICES, Vram};
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::model::{CORES, Model, Sharing, WHOLE};
use crate::policy::names::ModelName;

/// A claim, understood.
#[derive(Clone, Debug)]
pub struct Understood<'a> {
    /// What it costs: the sum of its requests, each at its dearest alternative.
    pub price: Price,
    /// Its requests.
    pub requests: Vec<Request<'a>>,
}

/// A request of a claim.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Its name.
    pub name: String,
    /// What it may turn out to be: one, or each of `firstAvailable`.
    pub alternatives: Vec<Alternative<'a>>,
}

/// One way to fulfil a request.
#[derive(Clone, Debug)]
pub struct Alternative<'a> {
    /// Where it stands in the claim's spec.
    pub place: Place,
    /// Its DeviceClass.
    pub class: String,
    /// How many devices; `None` is all that match.
    pub count: Option<u64>,
    /// Whether it asks to look into devices that are others'.
    pub admin_access: bool,
    /// Where its devices are no GPUs, what they are instead. Then it matches no model.
    pub others: Option<Others>,
    /// The known models that it may match.
    pub models: Vec<&'a Model>,
    /// What one device costs that nothing is told about, in thousandths of a GPU: the dearest that it may be.
    pub milli_gpu: u64,
    /// What the driver is told about each device, in the dearest case; or what is wrong about it.
    pub told: Result<Told, String>,
    /// Whether it is the claim that tells, and not its class or nobody.
    pub explicit: bool,
    /// What configuration calls it.
    pub called: String,
    /// Why it is not known which models it may match, where that is so.
    pub unclear: Option<String>,
}

impl Alternative<'_> {
    /// What it costs. What cannot be read is a device as a whole.
    pub fn price(&self) -> Price {
        self.price_at(self.told.as_ref().map_or(100, |told| told.sm_percent))
    }

    /// What it costs if each of its devices gives this share.
    pub fn price_at(&self, sm_percent: u64) -> Price {
        // What costs nothing is nobody's to limit.
        if self.milli_gpu == 0 {
            return Price::default();
        }
        Price::of_each(self.milli_gpu, self.count.unwrap_or(MOST_DEVICES), sm_percent)
    }
}

impl<'a> Understood<'a> {
    /// Reads a claim's spec.
    pub fn of(spec: &ResourceClaimSpec, classes: &DeviceClasses, policy: &'a Policy) -> Self {
        Self::read(spec, classes, policy, None)
    }

    /// Reads a claim's spec that gets none but the `allowed` models: only what their drivers are told counts.
    pub fn of_allowed(
        spec: &ResourceClaimSpec,
        classes: &DeviceClasses,
        policy: &'a Policy,
        allowed: &[&Model],
    ) -> Self {
        Self::read(spec, classes, policy, Some(allowed))
    }

    fn read(spec: &ResourceClaimSpec, classes: &DeviceClasses, policy: &'a Policy, allowed: Option<&[&Model]>) -> Self {
        let nothing = DeviceClaim::default();
        let claim = spec.devices.as_ref().unwrap_or(&nothing);
        let config = claim.config.as_deref().unwrap_or_default();
        let (comparison, kinds) = (Comparison::new(classes, policy), Kinds::new(classes, policy));
        let reader = Reader { config, classes, comparison, kinds, allowed };
        let mut requests = Vec::new();
        for (index, request) in claim.requests.iter().flatten().enumerate() {
            let here = Place::of(["devices", "requests"]).index(index);
            let exactly = request.exactly.iter().map(|it| {
                let asked = Asked {
                    place: here.clone().key("exactly"),
                    names: [request.name.clone(), request.name.clone()],
                    class: &it.device_class_name,
                    mode: it.allocation_mode.as_deref(),
                    count: it.count,
                    admin_access: it.admin_access == Some(true),
                    selectors: it.selectors.as_deref().unwrap_or_default(),
                    capacity: it.capacity.as_ref(),
                };
                reader.alternative(asked)
            });
            let first_available = request.first_available.iter().flatten().enumerate().map(|(at, it)| {
                let asked = Asked {
                    place: here.clone().key("firstAvailable").index(at),
                    names: [request.name.clone(), format!("{}/{}", request.name, it.name)],
                    class: &it.device_class_name,
                    mode: it.allocation_mode.as_deref(),
                    count: it.count,
                    admin_access: false,
                    selectors: it.selectors.as_deref().unwrap_or_default(),
                    capacity: it.capacity.as_ref(),
                };
                reader.alternative(asked)
            });
            let alternatives = exactly.chain(first_available).collect();
            requests.push(Request { name: request.name.clone(), alternatives });
        }
        same_product(claim.constraints.as_deref().unwrap_or_default(), &mut requests);
        let price = requests.iter().fold(Price::default(), |sum, request| sum.and(request.price()));
        Self { price, requests }
    }

    /// What it costs with these of its alternatives, as configuration calls them.
    pub fn price_of(&self, got: &[&str]) -> Price {
        self.requests.iter().fold(Price::default(), |sum, request| sum.and(request.price_of(got)))
    }

    /// Every alternative of every request.
    pub fn alternatives(&self) -> impl Iterator<Item = &Alternative<'a>> {
        self.requests.iter().flat_map(|request| &request.alternatives)
    }

    /// Those of them whose devices are, or may be, GPUs.
    pub fn gpus(&self) -> impl Iterator<Item = &Alternative<'a>> {
        self.alternatives().filter(|it| it.others.is_none())
    }

    /// Whether it asks for what is governed: GPUs, or what costs as much as some.
    pub fn counts(&self) -> bool {
        self.alternatives().any(|it| it.others.is_none_or(|others| others.milli_gpu > 0))
    }
}

impl Request<'_> {
    /// What it costs at its dearest.
    pub fn price(&self) -> Price {
        self.alternatives.iter().map(Alternative::price).fold(Price::default(), Price::or)
    }

    /// What it costs with one of these; at its dearest where none of them is its.
    fn price_of(&self, got: &[&str]) -> Price {
        let got = self.alternatives.iter().find(|it| got.contains(&it.called.as_str()));
        got.map_or_else(|| self.price(), Alternative::price)
    }
}

/// An alternative as it is written.
struct Asked<'s> {
    place: Place,
    /// What configuration calls it: the request's name, and its own.
    names: [String; 2],
    class: &'s str,
    mode: Option<&'s str>,
    count: Option<i64>,
    admin_access: bool,
    selectors: &'s [DeviceSelector],
    capacity: Option<&'s CapacityRequirements>,
}

struct Reader<'s, 'a> {
    config: &'s [DeviceClaimConfiguration],
    classes: &'s DeviceClasses,
    comparison: Comparison<'s, 'a>,
    kinds: Kinds<'s>,
    /// What the claim is narrowed to, where that is known.
    allowed: Option<&'s [&'s Model]>,
}

impl<'a> Reader<'_, 'a> {
    fn alternative(&self, asked: Asked<'_>) -> Alternative<'a> {
        let others = match self.kinds.of(asked.class) {
            // One that was narrowed to GPUs when it was made has some, whatever its class is said to be today.
            Kind::Others(others) if !asked.selectors.iter().any(is_narrowed_to_gpus) => Some(others),
            Kind::Others(_) | Kind::Gpus => None,
        };
        let Matching { models, unclear } = match others {
            Some(_) => Matching::NOTHING,
            None => self.comparison.of(asked.class, asked.selectors),
        };
        let milli_gpu = others.map_or_else(|| self.dearest(&models), |others| others.milli_gpu);
        let told = self.told(&asked, &models);
        let explicit = self.heard(&asked).any(|opaque| driver_config::read(opaque).is_some())
            || asked.capacity.is_some_and(|capacity| capacity.requests.iter().any(|requests| !requests.is_empty()));
        let count = match asked.mode {
            Some("All") => None,
            // The API server fills in one; what it refuses costs as much as can be.
            _ => Some(asked.count.map_or(1, |count| u64::try_from(count).unwrap_or(u64::MAX))),
        };
        let Asked { place, class, admin_access, names: [_, called], .. } = asked;
        let class = class.into();
        Alternative { place, class, count, admin_access, others, models, milli_gpu, told, explicit, called, unclear }
    }

    /// What the dearest of these models costs. What is known to be of none costs as much as a whole device.
    fn dearest(&self, models: &[&Model]) -> u64 {
        models.iter().filter(|model| self.may_be(model)).map(|model| model.milli_gpu).max().unwrap_or(WHOLE)
    }

    /// Whether the claim's narrowing, where it is known, leaves a model.
    fn may_be(&self, model: &Model) -> bool {
        self.allowed.is_none_or(|allowed| allowed.iter().any(|it| it.name == model.name))
    }

    /// The parameters in the claim that are for a request.
    fn heard<'r>(&'r self, asked: &'r Asked<'_>) -> impl Iterator<Item = &'r OpaqueDeviceConfiguration> {
        let heard = |config: &&DeviceClaimConfiguration| {
            let requests = config.requests.as_deref().unwrap_or_default();
            requests.is_empty() || requests.iter().any(|name| asked.names.contains(name))
        };
        self.config.iter().filter(heard).filter_map(|config| config.opaque.as_ref())
    }

    /// What the drivers of the models are told, in the dearest case.
    fn told(&self, asked: &Asked<'_>, models: &[&Model]) -> Result<Told, String> {
        let possible = models.iter().filter(|model| self.may_be(model));
        let ways: BTreeSet<_> = possible.map(|model| (model.sharing, model.compute_capacity.as_str())).collect();
        let mut dearest: Option<Told> = None;
        // Parameters that no driver could read are wrong whichever model it is.
        let parameters = self.parameters(asked)?;
        driver_config::of_capacity(asked.capacity, CORES)?;
        for (sharing, compute) in ways {
            let told = match sharing {
                Sharing::Mps => parameters,
                Sharing::Capacity => driver_config::of_capacity(asked.capacity, compute)?,
                Sharing::TimeSlicing | Sharing::None => Told::NOTHING,
            };
            dearest = Some(dearest.map_or(told, |other| dearer(other, told)));
        }
        Ok(dearest.unwrap_or(Told::NOTHING))
    }

    /// What NVIDIA's driver is told: the claim's word goes before the class's. Of several words of the claim the driver
    /// heeds one, and which is nobody's to rely on: the dearest counts.
    fn parameters(&self, asked: &Asked<'_>) -> Result<Told, String> {
        let of_claim: Vec<_> = self.heard(asked).filter_map(driver_config::read).collect::<Result<_, _>>()?;
        if let Some(told) = of_claim.into_iter().reduce(dearer) {
            return Ok(told);
        }
        let class = self.classes.get(asked.class);
        let of_class = class.into_iter().flat_map(|class| class.config.iter().flatten());
        let of_class: Vec<_> =
            of_class.filter_map(|config| driver_config::read(config.opaque.as_ref()?)).collect::<Result<_, _>>()?;
        Ok(of_class.into_iter().reduce(dearer).unwrap_or(Told::NOTHING))
    }
}

/// Requests whose devices must be of one product get none of a model that one of them cannot have.
fn same_product(constraints: &[DeviceConstraint], requests: &mut [Request<'_>]) {
    for constraint in constraints {
        let attribute = constraint.match_attribute.as_deref().unwrap_or_default();
        if !matches!(attribute.rsplit('/').next(), Some("productName" | "model")) {
            continue;
        }
        let named = constraint.requests.as_deref().unwrap_or_default();
        let bound = |request: &Request<'_>| named.is_empty() || named.contains(&request.name);
        let can = |request: &Request<'_>, name: &ModelName| {
            request.alternatives.iter().flat_map(|it| &it.models).any(|model| model.name == *name)
        };
        let has = |requests: &[Request<'_>], name: &ModelName| {
            requests.iter().filter(|it| bound(it)).all(|request| can(request, name))
        };
        let models = requests.iter().flat_map(|it| &it.alternatives).flat_map(|it| &it.models);
        let common: BTreeSet<_> = models.map(|it| it.name.clone()).filter(|name| has(requests, name)).collect();
        for alternative in requests.iter_mut().filter(|it| bound(it)).flat_map(|it| &mut it.alternatives) {
            alternative.models.retain(|model| common.contains(&model.name));
        }
    }
}

fn is_narrowed_to_gpus(selector: &DeviceSelector) -> bool {
    selector.cel.as_ref().is_some_and(|cel| narrowed_to(&cel.expression).is_some())
}

fn dearer(one: Told, two: Told) -> Told {
    let vram = match (one.vram, two.vram) {
        (Vram::HardCap(one), Vram::HardCap(two)) => Vram::HardCap(one.max(two)),
        (Vram::Elastic, _) | (_, Vram::Elastic) => Vram::Elastic,
    };
    Told { sm_percent: one.sm_percent.max(two.sm_percent), vram }
}
