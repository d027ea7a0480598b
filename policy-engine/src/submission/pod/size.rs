//! How much there is to read in Pods.

use serde_json::Value;

use super::shape::{Shape, Written};
use crate::object::{Object, Unreadable};

/// Read, a container or a volume takes three kilobytes, and as JSON it can be two characters.
pub const MOST_CONTAINERS_AND_VOLUMES: usize = 16 << 10;
/// Elements of all other lists: ports, variables, mounts, tolerations. Read, they take up to half a kilobyte each.
pub const MOST_ELEMENTS: usize = 128 << 10;
/// Pods or templates that one object carries; read, even an empty one takes two kilobytes.
pub const MOST_TEMPLATES: usize = 4 << 10;

/// How much there is to read in the Pods of one object, counted before it is read.
#[derive(Default)]
pub(super) struct Size {
    pods: usize,
    large: usize,
    elements: usize,
}

impl Size {
    const LARGE: [&str; 4] = ["containers", "initContainers", "ephemeralContainers", "volumes"];

    pub(super) fn add(&mut self, pod: &Written<'_>) -> Result<(), Unreadable> {
        let spec = match pod.shape {
            Shape::Template | Shape::Workspace => Object(pod.value).at(&["spec"]),
            Shape::Spec | Shape::Containers => Some(pod.value),
        };
        self.pods += 1;
        self.large += spec.map_or(0, |spec| match spec {
            Value::Array(containers) => containers.len(),
            spec => Self::LARGE.iter().filter_map(|key| spec.get(key)?.as_array()).map(Vec::len).sum::<usize>(),
        });
        self.elements += spec.map_or(0, elements);
        let too_many = [
            (self.pods, MOST_TEMPLATES, "pod templates"),
            (self.large, MOST_CONTAINERS_AND_VOLUMES, "containers and volumes"),
            (self.elements, MOST_ELEMENTS, "elements of lists"),
        ];
        match too_many.into_iter().find(|(count, most, _)| count > most) {
            Some((count, most, what)) => Err(Unreadable {
                field: pod.shape.place(&pod.place, &["spec"]),
                why: format!("asked {count} {what}; at most {most} are read in one object; make it smaller"),
            }),
            None => Ok(()),
        }
    }
}

/// The elements of all lists, at any depth. JSON is read to a depth of 128 at most.
pub(crate) fn elements(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len() + list.iter().map(elements).sum::<usize>(),
        Value::Object(map) => map.values().map(elements).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
