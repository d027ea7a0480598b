use std::time::Duration;

use policy_engine::policy::ids::UserId;
use serde_json::{Value, json};

use super::*;
use crate::lookup::{TOPICS, creation};
use crate::testing::ApiServer;

/// Kubernetes binds a volume to no other claim than the one whose UID it has, whether that one is gone or not.
#[tokio::test]
async fn a_volume_is_reserved_for_a_claim_that_it_names_without_a_uid() {
    let path = |name: &str| format!("/api/v1/persistentvolumes/{name}");
    let volume = |name: &str, claim: Value, annotations: Value| json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"claimRef": claim}});
    let claim = |namespace: &str, uid: Value| json!({"namespace": namespace, "name": "data", "uid": uid});
    let volumes = [
        ("free", volume("free", Value::Null, json!({}))),
        ("hers", volume("hers", claim("team", Value::Null), json!({"platform-go/reserved-for": "alice"}))),
        ("kept", volume("kept", claim("team", json!("")), json!({"note": "bob"}))),
        ("bound", volume("bound", claim("team", json!("gone")), json!({}))),
        ("other", volume("other", claim("elsewhere", Value::Null), json!({}))),
    ];
    let expected = [
        Reserved { volume: "hers".into(), user_id: Some(UserId::new("alice")) },
        Reserved { volume: "kept".into(), user_id: None },
    ];
    let deadline = Instant::now() + Duration::from_secs(5);
    let object = json!({"spec": {"storageClassName": "any"}});
    let made = creation("", "persistentvolumeclaims", "data", &object);
    let found = async |volumes: Volumes| {
        let mut found = volumes.reserved(&made, deadline).await.expect("an answer");
        found.sort_by(|one, other| one.volume.cmp(&other.volume));
        found
    };

    let server = ApiServer::with_collections(volumes.clone().map(|(name, volume)| (path(name), volume)));
    let cached = Volumes::start(&server.world(TOPICS).await);
    assert_eq!(found(cached).await, expected);
    server.assert_asked::<&str>([]);

    let list = json!({"metadata": {}, "items": volumes.map(|(_, volume)| volume)});
    let server = ApiServer::new([("/api/v1/persistentvolumes", list)]);
    let other = creation("", "persistentvolumeclaims", "other", &object);
    let asking = Volumes::asking(server.client());
    assert_eq!(asking.reserved(&other, deadline).await.expect("an answer"), []);
    assert_eq!(asking.reserved(&creation("", "pods", "data", &object), deadline).await.expect("no question"), []);
    server.assert_asked(["/api/v1/persistentvolumes"]);
}
