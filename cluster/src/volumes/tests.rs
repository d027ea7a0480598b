use std::sync::Mutex;

use http::{Request, Response};
use kube::client::Body;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Records;
use policy_engine::submission::Requester;
use serde_json::{Value, json};

use super::*;

type Asked = Arc<Mutex<Vec<String>>>;

/// Volumes behind an API server that knows `objects` by path, and what it was asked.
fn volumes(objects: Vec<(&'static str, Value)>) -> (Volumes, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let found = objects.iter().find(|(known, _)| *known == path).map(|(_, object)| object.clone());
        log.lock().expect("no panic holds it").push(path);
        let (code, text) = match found {
            Some(object) => (200, object.to_string()),
            None => (404, "404 page not found".into()),
        };
        let answer = Response::builder().status(code).body(Body::from(text.into_bytes()));
        async move { answer }
    });
    (Volumes::asking(Client::new(service, "default")), asked)
}

fn submission<'a>(resource: &str, name: &'a str, object: &'a Value) -> Submission<'a> {
    Submission {
        act: Act::Create,
        resource: GroupResource::new("", resource),
        subresource: "",
        kind: "",
        namespace: "team",
        name,
        requester: Requester { username: "alice", groups: &[] },
        object: Some(object),
        old: None,
    }
}

async fn facts(volumes: &Volumes, submission: &Submission<'_>) -> Result<Facts, LookupFailed> {
    let policy = Policy::from(Records::default());
    volumes.facts(submission, &policy, Instant::now() + Duration::from_secs(5)).await
}

fn there(user: &str) -> Known {
    Known::There(Standing { user_id: Some(user.into()), ..Standing::default() })
}

#[tokio::test]
async fn a_pod_without_claims_costs_no_question() {
    let (volumes, asked) = volumes(Vec::new());
    let pod = json!({"spec": {"volumes": [{"name": "a", "emptyDir": {}}]}});
    let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("nothing is asked");
    assert!(found.claims.is_empty() && asked.lock().expect("no panic holds it").is_empty());
}

#[tokio::test]
async fn whose_a_claim_is_stands_in_its_labels() {
    let data = json!({"metadata": {"name": "data", "labels": {"platform-go/user-id": "alice", "team": "a"}}});
    let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
    let path = "/api/v1/namespaces/team/persistentvolumeclaims/data";
    let (volumes, asked) = volumes(vec![(path, data)]);
    let pod = json!({"spec": {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}]}});
    for _ in 0..3 {
        let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
        assert_eq!(found.claims, [("data".to_owned(), there("alice"))].into(), "{status}");
    }
    assert_eq!(*asked.lock().expect("no panic holds it"), [path]);
}

#[tokio::test]
async fn names_that_are_no_names_are_not_asked_for_and_too_many_are_not_either() {
    let (volumes, asked) = volumes(Vec::new());
    let pod = json!({"spec": {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "../../secrets/x"}}]}});
    let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
    assert_eq!(found.claims["../../secrets/x"], Known::Missing);
    let many: Vec<_> =
        (0..=MOST_NAMED).map(|at| json!({"persistentVolumeClaim": {"claimName": format!("c{at}")}})).collect();
    let pod = json!({"spec": {"volumes": many}});
    facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
    assert_eq!(asked.lock().expect("no panic holds it").len(), 0);
}

#[tokio::test]
async fn a_new_claim_asks_who_waits_for_it() {
    let pod = |name: &str, read_only: bool, claim: &str| {
        let source = json!({"claimName": claim, "readOnly": read_only});
        json!({"metadata": {"name": name, "labels": {"platform-go/user-id": "bob"}},
               "spec": {"containers": [], "volumes": [{"name": "v", "persistentVolumeClaim": source}]}})
    };
    let pods = json!({"metadata": {}, "items": [pod("one", true, "data"), pod("two", false, "other"), pod("three", false, "data")]});
    let (volumes, _) = volumes(vec![("/api/v1/namespaces/team/pods", pods)]);
    let claim = json!({"spec": {}});
    let deadline = Instant::now() + Duration::from_secs(5);
    let found = volumes.waiting(&submission("persistentvolumeclaims", "data", &claim), deadline).await;
    let waiting = |pod: &str, read_only| Waiting { pod: pod.into(), user_id: Some("bob".into()), read_only };
    assert_eq!(found.expect("an answer"), [waiting("one", true), waiting("three", false)]);
}

#[tokio::test]
async fn where_there_are_no_snapshots_there_is_none_of_that_name() {
    let (volumes, _) = volumes(Vec::new());
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "daily"});
    let claim = json!({"spec": {"dataSource": source}});
    let found = facts(&volumes, &submission("persistentvolumeclaims", "copy", &claim)).await.expect("an answer");
    assert_eq!(found.snapshots, [("daily".to_owned(), Known::Missing)].into());
}
