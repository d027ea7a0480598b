//! The models that a claim may have, and the selector that lets it have no other.

use std::collections::BTreeSet;

use serde_json::Value;

use super::classes::{DeviceClasses, Kinds};
use crate::policy::Policy;
use crate::policy::model::Model;
use crate::policy::plan::Plan;
use crate::policy::queue::Queue;

/// The models of a plan that a queue takes too. Without a plan they are those of `PlatformPolicy.withoutPlan`; no queue
/// takes them all.
pub fn allowed_models<'a>(policy: &'a Policy, plan: Option<&Plan>, queue: Option<&Queue>) -> Vec<&'a Model> {
    let records = policy.records();
    let without_plan = &records.platform.without_plan.gpu_models;
    let planned = plan.map_or(without_plan, |plan| &plan.gpu_models);
    let taken = |model: &&Model| {
        queue.is_none_or(|queue| queue.gpu_models.is_empty() || queue.gpu_models.contains(&model.name))
    };
    planned.iter().filter_map(|name| records.models.get(name)).filter(taken).collect()
}

/// The selector that a device passes only if it is of one of these models. Without models no device does.
///
/// A device without a product name is of none of them, and is no error: an error would keep the scheduler from placing
/// the Pod on any device. A MIG profile that names no product is that of any product.
pub fn narrowing(models: &[&Model]) -> String {
    let whole = models.iter().filter(|model| model.profile.is_none());
    let products: BTreeSet<_> = whole.flat_map(|model| &model.product_names).map(String::as_str).collect();
    let profiles: BTreeSet<_> = models
        .iter()
        .filter_map(|model| Some((model.profile.as_deref()?, &model.product_names)))
        .map(|(profile, products)| (products.iter().map(String::as_str).collect::<BTreeSet<_>>(), profile))
        .collect();
    let profiles: Vec<_> = profiles
        .into_iter()
        .map(|(products, profile)| Clause {
            profiles: Some([profile.to_owned()].into()),
            products: (!products.is_empty()).then(|| products.into_iter().map(str::to_owned).collect()),
        })
        .collect();
    let products = Clause { profiles: None, products: Some(products.into_iter().map(str::to_owned).collect()) };
    let is_any = products.products.as_ref().is_some_and(|it| !it.is_empty()) || profiles.is_empty();
    let clauses: Vec<_> = is_any.then_some(products).into_iter().chain(profiles).map(|it| it.to_string()).collect();
    clauses.join(OR)
}

/// The selector that no GPU passes.
///
/// It names the drivers of GPUs. Of a model whose class tells no driver it names the products.
pub fn narrowing_away(classes: &DeviceClasses, policy: &Policy) -> String {
    let kinds = Kinds::new(classes, policy);
    let products: BTreeSet<_> =
        kinds.of_no_driver().into_iter().flat_map(|model| &model.product_names).map(String::as_str).collect();
    let drivers = format!("{AWAY}{})", list(kinds.gpu_drivers().iter().map(String::as_str)));
    if products.is_empty() { drivers } else { format!("{drivers}{AND}!({PRODUCT}{})", list(products.into_iter())) }
}

/// How a selector of the platform begins; a list of product names follows. Some drivers say `model` where others say `productName`.
const PRODUCT: &str =
    r#"device.attributes[device.driver].?productName.orValue(device.attributes[device.driver].?model.orValue("")) in "#;
/// The same for MIG profiles.
const PROFILE: &str = r#"device.attributes[device.driver].?profile.orValue("") in "#;
/// How the selector begins that no GPU passes; a list of drivers follows.
const AWAY: &str = "!(device.driver in ";
const AND: &str = " && ";
const OR: &str = " || ";

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    // A JSON text is a text of CEL.
    let texts: Vec<_> = texts.map(|text| Value::from(text).to_string()).collect();
    format!("[{}]", texts.join(", "))
}

/// Devices that a selector of the platform lets through: of one of these profiles, and of one of these products.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clause {
    profiles: Option<BTreeSet<String>>,
    products: Option<BTreeSet<String>>,
}

impl std::fmt::Display for Clause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = |begin, texts: &BTreeSet<String>| format!("{begin}{}", list(texts.iter().map(String::as_str)));
        let profiles = self.profiles.as_ref().map(|it| texts(PROFILE, it));
        let products = self.products.as_ref().map(|it| texts(PRODUCT, it));
        f.write_str(&profiles.into_iter().chain(products).collect::<Vec<_>>().join(AND))
    }
}

impl Clause {
    /// Whether it may let a device through of this product, and of this MIG profile. Without a product it is of any; without a
    /// profile it is a whole device.
    pub(super) fn lets_through(&self, product: Option<&str>, profile: Option<&str>) -> bool {
        let of_profile = |listed: &BTreeSet<String>| listed.contains(profile.unwrap_or_default());
        let of_product = |listed: &BTreeSet<String>| product.is_none_or(|product| listed.contains(product));
        self.profiles.as_ref().is_none_or(of_profile) && self.products.as_ref().is_none_or(of_product)
    }
}

/// Whether a selector has the form of the platform's.
pub(crate) fn is_narrowing(expression: &str) -> bool {
    narrowed_to(expression).is_some() || is_away(expression)
}

/// What a selector of the platform's form lets through.
pub(super) fn narrowed_to(expression: &str) -> Option<Vec<Clause>> {
    let (mut clauses, mut rest) = (Vec::new(), expression);
    loop {
        let mut clause = Clause { profiles: None, products: None };
        if let Some((profiles, after)) = texts_after(PROFILE, rest) {
            clause.profiles = Some(profiles);
            rest = after;
        }
        let products = if clause.profiles.is_some() { rest.strip_prefix(AND) } else { Some(rest) };
        if let Some((products, after)) = products.and_then(|rest| texts_after(PRODUCT, rest)) {
            clause.products = Some(products);
            rest = after;
        }
        if clause == (Clause { profiles: None, products: None }) {
            return None;
        }
        clauses.push(clause);
        match rest.strip_prefix(OR) {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(clauses),
        }
    }
}

fn is_away(expression: &str) -> bool {
    let closed = |begin: &str, text| texts_after(begin, text)?.1.strip_prefix(')');
    let products = format!("{AND}!({PRODUCT}");
    closed(AWAY, expression).is_some_and(|rest| rest.is_empty() || closed(&products, rest) == Some(""))
}

/// The list of texts after some words, and what follows it.
fn texts_after<'e>(words: &str, expression: &'e str) -> Option<(BTreeSet<String>, &'e str)> {
    let text = expression.strip_prefix(words)?;
    let mut lists = serde_json::Deserializer::from_str(text).into_iter::<BTreeSet<String>>();
    let texts = lists.next()?.ok()?;
    Some((texts, text.get(lists.byte_offset()..)?))
}
