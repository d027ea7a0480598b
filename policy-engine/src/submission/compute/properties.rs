//! What holds for the arithmetic of every Pod.

use k8s_openapi::api::core::v1::PodStatus;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// Limits that are below requests are among them, and amounts that are said nowhere.
fn resources() -> impl Strategy<Value = Value> {
    let list = || {
        let (cpu, memory) = (prop::option::of(0..9_u32), prop::option::of(0..9_u32));
        (cpu, memory).prop_map(|(cpu, memory)| {
            let said = [("cpu", cpu), ("memory", memory)].into_iter();
            said.filter_map(|(resource, it)| Some((resource.to_owned(), json!(it?.to_string())))).collect::<Value>()
        })
    };
    (list(), list()).prop_map(|(requests, limits)| json!({"requests": requests, "limits": limits}))
}

fn container() -> impl Strategy<Value = Value> {
    (resources(), any::<bool>()).prop_map(|(resources, sidecar)| {
        let restart = if sidecar { json!("Always") } else { Value::Null };
        json!({"name": "", "resources": resources, "restartPolicy": restart})
    })
}

/// A container, and what the kubelet says of it.
fn known() -> impl Strategy<Value = (Value, Value)> {
    (container(), resources(), resources()).prop_map(|(container, allocated, actual)| {
        let status = json!({"name": "", "ready": true, "image": "x", "imageID": "x", "restartCount": 0,
            "allocatedResources": allocated["requests"], "resources": actual});
        (container, status)
    })
}

/// The spec and the status of a Pod.
fn pod() -> impl Strategy<Value = (Value, Value)> {
    let lists = (prop::collection::vec(known(), 0..4), prop::collection::vec(known(), 0..4));
    let whole = (prop::option::of(resources()), prop::option::of(resources()), any::<bool>());
    (lists, whole).prop_map(|((init, app), (whole, actual, infeasible))| {
        let name = |(index, (mut container, mut status)): (usize, (Value, Value)), list: &str| {
            container["name"] = json!(format!("{list}{index}"));
            status["name"] = container["name"].clone();
            (container, status)
        };
        let (init, of_init): (Vec<_>, Vec<_>) = init.into_iter().enumerate().map(|it| name(it, "init")).unzip();
        let (app, of_app): (Vec<_>, Vec<_>) = app.into_iter().enumerate().map(|it| name(it, "app")).unzip();
        let pending =
            json!([{"type": "PodResizePending", "status": "True", "reason": "Infeasible", "observedGeneration": 1}]);
        let allocated = actual.as_ref().map(|actual| actual["requests"].clone());
        let spec = json!({"initContainers": init, "containers": app, "resources": whole, "overhead": {"cpu": "1"}});
        let status = json!({"initContainerStatuses": of_init, "containerStatuses": of_app, "resources": actual,
            "allocatedResources": allocated, "conditions": if infeasible { pending } else { json!([]) }});
        (spec, status)
    })
}

proptest! {
    #[test]
    fn nobody_is_charged_less_by_limits_than_by_requests((spec, status) in pod()) {
        let asked = Asked::by(&PodSpec::deserialize(spec).expect("a spec")).expect("amounts");
        let given = Given::by(&PodStatus::deserialize(status).expect("a status"));
        let taken = |by| asked.taken(by).expect("a sum");
        let held = |by| asked.held(&given, Some(1), by).expect("a sum");
        let more = |one: Amounts, other: Amounts| one.minus(other);
        prop_assert_eq!(more(taken(ChargeBy::Requests), taken(ChargeBy::Limits)), Amounts::NOTHING);
        prop_assert_eq!(more(held(ChargeBy::Requests), held(ChargeBy::Limits)), Amounts::NOTHING);
    }
}
