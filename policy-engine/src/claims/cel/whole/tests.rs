//! The verdicts that Kubernetes gives.

use k8s_openapi::api::resource::v1::Device;
use serde_json::{Value as Json, json};

use super::*;
use crate::claims::cel::Mentions;

const ENOUGH: u64 = 1 << 40;

fn device(json: Json) -> Device {
    serde_json::from_value(json).expect("a Device")
}

/// As NVIDIA's driver publishes it.
fn h100() -> Device {
    device(json!({
        "name": "gpu-0",
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": "GPU-18db0e85-99e9-c746-8531-ffeb86328b39"},
            "productName": {"string": "NVIDIA H100 80GB HBM3"},
            "brand": {"string": "Nvidia"},
            "architecture": {"string": "Hopper"},
            "cudaComputeCapability": {"version": "9.0.0"},
            "driverVersion": {"version": "570.86.15"},
            "index": {"int": 0},
            "ecc": {"bool": true},
            "resource.kubernetes.io/pcieRoot": {"string": "pci0000:01"},
            "links": {"strings": ["nvlink", "pcie"]},
        },
        "capacity": {"memory": {"value": "81559Mi"}, "else.example.com/cores": {"value": "100"}},
        "allowMultipleAllocations": false,
    }))
}

fn says(selector: &str, device: &Device) -> Option<bool> {
    passing(selector, &[Whole { driver: "gpu.nvidia.com", device }], &mut ENOUGH.clone())[0]
}

#[test]
fn a_device_passes_what_is_true_of_it() {
    for selector in [
        "device.driver == 'gpu.nvidia.com'",
        "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'",
        r#"device.attributes["gpu.nvidia.com"].productName.lowerAscii().matches("^.*h100.*$")"#,
        "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0",
        "device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('40Gi'))",
        "device.capacity['gpu.nvidia.com'].memory == quantity('81559Mi')",
        "device.capacity['gpu.nvidia.com']['memory'].sub(quantity('1Mi')).isLessThan(quantity('81559Mi'))",
        "device.capacity['gpu.nvidia.com'].memory.add(1).asInteger() == 85520809985",
        "device.capacity['gpu.nvidia.com'].memory.sub(quantity('100Gi')).sign() == -1",
        "device.capacity['else.example.com'].cores.asApproximateFloat() > 99.5",
        "quantity('1').isInteger() && !quantity('500m').isInteger()",
        "isQuantity('40Gi') && !isQuantity('lots')",
        "device.attributes['gpu.nvidia.com'].cudaComputeCapability.isGreaterThan(semver('8.9.0'))",
        "device.attributes['gpu.nvidia.com'].driverVersion.compareTo(semver('570.86.15')) == 0",
        "device.attributes['gpu.nvidia.com'].driverVersion.major() >= 570",
        "semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))",
        "semver('1.2.3+one') == semver('1.2.3+two')",
        "semver('v1.02', true) == semver('1.2.0') && !isSemver('v1.0') && isSemver('v1.0', true)",
        "!isSemver('01.2.3') && isSemver('01.2.3', true) && !isSemver('v1-rc', true)",
        "device.attributes['gpu.nvidia.com'].index == 0 && device.attributes['gpu.nvidia.com'].ecc",
        "device.attributes['gpu.nvidia.com'].index < 4",
        "device.attributes['resource.kubernetes.io'].pcieRoot == 'pci0000:01'",
        "device.attributes[device.driver].?profile.orValue('') == ''",
        "device.attributes[?'else.example.com'].?model.orValue('none') == 'none'",
        "!has(device.attributes['nothing.example.com'].model)",
        "!('model' in device.attributes['nothing.example.com'])",
        "!('nothing.example.com' in device.attributes) && 'gpu.nvidia.com' in device.attributes",
        "has(device.attributes['gpu.nvidia.com'].productName)",
        "device.attributes['gpu.nvidia.com'].exists(name, name == 'uuid')",
        "cel.bind(gpu, device.attributes['gpu.nvidia.com'], gpu.architecture == 'Hopper' && gpu.brand == 'Nvidia')",
        "device.attributes['gpu.nvidia.com'].productName.split(' ')[1] == 'H100'",
        "device.attributes['gpu.nvidia.com'].productName.replace('NVIDIA ', '').startsWith('H100')",
        "!device.allowMultipleAllocations",
        "device.attributes['x'].y == 'z' || device.driver.endsWith('nvidia.com')",
        "sets.contains(['Hopper', 'Ampere'], [device.attributes['gpu.nvidia.com'].architecture])",
        "sets.intersects(device.attributes['gpu.nvidia.com'].links, ['nvlink'])",
        "sets.equivalent([1, 2], [2, 1, 1]) && !sets.equivalent([1], [1, 2])",
        "type(device.attributes['gpu.nvidia.com'].index) == int",
        "",
    ] {
        let expected = if selector.is_empty() { Some(false) } else { Some(true) };
        assert_eq!(says(selector, &h100()), expected, "{selector}");
    }
}

#[test]
fn a_device_does_not_pass_what_is_false_or_an_error() {
    for selector in [
        "device.driver == 'gpu.example.com'",
        "device.attributes['gpu.nvidia.com'].type == 'mig'",
        "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('94Gi')) >= 0",
        "device.attributes['gpu.nvidia.com'].cudaComputeCapability.isLessThan(semver('9.0.0'))",
        // Of a domain that it does not know it has nothing; but to ask for that is an error.
        "device.attributes['nothing.example.com'].model == 'x'",
        "device.attributes['nothing.example.com'].model != 'x'",
        "device.capacity['gpu.nvidia.com'].cores.compareTo(quantity('1')) >= 0",
        // The driver's own names are in its domain, and in no other.
        "device.attributes['else.example.com'].type == 'gpu'",
        "device.attributes['gpu.nvidia.com'].pcieRoot == 'pci0000:01'",
        "device.allowMultipleAllocations",
        "quantity('lots').sign() == 0",
        "quantity('0.5').asInteger() == 0",
        "semver('1.2').major() == 1",
        "device.attributes['gpu.nvidia.com'].productName",
        "device.attributes['gpu.nvidia.com'].productName.unheardOf()",
        "unheardOf",
        "device.attributes[",
        "['a'].exists(device, true)",
    ] {
        assert_eq!(says(selector, &h100()), Some(false), "{selector}");
    }
}

#[test]
fn whoever_divides_a_device_says_so_in_the_selector() {
    let shared = device(json!({"name": "gpu-0", "allowMultipleAllocations": true}));
    assert_eq!(says("device.allowMultipleAllocations == true", &shared), Some(true));
    assert_eq!(says("size(device.attributes) == 0 && size(device.capacity) == 0", &shared), Some(true));
}

#[test]
fn what_a_driver_publishes_and_nobody_can_read_passes_nothing() {
    for part in [
        json!({"attributes": {"driverVersion": {"version": "twelve"}}}),
        json!({"capacity": {"memory": {"value": "much"}}}),
        json!({"attributes": {"new": {"novelty": true}}}),
    ] {
        let mut broken = part;
        broken["name"] = "gpu-0".into();
        assert_eq!(says("true", &device(broken.clone())), Some(false), "{broken}");
    }
}

#[test]
fn class_exhaustion_what_takes_too_long_does_not_pass_and_the_rest_waits() {
    let all = |body: &str| format!("device.attributes['gpu.nvidia.com'].all(a, {body})");
    let nested = (0..4).fold("true".to_owned(), |body, _| all(&body));
    assert_eq!(says(&nested, &h100()), Some(false));
    assert_eq!(says(&all("true"), &h100()), Some(true), "one is no bomb");
    let sets = format!("sets.contains({0}, {0})", format!("'{}'.split('')", "a".repeat(4000)));
    assert_eq!(says(&sets, &h100()), Some(false));
    assert_eq!(says(&"+1".repeat(1000), &h100()), Some(false));
    assert_eq!(says(&"1 ".repeat(6000), &h100()), Some(false));
    let (one, mut left) = (h100(), 400);
    let devices = [Whole { driver: "gpu.nvidia.com", device: &one }; 9];
    let verdicts = passing("device.driver == 'gpu.nvidia.com'", &devices, &mut left);
    assert_eq!(verdicts.first(), Some(&Some(true)));
    assert_eq!(verdicts.last(), Some(&None), "that was used up");
}

fn written(selector: &str, device: &Device) -> String {
    let mut text = String::new();
    Mentions::of(selector).write(Whole { driver: "gpu.nvidia.com", device }, &mut text);
    text
}

#[test]
fn devices_differ_by_what_is_mentioned_alone() {
    let with = |change: fn(&mut Json)| {
        let mut json = serde_json::to_value(h100()).expect("JSON");
        change(&mut json);
        device(json)
    };
    let uuid = with(|it| it["attributes"]["uuid"] = json!({"string": "another"}));
    let memory = with(|it| it["capacity"]["memory"] = json!({"value": "40Gi"}));
    let elsewhere = with(|it| it["attributes"]["else.example.com/type"] = json!({"string": "gpu"}));
    let parts = with(|it| it["allowMultipleAllocations"] = true.into());
    for (selector, differ) in [
        ("device.driver == 'a'", [false, false, false, true]),
        ("device.attributes['gpu.nvidia.com'].type == 'gpu'", [false, false, true, true]),
        ("has(device.attributes['gpu.nvidia.com'].uuid)", [true, false, false, true]),
        ("'uuid' in device.attributes[device.driver]", [true, false, false, true]),
        ("device.attributes['gpu.nvidia.com'].?uuid.orValue('') == ''", [true, false, false, true]),
        ("device.attributes[?'gpu.nvidia.com']['uuid'].hasValue()", [true, false, false, true]),
        ("cel.bind(g, device.attributes['gpu.nvidia.com'], g.uuid == g.type)", [true, false, true, true]),
        ("['gpu.nvidia.com'].exists(d, device.attributes[d].uuid == '')", [true, false, false, true]),
        ("device.capacity['gpu.nvidia.com'].memory.sign() > 0", [false, true, false, true]),
        // What looks at it in another way may see everything.
        ("['uuid'].exists(n, device.attributes['gpu.nvidia.com'][n] == '')", [true, true, true, true]),
        ("device.attributes['gpu.nvidia.com'].exists(n, n == 'a')", [true, true, true, true]),
        ("'else.example.com' in device.attributes", [true, true, true, true]),
        ("[device].size() == 1", [true, true, true, true]),
        ("not readable", [false, false, false, true]),
    ] {
        let own = written(selector, &h100());
        let differs = [&uuid, &memory, &elsewhere, &parts].map(|other| written(selector, other) != own);
        assert_eq!(differs, differ, "{selector}");
    }
}

#[test]
fn mentions_add_up() {
    let mut all = Mentions::default();
    all.add(&Mentions::of("device.attributes['a'].b == 'c'"));
    all.add(&Mentions::of("device.capacity['a'].d.sign() == 1"));
    assert_eq!(all, Mentions::of("device.attributes['x'].d == device.attributes['x'].b"));
    all.add(&Mentions::of("size(device.attributes) == 1"));
    all.add(&Mentions::of("device.attributes['a'].b == 'c'"));
    assert_eq!(all, Mentions::of("device == device"), "anything");
}

#[test]
fn constraints_compare_attributes_of_one_value_by_their_whole_names() {
    let h100 = h100();
    let compared = |name: &str| Whole { driver: "gpu.nvidia.com", device: &h100 }.compared(name);
    assert_eq!(compared("gpu.nvidia.com/type"), Some("sgpu".into()));
    assert_eq!(compared("gpu.nvidia.com/index"), Some("i0".into()));
    assert_eq!(compared("gpu.nvidia.com/driverVersion"), Some("v570.86.15".into()));
    assert_eq!(compared("resource.kubernetes.io/pcieRoot"), Some("spci0000:01".into()));
    assert_eq!(compared("gpu.nvidia.com/pcieRoot"), None);
    assert_eq!(compared("gpu.nvidia.com/links"), None, "what they have in common is not looked at");
}
