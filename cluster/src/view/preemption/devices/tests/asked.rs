//! What claims ask and have.

use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::view::devices::{Allocation, Alternative, Constraint, Request};
use policy_engine::daemons::preemption::view::places::{Effect, Reach, Toleration};

use super::*;

fn cel(expression: &str) -> Value {
    json!({"cel": {"expression": expression}})
}

fn tolerates(key: Option<&str>, value: Option<&str>, effect: Option<Effect>) -> Toleration {
    Toleration { key: key.map(str::to_owned), value: value.map(str::to_owned), effect }
}

#[tokio::test]
async fn every_field_of_what_a_claim_asks_is_read() {
    let tolerations = json!([
        {"key": "platform-go/hold", "operator": "Equal", "value": "pod-uid", "effect": "NoSchedule"},
        {"key": "example.com/hot", "operator": "Exists"},
        {"operator": "Exists", "effect": "NoExecute"},
        {"key": "example.com/broken", "value": "yes"},
        {"key": "example.com/told", "effect": "None"},
        {"key": "example.com/new", "operator": "Near"},
    ]);
    let requests = json!([
        {"name": "gpu", "exactly": {"deviceClassName": NVIDIA, "count": 2, "tolerations": tolerations,
            "selectors": [cel("device.attributes['gpu.nvidia.com'].type == 'gpu'")],
            "capacity": {"requests": {"memory": "40Gi", "cores": "1500m"}}}},
        {"name": "every", "exactly": {"deviceClassName": NVIDIA, "allocationMode": "All", "adminAccess": true}},
        {"name": "some", "firstAvailable": [
            {"name": "two", "deviceClassName": NVIDIA, "count": 2, "allocationMode": "ExactCount"},
            {"name": "all", "deviceClassName": NVIDIA, "allocationMode": "All"}]},
        {"name": "odd", "exactly": {"deviceClassName": NVIDIA, "allocationMode": "Most"}},
        {"name": "unknown", "firstAvailable": [{"name": "a", "deviceClassName": NVIDIA},
            {"name": "b", "deviceClassName": "nobody.example.com"}]},
    ]);
    let constraints = json!([
        {"requests": ["gpu", "some/two"], "matchAttribute": "resource.kubernetes.io/pcieRoot"},
        {"distinctAttribute": "gpu.nvidia.com/uuid"},
        {"requests": ["gpu"]},
    ]);
    let seen = seen([claim("c", json!({"requests": requests, "constraints": constraints}), json!({}))]).await;
    let claim = seen.claim("c");
    let way = |name: Option<&str>, count| Alternative {
        name: name.map(str::to_owned),
        selector: 1,
        count,
        admin_access: false,
        capacity: BTreeMap::new(),
        tolerations: Vec::new(),
    };
    let tolerations = vec![
        tolerates(Some("platform-go/hold"), Some("pod-uid"), Some(Effect::NoSchedule)),
        tolerates(Some("example.com/hot"), None, None),
        tolerates(None, None, Some(Effect::NoExecute)),
        tolerates(Some("example.com/broken"), Some("yes"), None),
    ];
    let capacity = BTreeMap::from([("memory".to_owned(), 40 << 30), ("cores".to_owned(), 2)]);
    let expected = [
        ("gpu", vec![Alternative { selector: 0, capacity, tolerations, ..way(None, Some(2)) }]),
        ("every", vec![Alternative { admin_access: true, ..way(None, None) }]),
        ("some", vec![way(Some("two"), Some(2)), way(Some("all"), None)]),
        // Kubernetes fulfils none that it cannot read, nor another in its place.
        ("odd", Vec::new()),
        ("unknown", Vec::new()),
    ];
    let expected = expected.map(|(name, alternatives)| Request { name: name.into(), alternatives });
    assert_eq!(claim.requests, expected);
    let constraint = |requests: &[&str], attribute: &str, distinct| Constraint {
        requests: requests.iter().map(|it| (*it).to_owned()).collect(),
        attribute: attribute.into(),
        distinct,
    };
    let expected = [
        constraint(&["gpu", "some/two"], "resource.kubernetes.io/pcieRoot", false),
        constraint(&[], "gpu.nvidia.com/uuid", true),
        constraint(&["gpu"], "", true),
    ];
    assert_eq!(claim.constraints, expected);
    assert_eq!((&claim.allocation, claim.reserved_for.len(), claim.kept), (&None, 0, false));
    assert_eq!(
        (claim.uid.as_str(), &claim.name),
        ("uid-c", &PodName { namespace: "detector".into(), name: "c".into() })
    );
    assert_eq!(seen.holds, [("uid-c".into(), "pod-uid".into())].into());
}

#[tokio::test]
async fn a_hold_is_the_toleration_that_the_platform_writes_and_no_other() {
    let with = |name: &str, toleration: Value| {
        let way = json!({"name": "a", "deviceClassName": NVIDIA, "tolerations": [toleration]});
        claim(name, json!({"requests": [{"name": "gpu", "firstAvailable": [way]}]}), json!({}))
    };
    let key = "platform-go/hold";
    let seen = seen([
        with("held", json!({"key": key, "operator": "Equal", "value": "v", "effect": "NoSchedule"})),
        with("any", json!({"key": key, "operator": "Exists", "effect": "NoSchedule"})),
        with("without", json!({"key": key, "operator": "Equal", "value": "v"})),
        with("else", json!({"key": "example.com/hold", "operator": "Equal", "value": "v", "effect": "NoSchedule"})),
    ])
    .await;
    assert_eq!(seen.holds, [("uid-held".into(), "v".into())].into());
}

#[tokio::test]
async fn what_a_claim_has_and_for_whom() {
    let result = |device: &str, more: Value| {
        let mut result = json!({"request": "gpu", "driver": NVIDIA, "pool": "pool", "device": device});
        result.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        result
    };
    let part = json!({"shareID": "s", "consumedCapacity": {"memory": "20Gi", "cores": "25"}});
    let results = json!([result("a", part), result("b", json!({})), result("c", json!({"adminAccess": true}))]);
    let pod = |uid: &str| json!({"resource": "pods", "name": uid, "uid": uid});
    let mut status = given(results);
    status["reservedFor"] = json!([pod("p1"), pod("p2")]);
    let mut kept = given(json!([]));
    kept["reservedFor"] = json!([pod("p1"), {"apiGroup": "example.com", "resource": "jobs", "name": "j", "uid": "j"}]);
    let request =
        |count: u32| json!({"requests": [{"name": "gpu", "exactly": {"deviceClassName": NVIDIA, "count": count}}]});
    let deleted = |name: &str, status: Value| {
        let (path, mut object) = claim(name, request(1), status);
        object["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z".into();
        (path, object)
    };
    let seen = seen([
        claim("has", request(3), status),
        claim("kept", request(1), kept),
        deleted("going", given(json!([result("d", json!({}))]))),
        deleted("gone", json!({})),
    ])
    .await;
    let holding = |device: &str, takes, admin_access| Holding {
        device: DeviceId { driver: NVIDIA.into(), pool: "pool".into(), device: device.into() },
        takes,
        admin_access,
    };
    let parts = BTreeMap::from([("memory".to_owned(), 20 << 30), ("cores".to_owned(), 25)]);
    let devices = vec![holding("a", Some(parts), false), holding("b", None, false), holding("c", None, true)];
    let has = seen.claim("has");
    assert_eq!(has.allocation, Some(Allocation { reach: Reach::Everywhere, devices }));
    assert_eq!((has.reserved_for.as_slice(), has.kept), (["p1".to_owned(), "p2".to_owned()].as_slice(), false));
    assert_eq!(has.milli_gpu, 3000, "as the ledger says");
    let kept = seen.claim("kept");
    assert_eq!((kept.reserved_for.as_slice(), kept.kept), (["p1".to_owned()].as_slice(), true));
    assert!(seen.claim("going").allocation.is_some(), "its devices are held");
    assert!(seen.claims.iter().all(|it| it.name.name != "gone"), "it gets none any more");
}

#[tokio::test]
async fn a_device_passes_a_request_if_it_passes_class_and_request_and_kinds_are_what_they_tell_apart() {
    let gpu = |index: u32, kind: &str, memory: &str| {
        json!({"name": format!("gpu-{index}"),
            "attributes": {"uuid": {"string": format!("GPU-{index}")}, "type": {"string": kind}, "index": {"int": index}},
            "capacity": {"memory": {"value": memory}}})
    };
    let asks = |name: &str, selectors: &[&str]| {
        let selectors: Vec<_> = selectors.iter().map(|it| cel(it)).collect();
        let exactly = json!({"deviceClassName": NVIDIA, "selectors": selectors});
        claim(name, json!({"requests": [{"name": "gpu", "exactly": exactly}]}), json!({}))
    };
    let whole = "device.attributes['gpu.nvidia.com'].type == 'gpu'";
    let large = "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0";
    let mut other = slice("else", json!([{"name": "nic", "attributes": {"gpu.nvidia.com/type": {"string": "gpu"}}}]));
    other.1["spec"]["driver"] = "net.example.com".into();
    let seen = seen([
        slice(
            "pool",
            json!([gpu(0, "gpu", "80Gi"), gpu(1, "gpu", "80Gi"), gpu(2, "gpu", "24Gi"), gpu(3, "mig", "80Gi")]),
        ),
        other,
        asks("any", &[]),
        asks("whole", &[whole]),
        asks("large", &[whole, large]),
        asks("again", &[whole, large]),
        asks("one", &["device.attributes['gpu.nvidia.com'].uuid == 'GPU-1'"]),
        asks("broken", &["device.attributes['gpu.nvidia.com'].nothing == 1"]),
    ])
    .await;
    let passes = |claim: &str| ["gpu-0", "gpu-1", "gpu-2", "gpu-3", "nic"].map(|device| seen.passes(claim, device));
    assert_eq!(passes("any"), [true, true, true, true, false]);
    assert_eq!(passes("whole"), [true, true, true, false, false]);
    assert_eq!(passes("large"), [true, true, false, false, false]);
    assert_eq!(passes("again"), passes("large"));
    assert_eq!(passes("one"), [false, true, false, false, false]);
    assert_eq!(passes("broken"), [false; 5]);
    let kinds: BTreeSet<_> = seen.devices.iter().map(|it| it.kind).collect();
    assert_eq!(
        (kinds.len(), seen.matching.0.len()),
        (5, 5),
        "equal selectors are one, and a uuid tells its device alone"
    );
}
