use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use policy_engine::policy::Records;
use serde_json::{Value, json};

use super::*;

/// A client of an API server that knows `objects` by path, and the list of what it was asked.
fn api_server(objects: Vec<(&'static str, Value)>) -> (Client, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        assert_eq!(request.method(), Method::GET);
        let path = request.uri().path().to_owned();
        let found = objects.iter().find(|(known, _)| *known == path).map(|(_, object)| object.clone());
        log.lock().expect("no panic holds it").push(path);
        let (code, text) = match found {
            Some(object) => (StatusCode::OK, object.to_string()),
            // What the API server says where not even the group exists.
            None if request.uri().path().starts_with("/apis/x.y/") => {
                (StatusCode::NOT_FOUND, "404 page not found".into())
            }
            None => (StatusCode::NOT_FOUND, not_found().to_string()),
        };
        let answer = Response::builder().status(code).body(Body::from(text.into_bytes()));
        async move { answer }
    });
    (Client::new(service, "default"), asked)
}

fn not_found() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})
}

type Asked = Arc<std::sync::Mutex<Vec<String>>>;

fn count(asked: &Asked, path: &str) -> usize {
    asked.lock().expect("no panic holds it").iter().filter(|it| *it == path).count()
}

const APPS: &str = "/apis/apps/v1";
const RUN_1: &str = "/apis/apps/v1/namespaces/team/replicasets/run-1";

fn apps() -> Value {
    json!({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
        {"name": "replicasets", "singularName": "", "namespaced": true, "kind": "ReplicaSet", "verbs": ["get"]},
        {"name": "replicasets/scale", "singularName": "", "namespaced": true, "kind": "Scale", "verbs": ["get"]},
        {"name": "controllerrevisions", "singularName": "", "namespaced": true, "kind": "ControllerRevision", "verbs": ["get"]},
    ]})
}

fn run_1(labels: Value) -> Value {
    let meta = json!({"name": "run-1", "namespace": "team", "uid": "u-1", "labels": labels});
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
}

fn reference(kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        name: name.into(),
        uid: uid.into(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn stamped(owners: &Owners, reference: &OwnerReference) -> ControllerOwner {
    let policy = Policy::from(Records::default());
    owners.stamped(&policy, "team", reference, soon()).await.expect("the API server answers")
}

fn by(user: Option<&str>) -> ControllerOwner {
    ControllerOwner::Stamped { kind: "ReplicaSet".into(), name: "run-1".into(), user_id: user.map(Into::into) }
}

fn gone(name: &str) -> ControllerOwner {
    ControllerOwner::Gone { kind: "ReplicaSet".into(), name: name.into() }
}

#[tokio::test]
async fn a_stamp_is_asked_for_once() {
    let (client, asked) = api_server(vec![(APPS, apps()), (RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(client);
    for _ in 0..3 {
        assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-1")).await, by(Some("alice")));
    }
    assert_eq!((count(&asked, APPS), count(&asked, RUN_1)), (1, 1));
}

#[tokio::test]
async fn an_object_from_before_the_platform_has_no_stamp() {
    let (client, _) = api_server(vec![(APPS, apps()), (RUN_1, run_1(json!({"app": "x"})))]);
    assert_eq!(stamped(&Owners::new(client), &reference("ReplicaSet", "run-1", "u-1")).await, by(None));
}

#[tokio::test]
async fn another_uid_or_name_borrows_no_stamp() {
    let (client, asked) = api_server(vec![(APPS, apps()), (RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(client);
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-1")).await, by(Some("alice")));
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-2")).await, gone("run-1"));
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-2", "u-1")).await, gone("run-2"));
    let asked_before = asked.lock().expect("no panic holds it").len();
    let elsewhere = "../../other/replicasets/run-1";
    assert_eq!(stamped(&owners, &reference("ReplicaSet", elsewhere, "u-1")).await, gone(elsewhere));
    assert_eq!(asked.lock().expect("no panic holds it").len(), asked_before, "no such path is asked for");
}

#[tokio::test]
async fn kinds_that_nobody_listed_prove_nothing() {
    let (client, asked) = api_server(vec![(APPS, apps())]);
    let owners = Owners::new(client);
    let unlisted = |kind: &str, resource: Option<&str>| ControllerOwner::Unlisted {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        resource: resource.map(Into::into),
    };
    let revision = stamped(&owners, &reference("ControllerRevision", "a", "u-1")).await;
    assert_eq!(revision, unlisted("ControllerRevision", Some("controllerrevisions")));
    for _ in 0..3 {
        assert_eq!(stamped(&owners, &reference("Made-up", "a", "u-1")).await, unlisted("Made-up", None));
    }
    let of_no_group = OwnerReference { api_version: "x.y/v1".into(), ..reference("Foo", "a", "u-1") };
    let of_no_group = stamped(&owners, &of_no_group).await;
    assert!(matches!(of_no_group, ControllerOwner::Unlisted { resource: None, .. }), "{of_no_group:?}");
    assert_eq!(count(&asked, APPS), 2, "a kind that is missing is asked about once a second at most");
}

#[tokio::test]
async fn failures_are_errors_and_never_answers() {
    let broken =
        tower::service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>(std::io::Error::other("down")) });
    let owners = Owners::new(Client::new(broken, "default"));
    let policy = Policy::from(Records::default());
    let failed = owners.stamped(&policy, "team", &reference("ReplicaSet", "run-1", "u-1"), soon()).await;
    assert!(matches!(failed, Err(LookupFailed::Api { what, .. }) if what == "ReplicaSet team/run-1"));

    let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, std::io::Error>>());
    let owners = Owners::new(Client::new(silent, "default"));
    let deadline = Instant::now() + Duration::from_millis(20);
    let late = owners.stamped(&policy, "team", &reference("ReplicaSet", "run-1", "u-1"), deadline).await;
    assert!(matches!(late, Err(LookupFailed::Deadline { what }) if what == "ReplicaSet team/run-1"));
}

#[tokio::test]
async fn the_target_of_a_subresource_is_read_anew_each_time() {
    let (client, asked) = api_server(vec![(RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(client);
    let replica_sets = GroupVersionResource::gvr("apps", "v1", "replicasets");
    for _ in 0..2 {
        let target = owners.target("team", &replica_sets, "run-1", soon()).await.expect("answers").expect("exists");
        assert_eq!((target.uid.as_str(), target.user_id()), ("u-1", Some("alice")));
    }
    assert_eq!(count(&asked, RUN_1), 2);
    assert_eq!(owners.target("team", &replica_sets, "run-2", soon()).await.expect("answers"), None);
}
