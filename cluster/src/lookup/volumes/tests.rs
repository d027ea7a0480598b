use std::time::Duration;

use policy_engine::policy::Records;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::volumes::{Copy, Found, Mount, StartingPod};
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

/// A Pod that is bound, and its binding.
fn bound(mounts: &[(&str, bool)]) -> (Value, Value) {
    let volume = |(claim, read_only): &(&str, bool)| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}});
    let mut volumes: Vec<_> = mounts.iter().map(volume).collect();
    if !mounts.is_empty() {
        volumes.push(json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}));
    }
    let pod = json!({
        "metadata": {"name": "web", "namespace": "team", "uid": "u1", "creationTimestamp": "2026-01-01T00:00:01Z",
            "labels": {"platform-go/user-id": "bob"}, "annotations": {"platform-go/use-volumes": "v9"}},
        "spec": {"containers": [], "volumes": volumes},
    });
    (pod, json!({"metadata": {"name": "web", "uid": "u1"}, "target": {"name": "cpu-a"}}))
}

async fn starting(volumes: &Volumes, binding: &Value) -> StartingPod {
    let submission = Submission { act: Act::Bind, ..submission("pods", "web", binding) };
    volumes.starting(&submission, Instant::now() + Duration::from_secs(5)).await.expect("an answer")
}

/// What a cache has under the name may be gone: the API server is asked what is there now.
#[tokio::test]
async fn what_a_pod_mounts_that_is_bound_is_asked_for_by_name_and_the_pod_is_cached() {
    let (pod, binding) = bound(&[("data", true), ("data", false), ("ends", true), ("none", true)]);
    let at = |name: &str| format!("/api/v1/namespaces/team/persistentvolumeclaims/{name}");
    let claim = |name: &str, made: &str, ends: Option<&str>| {
        json!({"metadata": {"name": name, "namespace": "team", "uid": format!("uid-of-{name}"), "creationTimestamp": made,
            "deletionTimestamp": ends, "labels": {"platform-go/user-id": "alice"}}})
    };
    let server = ApiServer::with_collections([
        ("/api/v1/namespaces/team/pods/web".to_owned(), pod),
        (at("data"), claim("data", "2026-01-01T00:00:00Z", None)),
        (at("ends"), claim("ends", "2026-01-01T00:00:00Z", Some("2026-01-01T00:00:02Z"))),
    ]);
    let with_pods = server.world(&[crate::lookup::TOPICS, &[Topic::Pods]].concat()).await;
    let ownership =
        Ownership { uid: "uid-of-data".into(), user_id: Some(UserId::new("alice")), ..Ownership::default() };
    let mount = |claim: &str, read_only, found| Mount { claim: claim.into(), read_only, is_ephemeral: false, found };
    let expected = StartingPod {
        user_id: Some(UserId::new("bob")),
        named: "v9".into(),
        mounts: vec![
            mount("data", false, Found::Claim { ownership, is_older: true }),
            mount("ends", true, Found::Ending),
            mount("none", true, Found::Nothing),
            Mount { is_ephemeral: true, ..mount("web-scratch", false, Found::Nothing) },
        ],
    };
    assert_eq!(starting(&Volumes::start(&with_pods), &binding).await, expected);
    let claims = ["data", "ends", "none", "web-scratch"].map(at);
    server.assert_asked(&claims);
    let without = server.world(crate::lookup::TOPICS).await;
    assert_eq!(starting(&Volumes::start(&without), &binding).await, expected);
    server.assert_asked(std::iter::once(&"/api/v1/namespaces/team/pods/web".to_owned()).chain(&claims));
}

#[tokio::test]
async fn the_binding_of_a_pod_that_mounts_no_claim_costs_no_question() {
    let (pod, binding) = bound(&[]);
    let server = ApiServer::with_collections([("/api/v1/namespaces/team/pods/web", pod)]);
    let world = server.world(&[crate::lookup::TOPICS, &[Topic::Pods]].concat()).await;
    assert_eq!(starting(&Volumes::start(&world), &binding).await.mounts, []);
    server.assert_asked::<&str>([]);
}

/// A claim is being filled from when a driver was told until it has its volume; a snapshot is until it has its content.
#[tokio::test]
async fn a_new_claim_hears_which_copies_are_being_filled_from_its_name() {
    let copy = |name: &str, told: bool, volume: &str, source: &str| {
        let annotations =
            if told { json!({"volume.kubernetes.io/storage-provisioner": "csi.example.org"}) } else { json!({}) };
        let meta = json!({"name": name, "namespace": "team", "labels": {"platform-go/user-id": "bob"}, "annotations": annotations});
        let spec = json!({"volumeName": volume, "dataSource": {"kind": "PersistentVolumeClaim", "name": source}});
        (format!("/api/v1/namespaces/team/persistentvolumeclaims/{name}"), json!({"metadata": meta, "spec": spec}))
    };
    let snapshot = |name: &str, content: Option<&str>| {
        json!({"metadata": {"name": name, "namespace": "team", "labels": {"platform-go/user-id": "carol"}},
            "spec": {"source": {"persistentVolumeClaimName": "data"}}, "status": {"boundVolumeSnapshotContentName": content}})
    };
    let mut late = snapshot("late", None);
    late["status"] = Value::Null;
    let snapshots = "/apis/snapshot.storage.k8s.io/v1/namespaces/team/volumesnapshots";
    let objects = [
        copy("asked", false, "", "data"),
        copy("filled", true, "pv-1", "data"),
        copy("other", true, "", "else"),
        copy("filling", true, "", "data"),
        (snapshots.to_owned(), json!({"metadata": {}, "items": [snapshot("taken", Some("content-1")), late]})),
    ];
    let server = ApiServer::with_collections(objects);
    let copies = |what: &str, user| Copy { what: what.into(), user_id: Some(UserId::new(user)) };
    let expected = [copies("PersistentVolumeClaim filling", "bob"), copies("VolumeSnapshot late", "carol")];
    let claim = json!({"spec": {}});
    let world = server.world(crate::lookup::TOPICS).await;
    for volumes in [Volumes::start(&world), Volumes::asking(server.client())] {
        let deadline = Instant::now() + Duration::from_secs(5);
        let found = volumes.copies(&submission("persistentvolumeclaims", "data", &claim), deadline).await;
        assert_eq!(found.expect("an answer"), expected);
    }
    server.assert_asked([snapshots, "/api/v1/namespaces/team/persistentvolumeclaims", snapshots]);
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

#[tokio::test]
async fn lanes_whose_class_does_not_exist_are_known_to_people_and_cost_one_list() {
    use policy_engine::policy::platform::Platform;
    use policy_engine::policy::storage::{AccessMode, Lane};
    let lane = |class: &str| Lane { storage_class: class.into(), access_mode: AccessMode::ReadWriteOnce };
    let lanes = [("fast-rwo".into(), lane("nvme")), ("shared-rwx".into(), lane("nfs"))].into();
    let policy = crate::lookup::policy_of_alice(Platform { storage_lanes: lanes, ..Platform::default() });
    let claim = |lane: &str| json!({"metadata": {"labels": {"platform-go/storage-lane": lane}}, "spec": {}});
    let path = "/apis/storage.k8s.io/v1/storageclasses";
    let server = ApiServer::new([(path, json!({"metadata": {}, "items": [{"metadata": {"name": "nfs"}}]}))]);
    let volumes = Volumes::asking(server.client());
    let deadline = Instant::now() + Duration::from_secs(5);
    for (asked, missing) in [("fast-rwo", vec!["nvme"]), ("shared-rwx", vec![]), ("none", vec![])] {
        let claim = claim(asked);
        let found = volumes.facts(&submission("persistentvolumeclaims", "data", &claim), &policy, deadline).await;
        assert!(found.expect("an answer").missing_classes.iter().eq(&missing), "{asked}");
    }
    server.assert_asked([path]);
    let (silent, claim) = (ApiServer::new::<&str>([]), claim("fast-rwo"));
    let (volumes, asked) = (Volumes::asking(silent.client()), submission("persistentvolumeclaims", "data", &claim));
    let found = volumes.facts(&asked, &policy, deadline).await.expect("no reason to fail");
    assert!(found.missing_classes.is_empty(), "nobody says which there are");
    silent.assert_asked([path]);
}
