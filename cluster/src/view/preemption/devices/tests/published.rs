//! Devices as drivers publish them.

use policy_engine::daemons::preemption::view::devices::{Capacity, Steps};
use policy_engine::daemons::preemption::view::places::{Effect, Expression, Is, Reach, Taint, Term};

use super::*;

fn taint(key: &str, value: &str, effect: Effect) -> Taint {
    Taint { key: key.into(), value: value.into(), effect }
}

#[tokio::test]
async fn every_field_of_a_device_is_read() {
    let of_memory = json!({"default": "20Gi", "validRange": {"min": "10Gi", "max": "60Gi", "step": "5Gi"}});
    let gpu = json!({
        "name": "gpu-0",
        "attributes": {"uuid": {"string": "GPU-1"}, "index": {"int": 3}, "ecc": {"bool": true},
            "driverVersion": {"version": "570.1.0"}, "resource.kubernetes.io/pcieRoot": {"string": "pci0000:01"}},
        "capacity": {
            "memory": {"value": "80Gi", "requestPolicy": of_memory},
            "cores": {"value": "100", "requestPolicy": {"default": "25", "validValues": ["25", "50", "100"]}},
            "slots": {"value": "7", "requestPolicy": {"default": "1"}},
            "bandwidth": {"value": "1500m"},
        },
        "allowMultipleAllocations": true,
        "taints": [{"key": "example.com/broken", "value": "yes", "effect": "NoSchedule"},
            {"key": "example.com/hot", "effect": "NoExecute"},
            {"key": "example.com/told", "effect": "None"}, {"key": "example.com/new", "effect": "Unheard"}],
    });
    let match_attribute = |name: &str| json!({"matchAttribute": name});
    let constraints = ["gpu.nvidia.com/index", "resource.kubernetes.io/pcieRoot", "gpu.nvidia.com/nothing"];
    let seen = seen([
        slice("pool", json!([gpu, {"name": "gpu-1", "capacity": {"memory": {"value": "80Gi"}}}])),
        claim("c", json!({"constraints": constraints.map(match_attribute)}), json!({})),
    ])
    .await;
    let capacity = |total, unasked, steps| Capacity { total, unasked, steps };
    let range = Steps::Range { least: 10 << 30, most: 60 << 30, step: 5 << 30 };
    let expected = Device {
        id: DeviceId { driver: NVIDIA.into(), pool: "pool".into(), device: "gpu-0".into() },
        reach: Reach::Node("n1".into()),
        kind: 0,
        // Those that a constraint names, and no other.
        attributes: [
            ("gpu.nvidia.com/index".into(), "i3".into()),
            ("resource.kubernetes.io/pcieRoot".into(), "spci0000:01".into()),
        ]
        .into(),
        capacity: [
            ("memory".into(), capacity(80 << 30, 20 << 30, range)),
            ("cores".into(), capacity(100, 25, Steps::Values(vec![25, 50, 100]))),
            ("slots".into(), capacity(7, 1, Steps::Any)),
            ("bandwidth".into(), capacity(1, 1, Steps::Any)),
        ]
        .into(),
        divisible: true,
        taints: vec![
            taint("example.com/broken", "yes", Effect::NoSchedule),
            taint("example.com/hot", "", Effect::NoExecute),
        ],
        listed: true,
    };
    assert_eq!(*seen.device("gpu-0"), expected);
    let plain = seen.device("gpu-1");
    assert_eq!((plain.divisible, plain.listed, plain.taints.len(), plain.attributes.len()), (false, true, 0, 0));
    assert_eq!(plain.capacity["memory"], capacity(80 << 30, 80 << 30, Steps::Any));
}

#[tokio::test]
async fn a_device_is_used_from_where_its_slice_says_or_it_says_itself() {
    let device = |more: Value| {
        let mut device = json!({"name": "gpu"});
        device.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!([device])
    };
    let expression =
        |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
    let by_name =
        |names: Value| json!({"nodeSelectorTerms": [{"matchFields": [expression("metadata.name", "In", names)]}]});
    let by_label = json!({"nodeSelectorTerms": [
        {"matchExpressions": [expression("zone", "NotIn", json!(["a"])), expression("cores", "Gt", json!(["8"])),
            expression("rack", "Exists", json!(null)), expression("spot", "DoesNotExist", json!(null))]},
        {"matchExpressions": [expression("zone", "Near", json!(["a"]))]},
        {"matchFields": [expression("metadata.uid", "In", json!(["a"]))]},
    ]});
    let is = |key: &str, is| Expression { key: key.into(), is };
    let labels = vec![
        is("zone", Is::NotIn(vec!["a".into()])),
        is("cores", Is::Above(8)),
        is("rack", Is::There),
        is("spot", Is::Absent),
    ];
    let several = vec![is("metadata.name", Is::In(vec!["n1".into(), "n2".into()]))];
    let plain = || device(json!({}));
    for (spec, reach) in [
        (json!({"nodeName": "n1", "devices": plain()}), Reach::Node("n1".into())),
        (json!({"allNodes": true, "devices": plain()}), Reach::Everywhere),
        (json!({"nodeSelector": by_name(json!(["n2"])), "devices": plain()}), Reach::Node("n2".into())),
        (
            json!({"nodeSelector": by_name(json!(["n1", "n2"])), "devices": plain()}),
            Reach::Nodes(vec![Term { labels: Vec::new(), names: several }]),
        ),
        // A term that nobody can read holds nowhere.
        (json!({"nodeSelector": by_label, "devices": plain()}), Reach::Nodes(vec![Term { labels, names: Vec::new() }])),
        (
            json!({"perDeviceNodeSelection": true, "devices": device(json!({"nodeName": "n3"}))}),
            Reach::Node("n3".into()),
        ),
        (
            json!({"perDeviceNodeSelection": true, "devices": device(json!({"nodeSelector": by_name(json!(["n4"]))}))}),
            Reach::Node("n4".into()),
        ),
        (json!({"perDeviceNodeSelection": true, "devices": device(json!({"allNodes": true}))}), Reach::Everywhere),
        (json!({"devices": plain()}), Reach::Nodes(Vec::new())),
    ] {
        let seen = seen([slice_with("pool", spec.clone())]).await;
        assert_eq!(seen.device("gpu").reach, reach, "{spec}");
    }
}

#[tokio::test]
async fn a_pool_is_its_newest_generation_and_gives_nothing_while_that_is_not_complete() {
    let part = |name: &str, pool: &str, generation: u32, of: u32, device: &str| {
        let pool = json!({"name": pool, "generation": generation, "resourceSliceCount": of});
        slice_with(name, json!({"nodeName": "n1", "pool": pool, "devices": [{"name": device}]}))
    };
    let seen = seen([
        part("old", "renewed", 1, 1, "gone"),
        part("new-1", "renewed", 2, 2, "a"),
        part("new-2", "renewed", 2, 2, "b"),
        part("half", "incomplete", 5, 2, "c"),
        part("once", "twice", 1, 2, "d"),
        part("again", "twice", 1, 2, "d"),
    ])
    .await;
    let mut listed: Vec<_> = seen.devices.iter().map(|it| (it.id.device.as_str(), it.listed)).collect();
    listed.sort_unstable();
    assert_eq!(listed, [("a", true), ("b", true), ("c", false), ("d", false)]);
}

#[tokio::test]
async fn a_device_that_is_allocated_is_known_when_no_driver_publishes_it() {
    let result = |device: &str, admin: bool| json!({"request": "gpu", "driver": NVIDIA, "pool": "lost", "device": device, "adminAccess": admin});
    let mut status = given(json!([result("held", false), result("watched", true)]));
    let on = json!({"key": "metadata.name", "operator": "In", "values": ["n7"]});
    status["allocation"]["nodeSelector"] = json!({"nodeSelectorTerms": [{"matchFields": [on]}]});
    let request = json!({"name": "gpu", "exactly": {"deviceClassName": NVIDIA}});
    let seen = seen([
        slice("pool", json!([{"name": "free"}])),
        claim("c", json!({"requests": [request]}), status),
        object(
            "devicetaintrules",
            "hold",
            json!({"spec": {"deviceSelector": {"driver": NVIDIA, "pool": "lost", "device": "held"},
                "taint": {"key": "platform-go/hold", "value": "v", "effect": "NoSchedule"}}}),
        ),
    ])
    .await;
    let held = seen.device("held");
    assert_eq!((held.listed, &held.reach), (false, &Reach::Node("n7".into())));
    assert_eq!(held.taints, [taint("platform-go/hold", "v", Effect::NoSchedule)]);
    assert_eq!((seen.passes("c", "free"), seen.passes("c", "held")), (true, false), "what is not known passes nothing");
    assert_eq!(seen.devices.len(), 2, "who only looks holds nothing");
}

#[tokio::test]
async fn a_rule_taints_what_it_selects() {
    let rule = |name: &str, selector: Value, effect: &str| {
        let taint = json!({"key": format!("example.com/{name}"), "value": "v", "effect": effect});
        object("devicetaintrules", name, json!({"spec": {"deviceSelector": selector, "taint": taint}}))
    };
    let seen = seen([
        slice("one", json!([{"name": "a", "taints": [{"key": "own", "effect": "NoSchedule"}]}, {"name": "b"}])),
        slice("two", json!([{"name": "c"}])),
        rule("pool", json!({"driver": NVIDIA, "pool": "one"}), "NoSchedule"),
        rule("exact", json!({"driver": NVIDIA, "pool": "one", "device": "b"}), "NoExecute"),
        rule("name", json!({"device": "c"}), "NoSchedule"),
        rule("all", json!({}), "NoSchedule"),
        rule("told", json!({}), "None"),
        rule("nothing", json!(null), "NoSchedule"),
        rule("else", json!({"driver": "net.example.com"}), "NoSchedule"),
    ])
    .await;
    let keys = |device: &str| {
        let mut keys: Vec<_> = seen.device(device).taints.iter().map(|it| it.key.as_str()).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys("a"), ["example.com/all", "example.com/pool", "own"]);
    assert_eq!(keys("b"), ["example.com/all", "example.com/exact", "example.com/pool"]);
    assert_eq!(keys("c"), ["example.com/all", "example.com/name"]);
}

#[tokio::test]
async fn a_part_of_what_others_have_is_not_free() {
    let consumes = |name: &str, memory: &str| {
        let counters = json!([{"counterSet": "gpu-0", "counters": {"memory": {"value": memory}}}]);
        json!({"name": name, "consumesCounters": counters})
    };
    let pool = json!({"name": "pool", "generation": 1, "resourceSliceCount": 2});
    let sets = json!([{"name": "gpu-0", "counters": {"memory": {"value": "80Gi"}}}]);
    let parts =
        json!([consumes("whole", "80Gi"), consumes("half", "40Gi"), consumes("other", "40Gi"), {"name": "gpu-1"}]);
    let slices = [
        slice_with("counters", json!({"nodeName": "n1", "pool": pool, "sharedCounters": sets})),
        slice_with("devices", json!({"nodeName": "n1", "pool": pool, "devices": parts})),
    ];
    let has = |device: &str| {
        let result = json!({"request": "gpu", "driver": NVIDIA, "pool": "pool", "device": device});
        claim("c", json!({"requests": []}), given(json!([result])))
    };
    for (held, listed) in [
        (None, ["gpu-1", "half", "other", "whole"].as_slice()),
        // What is held is free once nobody holds it.
        (Some("half"), &["gpu-1", "half", "other"]),
        (Some("whole"), &["gpu-1", "whole"]),
    ] {
        let seen = seen(slices.clone().into_iter().chain(held.map(has))).await;
        let mut names: Vec<_> = seen.devices.iter().filter(|it| it.listed).map(|it| it.id.device.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, listed, "{held:?}");
    }
}
