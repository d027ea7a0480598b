//! Which GPUs claims get, on real devices and with the real scheduler: the plan's models, whatever a claim says.

use e2e::gpu::{claim_template, device_claim, inline};
use e2e::manifest::{IMAGE, merge, pod, with};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, assert_warned};
use e2e::{ADMIN, SOON, alone, create, get, kubectl, label, list, ok, project, project_with_bob, shared, within};
use ground::Ground;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RTX_5090: &str = r#"device.attributes[device.driver].?productName.orValue(device.attributes[device.driver].?model.orValue("")) in ["NVIDIA GeForce RTX 5090"]"#;
const OTHER_THAN_5090: &str = "device.attributes['gpu.nvidia.com'].productName != 'NVIDIA GeForce RTX 5090'";
const IS_H100: &str = "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'";
/// True, in a language of Kubernetes' own.
const ODD: &str = "quantity('1Gi').isGreaterThan(quantity('1Mi'))";

fn selectors(expression: &str) -> Value {
    json!([{"cel": {"expression": expression}}])
}

fn requests(requests: Value) -> Value {
    json!({"spec": {"devices": {"requests": requests}}})
}

/// A Pod of one claim from a template.
fn using(namespace: &str, name: &str, template: &str) -> Value {
    let uses = json!({"spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": template}],
        "containers": [{"name": "main", "image": IMAGE, "resources": {"claims": [{"name": "gpu"}]}}],
    }});
    pod(namespace, name, uses)
}

/// Device, as `<pool>/<device>`, to its product name.
fn products(p: &Ground) -> BTreeMap<String, String> {
    let slices = list(p, "default", "resourceslices", "");
    let devices = |slice: &Value| {
        let pool = slice["spec"]["pool"]["name"].as_str().expect("a pool").to_owned();
        let devices = slice["spec"]["devices"].as_array().cloned().unwrap_or_default();
        devices.into_iter().map(move |device| {
            let product = device["attributes"]["productName"]["string"].as_str().expect("a product").to_owned();
            (format!("{pool}/{}", device["name"].as_str().expect("a name")), product)
        })
    };
    slices.iter().flat_map(devices).collect()
}

/// The claim of a Pod, once it has devices, and their products.
fn allocated(p: &Ground, namespace: &str, pod: &str) -> (Value, Vec<String>) {
    let products = products(p);
    let claim = within(SOON, "a claim with devices", || {
        let claims = list(p, namespace, "resourceclaims", "");
        let of_pod = |it: &Value| it["metadata"]["ownerReferences"][0]["name"] == pod;
        claims.into_iter().find(|it| of_pod(it) && !it["status"]["allocation"].is_null())
    });
    let results = claim["status"]["allocation"]["devices"]["results"].as_array().cloned().expect("devices");
    let product = |it: &Value| {
        let device =
            format!("{}/{}", it["pool"].as_str().unwrap_or_default(), it["device"].as_str().unwrap_or_default());
        products.get(&device).cloned().expect("a published device")
    };
    let given = results.iter().map(product).collect();
    (claim, given)
}

fn forget(p: &Ground, namespace: &str, objects: &[&str]) {
    ok(kubectl(p, ADMIN, &[&["-n", namespace, "delete"], objects].concat()));
}

/// The selectors of every request and alternative of a claim, as they are stored.
fn stored_selectors(claim: &Value) -> Vec<Vec<String>> {
    let of = |it: &Value| {
        let selectors = it["selectors"].as_array().into_iter().flatten();
        selectors.map(|it| it["cel"]["expression"].as_str().expect("an expression").to_owned()).collect()
    };
    let requests = claim["spec"]["devices"]["requests"].as_array().cloned().unwrap_or_default();
    let each = |request: Value| match request["firstAvailable"].as_array() {
        Some(alternatives) => alternatives.iter().map(of).collect::<Vec<_>>(),
        None => vec![of(&request["exactly"])],
    };
    requests.into_iter().flat_map(each).collect()
}

#[test]
fn a_template_without_a_selector_gets_the_plans_model_every_time() {
    let p = shared();
    ok(create(&p, "carol", claim_template("detector", "any-gpu", json!({}))));
    for round in 0..3 {
        let name = format!("any-gpu-{round}");
        ok(create(&p, "bob", using("detector", &name, "any-gpu")));
        let (claim, given) = allocated(&p, "detector", &name);
        assert_eq!(given, ["NVIDIA GeForce RTX 5090"]);
        assert_eq!(stored_selectors(&claim), [[RTX_5090]]);
        assert_eq!((label(&claim, "dra-gpu-model"), label(&claim, "dra-effective-gpu")), ("rtx-5090", "1"));
        forget(&p, "detector", &[&format!("pod/{name}")]);
    }
    let template = get(&p, "detector", "resourceclaimtemplate/any-gpu");
    assert!(template["spec"]["spec"]["devices"]["requests"][0]["exactly"]["selectors"].is_null(), "{template}");
    forget(&p, "detector", &["resourceclaimtemplate/any-gpu"]);
}

#[test]
fn class_dra_shapes_no_shape_of_a_claim_gets_another_model() {
    let p = shared();
    project_with_bob(&p, "claim-shapes", json!({}));
    let says = "can match only h100; plan bronze of project claim-shapes allows rtx-5090; ask for one of those";
    let h100 = requests(json!([{"name": "gpu", "exactly": {
        "deviceClassName": "gpu.nvidia.com", "selectors": selectors(IS_H100)}}]));
    assert_denied(&create(&p, "bob", device_claim("claim-shapes", "shape-h100", h100.clone())), &[("gpu-model", says)]);
    let template = claim_template("claim-shapes", "shape-h100", json!({"spec": h100}));
    assert_denied(&create(&p, "bob", template), &[("gpu-model", says)]);
    let admin =
        requests(json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "adminAccess": true}}]));
    let answer = create(&p, ADMIN, device_claim("claim-shapes", "shape-admin", admin));
    assert!(!answer.success, "adminAccess came through: {}", answer.stdout);
    let all =
        requests(json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "All"}}]));
    let says = "asked All devices that match; a number of devices is allowed";
    assert_denied(&create(&p, "bob", device_claim("claim-shapes", "shape-all", all)), &[("claim-shape", says)]);

    // The first alternative could be an H100 only, and there are some that are free.
    let first = requests(json!([{"name": "gpu", "firstAvailable": [
        {"name": "h100", "deviceClassName": "gpu.nvidia.com", "selectors": selectors(IS_H100)},
        {"name": "any", "deviceClassName": "gpu.nvidia.com"}]}]));
    ok(create(&p, "bob", claim_template("claim-shapes", "shape-first", json!({"spec": first}))));
    // Two requests, of which one names models in a way that nobody can compare: it is narrowed all the same.
    let several = requests(json!([
        {"name": "a", "exactly": {"deviceClassName": "gpu.nvidia.com"}},
        {"name": "b", "exactly": {"deviceClassName": "gpu.nvidia.com",
            "selectors": selectors(ODD)}}]));
    ok(create(&p, "bob", claim_template("claim-shapes", "shape-several", json!({"spec": several}))));
    for (template, devices) in [("shape-first", 1), ("shape-several", 2)] {
        ok(create(&p, "bob", using("claim-shapes", template, template)));
        let (claim, given) = allocated(&p, "claim-shapes", template);
        assert_eq!(given, vec!["NVIDIA GeForce RTX 5090"; devices], "{template}");
        assert!(stored_selectors(&claim).iter().all(|it| it.last().is_some_and(|it| it == RTX_5090)), "{claim}");
        settles(&p, "claim-shapes", &devices.to_string(), "0", i64::try_from(devices).expect("a few"));
        forget(&p, "claim-shapes", &[&format!("pod/{template}"), &format!("resourceclaimtemplate/{template}")]);
        settles(&p, "claim-shapes", "0", "0", 0);
    }
}

/// Its dearest alternative is reserved; no card has what that asks for, so that it gets the other, and the rest is given back.
#[test]
fn a_claim_with_a_choice_is_charged_what_it_got() {
    let p = shared();
    project_with_bob(&p, "claim-choice", json!({"plan": "gold"}));
    let impossible = "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('90Ti')) > 0";
    let choice = requests(json!([{"name": "gpu", "firstAvailable": [
        {"name": "three", "deviceClassName": "gpu.nvidia.com", "count": 3, "selectors": selectors(impossible)},
        {"name": "one", "deviceClassName": "gpu.nvidia.com"}]}]));
    ok(create(&p, "bob", claim_template("claim-choice", "choice", json!({"spec": choice}))));
    ok(create(&p, "bob", using("claim-choice", "choice", "choice")));
    let (_, given) = allocated(&p, "claim-choice", "choice");
    assert_eq!(given.len(), 1);
    settles(&p, "claim-choice", "1", "0", 1);
    // It would not fit beside three.
    let three = with(inline("h100", "100"), json!({"metadata": {"labels": {"platform-go/dra-gpu-count": "3"}}}));
    ok(create(&p, "bob", pod("claim-choice", "three", three)));
    settles(&p, "claim-choice", "4", "0", 4);
    let another = create(&p, "bob", using("claim-choice", "another", "choice"));
    assert_denied(&another, &[("quota", "asked 3 GPU; bob in project claim-choice uses 4 GPU")]);
    forget(&p, "claim-choice", &["pod/choice", "pod/three", "resourceclaimtemplate/choice"]);
    settles(&p, "claim-choice", "0", "0", 0);
}

#[test]
fn a_claim_is_narrowed_in_every_version_of_the_api_and_under_a_generated_name() {
    let p = shared();
    // v1beta1 has no `exactly`: the request itself names the class.
    let flat = requests(json!([{"name": "gpu", "deviceClassName": "gpu.nvidia.com"}]));
    let first = requests(json!([{"name": "gpu", "firstAvailable": [
        {"name": "two", "deviceClassName": "gpu.nvidia.com", "count": 2}, {"name": "one", "deviceClassName": "gpu.nvidia.com"}]}]));
    let forms = [
        ("v1", json!({})),
        ("v1beta2", json!({})),
        ("v1beta1", flat),
        ("v1", first.clone()),
        ("v1beta2", first.clone()),
        ("v1beta1", first),
    ];
    for (index, (version, form)) in forms.into_iter().enumerate() {
        for generated in [false, true] {
            let mut claim = with(device_claim("detector", &format!("narrow-{index}"), json!({})), form.clone());
            merge(&mut claim, json!({"apiVersion": format!("resource.k8s.io/{version}")}));
            if generated {
                merge(&mut claim, json!({"metadata": {"name": null, "generateName": format!("narrow-{index}-")}}));
            }
            let said = ok(create(&p, "bob", claim));
            let name = said.split([' ', '/']).nth(1).expect("a name").to_owned();
            let stored = get(&p, "detector", &format!("resourceclaim/{name}"));
            let narrowed = stored_selectors(&stored);
            assert!(!narrowed.is_empty() && narrowed.iter().all(|it| it == &[RTX_5090]), "{version}: {stored}");
            forget(&p, "detector", &[&format!("resourceclaim/{name}")]);
        }
    }
}

#[test]
fn labels_of_a_claim_are_told_to_the_driver_and_applying_it_again_changes_nothing() {
    let p = shared();
    let labels = json!({"platform-go/dra-gpu-model": "h100", "platform-go/dra-sm-pct": "50",
        "platform-go/vram-policy": "hard_cap", "platform-go/dra-pinned-mem": "20Gi"});
    let claim = device_claim("llm-finetune", "told", json!({"metadata": {"labels": labels}}));
    ok(e2e::apply(&p, "bob", &claim));
    let before = get(&p, "llm-finetune", "resourceclaim/told");
    let mps = &before["spec"]["devices"]["config"][0]["opaque"]["parameters"]["sharing"]["mpsConfig"];
    assert_eq!(*mps, json!({"defaultActiveThreadPercentage": 50, "defaultPinnedDeviceMemoryLimit": "20Gi"}));
    assert_eq!((label(&before, "dra-effective-gpu"), label(&before, "dra-gpu-count")), ("0.5", "1"));
    let hold = &before["spec"]["devices"]["requests"][0]["exactly"]["tolerations"][0];
    assert_eq!((&hold["key"], &hold["operator"]), (&json!("platform-go/hold"), &json!("Equal")));
    assert_eq!(hold["value"].as_str().map(str::len), Some(32), "{hold}");
    ok(e2e::apply(&p, "bob", &claim));
    ok(kubectl_replace(&p, &claim));
    let after = get(&p, "llm-finetune", "resourceclaim/told");
    assert_eq!((&after["spec"], &after["metadata"]["labels"]), (&before["spec"], &before["metadata"]["labels"]));
    let more = with(claim, json!({"metadata": {"labels": {"platform-go/dra-sm-pct": "75"}}}));
    let says = "asked 75; what a claim asks for is fixed when it is made, here as 50; make another claim";
    assert_denied(&e2e::apply(&p, "bob", more), &[("claim-shape", says)]);
    forget(&p, "llm-finetune", &["resourceclaim/told"]);
}

fn kubectl_replace(p: &Ground, claim: &Value) -> ground::Output {
    e2e::kubectl_with(p, "bob", &["replace", "-f", "-"], &claim.to_string())
}

#[test]
fn what_a_class_tells_the_driver_counts() {
    let p = shared();
    let sharing = json!({"strategy": "MPS", "mpsConfig": {"defaultActiveThreadPercentage": 25}});
    let parameters = json!({"apiVersion": "resource.nvidia.com/v1beta1", "kind": "GpuConfig", "sharing": sharing});
    let class = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "quarter-gpu"},
        "spec": {
            "selectors": selectors("device.driver == 'gpu.nvidia.com'"),
            "config": [{"opaque": {"driver": "gpu.nvidia.com", "parameters": parameters}}],
        },
    });
    ok(create(&p, ADMIN, class));
    let quarter = requests(json!([{"name": "gpu", "exactly": {"deviceClassName": "quarter-gpu"}}]));
    ok(create(&p, "bob", device_claim("detector", "quarter", quarter.clone())));
    let claim = get(&p, "detector", "resourceclaim/quarter");
    assert_eq!((label(&claim, "dra-sm-pct"), label(&claim, "dra-effective-gpu")), ("25", "0.25"));
    let half = json!({"metadata": {"labels": {"platform-go/dra-sm-pct": "50"}}});
    ok(create(&p, "bob", device_claim("detector", "half", with(quarter, half))));
    let claim = get(&p, "detector", "resourceclaim/half");
    let told = &claim["spec"]["devices"]["config"][0]["opaque"]["parameters"]["sharing"]["mpsConfig"];
    assert_eq!(*told, json!({"defaultActiveThreadPercentage": 50}));
    forget(&p, "detector", &["resourceclaim/quarter", "resourceclaim/half"]);
    ok(kubectl(&p, ADMIN, &["delete", "deviceclass", "quarter-gpu"]));
}

#[test]
fn class_exhaustion_hostile_selectors_neither_end_sluice_nor_hold_it_up() {
    let p = shared();
    let selecting = |expression: &str| {
        requests(
            json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "selectors": selectors(expression)}}]),
        )
    };
    let list = format!("[{}]", vec!["1"; 40].join(","));
    let bomb = (0..6).fold("true".to_owned(), |body, level| format!("{list}.all(x{level}, {body})"));
    let chain = format!("1{} == 1", "+1".repeat(2500));
    for hostile in [bomb, chain, format!("{}true{}", "(".repeat(900), ")".repeat(900))] {
        let start = std::time::Instant::now();
        // Kubernetes refuses most of them; what matters is that it is Kubernetes that does, and at once.
        let answer = create(&p, "bob", device_claim("detector", "hostile", selecting(&hostile)));
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
        if answer.success {
            let stored = get(&p, "detector", "resourceclaim/hostile");
            assert_eq!(stored_selectors(&stored)[0].last().map(String::as_str), Some(RTX_5090));
            forget(&p, "detector", &["resourceclaim/hostile"]);
        } else {
            assert!(answer.stderr.contains("spec.devices.requests[0].exactly.selectors[0]"), "{}", answer.stderr);
        }
    }
    let odd = selecting(ODD);
    let answer = create(&p, "bob", device_claim("detector", "odd", odd));
    assert_warned(&answer, "its selectors are not compared with the known models, because it uses what is not known");
    assert_warned(&answer, "narrowed to rtx-5090");
    forget(&p, "detector", &["resourceclaim/odd"]);
    let other = device_claim("detector", "other", selecting(OTHER_THAN_5090));
    let says = "can match only h100, rtx-6000-pro";
    assert_denied(&create(&p, "bob", other), &[("gpu-model", says)]);
}

#[test]
fn class_narrowing_by_inventory() {
    let p = alone();
    let slices = list(&p, "default", "resourceslices", "");
    ok(kubectl(&p, ADMIN, &["delete", "resourceslices", "--all"]));
    ok(create(&p, "bob", claim_template("detector", "blind", json!({}))));
    ok(create(&p, "bob", using("detector", "blind", "blind")));
    let claim = within(SOON, "the claim of a Pod for which there is no device", || {
        let of_pod = |it: &Value| it["metadata"]["ownerReferences"][0]["name"] == "blind";
        list(&p, "detector", "resourceclaims", "").into_iter().find(of_pod)
    });
    assert_eq!(stored_selectors(&claim), [[RTX_5090]]);
    let restored = slices.into_iter().map(|slice| {
        json!({"apiVersion": slice["apiVersion"], "kind": slice["kind"], "spec": slice["spec"], "metadata": {
            "name": slice["metadata"]["name"], "ownerReferences": slice["metadata"]["ownerReferences"]}})
    });
    // The H100s first: they are free, and the Pod waits.
    let (others, h100): (Vec<_>, Vec<_>) = restored.partition(|slice| slice["spec"]["pool"]["name"] != "gpu-c");
    for slice in h100.into_iter().chain(others) {
        ok(create(&p, ADMIN, slice));
    }
    assert_eq!(allocated(&p, "detector", "blind").1, ["NVIDIA GeForce RTX 5090"]);
    forget(&p, "detector", &["pod/blind", "resourceclaimtemplate/blind"]);
}

/// One device that two claims can have parts of, as drivers with consumable capacity publish them.
fn shared_device() -> [Value; 2] {
    let class = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "parts.example.com"},
        "spec": {"selectors": selectors("device.driver == 'parts.example.com'")},
    });
    let percent = json!({"value": "100", "requestPolicy": {"default": "100", "validRange": {"min": "1", "max": "100", "step": "1"}}});
    let memory =
        json!({"value": "24Gi", "requestPolicy": {"default": "1Gi", "validRange": {"min": "1Mi", "max": "24Gi"}}});
    let device = json!({
        "name": "part-0", "allowMultipleAllocations": true,
        "attributes": {"productName": {"string": "Parts A10"}, "type": {"string": "gpu"}},
        "capacity": {"cores": percent, "memory": memory},
    });
    let slice = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "cpu-a-parts"},
        "spec": {"driver": "parts.example.com", "nodeName": "cpu-a", "devices": [device],
            "pool": {"name": "cpu-a-parts", "generation": 1, "resourceSliceCount": 1}},
    });
    [class, slice]
}

#[test]
fn parts_of_one_device_go_to_two_claims_where_the_driver_gives_parts() {
    let p = shared();
    for object in shared_device() {
        ok(create(&p, ADMIN, object));
    }
    let record = |kind: &str, spec: Value| json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": "parts"}, "spec": spec});
    let model = json!({"deviceClassName": "parts.example.com", "productNames": ["Parts A10"], "sharing": "Capacity"});
    ok(create(&p, ADMIN, record("GpuModel", model)));
    let plan = json!({"quota": {"gpu": 2, "devices": 4, "cpu": 4, "memory": "8Gi"}, "gpuModels": ["parts"]});
    ok(create(&p, ADMIN, record("ResourcePlan", plan)));
    project(&p, "parts", json!({"plan": "parts"}));
    let labels = json!({"platform-go/dra-sm-pct": "30", "platform-go/vram-policy": "hard_cap", "platform-go/dra-pinned-mem": "8Gi"});
    let asking = json!({"spec": {"metadata": {"labels": labels}, "spec": {"devices": {"requests": [
        {"name": "gpu", "exactly": {"deviceClassName": "parts.example.com"}}]}}}});
    ok(create(&p, "alice", claim_template("parts", "third", asking)));
    for name in ["one", "two"] {
        ok(create(&p, "alice", using("parts", name, "third")));
        let (claim, given) = allocated(&p, "parts", name);
        assert_eq!(given, ["Parts A10"]);
        let capacity = &claim["spec"]["devices"]["requests"][0]["exactly"]["capacity"]["requests"];
        assert_eq!(*capacity, json!({"cores": "30", "memory": "8Gi"}));
        assert_eq!((label(&claim, "dra-effective-gpu"), label(&claim, "dra-gpu-count")), ("0.3", "1"));
        assert!(claim["spec"]["devices"]["config"].is_null(), "{claim}");
    }
    // Of 24Gi three have 8 each.
    ok(create(&p, "alice", using("parts", "three", "third")));
    ok(create(&p, "alice", using("parts", "four", "third")));
    within(SOON, "the fourth Pod to wait", || {
        let pod = get(&p, "parts", "pod/four");
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|it| it["reason"] == "Unschedulable")
    });
    forget(&p, "parts", &["pod/one", "pod/two", "pod/three", "pod/four"]);
    ok(kubectl(
        &p,
        ADMIN,
        &["delete", "project/parts", "resourceplan/parts", "gpumodel/parts", "resourceslice/cpu-a-parts"],
    ));
}
