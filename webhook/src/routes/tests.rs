//! Calls that no API server makes on purpose. Behind them is a webhook that has not reached its API server yet.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode};
use cluster::lookup::owners::Owners;
use cluster::world::World;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::Metrics;
use crate::limits::MAX_BODY_BYTES;

const PATHS: [&str; 5] = ["/governed/mutate", "/governed/validate", "/deletes", "/binding", "/records"];

/// An empty one. Its file is gone as soon as it is open.
async fn ledger() -> store::Ledger {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/ledger.db", directory.path().display());
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
    let service = tower::service_fn(|request: HttpRequest<kube::client::Body>| async move {
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            std::future::pending::<()>().await;
        }
        let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
        HttpResponse::builder().body(kube::client::Body::from(list.to_string().into_bytes()))
    });
    let client = kube::Client::new(service, "default");
    let caches = World::start(client.clone(), [], CancellationToken::new());
    (router(Webhook::new(caches.clone(), Owners::new(client), Arc::new(Metrics::default()), ledger().await)), caches)
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
