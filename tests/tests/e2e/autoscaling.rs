//! The autoscaler's controller is no way to a colleague's workload.

use e2e::manifest::workload;
use e2e::refusal::denials;
use e2e::{create, eventually, get, kubectl, ok, shared};
use ground::Ground;
use serde_json::{Value, json};

const NAMESPACE: &str = "detector";

/// Wants fewer replicas than the workload has, which its controller sees without any metric.
fn autoscaler(name: &str, deployment: &str) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"minReplicas": 1, "maxReplicas": 1,
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
    ok(create(&p, "bob", autoscaler("to-carols", "carols-scaled")));
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
    let hers = kubectl(&p, "bob", &["-n", NAMESPACE, "delete", "hpa", "to-bobs"]);
    assert_eq!(denials(&hers.stderr).first().map(|it| it.rule.clone()).as_deref(), Some("project"), "{}", hers.stderr);
}
