//! A Pod or a pod template, understood.

mod shape;
mod size;

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{
    ContainerPort, EnvVar, Lifecycle, PodSpec, PodStatus, Probe, ResourceRequirements, SecurityContext, VolumeDevice,
    VolumeMount,
};
use serde::Deserialize;
use serde_json::Value;

use crate::ledger::Amounts;

use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::policy::platform::ChargeBy;
use crate::policy::workload::WorkloadKind;
use crate::submission::compute::{Asked, Given};
use crate::submission::found::Found;
use crate::workspace::Defaults;

use shape::Shape;
pub(crate) use shape::Written;
use size::Size;
pub(crate) use size::elements;
pub use size::{MOST_CONTAINERS_AND_VOLUMES, MOST_ELEMENTS, MOST_TEMPLATES};

/// A Pod, or what says how one will be, within an object.
#[derive(Clone, Debug)]
pub struct Pod<'a> {
    place: Place,
    shape: Shape,
    /// What stands at its place.
    pub written: &'a Value,
    value: Cow<'a, Value>,
    /// Its spec.
    pub spec: PodSpec,
    pub(crate) found: Found,
}

impl<'a> Pod<'a> {
    /// Reads the Pod that `value` is; `place` is where it stands in the object.
    ///
    /// # Errors
    /// Where its spec is not a PodSpec.
    pub fn read(value: &'a Value, place: Place) -> Result<Self, Unreadable> {
        let written = Written::template(value, place);
        Size::default().add(&written)?;
        Self::parse(written)
    }

    fn parse(written: Written<'a>) -> Result<Self, Unreadable> {
        let value = written.as_pod();
        Self::parse_as(written, value)
    }

    fn parse_as(written: Written<'a>, value: Cow<'a, Value>) -> Result<Self, Unreadable> {
        let Written { place, shape, value: written } = written;
        let spec = match Object(&value).at(&["spec"]) {
            Some(spec) => {
                PodSpec::deserialize(spec).map_err(|why| Unreadable::new(shape.place(&place, &["spec"]), &why))?
            }
            None => PodSpec::default(),
        };
        Ok(Self { place, shape, written, value, spec, found: Found::default() })
    }

    /// What says in a workload how its Pods will be.
    ///
    /// # Errors
    /// Where one of them is no pod template, PodSpec or list of containers.
    pub fn templates(object: &'a Value, kind: &WorkloadKind) -> Result<Vec<Self>, Unreadable> {
        let mut size = Size::default();
        let mut read = |written: Written<'a>| {
            size.add(&written)?;
            Self::parse(written)
        };
        Written::all(object, kind).into_iter().map(&mut read).collect()
    }

    /// The Pod that a workspace will be, if it is to run.
    ///
    /// # Errors
    /// Where the workspace cannot be read, or asks for what is no Pod.
    pub fn of_workspace(object: &'a Value, defaults: &Defaults) -> Result<Option<Self>, Unreadable> {
        let Some(written) = Written::workspace(object) else { return Ok(None) };
        Size::default().add(&written)?;
        let made = shape::workspace_pod(object, defaults)?;
        Self::parse_as(written, Cow::Owned(made)).map(Some)
    }

    /// Its metadata and spec, as a Pod has them.
    pub fn object(&self) -> Object<'_> {
        Object(&self.value)
    }

    /// The Pod or pod template in the object; `None` for what has no metadata of its own.
    pub fn template(&self) -> Option<Object<'a>> {
        (self.shape == Shape::Template).then_some(Object(self.written))
    }

    /// What stands at a place of the Pod in the object that it was read from.
    pub fn stands(&self, keys: &[&'static str]) -> Option<&'a Value> {
        self.shape.place(&Place::root(), keys).resolve(self.written)
    }

    /// Whether it can be given a claim: a list of containers has no place to name one.
    pub fn takes_claims(&self) -> bool {
        self.shape != Shape::Containers
    }

    /// A place in the Pod.
    pub fn at<const N: usize>(&self, keys: [&'static str; N]) -> Place {
        self.shape.place(&self.place, &keys)
    }

    /// What it takes of CPU and memory.
    ///
    /// # Errors
    /// Where something is no amount, or more than the platform counts.
    pub fn amounts(&self, by: ChargeBy) -> Result<Amounts, Unreadable> {
        self.asked().and_then(|asked| asked.taken(by)).map_err(|unreadable| unreadable.within(self.at(["spec"])))
    }

    fn asked(&self) -> Result<&Asked, Unreadable> {
        self.found.asked.get_or_init(|| Asked::by(&self.spec)).as_ref().map_err(Clone::clone)
    }

    /// What it holds by its status of CPU and memory. A status that cannot be read says nothing.
    ///
    /// # Errors
    /// Where something is no amount, or more than the platform counts.
    pub fn held(&self, by: ChargeBy) -> Result<Amounts, Unreadable> {
        let status = self.object().at(&["status"]).and_then(|status| PodStatus::deserialize(status).ok());
        let generation = self.object().at(&["metadata", "generation"]).and_then(Value::as_i64);
        let given = status.as_ref().map(Given::by).unwrap_or_default();
        let held = self.asked().and_then(|asked| asked.held(&given, generation, by));
        held.map_err(|unreadable| unreadable.within(self.at(["spec"])))
    }

    /// The place of one of its labels.
    pub fn label_at(&self, key: &'static str) -> Place {
        self.at(["metadata", "labels", key])
    }

    /// The place of one of its annotations.
    pub fn annotation_at(&self, key: &'static str) -> Place {
        self.at(["metadata", "annotations", key])
    }

    /// Its containers of every kind.
    pub fn containers(&self) -> impl Iterator<Item = Container<'_>> {
        // Ephemeral containers have the same fields and another type.
        macro_rules! container {
            ($list:expr) => {
                |(index, it)| Container {
                    pod: (self.shape, &self.place),
                    list: $list,
                    index,
                    name: &it.name,
                    image: it.image.as_deref(),
                    security: it.security_context.as_ref(),
                    ports: it.ports.as_deref().unwrap_or_default(),
                    resources: it.resources.as_ref(),
                    env: it.env.as_deref().unwrap_or_default(),
                    mounts: it.volume_mounts.as_deref().unwrap_or_default(),
                    devices: it.volume_devices.as_deref().unwrap_or_default(),
                    lifecycle: it.lifecycle.as_ref(),
                    probes: [it.liveness_probe.as_ref(), it.readiness_probe.as_ref(), it.startup_probe.as_ref()],
                }
            };
        }
        let PodSpec { init_containers, containers, ephemeral_containers, .. } = &self.spec;
        let init = init_containers.iter().flatten().enumerate().map(container!(ContainerList::Init));
        let app = containers.iter().enumerate().map(container!(ContainerList::App));
        let ephemeral = ephemeral_containers.iter().flatten().enumerate().map(container!(ContainerList::Ephemeral));
        init.chain(app).chain(ephemeral)
    }
}

/// The list of a Pod's spec in which a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerList {
    /// Run one after the other before the others, or beside them as sidecars.
    Init,
    /// The containers proper.
    App,
    /// Added to a running Pod: `kubectl debug`.
    Ephemeral,
}

/// A container of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    pod: (Shape, &'a Place),
    /// The list that it stands in.
    pub list: ContainerList,
    index: usize,
    /// Its name.
    pub name: &'a str,
    /// Its image, as written.
    pub image: Option<&'a str>,
    /// Its own security context.
    pub security: Option<&'a SecurityContext>,
    /// Its ports.
    pub ports: &'a [ContainerPort],
    /// What it asks for.
    pub resources: Option<&'a ResourceRequirements>,
    /// Variables that are written out for it.
    pub env: &'a [EnvVar],
    /// Where volumes are mounted in it.
    pub mounts: &'a [VolumeMount],
    /// Block volumes in it.
    pub devices: &'a [VolumeDevice],
    /// Its hooks.
    pub lifecycle: Option<&'a Lifecycle>,
    /// Its liveness, readiness and startup probes.
    pub probes: [Option<&'a Probe>; 3],
}

impl Container<'_> {
    /// A place in the container.
    pub fn at<const N: usize>(&self, keys: [&'static str; N]) -> Place {
        let list = match self.list {
            ContainerList::Init => "initContainers",
            ContainerList::App => "containers",
            ContainerList::Ephemeral => "ephemeralContainers",
        };
        let (shape, pod) = self.pod;
        let here = shape.place(pod, &["spec", list]).index(self.index);
        keys.into_iter().fold(here, Place::key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::kinds::GroupResource;

    #[test]
    fn a_star_finds_every_template_of_a_list_and_of_a_map() {
        let kind = WorkloadKind {
            of: GroupResource::new("example.org", "gangs"),
            pod_templates: vec![
                "/spec/roles/*/template".parse().expect("a path"),
                "/spec/byName/*".parse().expect("a path"),
            ],
        };
        let template = json!({"spec": {"containers": [{"name": "c", "image": "x"}]}});
        let object = json!({"spec": {"roles": [{"template": template}, {}], "byName": {"main": template}}});
        let places: Vec<_> = Pod::templates(&object, &kind)
            .expect("templates")
            .iter()
            .flat_map(|pod| pod.containers().map(|it| it.at(["image"]).to_string()).collect::<Vec<_>>())
            .collect();
        assert_eq!(
            places,
            ["spec.roles[0].template.spec.containers[0].image", "spec.byName.main.spec.containers[0].image"]
        );
    }

    #[test]
    fn class_exhaustion_what_would_fill_the_memory_is_counted_before_it_is_read() {
        let refused = |spec: Value| {
            let error = Pod::read(&json!({"spec": spec}), Place::root()).expect_err("too many");
            error.to_string()
        };
        let many = |count: usize| Value::Array(vec![json!({}); count]);
        let containers = json!({"containers": many(MOST_CONTAINERS_AND_VOLUMES), "volumes": [{}]});
        assert_eq!(
            refused(containers),
            "spec: asked 16385 containers and volumes; at most 16384 are read in one object; make it smaller"
        );
        let env = json!({"containers": [{"env": many(MOST_ELEMENTS)}]});
        assert_eq!(
            refused(env),
            "spec: asked 131073 elements of lists; at most 131072 are read in one object; make it smaller"
        );
        let kind = WorkloadKind {
            of: GroupResource::new("example.org", "gangs"),
            pod_templates: vec!["/spec/*".parse().expect("a path")],
        };
        let gang = json!({"spec": many(MOST_TEMPLATES + 1)});
        let error = Pod::templates(&gang, &kind).expect_err("too many").to_string();
        assert_eq!(
            error,
            "spec[4096].spec: asked 4097 pod templates; at most 4096 are read in one object; make it smaller"
        );
    }

    #[test]
    fn a_template_that_is_none_is_named() {
        let kind = WorkloadKind {
            of: GroupResource::new("", "replicationcontrollers"),
            pod_templates: vec!["/spec/template".parse().expect("a path")],
        };
        let object = json!({"spec": {"template": {"spec": {"containers": "many"}}}});
        let error = Pod::templates(&object, &kind).expect_err("no template");
        assert_eq!(error.field.to_string(), "spec.template.spec");
    }
}
