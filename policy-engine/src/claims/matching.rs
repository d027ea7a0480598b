//! Which of the known models a request may match.

use std::cell::Cell;

use k8s_openapi::api::resource::v1::DeviceSelector;

use super::cel::{self, Answer};
use super::models::narrowed_to;
use crate::claims::classes::DeviceClasses;
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

/// Compares the requests of one claim.
pub(super) struct Comparison<'s, 'a> {
    classes: &'s DeviceClasses,
    policy: &'a Policy,
    /// The product names of all models, each with its model.
    products: Vec<(&'a str, &'a Model)>,
    left: Cell<usize>,
}

impl<'s, 'a> Comparison<'s, 'a> {
    pub(super) fn new(classes: &'s DeviceClasses, policy: &'a Policy) -> Self {
        let models = policy.records().models.values();
        let products = models.flat_map(|model| model.product_names.iter().map(move |name| (name.as_str(), model)));
        Self { classes, policy, products: products.collect(), left: Cell::new(MOST_COMPARED) }
    }

    /// The known models of whose devices a request's class and selectors may let one through.
    pub(super) fn of(&self, class: &str, selectors: &[DeviceSelector]) -> Matching<'a> {
        let models = || self.policy.records().models.values();
        let is_ones_own = models().any(|model| model.device_class_name == class);
        let mut possible: Vec<_> =
            self.products.iter().map(|(_, model)| !is_ones_own || model.device_class_name == class).collect();
        let of_class = self.classes.get(class).into_iter().flat_map(|class| class.selectors.iter().flatten());
        let mut unclear = None;
        for selector in of_class.chain(selectors).filter_map(|it| it.cel.as_ref()) {
            for (possible, answer) in possible.iter_mut().zip(self.ask(&selector.expression)) {
                match answer {
                    Answer::Yes | Answer::Open => {}
                    Answer::No => *possible = false,
                    Answer::Unclear(why) => unclear = Some(why),
                }
            }
        }
        let mut models: Vec<_> =
            self.products.iter().zip(&possible).filter(|(_, it)| **it).map(|((_, it), _)| *it).collect();
        models.dedup_by_key(|model| &model.name);
        Matching { models, unclear }
    }

    fn ask(&self, expression: &str) -> Vec<Answer> {
        let products = || self.products.iter().map(|(product, _)| *product);
        // The platform's own need no evaluation.
        if let Some(names) = narrowed_to(expression) {
            let answer = |product: &str| if names.contains(product) { Answer::Yes } else { Answer::No };
            return products().map(answer).collect();
        }
        let Some(left) = self.left.get().checked_sub(expression.len()) else {
            let why = format!("its selectors are longer than {MOST_COMPARED} bytes together");
            return vec![Answer::Unclear(why); self.products.len()];
        };
        self.left.set(left);
        cel::ask(expression, &products().collect::<Vec<_>>()).to_vec()
    }
}
