//! Records as they were found, readable or not.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::About;
use crate::{GROUP, Kind, VERSION};

/// An object that is no record of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARecord {
    /// It belongs to another API.
    #[error("it is not of the group {GROUP}")]
    Foreign,
    /// It is of our group, but not of a version that we read.
    #[error("apiVersion is {0}; write {GROUP}/{VERSION}")]
    Version(String),
    /// It is of our group, but of no kind that we know.
    #[error(
        "{0} is no kind of {GROUP}; the kinds are User, Group, Project, ResourcePlan, PlatformQueue, GpuModel and PlatformPolicy"
    )]
    Kind(String),
    /// It has no name.
    #[error("{0} has no metadata.name")]
    Name(Kind),
}

/// A record as it was found.
#[derive(Clone, Debug)]
pub struct RawRecord {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
    /// Where it was read from, if from a file.
    pub origin: Option<String>,
    newest: bool,
}

impl RawRecord {
    /// Takes an object that says itself what it is.
    ///
    /// # Errors
    /// If it is no record of ours.
    pub fn new(object: Value, origin: Option<String>) -> Result<Self, NotARecord> {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        match api_version.split_once('/') {
            Some((GROUP, VERSION)) => {}
            Some((GROUP, _)) => return Err(NotARecord::Version(api_version.into())),
            Some(_) | None => return Err(NotARecord::Foreign),
        }
        let kind = object["kind"].as_str().unwrap_or_default();
        let kind = Kind::of(kind).ok_or_else(|| NotARecord::Kind(format!("{kind:?}")))?;
        Self::of(kind, object, origin)
    }

    /// Takes an object whose kind is known, as the items of a list are.
    ///
    /// # Errors
    /// If it has no name.
    pub fn of(kind: Kind, object: Value, origin: Option<String>) -> Result<Self, NotARecord> {
        match object["metadata"]["name"].as_str() {
            None | Some("") => Err(NotARecord::Name(kind)),
            Some(name) => Ok(Self { kind, name: name.into(), object, origin, newest: false }),
        }
    }

    /// The same record, yielding to all others.
    pub(super) fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    pub(super) fn about(&self) -> About {
        About { kind: self.kind, name: self.name.clone(), origin: self.origin.clone() }
    }

    /// Creation times are RFC 3339 in UTC, so that their order is that of their texts.
    fn age(&self) -> (bool, &str, &str) {
        (self.newest, self.object["metadata"]["creationTimestamp"].as_str().unwrap_or_default(), &self.name)
    }

    fn by_age(&self, other: &Self) -> Ordering {
        self.age().cmp(&other.age())
    }
}

/// All records as they were found, each kind and name once.
#[derive(Clone, Debug, Default)]
pub struct RawRecords(BTreeMap<(Kind, String), RawRecord>);

impl RawRecords {
    /// Adds a record; one of the same kind and name is replaced and handed back.
    pub fn replace(&mut self, record: RawRecord) -> Option<RawRecord> {
        self.0.insert((record.kind, record.name.clone()), record)
    }

    /// Takes a record away.
    pub fn remove(&mut self, kind: Kind, name: &str) -> Option<RawRecord> {
        self.0.remove(&(kind, name.into()))
    }

    /// The record of this kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&RawRecord> {
        self.0.get(&(kind, name.into()))
    }

    /// All records, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &RawRecord> {
        self.0.values()
    }

    /// The records of a kind, oldest first.
    pub(super) fn by_age(&self, kind: Kind) -> Vec<&RawRecord> {
        let mut records: Vec<_> = self.iter().filter(|record| record.kind == kind).collect();
        records.sort_by(|a, b| a.by_age(b));
        records
    }
}

impl FromIterator<RawRecord> for RawRecords {
    fn from_iter<I: IntoIterator<Item = RawRecord>>(records: I) -> Self {
        let mut all = Self::default();
        for record in records {
            all.replace(record);
        }
        all
    }
}
