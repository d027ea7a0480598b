//! What a claim costs, and that the platform's own are one for each ask.

use std::collections::BTreeSet;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::claims::classes::DeviceClasses;
use crate::policy::model::{CORES, Model, Sharing, WHOLE};
use crate::policy::{Policy, Records};

fn model(name: &'static str, class: &str, product: &str, sharing: Sharing) -> Model {
    Model {
        name: name.into(),
        id: name.into(),
        device_class_name: class.into(),
        product_names: [product.into()].into(),
        resource_names: BTreeSet::new(),
        profile: None,
        milli_gpu: WHOLE,
        sharing,
        compute_capacity: CORES.into(),
    }
}

/// One model of each way of sharing, and a second of the first.
fn policy() -> Policy {
    let models = [
        model("h100", "gpu.nvidia.com", "NVIDIA H100 80GB HBM3", Sharing::Mps),
        model("rtx-5090", "gpu.nvidia.com", "NVIDIA GeForce RTX 5090", Sharing::Mps),
        model("part", "gpu.parts.example.com", "Part of \"a\" GPU", Sharing::Capacity),
        model("whole", "gpu.whole.example.com", "Whole GPU", Sharing::None),
    ];
    let models = models.into_iter().map(|model| (model.name.clone(), model)).collect();
    Records { models, ..Records::default() }.into()
}

fn spec(claim: &Value) -> ResourceClaimSpec {
    ResourceClaimSpec::deserialize(claim).expect("a claim")
}

fn price(claim: &Value) -> Price {
    Understood::of(&spec(claim), &DeviceClasses::new(), &policy()).price
}

fn ask<'a>(model: Option<&'a Model>, count: u64, sm_percent: u64) -> Ask<'a> {
    Ask { model, count, sm_percent, vram: Vram::Elastic }
}

fn request(name: &str, count: u64) -> Value {
    json!({"name": name, "exactly": {"deviceClassName": "gpu.nvidia.com", "count": count}})
}

fn mps(driver: &str, requests: &[&str], mps: Value) -> Value {
    let sharing = json!({"strategy": "MPS", "mpsConfig": mps});
    let parameters = json!({"apiVersion": "resource.nvidia.com/v1beta1", "kind": "GpuConfig", "sharing": sharing});
    json!({"requests": requests, "opaque": {"driver": driver, "parameters": parameters}})
}

#[test]
fn an_ask_for_a_part_of_a_model_is_a_claim_that_tells_the_driver() {
    let policy = policy();
    let all: Vec<_> = policy.records().models.values().collect();
    let h100 = policy.model_asked("h100");
    let claim = spec_of(&Ask { vram: Vram::HardCap(20 << 30), ..ask(h100, 1, 50) }, &all).expect("a claim");
    let selector = r#"device.attributes[device.driver].?productName.orValue(device.attributes[device.driver].?model.orValue("")) in ["NVIDIA H100 80GB HBM3"]"#;
    let limits = json!({"defaultActiveThreadPercentage": 50, "defaultPinnedDeviceMemoryLimit": "20Gi"});
    let expected = json!({"devices": {
        "requests": [{"name": "gpu", "exactly": {
            "deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1,
            "selectors": [{"cel": {"expression": selector}}]}}],
        "config": [mps("gpu.nvidia.com", &["gpu"], limits)],
    }});
    assert_eq!(serde_json::to_value(claim).expect("JSON"), expected);
}

#[test]
fn at_a_hundred_percent_the_driver_is_told_nothing() {
    let policy = policy();
    let all: Vec<_> = policy.records().models.values().collect();
    let claim = spec_of(&ask(policy.model_asked("h100"), 2, 100), &all).expect("a claim");
    assert_eq!(claim.devices.expect("devices").config, None);
}

#[test]
fn an_ask_without_a_model_has_an_alternative_for_each_kind_that_can_give_it() {
    let policy = policy();
    let all: Vec<_> = policy.records().models.values().collect();
    let names = |ask: &Ask<'_>| candidates(ask, &all).iter().map(|model| model.id.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ask(None, 1, 100)), ["h100", "part", "rtx-5090", "whole"]);
    assert_eq!(names(&ask(None, 1, 50)), ["h100", "part", "rtx-5090"]);
    let claim = serde_json::to_value(spec_of(&ask(None, 1, 50), &all)).expect("JSON");
    let alternatives = &claim["devices"]["requests"][0]["firstAvailable"];
    assert_eq!(alternatives[0]["deviceClassName"], "gpu.nvidia.com");
    assert_eq!(alternatives[1]["capacity"]["requests"], json!({"cores": "50"}));
    let quoted = r#"in ["Part of \"a\" GPU"]"#;
    let expression = alternatives[1]["selectors"][0]["cel"]["expression"].as_str().expect("an expression");
    assert!(expression.ends_with(quoted), "{expression}");
    assert_eq!(claim["devices"]["config"][0]["requests"], json!(["gpu/kind-0"]));
    assert!(spec_of(&ask(policy.model_asked("whole"), 1, 50), &all).is_none());
    assert!(spec_of(&ask(policy.model_asked("h100"), 1, 50), &[]).is_none());
}

#[test]
fn every_request_counts_and_the_dearest_alternative_of_each() {
    assert_eq!(price(&json!({})), Price::default());
    assert_eq!(price(&json!({"devices": {"requests": [request("a", 2), request("b", 1)]}})), Price::of(3, 100));
    let first = json!({"devices": {"requests": [{"name": "any", "firstAvailable": [
        {"name": "one", "deviceClassName": "gpu.nvidia.com"},
        {"name": "two", "deviceClassName": "gpu.nvidia.com", "count": 2}]}]}});
    assert_eq!(price(&first), Price::of(2, 100));
    let all = json!({"devices": {"requests": [
        {"name": "a", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "All"}}]}});
    assert_eq!(price(&all), Price::of(32, 100));
}

#[test]
fn a_share_counts_for_the_requests_that_the_driver_is_told_of() {
    let of = |config: Value| {
        price(&json!({"devices": {"requests": [request("a", 1), request("b", 1)], "config": [config]}}))
    };
    let quarter = json!({"defaultActiveThreadPercentage": 25});
    assert_eq!(of(mps("gpu.nvidia.com", &["a"], quarter.clone())), Price { milli_gpu: 1250, devices: 2 });
    assert_eq!(of(mps("gpu.nvidia.com", &[], quarter.clone())), Price { milli_gpu: 500, devices: 2 });
    // Nobody reads these: a device as a whole.
    assert_eq!(of(mps("gpu.example.com", &[], quarter)), Price::of(2, 100));
    assert_eq!(of(mps("gpu.nvidia.com", &[], json!({"defaultActiveThreadPercentage": 0}))), Price::of(2, 100));
    assert_eq!(of(mps("gpu.nvidia.com", &[], json!({"percentage": 25}))), Price::of(2, 100));
}

#[test]
fn a_share_that_the_class_tells_counts_unless_the_claim_tells_another() {
    let config = |percent: u64| mps("gpu.nvidia.com", &[], json!({"defaultActiveThreadPercentage": percent}));
    let class = json!({"gpu.nvidia.com": {"config": [{"opaque": config(25)["opaque"]}]}});
    let classes = DeviceClasses::deserialize(class).expect("classes");
    let of = |claim: Value| Understood::of(&spec(&claim), &classes, &policy()).price;
    assert_eq!(of(json!({"devices": {"requests": [request("a", 1)]}})), Price::of(1, 25));
    assert_eq!(of(json!({"devices": {"requests": [request("a", 1)], "config": [config(50)]}})), Price::of(1, 50));
    let two = json!({"devices": {"requests": [request("a", 1)], "config": [config(50), config(10)]}});
    assert_eq!(of(two), Price::of(1, 50));
}

#[test]
fn a_share_of_a_model_that_cannot_be_shared_is_all_of_it() {
    let claim = |class: &str| {
        let cores = json!({"requests": {"cores": "20", "memory": "4Gi"}});
        json!({"devices": {
            "requests": [{"name": "a", "exactly": {"deviceClassName": class, "capacity": cores}}],
            "config": [mps("gpu.nvidia.com", &[], json!({"defaultActiveThreadPercentage": 10}))],
        }})
    };
    assert_eq!(price(&claim("gpu.nvidia.com")), Price::of(1, 10));
    assert_eq!(price(&claim("gpu.parts.example.com")), Price::of(1, 20));
    assert_eq!(price(&claim("gpu.whole.example.com")), Price::of(1, 100));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn asks() -> impl Strategy<Value = (Option<&'static str>, u64, u64, Option<u64>)> {
        let model = proptest::option::of(proptest::sample::select(&["h100", "part", "whole"][..]));
        (model, 1..=MOST_DEVICES, 1..=100_u64, proptest::option::of((1..1_u64 << 20).prop_map(|mib| mib << 20)))
    }

    proptest! {
        #[test]
        fn what_an_ask_becomes_costs_what_the_ask_does((model, count, percent, cap) in asks()) {
            let policy = policy();
            let all: Vec<_> = policy.records().models.values().collect();
            let vram = cap.map_or(Vram::Elastic, Vram::HardCap);
            let ask = Ask { vram, ..ask(model.and_then(|model| policy.model_asked(model)), count, percent) };
            let Some(claim) = spec_of(&ask, &all) else {
                prop_assert_eq!(model, Some("whole"));
                return Ok(());
            };
            let understood = Understood::of(&claim, &DeviceClasses::new(), &policy);
            prop_assert_eq!(understood.price, ask.price(&policy));
            for alternative in understood.alternatives() {
                let told = alternative.told.clone().expect("parameters that can be read");
                prop_assert_eq!((told.sm_percent, told.vram), (percent, vram));
            }
            let again = spec_of(&ask, &all).expect("a claim");
            prop_assert_eq!(serde_json::to_string(&again).ok(), serde_json::to_string(&claim).ok());
        }
    }
}
