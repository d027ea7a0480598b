//! The autoscaler's controller is no way to a colleague's workload.

use e2e::manifest::workload;
use e2e::refusal::{assert_denied, assert_refused_by_policy, denials};
use e2e::{create, eventually, get, kubectl, ok, shared};
use ground::Ground;
use serde_json::{Value, json};

const NAMESPACE: &str = "detector";

/// Wants fewer replicas than the workload has, which its controller sees without any metric.
fn autoscaler(name: &str, deployment: &str) -> Value {
    autoscaler_to(1, name, deployment)
}

fn autoscaler_to(replicas: i64, name: &str, deployment: &str) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"minReplicas": replicas, "maxReplicas": replicas,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}})
}

fn replicas(p: &Ground, deployment: &str) -> Value {
    get(p, NAMESPACE, &format!("deployment/{deployment}"))["spec"]["replicas"].clone()
}

#[test]
fn class_confused_deputy_an_autoscaler_scales_what_its_maker_may_scale() {
    let p = shared();
    for (owner, name) in [("carol", "carols-scaled"), ("bob", "bobs-scaled")] {
        let mut deployment = workload("Deployment", NAMESPACE, name, json!({}));
        deployment["spec"]["replicas"] = json!(2);
        ok(create(&p, owner, deployment));
    }
    let refused = create(&p, "bob", autoscaler("to-carols", "carols-scaled"));
    let says = "asked to scale Deployment carols-scaled, which is carol's; a Member scales their own";
    assert_denied(&refused, &[("project", says)]);
    // The controller finds a kind in whichever version of its group.
    let mut other_version = autoscaler("to-carols", "carols-scaled");
    other_version["spec"]["scaleTargetRef"]["apiVersion"] = json!("apps/v1beta1");
    assert_denied(&create(&p, "bob", other_version), &[("project", says)]);
    // What it names may come later: then it is judged when it scales.
    ok(kubectl(&p, "carol", &["-n", NAMESPACE, "delete", "deployment/carols-scaled"]));
    ok(create(&p, "bob", autoscaler("to-carols", "carols-scaled")));
    let mut deployment = workload("Deployment", NAMESPACE, "carols-scaled", json!({}));
    deployment["spec"]["replicas"] = json!(2);
    ok(create(&p, "carol", deployment));
    ok(create(&p, "carol", autoscaler("to-bobs", "bobs-scaled")));
    let refused = eventually("the controller hears of the refusal", || {
        let said = get(&p, NAMESPACE, "hpa/to-carols")["status"]["conditions"].to_string();
        said.contains("sluice").then_some(said)
    });
    let text = refused.replace("\\n", "\n");
    let found = denials(&text);
    assert_eq!(
        found.first().map(|it| (it.rule.as_str(), it.field.as_str())),
        Some(("project", "spec.replicas")),
        "{text}"
    );
    assert!(text.contains("HorizontalPodAutoscaler to-carols is bob's and asked to scale what is carol's"), "{text}");
    eventually("a Manager's autoscaler scales", || (replicas(&p, "bobs-scaled") == json!(1)).then_some(()));
    assert_eq!(replicas(&p, "carols-scaled"), json!(2));
    ok(create(&p, "carol", autoscaler_to(3, "hers", "carols-scaled")));
    eventually("her own scales", || (replicas(&p, "carols-scaled") == json!(3)).then_some(()));
    let hers = kubectl(&p, "bob", &["-n", NAMESPACE, "delete", "hpa", "to-bobs"]);
    assert_refused_by_policy(&hers, "sluice-colleagues", "made by carol, and bob is no Manager here");
}
