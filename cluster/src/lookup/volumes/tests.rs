use std::time::Duration;

use policy_engine::policy::Records;
use serde_json::{Value, json};

use super::*;
use crate::lookup::creation;
use crate::testing::ApiServer;

fn submission<'a>(resource: &str, name: &'a str, object: &'a Value) -> Submission<'a> {
    creation("", resource, name, object)
}

async fn facts(volumes: &Volumes, submission: &Submission<'_>) -> Result<Facts, LookupFailed> {
    let policy = Policy::from(Records::default());
    volumes.facts(submission, &policy, Instant::now() + Duration::from_secs(5)).await
}

fn there(user: &str) -> Known {
    Known::There(Ownership { user_id: Some(UserId::new(user)), ..Ownership::default() })
}

#[tokio::test]
async fn a_pod_without_claims_costs_no_question() {
    let server = ApiServer::new::<String>([]);
    let volumes = Volumes::asking(server.client());
    let pod = json!({"spec": {"volumes": [{"name": "a", "emptyDir": {}}]}});
    let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("nothing is asked");
    assert!(found.claims.is_empty());
}

#[tokio::test]
async fn whose_a_claim_is_stands_in_its_labels() {
    let data = json!({"metadata": {"name": "data", "labels": {"platform-go/user-id": "alice", "team": "a"}}});
    let path = "/api/v1/namespaces/team/persistentvolumeclaims/data";
    let server = ApiServer::new([(path, data)]);
    let volumes = Volumes::asking(server.client());
    let pod = json!({"spec": {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}]}});
    for _ in 0..3 {
        let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
        assert_eq!(found.claims, [("data".to_owned(), there("alice"))].into());
    }
    server.assert_asked([path]);
}

#[tokio::test]
async fn names_that_are_no_names_are_not_asked_for_and_too_many_are_not_either() {
    let server = ApiServer::new::<String>([]);
    let volumes = Volumes::asking(server.client());
    let pod = json!({"spec": {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "../../secrets/x"}}]}});
    let found = facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
    assert_eq!(found.claims["../../secrets/x"], Known::Missing);
    let many: Vec<_> =
        (0..=MOST_NAMED).map(|at| json!({"persistentVolumeClaim": {"claimName": format!("c{at}")}})).collect();
    let pod = json!({"spec": {"volumes": many}});
    facts(&volumes, &submission("pods", "web", &pod)).await.expect("an answer");
}

#[tokio::test]
async fn a_new_claim_asks_who_waits_for_it() {
    let pod = |name: &str, read_only: bool, claim: &str| {
        let source = json!({"claimName": claim, "readOnly": read_only});
        json!({"metadata": {"name": name, "labels": {"platform-go/user-id": "bob"}},
               "spec": {"containers": [], "volumes": [{"name": "v", "persistentVolumeClaim": source}]}})
    };
    let pods = json!({"metadata": {}, "items": [pod("one", true, "data"), pod("two", false, "other"), pod("three", false, "data")]});
    let server = ApiServer::new([("/api/v1/namespaces/team/pods", pods)]);
    let claim = json!({"spec": {}});
    let volumes = Volumes::asking(server.client());
    let deadline = Instant::now() + Duration::from_secs(5);
    let found = volumes.waiting(&submission("persistentvolumeclaims", "data", &claim), deadline).await;
    let waiting = |pod: &str, read_only| WaitingPod { pod: pod.into(), user_id: Some(UserId::new("bob")), read_only };
    assert_eq!(found.expect("an answer"), [waiting("one", true), waiting("three", false)]);
    server.assert_asked(["/api/v1/namespaces/team/pods"]);
}

#[tokio::test]
async fn where_there_are_no_snapshots_there_is_none_of_that_name() {
    let server = ApiServer::new::<&str>([]);
    let volumes = Volumes::asking(server.client());
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "daily"});
    let claim = json!({"spec": {"dataSource": source}});
    let found = facts(&volumes, &submission("persistentvolumeclaims", "copy", &claim)).await.expect("an answer");
    assert_eq!(found.snapshots, [("daily".to_owned(), Known::Missing)].into());
    server.assert_asked(["/apis/snapshot.storage.k8s.io/v1/namespaces/team/volumesnapshots/daily"]);
}

/// What the cache holds costs no question; what it lacks does, since it may be a moment old.
#[tokio::test]
async fn what_is_cached_costs_no_question_and_what_is_not_is_asked_for() {
    let path = "/api/v1/namespaces/team/persistentvolumeclaims/data";
    let data = json!({"metadata": {"name": "data", "namespace": "team", "labels": {"platform-go/user-id": "alice"}}});
    let server = ApiServer::with_collections([(path, data)]);
    let volumes = Volumes::start(&server.world(crate::lookup::TOPICS).await);
    let pod = |claim: &str| json!({"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}]}});
    let found = facts(&volumes, &submission("pods", "web", &pod("data"))).await.expect("an answer");
    assert_eq!(found.claims, [("data".to_owned(), there("alice"))].into());
    server.assert_asked::<&str>([]);
    let found = facts(&volumes, &submission("pods", "web", &pod("new"))).await.expect("an answer");
    assert_eq!(found.claims, [("new".to_owned(), Known::Missing)].into());
    server.assert_asked(["/api/v1/namespaces/team/persistentvolumeclaims/new"]);
}
