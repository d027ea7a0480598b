//! DeviceClasses, as far as claims rest on them: which are of GPUs, and which of other devices.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::resource::v1::DeviceClassSpec;

use super::cel::{self, Answer, Known};
use crate::object::accelerators;
use crate::policy::Policy;
use crate::policy::model::Model;
use crate::policy::other_devices::Treatment;

/// DeviceClasses by name.
pub type DeviceClasses = BTreeMap<String, DeviceClassSpec>;

/// What NVIDIA's classes are called by. Those of its compute domains are of no GPUs.
const NVIDIA: &str = "nvidia.com";
const COMPUTE_DOMAINS: &str = "compute-domain";

/// What devices a class has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They are, or may be, GPUs.
    Gpus,
    /// They are none. A claim of them is narrowed away from GPUs.
    Others(Others),
}

/// Devices that are no GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Others {
    /// What each costs, in thousandths of a GPU.
    pub milli_gpu: u64,
    /// Whether they may be asked for.
    pub may_be_asked: bool,
    /// Whether the class itself lets no GPU through, whatever is asked beside it.
    pub by_itself: bool,
}

/// The kinds of classes. Each is found once: a claim may name one class in thousands of requests.
#[derive(Clone, Debug)]
pub(crate) struct Kinds<'s> {
    classes: &'s DeviceClasses,
    policy: &'s Policy,
    found: RefCell<BTreeMap<String, Kind>>,
    gpu_drivers: OnceCell<BTreeSet<String>>,
}

impl<'s> Kinds<'s> {
    pub(crate) fn new(classes: &'s DeviceClasses, policy: &'s Policy) -> Self {
        Self { classes, policy, found: RefCell::default(), gpu_drivers: OnceCell::new() }
    }

    /// What devices the class of this name has.
    ///
    /// A class that a GPU model names is of GPUs. Any other is not if an admin says so, or if its selectors let none of a driver of
    /// GPUs through. One that does not exist is not either: whatever it will be, a claim of it is narrowed away from GPUs.
    pub(crate) fn of(&self, class: &str) -> Kind {
        if let Some(kind) = self.found.borrow().get(class) {
            return kind.clone();
        }
        let kind = self.find(class);
        self.found.borrow_mut().insert(class.to_owned(), kind.clone());
        kind
    }

    fn find(&self, class: &str) -> Kind {
        if is_models(class, self.policy) {
            return Kind::Gpus;
        }
        let listed = &self.policy.platform().device_classes;
        let by_itself = self.classes.get(class).is_some_and(|spec| self.lets_no_gpu_through(spec));
        let is_makers = class.ends_with(NVIDIA) && !class.starts_with(COMPUTE_DOMAINS);
        let is_other = by_itself || (!self.classes.contains_key(class) && !is_makers);
        match listed.get(class) {
            Some(treatment) => {
                let may_be_asked = *treatment != Treatment::Refuse;
                Kind::Others(Others { milli_gpu: treatment.milli_gpu(), may_be_asked, by_itself })
            }
            None if is_other => Kind::Others(Others { milli_gpu: 0, may_be_asked: listed.is_empty(), by_itself }),
            None => Kind::Gpus,
        }
    }

    /// Whether a class is taken for one of GPUs though nothing says that it is: no model names it, no admin listed it, and its
    /// selectors, which speak of no driver of GPUs, would let their devices through.
    pub(crate) fn may_be_others(&self, class: &str) -> bool {
        let speaks_of_gpus =
            |spec| expressions(spec).any(|it| self.gpu_drivers().iter().any(|driver| it.contains(driver)));
        let spec = self.classes.get(class).filter(|_| self.of(class) == Kind::Gpus && !is_models(class, self.policy));
        spec.is_some_and(|spec| !speaks_of_gpus(spec))
    }

    /// The drivers of GPUs: those that are known, and those of the models' classes.
    pub(crate) fn gpu_drivers(&self) -> &BTreeSet<String> {
        self.gpu_drivers.get_or_init(|| self.find_gpu_drivers())
    }

    fn find_gpu_drivers(&self) -> BTreeSet<String> {
        let known = accelerators::MAKERS.iter().flat_map(|maker| maker.drivers).map(|it| (*it).to_owned());
        let models = || self.policy.records().models.values();
        // A driver and its class often have one name.
        let named = models().map(|model| model.device_class_name.clone());
        known.chain(named).chain(models().flat_map(|model| self.drivers_of(model))).collect()
    }

    /// Models whose class does not say which driver's devices they are.
    pub(crate) fn of_no_driver(&self) -> Vec<&'s Model> {
        self.policy.records().models.values().filter(|model| self.drivers_of(model).is_empty()).collect()
    }

    fn drivers_of(&self, model: &Model) -> BTreeSet<String> {
        let class = self.classes.get(&model.device_class_name);
        class.into_iter().flat_map(expressions).flat_map(cel::drivers).collect()
    }

    fn lets_no_gpu_through(&self, class: &DeviceClassSpec) -> bool {
        // Devices of a model whose driver is not known may be of any driver.
        if !self.of_no_driver().is_empty() {
            return false;
        }
        let drivers = self.gpu_drivers();
        let devices: Vec<_> = drivers.iter().map(|driver| Known { driver: Some(driver), ..Known::default() }).collect();
        let mut passes = vec![true; devices.len()];
        for expression in expressions(class) {
            for (passes, answer) in passes.iter_mut().zip(cel::ask(expression, &devices).iter()) {
                *passes &= *answer != Answer::No;
            }
        }
        !passes.contains(&true)
    }
}

/// Whether a GPU model names the class.
pub(crate) fn is_models(class: &str, policy: &Policy) -> bool {
    policy.records().models.values().any(|model| model.device_class_name == class)
}

fn expressions(class: &DeviceClassSpec) -> impl Iterator<Item = &str> {
    class.selectors.iter().flatten().filter_map(|it| it.cel.as_ref()).map(|cel| cel.expression.as_str())
}
