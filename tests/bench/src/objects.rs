//! What is submitted: records of an organisation, and workloads as people write them.
//!
//! Every Pod is gated by a gate of its own, so that neither scheduler nor kubelets are measured.

use serde_json::{Value, json};

/// The project of this number; its namespace has the same name.
pub fn project(number: usize) -> String {
    format!("bench-{number:03}")
}

/// How many people there are.
pub const PEOPLE: usize = 20;

/// Who leads the project of this number.
pub fn person(project: usize) -> String {
    format!("bench-person-{:02}", project % PEOPLE)
}

/// A record of Sluice.
pub fn record(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A group, a plan, people, and so many projects.
pub fn organisation(projects: usize) -> Value {
    let members: Vec<_> = (0..PEOPLE).map(|number| json!({"user": person(number), "role": "Member"})).collect();
    // Of CPU and memory there is room for all Pods that a bench charges, which nobody takes back.
    let quota = json!({"gpu": 8, "devices": 8, "cpu": 10_000_000, "memory": "10000Ti"});
    let mut items = vec![
        record("Group", "bench", json!({"members": members})),
        record("ResourcePlan", "bench", json!({"quota": quota, "perUser": {"gpu": 4}})),
    ];
    items.extend((0..PEOPLE).map(|number| record("User", &person(number), json!({"username": person(number)}))));
    items.extend((0..projects).map(|number| {
        let members =
            json!([{"user": person(number), "role": "Admin"}, {"user": person(number + 1), "role": "Member"}]);
        let images = json!(["registry.example.com/**", "docker.io/library/*"]);
        let spec = json!({"group": "bench", "plan": "bench", "members": members, "images": images});
        record("Project", &project(number), spec)
    }));
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// A training job's Pod with a sidecar: about 5 KB as the API server sends it.
pub fn pod(name: &str) -> Value {
    let metadata = json!({"name": name, "labels": {"app": name, "app.kubernetes.io/part-of": "bench"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec()})
}

/// A Deployment of one such Pod.
pub fn deployment(name: &str) -> Value {
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": pod_spec()});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    })
}

fn pod_spec() -> Value {
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    let resources = json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}});
    let environment: Vec<_> = (0..12)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value of setting {number}")}))
        .collect();
    let security = json!({"runAsNonRoot": true, "runAsUser": 1000, "allowPrivilegeEscalation": false});
    json!({
        "schedulingGates": [{"name": "example.com/hold"}],
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "work", "emptyDir": {}}],
        "containers": [
            {
                "name": "main", "image": "registry.example.com/team/trainer:1.2", "env": environment,
                "args": ["--epochs=3", "--data=/work"], "resources": resources, "securityContext": security,
                "ports": [{"name": "http", "containerPort": 8080}], "livenessProbe": probe, "readinessProbe": probe,
                "volumeMounts": [{"name": "work", "mountPath": "/work"}],
            },
            {
                "name": "sidecar", "image": "docker.io/library/fluent-bit:3", "resources": resources,
                "securityContext": security, "volumeMounts": [{"name": "work", "mountPath": "/work", "readOnly": true}],
            },
        ],
    })
}

/// The same Pod with a script and settings of more than a mebibyte, half of it in many small values.
pub fn large_pod(name: &str) -> Value {
    let mut pod = pod(name);
    let settings = (0..4_000).map(|number| json!({"name": format!("LARGE_{number:04}"), "value": "v".repeat(100)}));
    pod["spec"]["containers"][0]["env"] = settings.collect();
    pod["spec"]["containers"][0]["args"] = json!(["x".repeat(500_000)]);
    pod
}
