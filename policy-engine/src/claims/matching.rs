//! Which of the known models a request may match.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::api::resource::v1::DeviceSelector;

use super::cel::{self, Answer, Known};
use super::classes::{DeviceClasses, is_models};
use super::models::{Clause, narrowed_to};
use crate::policy::Policy;
use crate::policy::model::Model;

/// So many bytes of selectors are compared in one claim. What it says beyond them is left to Kubernetes.
const MOST_COMPARED: usize = 32 << 10;

/// Which of the known models a request may match.
pub(super) struct Matching<'a> {
    /// Those of whose devices class and selectors may let one through.
    pub(super) models: Vec<&'a Model>,
    /// Why there may be more than would really match.
    pub(super) unclear: Option<String>,
}

impl Matching<'_> {
    pub(super) const NOTHING: Self = Self { models: Vec::new(), unclear: None };
}

/// Compares the requests of one claim.
pub(super) struct Comparison<'s, 'a> {
    classes: &'s DeviceClasses,
    policy: &'a Policy,
    /// The devices that models have, each with its model.
    devices: Vec<(Known<'a>, &'a Model)>,
    /// What was asked, and answered for each device.
    asked: RefCell<BTreeMap<String, Rc<[Answer]>>>,
    left: Cell<usize>,
}

/// What is known of the devices of a model: one for each of its products.
fn devices(model: &Model) -> Vec<(Known<'_>, &Model)> {
    let kind = if model.profile.is_some() { "mig" } else { "gpu" };
    let profile = Some(model.profile.as_deref().unwrap_or_default());
    let of = |product| (Known { driver: None, product, profile, kind: Some(kind) }, model);
    // A profile that names no product is that of any.
    let any = (model.product_names.is_empty() && model.profile.is_some()).then(|| of(None));
    any.into_iter().chain(model.product_names.iter().map(|product| of(Some(product.as_str())))).collect()
}

impl<'s, 'a> Comparison<'s, 'a> {
    pub(super) fn new(classes: &'s DeviceClasses, policy: &'a Policy) -> Self {
        let devices = policy.records().models.values().flat_map(devices).collect();
        Self { classes, policy, devices, asked: RefCell::default(), left: Cell::new(MOST_COMPARED) }
    }

    /// The known models of whose devices a request's class and selectors may let one through.
    pub(super) fn of(&self, class: &str, selectors: &[DeviceSelector]) -> Matching<'a> {
        let is_ones_own = is_models(class, self.policy);
        // Of a class that no model names and that does not exist nothing can be compared.
        let exists = self.classes.contains_key(class);
        let mut possible: Vec<_> = self
            .devices
            .iter()
            .map(|(_, model)| if is_ones_own { model.device_class_name == class } else { exists })
            .collect();
        let of_class = self.classes.get(class).into_iter().flat_map(|class| class.selectors.iter().flatten());
        let mut unclear = None;
        for selector in of_class.chain(selectors).filter_map(|it| it.cel.as_ref()) {
            for (possible, answer) in possible.iter_mut().zip(self.ask(&selector.expression).iter()) {
                match answer {
                    Answer::Yes | Answer::Open => {}
                    Answer::No => *possible = false,
                    Answer::Unclear(why) => unclear = Some(why.clone()),
                }
            }
        }
        let mut models: Vec<_> =
            self.devices.iter().zip(&possible).filter(|(_, it)| **it).map(|((_, it), _)| *it).collect();
        models.dedup_by_key(|model| &model.name);
        Matching { models, unclear }
    }

    fn ask(&self, expression: &str) -> Rc<[Answer]> {
        if let Some(answers) = self.asked.borrow().get(expression) {
            return answers.clone();
        }
        let answers: Rc<[Answer]> = self.evaluate(expression).into();
        self.asked.borrow_mut().insert(expression.to_owned(), answers.clone());
        answers
    }

    fn evaluate(&self, expression: &str) -> Vec<Answer> {
        // The platform's own need no evaluation.
        if let Some(clauses) = narrowed_to(expression) {
            let answer = |(device, model): &(Known<'_>, &Model)| {
                let passes = |clause: &Clause| clause.lets_through(device.product, model.profile.as_deref());
                if clauses.iter().any(passes) { Answer::Yes } else { Answer::No }
            };
            return self.devices.iter().map(answer).collect();
        }
        let Some(left) = self.left.get().checked_sub(expression.len()) else {
            let why = format!("its selectors are longer than {MOST_COMPARED} bytes together");
            return vec![Answer::Unclear(why); self.devices.len()];
        };
        self.left.set(left);
        cel::ask(expression, &self.devices.iter().map(|(device, _)| *device).collect::<Vec<_>>()).to_vec()
    }
}
