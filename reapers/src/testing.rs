//! A stage on an API server in memory.

use cluster::testing::ApiServer;
use cluster::world::Topic;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use store::{Ledger, Store};
use tempfile::TempDir;

use crate::stage::Stage;

/// A ledger, for as long as the directory is kept.
pub(crate) async fn ledger() -> (Ledger, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/ledger.db", directory.path().display());
    (Store::open(&url).await.expect("a ledger").ledger(), directory)
}

/// One whose database does not answer: its file is gone before it was ever used.
pub(crate) async fn ledger_that_is_away() -> Ledger {
    ledger().await.0
}

/// A stage whose world is everything that the server has.
pub(crate) async fn stage(server: &ApiServer, ledger: Ledger) -> Stage {
    Stage::new(server.world(&Topic::ALL).await, "sluice-system", ledger)
}

/// What people read at `/metrics`.
pub(crate) fn metrics(stage: &Stage) -> String {
    let (mut registry, mut text) = (Registry::default(), String::new());
    stage.metrics.register(&mut registry);
    encode(&mut text, &registry).expect("text takes everything");
    text
}

#[track_caller]
pub(crate) fn counts(stage: &Stage, line: &str) {
    let text = metrics(stage);
    assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
}

/// Of each project the record and its Namespace, which is named as the project.
pub(crate) fn projects<const N: usize>(names: [&str; N]) -> Vec<(String, Value)> {
    let record = |kind: &str, plural: &str, name: &str, spec: Value| {
        let meta = json!({"name": name, "uid": format!("{plural}-{name}")});
        let object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec});
        (format!("/apis/sluice.dev/v1alpha1/{plural}/{name}"), object)
    };
    let mut objects = vec![
        record("Group", "groups", "lab", json!({"members": []})),
        record("ResourcePlan", "resourceplans", "gold", json!({"quota": {"cpu": 16, "memory": "64Gi"}})),
    ];
    for name in names {
        objects.push(record("Project", "projects", name, json!({"group": "lab", "plan": "gold", "images": ["**"]})));
        let meta = json!({"name": name, "uid": name, "labels": {"platform-go/project-id": name}});
        objects.push((format!("/api/v1/namespaces/{name}"), json!({"metadata": meta})));
    }
    objects
}

/// A Pod that takes one CPU; `change` is laid over it.
pub(crate) fn pod(namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> (String, Value) {
    let container = json!({"name": "main", "image": "x", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}});
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "1",
            "creationTimestamp": "2026-11-23T11:00:00Z"},
        "spec": {"containers": [container]},
    });
    change(&mut pod);
    (format!("/api/v1/namespaces/{namespace}/pods/{name}"), pod)
}
