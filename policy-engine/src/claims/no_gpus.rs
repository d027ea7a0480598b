//! No device of a GPU passes what the platform adds to a claim of other devices, whatever else the claim and its class say.

use std::collections::BTreeMap;

use ::cel::{Context, Value};
use k8s_openapi::api::resource::v1::{DeviceClassSpec, ResourceClaimSpec};
use proptest::prelude::*;
use serde_json::json;

use super::cel::LANGUAGE;
use super::classes::{DeviceClasses, Kind, Kinds};
use super::models::is_narrowing;
use super::{Understood, narrowing_away};
use crate::policy::model::{CORES, Model, Sharing, WHOLE};
use crate::policy::other_devices::Treatment;
use crate::policy::{Policy, Records};

const CLASS: &str = "other.example.com";

fn policy(class: &str, product: &str, listed: bool) -> Policy {
    let model = Model {
        name: "m".into(),
        id: "m".into(),
        device_class_name: class.into(),
        product_names: [product.to_owned()].into(),
        resource_names: Default::default(),
        profile: None,
        milli_gpu: WHOLE,
        sharing: Sharing::Mps,
        compute_capacity: CORES.into(),
    };
    let mut records = Records { models: [("m".into(), model)].into(), ..Records::default() };
    if listed {
        records.platform.device_classes.insert(CLASS.into(), Treatment::Ignore);
    }
    records.into()
}

fn class(expressions: &[&str]) -> DeviceClassSpec {
    let selectors: Vec<_> = expressions.iter().map(|it| json!({"cel": {"expression": it}})).collect();
    serde_json::from_value(json!({"selectors": selectors})).expect("a class")
}

/// Whether a device passes a selector, by the whole of CEL and not by what the platform understands of it.
fn passes(expression: &str, driver: &str, product: &str) -> bool {
    let attributes = BTreeMap::from([(driver.to_owned(), BTreeMap::from([("productName", product)]))]);
    let device = json!({"driver": driver, "attributes": attributes});
    let mut context = Context::with_env(LANGUAGE.clone());
    context.add_variable("device", device).expect("a device");
    let parsed = LANGUAGE.parser().parse(expression).expect("an expression");
    Value::resolve(&parsed, &context) == Ok(true.into())
}

/// What a class, and a user, may say.
fn a_selector() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "true",
        "device.driver == 'net.example.com'",
        "device.driver == 'gpu.nvidia.com'",
        "device.driver == 'gpu.nvidia.com' || true",
        "device.driver in ['net.example.com', 'gpu.nvidia.com', 'gpu.odd.example.com']",
        "!(device.driver in [])",
        "device.attributes[device.driver].?productName.orValue(device.attributes[device.driver].?model.orValue(\"\")) in [\"Odd GPU\"]",
    ])
}

proptest! {
    #[test]
    fn class_devices_by_the_side_door_no_claim_of_other_devices_is_given_a_gpu(
        of_class in prop::collection::vec(a_selector(), 0..3),
        of_user in prop::collection::vec(a_selector(), 0..3),
        listed in any::<bool>(),
        exists in any::<bool>(),
        names_driver in any::<bool>(),
        first_available in any::<bool>(),
    ) {
        let (driver, product) = ("gpu.odd.example.com", "Odd GPU");
        let policy = policy("gpus.example.com", product, listed);
        let of_models = if names_driver { vec!["device.driver == 'gpu.odd.example.com'"] } else { Vec::new() };
        let mut classes: DeviceClasses = [("gpus.example.com".to_owned(), class(&of_models))].into();
        if exists {
            classes.insert(CLASS.into(), class(&of_class));
        }
        let selectors: Vec<_> = of_user.iter().map(|it| json!({"cel": {"expression": it}})).collect();
        let asked = json!({"name": "x", "deviceClassName": CLASS, "selectors": selectors});
        let request = if first_available {
            json!({"name": "a", "firstAvailable": [asked]})
        } else {
            json!({"name": "a", "exactly": {"deviceClassName": CLASS, "selectors": selectors}})
        };
        let spec: ResourceClaimSpec =
            serde_json::from_value(json!({"devices": {"requests": [request]}})).expect("a claim");
        let understood = Understood::of(&spec, &classes, &policy);
        let is_free = understood.alternatives().all(|it| it.others.is_some());
        prop_assert!(!is_free || understood.price.milli_gpu == 0);
        if is_free {
            let added = narrowing_away(&classes, &policy);
            prop_assert!(is_narrowing(&added), "{added}");
            for (driver, product) in [(driver, product), ("gpu.nvidia.com", "NVIDIA H100 80GB HBM3"), ("gpu.amd.com", "MI300X")] {
                prop_assert!(!passes(&added, driver, product), "{added}: {driver}");
            }
            prop_assert!(passes(&added, "net.example.com", "NIC"), "{added}");
        }
        // What is left to the scheduler, as an extended resource, lets no GPU through by itself.
        if let Kind::Others(others) = Kinds::new(&classes, &policy).of(CLASS) && others.by_itself {
            let all = |driver, product| of_class.iter().all(|it| passes(it, driver, product));
            prop_assert!(!all("gpu.nvidia.com", "NVIDIA H100 80GB HBM3"));
            prop_assert!(!names_driver || !all(driver, product));
        }
    }
}
