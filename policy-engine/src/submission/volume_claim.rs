//! A PersistentVolumeClaim or a template of one, understood.

use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;
use serde::Deserialize;
use serde_json::Value;

use crate::object::kinds::SNAPSHOT_GROUP;
use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::submission::pod::Pod;

/// A PersistentVolumeClaim, or a template of one within an object.
#[derive(Clone, Debug)]
pub struct VolumeClaim<'a> {
    place: Place,
    /// Its metadata and spec as they stand in the object.
    pub object: Object<'a>,
    /// Its spec.
    pub spec: PersistentVolumeClaimSpec,
}

/// What a new volume is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A PersistentVolumeClaim of the same namespace.
    Claim(&'a str),
    /// A VolumeSnapshot of the same namespace.
    Snapshot(&'a str),
    /// Something in another namespace.
    Elsewhere(&'a str),
    /// Something that only a volume populator knows.
    Other(&'a str),
}

impl<'a> VolumeClaim<'a> {
    /// Reads the claim that `value` is; `place` is where it stands in the object.
    ///
    /// # Errors
    /// Where its spec is none of a claim.
    pub fn read(value: &'a Value, place: Place) -> Result<Self, Unreadable> {
        let object = Object(value);
        let spec = match object.at(&["spec"]) {
            Some(spec) => PersistentVolumeClaimSpec::deserialize(spec)
                .map_err(|why| Unreadable::new(place.clone().key("spec"), &why))?,
            None => PersistentVolumeClaimSpec::default(),
        };
        Ok(Self { place, object, spec })
    }

    /// The templates from which a StatefulSet's controller makes claims.
    ///
    /// # Errors
    /// Where one of them is none.
    pub fn of_stateful_set(object: &'a Value) -> Result<Vec<Self>, Unreadable> {
        let templates = Object(object).at(&["spec", "volumeClaimTemplates"]).and_then(Value::as_array);
        let here = Place::of(["spec", "volumeClaimTemplates"]);
        templates.into_iter().flatten().enumerate().map(|(at, it)| Self::read(it, here.clone().index(at))).collect()
    }

    /// The templates of a Pod's ephemeral volumes.
    ///
    /// # Errors
    /// Where one of them is none.
    pub fn of_pod(pod: &Pod<'a>) -> Result<Vec<Self>, Unreadable> {
        let volumes = pod.stands(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten();
        let templates = volumes.enumerate().filter_map(|(at, volume)| {
            let template = Object(volume).at(&["ephemeral", "volumeClaimTemplate"])?;
            Some((pod.at(["spec", "volumes"]).index(at).key("ephemeral").key("volumeClaimTemplate"), template))
        });
        templates.map(|(place, template)| Self::read(template, place)).collect()
    }

    /// A place in the claim.
    pub fn at<const N: usize>(&self, keys: [&'static str; N]) -> Place {
        keys.into_iter().fold(self.place.clone(), Place::key)
    }

    /// The place of one of its labels.
    pub fn label_at(&self, key: &'static str) -> Place {
        self.at(["metadata", "labels", key])
    }

    /// What the volume is filled from, each once. The API server copies one of the two fields to the other.
    pub fn sources(&self) -> Vec<(Place, Source<'_>)> {
        let old = self
            .spec
            .data_source
            .as_ref()
            .map(|it| (self.at(["spec", "dataSource"]), source(None, it.api_group.as_deref(), &it.kind, &it.name)));
        let new = self.spec.data_source_ref.as_ref().map(|it| {
            let namespace = it.namespace.as_deref().filter(|it| !it.is_empty());
            (self.at(["spec", "dataSourceRef"]), source(namespace, it.api_group.as_deref(), &it.kind, &it.name))
        });
        let mut sources: Vec<_> = old.into_iter().chain(new).collect();
        sources.dedup_by(|two, one| one.1 == two.1);
        sources
    }
}

fn source<'a>(namespace: Option<&'a str>, group: Option<&str>, kind: &'a str, name: &'a str) -> Source<'a> {
    match (namespace, group.unwrap_or_default(), kind) {
        (Some(namespace), _, _) => Source::Elsewhere(namespace),
        (None, "", "PersistentVolumeClaim") => Source::Claim(name),
        (None, SNAPSHOT_GROUP, "VolumeSnapshot") => Source::Snapshot(name),
        (None, _, _) => Source::Other(kind),
    }
}
