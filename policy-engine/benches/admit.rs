//! What one `admit` costs, and how that grows. `cargo xtask bench` reads the results.

#[expect(dead_code, reason = "the tests ask more than the bench")]
#[path = "../tests/engine/support/judge.rs"]
mod judge;
#[path = "../tests/engine/support/policies.rs"]
mod policies;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::policy::people::User;
use serde_json::{Value, json};

/// What `sluice` allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The project in which alice makes her Pod.
const PROJECT: &str = "llm-finetune";

/// The sample organisation among as many other projects, each with a user of its own.
fn platform(projects: usize) -> Policy {
    let mut records = policies::sample_organisation();
    let project = records.projects[PROJECT].clone();
    let alice = records.users["alice"].clone();
    for number in 0..projects {
        let id = format!("other-{number}");
        let mut other = project.clone();
        (other.name, other.id, other.namespaces) = (id.as_str().into(), ProjectId::new(&id), vec![id.clone()]);
        records.projects.insert(other.name.clone(), other);
        let user = User { name: id.as_str().into(), id: UserId::new(&id), username: id, ..alice.clone() };
        records.users.insert(user.name.clone(), user);
    }
    records.into()
}

/// A Pod as the API server hands it to the mutating call.
fn pod(containers: usize) -> Value {
    let mount = json!({"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10});
    let container = |number: usize| {
        json!({
            "name": format!("c{number}"),
            "image": "registry.example.com/team/trainer:1.2",
            "env": [{"name": "MODE", "value": "train"}, {"name": "DATA", "value": "/work"}],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            "livenessProbe": probe,
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "allowPrivilegeEscalation": false},
            "volumeMounts": [{"name": "work", "mountPath": "/work"}, mount],
            "terminationMessagePath": "/dev/termination-log",
            "imagePullPolicy": "IfNotPresent",
        })
    };
    let token = json!({"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train", "namespace": PROJECT, "labels": {"app": "train"}},
        "spec": {
            "containers": (0..containers).map(container).collect::<Vec<_>>(),
            "volumes": [{"name": "work", "emptyDir": {}}, {"name": "kube-api-access-x7k2p", "projected": token}],
            "priority": 0,
            "preemptionPolicy": "PreemptLowerPriority",
            "serviceAccountName": "default",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
        },
    })
}

fn admit(policy: &Policy, pod: &Value) {
    let decision = judge::judge(&judge::creation(black_box(pod), PROJECT, "alice"), black_box(policy));
    assert!(decision.allowed() && !decision.mutations.is_empty(), "{decision}");
    black_box(decision);
}

fn all(criterion: &mut Criterion) {
    let usual = platform(200);
    let one = pod(2);
    criterion.bench_function("pod", |bencher| bencher.iter(|| admit(&usual, &one)));
    let mut projects = criterion.benchmark_group("projects");
    for count in [10, 100, 1_000, 10_000] {
        let policy = platform(count);
        projects.bench_function(BenchmarkId::from_parameter(count), |bencher| bencher.iter(|| admit(&policy, &one)));
    }
    projects.finish();
    let mut containers = criterion.benchmark_group("containers");
    for count in [1, 10, 100, 1_000] {
        let pod = pod(count);
        containers.bench_function(BenchmarkId::from_parameter(count), |bencher| bencher.iter(|| admit(&usual, &pod)));
    }
    containers.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
