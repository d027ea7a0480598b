//! Selectors of devices: none panics or holds the process up, and none excludes what its contrary excludes too.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use policy_engine::claims::Understood;
use policy_engine::claims::classes::DeviceClasses;
use proptest::{prop_assert, prop_assert_eq};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admission::POLICY;
use super::{text, texts};
use crate::Held;

/// Much more than any selector takes, in a build that is not optimised.
const LONG: Duration = Duration::from_secs(10);

pub(super) fn seeds() -> Vec<Value> {
    texts(&[
        "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'",
        "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'",
        "device.attributes['gpu.nvidia.com'].productName.lowerAscii().matches('^.*5090.*$')",
        "device.attributes[device.driver].?productName.orValue('') in ['NVIDIA GeForce RTX 5090', 'x']",
        "'productName' in device.attributes['a'] ? device.attributes['a'].productName.contains('RTX') : false",
        "['H100', 'RTX'].exists(m, device.attributes['gpu.nvidia.com'].productName.contains(m))",
        "cel.bind(gpu, device.attributes['gpu.nvidia.com'], has(gpu.productName) && gpu.productName.size() < 30)",
        "[1, 2, 3].all(x, [1, 2, 3].exists(y, x == y)) || 1 + 2 * 3 - 4 % 5 > 6",
        "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0 || !false",
        "{'a': [1, 2u, 3.0, b'x', null]}['a'][0] == 1 && 'a,b'.split(',').map(x, x + x).size() == 2",
    ])
}

/// The models that a selector excludes; nothing where it was not evaluated.
fn excluded(expression: &str) -> Option<BTreeSet<String>> {
    let selectors = json!([{"cel": {"expression": expression}}]);
    let requests = json!([{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "selectors": selectors}}]);
    let spec = ResourceClaimSpec::deserialize(json!({"devices": {"requests": requests}})).ok()?;
    let understood = Understood::of(&spec, &DeviceClasses::new(), &POLICY);
    let alternative = understood.alternatives().next()?;
    let given: BTreeSet<_> = alternative.models.iter().map(|model| model.id.clone()).collect();
    let all = POLICY.records().models.values().map(|model| model.id.clone());
    alternative.unclear.is_none().then(|| all.filter(|model| !given.contains(model)).collect())
}

pub(super) fn holds(input: &Value) -> Held {
    let Some(expression) = text(input) else { return Ok(()) };
    let start = Instant::now();
    let alone = excluded(expression);
    prop_assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    let (bracketed, contrary) = (excluded(&format!("({expression}\n)")), excluded(&format!("!({expression}\n)")));
    if let (Some(alone), Some(bracketed)) = (&alone, bracketed) {
        prop_assert_eq!(alone, &bracketed, "{} in brackets", expression);
    }
    if let (Some(alone), Some(contrary)) = (&alone, contrary) {
        prop_assert!(alone.is_disjoint(&contrary), "{} and its contrary: {:?} {:?}", expression, alone, contrary);
    }
    Ok(())
}
