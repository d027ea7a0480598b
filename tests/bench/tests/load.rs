//! The load generator against the floors.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bench::floor::{self, Floor};
use bench::load::{CONNECTIONS, Target};
use bench::reviews::{LARGE_BYTES, Mix, Review};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

/// A floor with a certificate that signs itself.
fn start(floor: Floor) -> (Target, TempDir) {
    let directory = TempDir::new().expect("a directory");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".into()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    for (file, content) in [("tls.key", &key.serialize_pem()), ("tls.crt", &certificate), ("ca.crt", &certificate)] {
        std::fs::write(directory.path().join(file), content).expect("a file");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let certs = directory.path().to_owned();
    tokio::spawn(async move { floor::serve(floor::router(floor), listener, &certs).await });
    (Target::new(port, directory.path()).expect("a CA"), directory)
}

fn review(uid: &str, length: usize) -> Review {
    let body = format!(r#"{{"request": {{"uid": "{uid}"}}, "filling": "{}"}}"#, "x".repeat(length));
    Review { what: "a test asks", path: "/governed/mutate?timeout=5s".into(), body: body.into(), fresh: Vec::new() }
}

fn mix() -> Arc<Mix> {
    Arc::new(Mix::of(vec![review("a", 9), review("b", 9), review("c", LARGE_BYTES)]).expect("a mix"))
}

#[tokio::test]
async fn the_parsing_floor_answers_each_review_by_its_uid() {
    let (target, _directory) = start(Floor::Parse);
    let answers = target.ask(&mix()).await.expect("answers");
    for (uid, answer) in ["a", "b", "c"].iter().zip(&answers) {
        let answer: serde_json::Value = serde_json::from_slice(answer).expect("JSON");
        assert_eq!(answer["response"], serde_json::json!({"uid": uid, "allowed": true}));
    }
    let broken = Review { body: "{".into(), ..review("a", 0) };
    let broken = Mix::of(vec![broken, review("c", LARGE_BYTES)]).expect("a mix");
    let error = target.ask(&broken).await.expect_err("no JSON");
    assert!(format!("{error:#}").starts_with("a test asks: was answered with 400 Bad Request: EOF"), "{error:#}");
}

#[tokio::test]
async fn every_connection_sends_and_every_answer_is_looked_at() {
    let (target, _directory) = start(Floor::Noop);
    let mut answers = target.ask(&mix()).await.expect("answers");
    let load = target.load(&mix(), &Arc::new(answers.clone()), Duration::ZERO).await.expect("all answers are the same");
    assert_eq!(load.latencies.len(), CONNECTIONS);
    answers.fill("another".into());
    let error = target.load(&mix(), &Arc::new(answers), Duration::ZERO).await.expect_err("another answer");
    assert!(format!("{error:#}").contains("was answered with\n{"), "{error:#}");
    assert!(format!("{error:#}").ends_with("and before with\nanother"), "{error:#}");
}
