//! A ResourceClaim, or a template of one, that is being made.

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize;
use serde_json::Value;

use crate::claims::Understood;
use crate::claims::classes::DeviceClasses;
use crate::contract;
use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::policy::Policy;
use crate::policy::model::Model;
use crate::submission::pod;

/// Elements of all lists of a claim. Read, each takes half a kilobyte; Kubernetes allows far fewer.
pub const MOST_ELEMENTS: usize = 16 << 10;

/// A ResourceClaim, or the template of one, whose content is new.
#[derive(Clone, Debug)]
pub struct DeviceClaim<'a> {
    place: Place,
    /// Its metadata and spec as they stand in the object.
    pub object: Object<'a>,
    /// The models that it may have: those of the plan, or the one of them that its label asks for.
    pub allowed: Vec<&'a Model>,
    /// What it asks.
    pub understood: Understood<'a>,
}

impl<'a> DeviceClaim<'a> {
    /// Reads the claim that `value` is; `place` is where it stands in the object, and `allowed` are the plan's models.
    ///
    /// # Errors
    /// Where its spec is none of a claim, or longer than any.
    pub fn read(
        value: &'a Value,
        place: Place,
        classes: &DeviceClasses,
        policy: &'a Policy,
        allowed: &[&'a Model],
    ) -> Result<Self, Unreadable> {
        let object = Object(value);
        let spec = match object.at(&["spec"]) {
            Some(spec) => {
                let field = || place.clone().key("spec");
                let elements = pod::elements(spec);
                if elements > MOST_ELEMENTS {
                    let why = format!(
                        "asked {elements} elements of lists; at most {MOST_ELEMENTS} are read in one claim; make it smaller"
                    );
                    return Err(Unreadable { field: field(), why });
                }
                ResourceClaimSpec::deserialize(spec).map_err(|why| Unreadable::new(field(), &why))?
            }
            None => ResourceClaimSpec::default(),
        };
        let labelled = object.label(contract::GPU_MODEL).and_then(|asked| policy.model_asked(asked));
        let labelled = labelled.filter(|asked| allowed.iter().any(|it| it.name == asked.name));
        let allowed = labelled.map_or_else(|| allowed.to_vec(), |asked| vec![asked]);
        let understood = Understood::of_allowed(&spec, classes, policy, &allowed);
        Ok(Self { place, object, allowed, understood })
    }

    /// A place in the claim.
    pub fn at<const N: usize>(&self, keys: [&'static str; N]) -> Place {
        keys.into_iter().fold(self.place.clone(), Place::key)
    }

    /// The place of one of its labels.
    pub fn label_at(&self, key: &'static str) -> Place {
        self.at(["metadata", "labels", key])
    }

    /// The place that is `below` its spec.
    pub fn in_spec(&self, below: &Place) -> Place {
        self.at(["spec"]).join(below)
    }
}
