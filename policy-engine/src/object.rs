//! A submitted object, read without being taken apart.

pub(crate) mod accelerators;
pub(crate) mod at_once;
pub mod extended;
pub mod kinds;
pub mod named;
pub mod place;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::object::place::Place;

/// Labels or annotations as they stand in an object.
pub type Strings = Map<String, Value>;

/// An object as it was submitted.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(pub &'a Value);

impl<'a> Object<'a> {
    /// The value at a path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&'a Value> {
        keys.iter().try_fold(self.0, |value, key| value.get(key)).filter(|value| !value.is_null())
    }

    /// `metadata.labels`.
    pub fn labels(&self) -> Option<&'a Strings> {
        self.at(&["metadata", "labels"])?.as_object()
    }

    /// `metadata.annotations`.
    pub fn annotations(&self) -> Option<&'a Strings> {
        self.at(&["metadata", "annotations"])?.as_object()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.labels()?.get(key)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        self.annotations()?.get(key)?.as_str()
    }

    /// Whether what the platform writes to are maps, as they are in whatever Kubernetes has decoded.
    ///
    /// # Errors
    /// Where one of them is something else.
    pub(crate) fn check_metadata(&self) -> Result<(), Unreadable> {
        for keys in [&[][..], &["metadata"], &["metadata", "labels"], &["metadata", "annotations"]] {
            if self.at(keys).is_some_and(|value| !value.is_object()) {
                let field = keys.iter().fold(Place::root(), |place, key| place.key(*key));
                return Err(Unreadable { field, why: "it is no map; write lines of key: value".into() });
            }
        }
        Ok(())
    }

    /// Whether the object is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.at(&["metadata", "deletionTimestamp"]).is_some()
    }

    /// `metadata.ownerReferences`, as they stand there.
    pub fn owner_references(&self) -> &'a [Value] {
        self.list(&["metadata", "ownerReferences"])
    }

    /// `metadata.finalizers`, as they stand there.
    pub fn finalizers(&self) -> &'a [Value] {
        self.list(&["metadata", "finalizers"])
    }

    /// What is no list is an empty one: the API server refuses it.
    fn list(&self, keys: &[&str]) -> &'a [Value] {
        self.at(keys).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The owner reference that is marked as the controller's.
    ///
    /// # Errors
    /// Where the owner references are none.
    pub fn controller(&self) -> Result<Option<OwnerReference>, Unreadable> {
        let Some(references) = self.at(&["metadata", "ownerReferences"]) else { return Ok(None) };
        let references = Vec::<OwnerReference>::deserialize(references)
            .map_err(|why| Unreadable::new(Place::of(["metadata", "ownerReferences"]), &why))?;
        Ok(references.into_iter().find(|reference| reference.controller == Some(true)))
    }

    /// Whether both say the same but for finalizers, of which this one has no more, and for what only the API server writes.
    pub fn only_lacks_finalizers_of(&self, old: &Self) -> bool {
        let same = |key: &&str| self.at(&["metadata", key]) == old.at(&["metadata", key]);
        let before = old.finalizers();
        self.same_content(old)
            && ["labels", "annotations", "ownerReferences"].iter().all(same)
            && self.finalizers().iter().all(|finalizer| before.contains(finalizer))
    }

    /// Whether both say the same but for metadata and status.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self.0.as_object(), other.0.as_object()) {
            (Some(one), Some(two)) => {
                let content = |key: &str| !["metadata", "status", "apiVersion", "kind"].contains(&key);
                one.iter().all(|(key, value)| !content(key) || two.get(key) == Some(value))
                    && two.keys().all(|key| !content(key) || one.contains_key(key))
            }
            (_, _) => self.0 == other.0,
        }
    }
}

/// A part of an object that is not what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Unreadable {
    /// Where it is.
    pub field: Place,
    /// What is wrong.
    pub why: String,
}

impl Unreadable {
    /// What stands at `field`, and why it cannot be read.
    pub fn new(field: Place, why: &dyn std::error::Error) -> Self {
        Self { field, why: why.to_string() }
    }

    /// The same, of a part that stands at `place`.
    pub(crate) fn within(self, place: Place) -> Self {
        Self { field: place.join(&self.field), ..self }
    }
}
