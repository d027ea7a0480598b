//! How an object says what its Pods are: as a pod template, as a PodSpec, or as a list of containers.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::policy::workload::WorkloadKind;
use crate::workspace::POD;
use crate::workspace::{self, Defaults, Workspace};

/// How much of a Pod stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `metadata` and `spec`: a pod template, or a Pod.
    Template,
    /// What a Pod has under `spec`, among other keys perhaps: `spec.predictor` of an InferenceService.
    Spec,
    /// A list of containers.
    Containers,
    /// A whole workspace, from which its Pod is made. Its place is one that no workspace has.
    Workspace,
}

/// A Pod, or what says how one will be, as it stands in an object.
#[derive(Clone, Debug)]
pub(crate) struct Written<'a> {
    pub(super) place: Place,
    pub(super) shape: Shape,
    pub(super) value: &'a Value,
}

impl<'a> Written<'a> {
    /// A Pod, or a pod template.
    pub(super) fn template(value: &'a Value, place: Place) -> Self {
        Self { place, shape: Shape::Template, value }
    }

    /// What the pointers of a kind lead to in one of its objects.
    ///
    /// Whose schema keeps unknown keys may have both a `spec` and keys of a PodSpec at one place; nobody knows which of
    /// them its operator reads, so that both are judged.
    pub(crate) fn all(object: &'a Value, kind: &WorkloadKind) -> Vec<Self> {
        if kind.of.is_workspace() {
            return Self::workspace(object).into_iter().collect();
        }
        let found = kind.pod_templates.iter().flat_map(|path| path.resolve(object));
        found.flat_map(|(place, value)| Self::at(place, value)).collect()
    }

    /// The Pod of a workspace, if that is to run.
    pub(super) fn workspace(object: &'a Value) -> Option<Self> {
        let made = || Self { place: Place::of([POD]), shape: Shape::Workspace, value: object };
        Workspace::is_to_run(object).then(made)
    }

    fn at(place: Place, value: &'a Value) -> Vec<Self> {
        let shapes: &[Shape] = match value {
            Value::Array(_) => &[Shape::Containers],
            Value::Object(keys) if keys.keys().all(|key| ["metadata", "spec"].contains(&key.as_str())) => {
                &[Shape::Template]
            }
            Value::Object(keys) if keys.contains_key("spec") && !says_of_a_pod(value) => &[Shape::Template],
            Value::Object(keys) if keys.contains_key("spec") => &[Shape::Template, Shape::Spec],
            Value::Object(_) => &[Shape::Spec],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &[],
        };
        shapes.iter().map(|&shape| Self { place: place.clone(), shape, value }).collect()
    }

    /// Whether a container is described there. A list of something else has no images.
    pub(crate) fn has_containers(&self) -> bool {
        let pod = self.as_pod();
        let lists = ["containers", "initContainers"].map(|list| Object(&pod).at(&["spec", list]));
        lists.into_iter().flatten().filter_map(Value::as_array).flatten().any(|it| it.get("image").is_some())
    }

    /// The same as a Pod has it: under `spec`.
    pub(crate) fn as_pod(&self) -> Cow<'a, Value> {
        match self.shape {
            Shape::Template => Cow::Borrowed(self.value),
            Shape::Spec => Cow::Owned(json!({"spec": self.value})),
            Shape::Containers => Cow::Owned(json!({"spec": {"containers": self.value}})),
            // What it gets where it says nothing names nothing; and of what cannot be read, whoever reads it is told.
            Shape::Workspace => Cow::Owned(workspace_pod(self.value, &Defaults::default()).unwrap_or_default()),
        }
    }
}

impl Shape {
    /// Where in an object a place of a Pod is, whose whole stands at `here`.
    pub(super) fn place(self, here: &Place, keys: &[&'static str]) -> Place {
        let rest = match (self, keys) {
            (Self::Spec, ["spec", rest @ ..]) | (Self::Containers, ["spec", "containers", rest @ ..]) => rest,
            (Self::Template | Self::Spec | Self::Containers | Self::Workspace, _) => keys,
        };
        rest.iter().fold(here.clone(), |place, key| place.key(*key))
    }
}

pub(super) fn workspace_pod(object: &Value, defaults: &Defaults) -> Result<Value, Unreadable> {
    let name = Object(object).at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
    Ok(workspace::pod(name, &Workspace::read(object)?, defaults))
}

/// Whether a PodSpec would say anything; what cannot be read as one says something, too.
fn says_of_a_pod(value: &Value) -> bool {
    PodSpec::deserialize(value).map_or(true, |spec| spec != PodSpec::default())
}
