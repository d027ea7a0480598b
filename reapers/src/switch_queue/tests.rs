use std::time::Duration;

use cluster::testing::ApiServer;
use serde_json::{Value, json};

use super::*;
use crate::cycle::{Memory, Past, turn};
use crate::testing::{ledger, pod, projects, stage};

const APPS: &str = "/apis/apps/v1";
const SET: &str = "/apis/apps/v1/namespaces/detector/replicasets/web-1";

fn owner(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("u-{name}"), "controller": true}])
}

/// A Deployment that was moved to `default`, its ReplicaSet, and Pods of it and of another.
fn server(moved: &Value) -> ApiServer {
    let meta = |name: &str, rest: Value| {
        let mut meta =
            json!({"namespace": "detector", "name": name, "uid": format!("u-{name}"), "resourceVersion": "1"});
        meta.as_object_mut().expect("a map").extend(rest.as_object().expect("a map").clone());
        json!({"metadata": meta})
    };
    let of = |name: &str, queue: &str, owners: Value| {
        pod("detector", name, |pod| {
            pod["metadata"]["labels"] = json!({"platform-go/queue-name": queue});
            pod["metadata"]["ownerReferences"] = owners;
            pod["spec"]["nodeName"] = json!("cpu-a");
        })
    };
    let resources = json!({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
        {"name": "replicasets", "singularName": "", "namespaced": true, "kind": "ReplicaSet", "verbs": ["get"]},
    ]});
    let objects = [
        (APPS.to_owned(), resources),
        ("/apis/apps/v1/namespaces/detector/deployments/web".into(), meta("web", json!({"labels": moved}))),
        (SET.into(), meta("web-1", json!({"ownerReferences": owner("Deployment", "web")}))),
        of("owl", "night", owner("ReplicaSet", "web-1")),
        of("cat", "night", owner("ReplicaSet", "web-1")),
        of("stays", "default", owner("ReplicaSet", "web-1")),
        of("alone", "night", json!([])),
    ];
    ApiServer::with_collections(projects(["detector"]).into_iter().chain(objects))
}

#[tokio::test]
async fn the_pods_of_a_moved_deployment_move_and_what_is_between_is_asked_about_once() {
    let server = server(&json!({"platform-go/moved-to": "default"}));
    let (ledger, _directory) = ledger().await;
    let stage = stage(&server, ledger).await;
    let mut past = Past::default();
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    let (mut asked, mut moved) = (Vec::new(), Vec::new());
    for call in server.calls() {
        match call.method.as_str() {
            "GET" => asked.push(call.path),
            "PATCH" => moved.push((call.path, call.body["metadata"]["labels"].clone())),
            _ => assert!(call.path.ends_with("/events"), "{call:?}"),
        }
    }
    moved.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(asked, [APPS, SET]);
    let labels = json!({"platform-go/queue-name": "default", "platform-go/preemptible": "true"});
    let path = |name: &str| format!("/api/v1/namespaces/detector/pods/{name}");
    assert_eq!(moved, [(path("cat"), labels.clone()), (path("owl"), labels)]);
}

#[tokio::test]
async fn where_nothing_was_moved_nobody_is_asked_about_anything() {
    let server = server(&json!({}));
    let (ledger, _directory) = ledger().await;
    let stage = stage(&server, ledger).await;
    turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
    server.assert_asked::<&str>([]);
}

/// Listed in the record alone: the chart would give the right to read them.
#[tokio::test]
async fn a_listed_kind_that_may_not_be_read_wants_attention() {
    let kinds = json!([{"group": "apps", "version": "v1", "resource": "widgets", "podTemplates": ["/spec/template"]}]);
    let policy = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformPolicy", "metadata": {"name": "default", "uid": "p"},
        "spec": {"workloadKinds": kinds}});
    let objects = [("/apis/sluice.dev/v1alpha1/platformpolicies/default".to_owned(), policy)];
    let server = ApiServer::with_collections(projects(["detector"]).into_iter().chain(objects));
    let server = server.refusing("/apis/apps/v1/widgets");
    let (ledger, _directory) = ledger().await;
    let stage = stage(&server, ledger).await;
    let refused = async {
        while stage.world.unreadable_kinds().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("it was tried");
    let mut memory = Memory::default();
    let turn = Turn { stage: &stage, memory: &mut memory, may_act: &|| true };
    assert_eq!(
        propose(turn).await.expect("a proposal").attention,
        [
            "PlatformPolicy.spec.workloadKinds lists widgets.apps, which Sluice has no right to read: its workloads that are switched to a \
          queue keep their Pods where they are; list it in the chart's value policy.workloadKinds too and run helm upgrade, or apply what \
          the chart renders"
        ]
    );
}
