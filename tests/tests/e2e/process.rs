//! The process: calls that nobody should make, a cold start, an end, and what is done to its surroundings.

mod surroundings;

use e2e::manifest::with;
use e2e::process::{Beside, review, wire};
use e2e::{ADMIN, eventually, http_get, kubectl, must, ok, shared};
use serde_json::json;

#[test]
fn class_panic_a_call_that_nobody_should_make_is_answered_and_ends_nothing() {
    let p = shared();
    let (before, wire) = (p.pid("sluice").expect("sluice runs"), wire(&p));
    let whole = review(json!({})).to_string();
    let denied = wire.post("/governed/mutate", whole.as_bytes()).response();
    assert_eq!((&denied["uid"], &denied["status"]["code"]), (&json!("raw-call"), &json!(403)), "{denied}");
    assert_eq!(denied["status"]["details"]["causes"][0]["reason"], "queue");

    let huge = vec![b' '; (8 << 20) + 1];
    let deep = "[".repeat(100_000);
    let bodies: [(&[u8], u16, &str); 7] = [
        (&whole.as_bytes()[..whole.len() / 2], 400, "the body is no AdmissionReview: EOF while parsing"),
        (b"", 400, "the body is no AdmissionReview: EOF while parsing"),
        (b"\xff\xfe{}", 400, "the body is no AdmissionReview: "),
        (deep.as_bytes(), 400, "the body is no AdmissionReview: "),
        (br#"{"apiVersion": "v1", "kind": "Pod"}"#, 400, "the body is a Pod of v1; send an AdmissionReview"),
        (
            br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#,
            400,
            "the AdmissionReview has no request",
        ),
        (&huge, 413, "sluice: the body has more than 8388608 bytes, which no review of the API server's has"),
    ];
    for path in ["/governed/mutate", "/governed/validate", "/deletes", "/binding", "/records"] {
        for (body, status, says) in bodies {
            let answer = wire.post(path, body);
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(answer.body.contains(says), "{path}: {says:?} is not in {:?}", answer.body);
        }
    }
    assert_eq!(wire.post("/nowhere", whole.as_bytes()).status, 404);
    assert_eq!(p.pid("sluice"), Some(before));
}

#[test]
fn class_panic_a_review_of_something_else_is_refused_under_its_own_uid() {
    let p = shared();
    let (before, wire) = (p.pid("sluice").expect("sluice runs"), wire(&p));
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "raw", "namespace": "detector"}});
    let cases = [
        ("no-object", json!({"object": null}), "sluice: the review carries no object"),
        ("text", json!({"object": "text"}), "sluice: the review carries no object"),
        ("kind", json!({"object": service}), "sluice: the review is about a Pod and carries a Service"),
        ("spec", json!({"object": {"spec": []}}), "sluice: the object cannot be read"),
    ];
    for path in ["/governed/mutate", "/governed/validate"] {
        for (uid, request, says) in &cases {
            let sent = review(with(request.clone(), json!({"uid": uid})));
            let response = wire.post(path, sent.to_string().as_bytes()).response();
            assert_eq!((&response["uid"], &response["allowed"]), (&json!(uid), &json!(false)), "{response}");
            let status = &response["status"];
            let message = status["message"].as_str().unwrap_or_default();
            assert!(status["code"] == 400 && message.contains(says), "{path} {uid}: {status}");
        }
    }
    let (_, page) = http_get(&p, "/metrics");
    let counted = |cause: &str| page.lines().any(|line| line.contains("outages_total{") && line.contains(cause));
    for cause in [r#"cause="no-object""#, r#"cause="other-kind""#, r#"cause="unreadable""#] {
        assert!(counted(cause), "{cause}:\n{page}");
    }
    assert_eq!(p.pid("sluice"), Some(before));
}

#[test]
fn a_process_that_is_asked_to_stop_answers_open_calls_and_exits_with_0() {
    let p = shared();
    let mut beside = Beside::start(&p, "run", &p.layout().component_kubeconfig("sluice"));
    eventually("it to be ready", || (beside.get("/readyz")?.0 == 200).then_some(()));
    let body = review(json!({"uid": "slow"})).to_string();
    let (begin, end) = body.as_bytes().split_at(body.len() / 2);
    let wire = beside.wire(&p);
    let mut call = wire.begin("/governed/mutate", body.len());
    call.send(begin);
    beside.terminate();
    eventually("new calls to be turned away", || (!wire.is_open()).then_some(()));
    call.send(end);
    let response = call.answer().response();
    assert_eq!((&response["uid"], &response["status"]["code"]), (&json!("slow"), &json!(403)), "{response}");
    let status = eventually("it to end", || beside.ended());
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn class_stale_or_cold_caches_that_are_not_filled_refuse_with_retry_until_they_are() {
    let p = shared();
    let kubeconfig = must(p.user_kubeconfig("cold-sluice", &[]));
    let configurations = "--resource=mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let verbs = "--verb=get,list,watch,update,patch";
    ok(kubectl(&p, ADMIN, &["create", "clusterrole", "cold-sluice", verbs, configurations]));
    let bind = |name: &str, role: &str| {
        let args = ["create", "clusterrolebinding", name, &format!("--clusterrole={role}"), "--user=cold-sluice"];
        ok(kubectl(&p, ADMIN, &args));
    };
    bind("cold-sluice", "cold-sluice");
    let beside = Beside::start(&p, "webhook", &kubeconfig);
    let wire = beside.wire(&p);
    assert_eq!(beside.get("/readyz"), Some((503, "the caches are not filled yet".into())));
    for path in ["/governed/mutate", "/governed/validate", "/deletes", "/binding", "/records"] {
        let response = wire.post(path, review(json!({})).to_string().as_bytes()).response();
        let status = &response["status"];
        assert_eq!((&response["allowed"], &status["code"]), (&json!(false), &json!(503)), "{path}: {response}");
        assert_eq!(status["details"]["retryAfterSeconds"], 1);
        let message = status["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("sluice: retry: the caches are not filled yet"), "{path}: {message}");
    }
    bind("warm-sluice", "sluice-webhook");
    eventually("it to be ready", || (beside.get("/readyz")?.0 == 200).then_some(()));
    let response = wire.post("/governed/mutate", review(json!({})).to_string().as_bytes()).response();
    assert_eq!(response["status"]["details"]["causes"][0]["reason"], "queue", "{response}");
    let gone =
        ["delete", "clusterrolebinding/cold-sluice", "clusterrolebinding/warm-sluice", "clusterrole/cold-sluice"];
    ok(kubectl(&p, ADMIN, &gone));
}
