//! Calls that no API server makes on purpose. Behind them is a webhook that has not reached its API server yet.

mod agreement;
mod chart;
mod deputies;
mod overload;
mod reviews;
mod rollout;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use cluster::dry_run::Served;
use cluster::lookup;
use cluster::lookup::owners::Owners;
use cluster::testing::ApiServer;
use cluster::world::World;
use http_body_util::BodyExt as _;
use policy_engine::policy::Records;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::Metrics;
use crate::limits::MAX_BODY_BYTES;

const PATHS: [&str; 6] = ["/governed/mutate", "/governed/validate", "/deletes", "/binding", "/records", "/reviews"];

/// An empty one. Its file is gone as soon as it is open.
async fn ledger() -> store::Ledger {
    ledger_in(tempfile::tempdir().expect("a directory").path()).await
}

async fn ledger_in(directory: &Path) -> store::Ledger {
    let url = format!("sqlite://{}/ledger.db", directory.display());
    store::Store::open(&url).await.expect("a ledger").ledger()
}

/// Nothing listens there, so its caches stay empty.
async fn cold() -> Router {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().expect("a URL"));
    let client = kube::Client::try_from(nowhere).expect("a client");
    let caches = World::start(client.clone(), [], CancellationToken::new());
    router(Webhook::new(caches, Owners::new(client), Arc::new(Metrics::default()), ledger().await))
}

/// An API server that is empty, lists once, and is never heard again.
async fn silent() -> (Router, World) {
    let server = ApiServer::with_collections::<String>([]);
    let caches = World::start(server.client(), [], CancellationToken::new());
    let owners = Owners::new(server.client());
    (router(Webhook::new(caches.clone(), owners, Arc::new(Metrics::default()), ledger().await)), caches)
}

/// A workload is admitted without the warning, and whoever watches the metrics sees that nobody foresaw anything.
#[tokio::test]
async fn a_ledger_that_does_not_answer_a_workload_is_counted_and_refuses_nothing() {
    let (_, objects) = organisation();
    let server = api_server(objects);
    let caches = server.world(lookup::TOPICS).await;
    // Its writer ends with the runtime on which it was opened.
    let closed = std::thread::spawn(|| tokio::runtime::Runtime::new().expect("a runtime").block_on(ledger()));
    let (ledger, metrics) = (closed.join().expect("a ledger"), Arc::new(Metrics::default()));
    let router = router(Webhook::new(caches, Owners::new(server.client()), metrics.clone(), ledger));
    let container = json!({"name": "a", "image": "registry.example.com/a:1", "resources": {"requests": {"cpu": "1"}}});
    let mut request = asked();
    request["kind"] = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    request["resource"] = json!({"group": "apps", "version": "v1", "resource": "deployments"});
    request["object"] = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "llm-finetune", "labels": {"platform-go/user-id": "alice"},
            "annotations": {"platform-go/made-by": "alice"}},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}}});
    let (_, said) = post_to(router, "/governed/validate", review(request)).await;
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&answer["response"]["allowed"], &answer["response"]["warnings"]),
        (&json!(true), &Value::Null),
        "{said}"
    );
    let mut registry = prometheus_client::registry::Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    let counted = r#"webhook_outages_total{entry="validate",cause="unforeseen"} 1"#;
    assert!(text.lines().any(|line| line == counted), "{text}");
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(path)
}

/// The sample organisation: its records as the policy has them, and as objects beside the Namespaces of its projects.
fn organisation() -> (Records, Vec<Value>) {
    let (raw, _) = ::records::files::read(&example("org")).expect("the sample organisation");
    let (records, _) = ::records::convert::build(&raw);
    let namespaces = records.projects.values().flat_map(|project| {
        let labels = json!({"platform-go/project-id": project.id});
        let namespace =
            move |name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        project.namespaces.iter().map(namespace)
    });
    let objects = raw.iter().map(|record| record.object.clone()).chain(namespaces).collect();
    (records, objects)
}

/// An API server that has these objects.
fn api_server(objects: Vec<Value>) -> ApiServer {
    let path = |object: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = text(&object["apiVersion"]);
        let root = if version.contains('/') { "/apis" } else { "/api" };
        let namespace = object["metadata"]["namespace"].as_str().map(|it| format!("/namespaces/{it}"));
        let plural = Served::guessed(&version, &text(&object["kind"]), true).group_resource().resource;
        let name = text(&object["metadata"]["name"]);
        format!("{root}/{version}{}/{plural}/{name}", namespace.unwrap_or_default())
    };
    ApiServer::with_collections(objects.into_iter().map(|object| (path(&object), object)))
}

async fn post(path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    post_to(cold().await, path, body).await
}

async fn post_to(router: Router, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    let request = HttpRequest::post(path).body(body.into()).expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

fn review(request: Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string()
}

fn asked() -> Value {
    json!({
        "uid": "7f0b2c9e",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "llm-finetune",
        "operation": "CREATE",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": {"apiVersion": "v1", "kind": "Pod"},
    })
}

#[test]
fn the_answer_is_early_enough() {
    let now = Instant::now();
    let left = |timeout: Option<&str>| Asked { timeout: timeout.map(str::to_owned) }.deadline(now) - now;
    assert_eq!(left(Some("5s")), Duration::from_millis(4700));
    assert_eq!(left(Some("30s")), Duration::from_millis(29_700));
    assert_eq!(left(Some("1h0m0s")), Duration::from_millis(29_700));
    assert_eq!(left(Some("400ms")), Duration::from_millis(300));
    assert_eq!(left(Some("soon")), Duration::from_millis(4700));
    assert_eq!(left(None), Duration::from_millis(4700));
}

#[tokio::test]
async fn class_exhaustion_a_body_above_the_limit_is_too_large() {
    for path in PATHS {
        let (status, said) = post(path, vec![b' '; MAX_BODY_BYTES + 1]).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(said.starts_with("sluice: the body has more than 8388608 bytes"), "{path}: {said}");
        let (status, said) = post(path, vec![b'{'; MAX_BODY_BYTES]).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(said.contains("bytes of memory, and 201326592 are the most"), "{path}: {said}");
    }
}

#[tokio::test]
async fn class_exhaustion_a_heavy_review_is_answered_as_a_light_one_is() {
    let mut request = asked();
    request["object"]["spec"]["containers"] = vec![json!({"name": "c", "image": "x"}); 10_000].into();
    for path in PATHS {
        let (status, said) = post(path, review(request.clone())).await;
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!((status, &answer["response"]["uid"]), (StatusCode::OK, &json!("7f0b2c9e")), "{path}: {said}");
        assert_eq!(answer["response"]["status"]["code"], 503, "{path}: {said}");
        let (status, said) = post(path, vec![b'{'; 1 << 10]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {said}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_review_is_a_bad_request_that_says_why() {
    let whole = review(asked());
    let cases = [
        (String::new(), "no AdmissionReview"),
        (whole[..whole.len() / 2].to_owned(), "EOF while parsing"),
        ("[]".into(), "no AdmissionReview"),
        (r#"{"apiVersion": "v1", "kind": "Pod"}"#.into(), "the body is a Pod of v1"),
        (r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#.into(), "has no request"),
        (format!("{}1{}", "[".repeat(5000), "]".repeat(5000)), "no AdmissionReview"),
    ];
    for (body, why) in cases {
        for path in PATHS {
            let (status, said) = post(path, body.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {said}");
            assert!(said.contains(why), "{path}: {said}");
        }
    }
}

#[tokio::test]
async fn while_caches_are_cold_everything_governed_is_refused_with_retry() {
    for path in PATHS {
        let (status, said) = post(path, review(asked())).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        let response = &answer["response"];
        assert_eq!(response["uid"], "7f0b2c9e", "{path}");
        assert_eq!(response["allowed"], false, "{path}");
        assert_eq!(response["status"]["code"], 503, "{path}");
        assert_eq!(response["status"]["details"]["retryAfterSeconds"], 1, "{path}");
        let message = response["status"]["message"].as_str().expect("a message");
        assert!(message.starts_with("sluice: retry: "), "{path}: {message}");
    }
}

/// Another API server may have taken writes meanwhile: a member removed, an image forbidden.
#[tokio::test]
async fn class_stale_or_cold_caches_that_hear_nothing_any_more_refuse_with_retry() {
    let (router, caches) = silent().await;
    tokio::time::pause();
    caches.wait_synced().await.expect("an API server that lists");
    let record = || {
        review(json!({
            "uid": "7f0b2c9e", "operation": "DELETE", "name": "x", "userInfo": {"username": "alice"},
            "kind": {"group": "sluice.dev", "version": "v1alpha1", "kind": "User"},
            "resource": {"group": "sluice.dev", "version": "v1alpha1", "resource": "users"},
        }))
    };
    tokio::time::advance(Duration::from_secs(140)).await;
    let (_, said) = post_to(router.clone(), "/records", record()).await;
    assert!(said.contains("sluice: 1 denied: record"), "a decision: {said}");
    tokio::time::advance(Duration::from_secs(20)).await;
    for path in PATHS {
        let (status, said) = post_to(router.clone(), path, record()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        let status = &answer["response"]["status"];
        assert_eq!((&answer["response"]["allowed"], &status["code"]), (&json!(false), &json!(503)), "{path}");
        let message = status["message"].as_str().expect("a message");
        assert!(
            message.starts_with("sluice: retry: nothing was heard from the API server for 16"),
            "{path}: {message}"
        );
    }
}
