//! Which containers ask for GPUs as an extended resource, and by which name.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, ResourceRequirements};

use crate::claims::Price;
use crate::claims::classes::{DeviceClasses, Kind, Kinds, Others};
use crate::object::accelerators::{self, Share};
use crate::object::extended;
use crate::object::place::Place;
use crate::policy::Policy;
use crate::policy::model::Model;
use crate::policy::other_devices::Treatment;
use crate::policy::quantity::{self, Unit};
use crate::submission::case::Case;
use crate::submission::counted::Counted;
use crate::submission::pod::Pod;
use crate::submission::remembered::{self, Remembered};

/// A request of one container for one resource.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) list: &'static str,
    pub(crate) index: usize,
    /// Whether the container has ended when those after it begin.
    pub(crate) before: bool,
    pub(crate) name: String,
    /// How many, or what does not say how many.
    pub(crate) count: Result<u64, String>,
    /// What `requests` say, and `limits`, where those say something else, or nothing.
    pub(crate) differs: Option<(String, Option<String>)>,
    pub(crate) meaning: Meaning<'a>,
    /// Where people see it.
    pub(crate) at: Place,
    /// Everywhere that it was asked.
    pub(crate) places: Vec<Place>,
    /// Where the API server has copied it to.
    pub(crate) copy: Option<Place>,
    /// Several of one container are told apart.
    nth: usize,
}

impl Asked<'_> {
    /// The name of its request in the claim.
    pub(crate) fn request_name(&self) -> String {
        let kind = if self.list == "containers" { "container" } else { "init-container" };
        match self.nth {
            0 => format!("{kind}-{}", self.index),
            nth => format!("{kind}-{}-{nth}", self.index),
        }
    }
}

/// What a resource's name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Meaning<'a> {
    /// Devices of these models.
    Models(Vec<&'a Model>),
    /// An amount of each GPU, and no devices.
    Share(Share),
    /// Devices of a maker that nobody listed.
    Accelerator(&'static str),
    /// What an admin refuses, by this pattern.
    Refused(String),
    /// Devices of a class that is of no GPU model.
    Class(String, NoClass),
}

/// Why devices of a class are not given by an extended resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoClass {
    /// Other classes are listed, and this one is not.
    NotListed,
    /// There is none of this name.
    Missing,
    /// The class itself lets GPUs through, and only a claim can be narrowed away from them.
    MayBeGpu,
}

/// The requests of a Pod or template. On a new Pod an earlier call has taken them out and kept them.
pub(crate) fn of_pod<'a>(case: &Case<'a>, pod: &Pod<'_>) -> Vec<Asked<'a>> {
    let taken = Taken::of(case, pod);
    let init = pod.spec.init_containers.iter().flatten().enumerate().map(|(at, it)| ("initContainers", at, it));
    let app = pod.spec.containers.iter().enumerate().map(|(at, it)| ("containers", at, it));
    init.chain(app).flat_map(|(list, index, it)| of_container(case, pod, &taken, list, index, it)).collect()
}

fn of_container<'a>(
    case: &Case<'a>,
    pod: &Pod<'_>,
    taken: &Taken,
    list: &'static str,
    index: usize,
    container: &Container,
) -> Vec<Asked<'a>> {
    let nothing = ResourceRequirements::default();
    let resources = container.resources.as_ref().unwrap_or(&nothing);
    let kinds = [("limits", &resources.limits), ("requests", &resources.requests)];
    let names = kinds.iter().flat_map(|(_, map)| map.iter().flat_map(|map| map.keys()));
    let mut names: BTreeSet<_> = names.filter(|name| name.contains('/')).cloned().collect();
    if names.is_empty() && taken.0.is_empty() {
        return Vec::new();
    }
    let here = pod.at(["spec", list]).index(index).key("resources");
    let before = taken.0.get(&here);
    names.extend(before.into_iter().flatten().map(|(_, name, _)| name.clone()));
    let mut found = Vec::new();
    for name in names {
        let Some(meaning) = meaning(&name, &case.devices.classes, case.policy) else { continue };
        let standing = kinds.iter().filter_map(|(kind, map)| Some((*kind, map.as_ref()?.get(&name)?.0.clone())));
        let taken = before.into_iter().flatten().filter(|(_, taken, _)| *taken == name);
        let said: Vec<_> = standing.chain(taken.map(|(kind, _, text)| (*kind, text.clone()))).collect();
        let place = |kind: &'static str| here.clone().key(kind).key(name.clone());
        // Limits are first, and requests of an extended resource are the same.
        let Some((first, text)) = said.first() else { continue };
        let count = match quantity::parse(text, Unit::One) {
            Ok(0) => continue,
            Ok(count) => Ok(count),
            Err(_) => Err(text.clone()),
        };
        let of_kind = |of: &str| said.iter().find(|(kind, _)| *kind == of).map(|(_, text)| text);
        let amount = |text: &String| quantity::parse(text, Unit::One).ok();
        let request = of_kind("requests").filter(|it| of_kind("limits").and_then(amount) != amount(it));
        let differs = request.map(|it| (it.clone(), of_kind("limits").cloned()));
        let ends = list == "initContainers" && container.restart_policy.as_deref() != Some("Always");
        let copy = said.iter().skip(1).find(|(kind, copied)| kind != first && copied == text).map(|(kind, _)| *kind);
        let places = said.iter().map(|(kind, _)| *kind).filter(|kind| Some(*kind) != copy).map(place).collect();
        let (at, copy) = (place(first), copy.map(place));
        let nth = found.len();
        found.push(Asked { list, index, before: ends, name, count, differs, meaning, at, places, copy, nth });
    }
    found
}

/// What an earlier call has taken out of a new Pod: by the `resources` of a container, the list, the name and the amount.
struct Taken(BTreeMap<Place, Vec<(&'static str, String, String)>>);

impl Taken {
    fn of(case: &Case<'_>, pod: &Pod<'_>) -> Self {
        let mut taken = BTreeMap::<_, Vec<_>>::new();
        if case.new_pod().is_none() {
            return Self(taken);
        }
        for Remembered { at, asked } in remembered::recall(pod.object()).into_values() {
            let at = at.pointer();
            let Some((list, name)) = at.split_back().filter(|_| at.resolve(pod.written).is_err()) else { continue };
            let Some((resources, kind)) = list.split_back() else { continue };
            let kind = match kind.decoded().as_ref() {
                "limits" => "limits",
                "requests" => "requests",
                _ => continue,
            };
            let text = asked.as_str().map_or_else(|| asked.to_string(), str::to_owned);
            let resources = Place::from(resources.to_buf());
            taken.entry(resources).or_default().push((kind, name.decoded().into_owned(), text));
        }
        Self(taken)
    }
}

/// What a resource's name stands for; `None` where it is left alone.
///
/// What gives GPUs of the models goes before what an admin lists: no pattern makes a GPU free.
fn meaning<'a>(name: &str, classes: &DeviceClasses, policy: &'a Policy) -> Option<Meaning<'a>> {
    let models = policy.records().models.values();
    let listed: Vec<_> = models.clone().filter(|model| model.resource_names.contains(name)).collect();
    if !listed.is_empty() {
        return Some(Meaning::Models(listed));
    }
    if let Some(class) = name.strip_prefix(extended::OF_CLASS) {
        return of_classes(&[class], classes, policy);
    }
    let named = called(name, classes);
    let by_class = of_classes(&named, classes, policy);
    if by_class.is_some() || is_of_classes(&named, policy) {
        return by_class;
    }
    if name == extended::NVIDIA_GPU {
        return Some(Meaning::Models(models.filter(|model| model.profile.is_none()).collect()));
    }
    if let Some((pattern, treatment)) = policy.platform().resource_names.of(name) {
        return (treatment == Treatment::Refuse).then(|| Meaning::Refused(pattern.to_owned()));
    }
    if !named.is_empty() {
        return None;
    }
    if let Some(share) = accelerators::share(name) {
        return Some(Meaning::Share(share));
    }
    accelerators::of_resource(name).map(|maker| Meaning::Accelerator(maker.devices))
}

/// What a Pod costs for the names that an admin gave a price. What stands for GPUs of the models is charged by its claim.
pub(crate) fn price_of_names(counted: &Counted, classes: &DeviceClasses, policy: &Policy) -> Price {
    let names = &policy.platform().resource_names;
    if !names.has_prices() {
        return Price::default();
    }
    let models = || policy.records().models.values();
    let is_claimed = |name: &str| {
        let named = called(name, classes);
        name == extended::NVIDIA_GPU
            || name.starts_with(extended::OF_CLASS)
            || models().any(|model| model.resource_names.contains(name))
            || is_of_classes(&named, policy)
            || of_classes(&named, classes, policy).is_some()
    };
    let price = |(name, count): (&str, u64)| match names.of(name) {
        Some((_, Treatment::Price(milli_gpu))) if !is_claimed(name) => Price::of_each(milli_gpu, count, 100),
        _ => Price::default(),
    };
    counted.each().map(price).fold(Price::default(), Price::and)
}

/// The classes whose devices Kubernetes also gives under a name of an extended resource.
fn called<'c>(name: &str, classes: &'c DeviceClasses) -> Vec<&'c str> {
    let called = classes.iter().filter(|(_, spec)| spec.extended_resource_name.as_deref() == Some(name));
    called.map(|(class, _)| class.as_str()).collect()
}

/// Whether an admin said what devices of these classes cost, or that they are refused: then nothing that is said of their extended
/// resource counts.
fn is_of_classes(names: &[&str], policy: &Policy) -> bool {
    names.iter().any(|class| policy.platform().device_classes.contains_key(*class))
}

/// What devices of some classes stand for, of which Kubernetes takes one.
fn of_classes<'a>(names: &[&str], classes: &DeviceClasses, policy: &'a Policy) -> Option<Meaning<'a>> {
    let kinds = Kinds::new(classes, policy);
    for name in names {
        let why = match kinds.of(name) {
            Kind::Gpus => {
                let of_them = |model: &&Model| names.contains(&model.device_class_name.as_str());
                return Some(Meaning::Models(policy.records().models.values().filter(of_them).collect()));
            }
            Kind::Others(Others { may_be_asked: false, .. }) => NoClass::NotListed,
            Kind::Others(Others { by_itself: true, .. }) => continue,
            Kind::Others(_) if !classes.contains_key(*name) => NoClass::Missing,
            Kind::Others(_) => NoClass::MayBeGpu,
        };
        return Some(Meaning::Class((*name).to_owned(), why));
    }
    None
}

/// Whether a resource of this name is, or may be, a GPU.
pub(crate) fn means_gpu(name: &str, classes: &DeviceClasses, policy: &Policy) -> bool {
    meaning(name, classes, policy).is_some_and(|meaning| match meaning {
        // A class that no model has may be of other devices.
        Meaning::Models(models) => !models.is_empty() || extended::is_gpu_makers(name),
        Meaning::Share(_) | Meaning::Class(_, NoClass::MayBeGpu) => true,
        Meaning::Accelerator(_) => extended::is_gpu_makers(name),
        Meaning::Refused(_) | Meaning::Class(_, NoClass::NotListed | NoClass::Missing) => false,
    })
}
