//! The variable `device` of selectors, with all that a driver publishes.

use std::collections::HashMap;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Sizer};
use cel::common::types::{self, CelBool, CelInt, CelList, CelMap, CelString, Type};
use cel::common::value::{CowVal, Val};
use k8s_openapi::api::resource::v1::{Device, DeviceAttribute};

use super::amounts::Amount;
use super::versions::Version;

/// A device as its driver publishes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whole<'d> {
    /// The driver.
    pub driver: &'d str,
    /// The device.
    pub device: &'d Device,
}

/// A number or a truth.
const SCALAR: usize = 8;

impl<'d> Whole<'d> {
    /// Its attributes, each with the name that it was published by.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d DeviceAttribute)> {
        self.device.attributes.iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// The attribute that a constraint names with its domain, as a text that is equal where the attributes are. One of several
    /// values is none: constraints compare what those have in common.
    pub fn compared(self, name: &str) -> Option<String> {
        let of_driver = || name.strip_prefix(self.driver)?.strip_prefix('/');
        let attributes = self.device.attributes.as_ref()?;
        let attribute = attributes.get(name).or_else(|| attributes.get(of_driver()?))?;
        let is_one = attribute.string.is_some() || attribute.int.is_some() || attribute.bool.is_some();
        (is_one || attribute.version.is_some()).then(|| {
            let mut said = String::new();
            say(attribute, &mut said);
            said
        })
    }

    /// What it has how much of.
    pub(super) fn capacity(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        self.device.capacity.iter().flatten().map(|(name, capacity)| (name.as_str(), capacity.value.0.as_str()))
    }

    pub(super) fn is_divisible(self) -> bool {
        self.device.allow_multiple_allocations == Some(true)
    }

    /// How much a selector may have to copy or to compare of it.
    pub(super) fn size(self) -> u64 {
        let texts = |texts: &Option<Vec<String>>| texts.iter().flatten().map(String::len).sum::<usize>();
        let attributes = self.attributes().map(|(name, it)| {
            let one = [&it.string, &it.version].into_iter().flatten().map(String::len).sum::<usize>();
            let scalars = it.ints.as_ref().map_or(0, Vec::len) + it.bools.as_ref().map_or(0, Vec::len);
            name.len() + SCALAR * (1 + scalars) + one + texts(&it.strings) + texts(&it.versions)
        });
        let capacity = self.capacity().map(|(name, amount)| name.len() + SCALAR + amount.len());
        let all: usize = attributes.chain(capacity).sum();
        u64::try_from(all + self.driver.len()).unwrap_or(u64::MAX)
    }

    /// The variable; `None` where something of it cannot be read, which is an error to Kubernetes.
    pub(super) fn value(self) -> Option<Box<dyn Val + 'd>> {
        let mut attributes = ByDomain::default();
        for (name, attribute) in self.attributes() {
            attributes.add(self.driver, name, value(attribute)?);
        }
        let mut capacity = ByDomain::default();
        for (name, amount) in self.capacity() {
            capacity.add(self.driver, name, Box::new(Amount::read(amount)?));
        }
        Some(map([
            ("driver", Box::new(CelString::from(self.driver)) as Box<dyn Val + 'd>),
            ("allowMultipleAllocations", Box::new(CelBool::from(self.is_divisible()))),
            ("attributes", Box::new(attributes.read())),
            ("capacity", Box::new(capacity.read())),
        ]))
    }
}

/// The domain and the name in it of what a driver publishes. What names no domain is in the driver's.
pub(super) fn qualified<'d>(driver: &'d str, name: &'d str) -> (&'d str, &'d str) {
    name.split_once('/').unwrap_or((driver, name))
}

fn value<'d>(attribute: &'d DeviceAttribute) -> Option<Box<dyn Val + 'd>> {
    let DeviceAttribute { bool, bools, int, ints, string, strings, version, versions } = attribute;
    let text = |it: &'d String| Some(Box::new(CelString::from(it.as_str())) as Box<dyn Val + 'd>);
    let number = |it: &i64| Some(Box::new(CelInt::from(*it)) as Box<dyn Val + 'd>);
    let truth = |it: &bool| Some(Box::new(CelBool::from(*it)) as Box<dyn Val + 'd>);
    let of_version = |it: &String| Some(Box::new(Version::read(it)?) as Box<dyn Val + 'd>);
    let list = |values: Option<Vec<_>>| Some(Box::new(CelList::from(values?)) as Box<dyn Val + 'd>);
    let one = string.as_ref().map(text).or(int.as_ref().map(number)).or(bool.as_ref().map(truth));
    let one = one.or_else(|| version.as_ref().map(of_version));
    let several = || strings.as_ref().map(|it| list(it.iter().map(text).collect()));
    let several = several().or_else(|| ints.as_ref().map(|it| list(it.iter().map(number).collect())));
    let several = several.or_else(|| bools.as_ref().map(|it| list(it.iter().map(truth).collect())));
    let several = several.or_else(|| versions.as_ref().map(|it| list(it.iter().map(of_version).collect())));
    one.or(several)?
}

fn map<'d>(entries: impl IntoIterator<Item = (&'d str, Box<dyn Val + 'd>)>) -> Box<dyn Val + 'd> {
    Box::new(CelMap::from(entries.into_iter().map(|(name, it)| (name.into(), it)).collect::<HashMap<_, _>>()))
}

/// What is being read, by domain and name.
#[derive(Default)]
struct ByDomain<'d>(HashMap<&'d str, Vec<Named<'d>>>);

/// A name and what it says.
type Named<'d> = (&'d str, Box<dyn Val + 'd>);

impl<'d> ByDomain<'d> {
    fn add(&mut self, driver: &'d str, name: &'d str, value: Box<dyn Val + 'd>) {
        let (domain, name) = qualified(driver, name);
        self.0.entry(domain).or_default().push((name, value));
    }

    fn read(self) -> Domains<'d> {
        let known = self.0.into_iter().map(|(domain, entries)| (domain.into(), map(entries)));
        Domains { known: CelMap::from(known.collect::<HashMap<_, _>>()), nothing: CelMap::default() }
    }
}

/// What a device has, by domain. Of a domain that it does not know it has nothing, which is no error.
#[derive(Clone, Debug)]
struct Domains<'d> {
    known: CelMap<'d>,
    nothing: CelMap<'d>,
}

impl Indexer for Domains<'_> {
    fn get<'b, 'v>(&'b self, domain: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        match Indexer::get(&self.known, domain) {
            Err(ExecutionError::NoSuchKey(_)) => Ok(CowVal::Borrowed(&self.nothing)),
            found => found,
        }
    }

    fn steal<'v>(self: Box<Self>, domain: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, domain).map(CowVal::into_owned)
    }
}

impl Val for Domains<'_> {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        &types::MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(&self.known)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(&self.known)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(&self.known)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

/// Appends what an attribute is, so that it is equal where attributes are.
pub(super) fn say(attribute: &DeviceAttribute, into: &mut String) {
    let DeviceAttribute { bool, bools, int, ints, string, strings, version, versions } = attribute;
    let mut typed = |of: char, text: &str| {
        into.push(of);
        into.push_str(text);
    };
    match (string, version, int, bool) {
        (Some(text), ..) => typed('s', text),
        (_, Some(version), ..) => typed('v', version),
        (.., Some(number), _) => typed('i', &number.to_string()),
        (.., Some(truth)) => typed('b', if *truth { "true" } else { "false" }),
        (None, None, None, None) => typed('l', &format!("{strings:?}{ints:?}{bools:?}{versions:?}")),
    }
}
