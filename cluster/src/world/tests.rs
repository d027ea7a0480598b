use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::testing::ApiServer;

#[tokio::test]
async fn every_kind_is_watched_once_under_a_name_of_its_own_and_shown() {
    let server = ApiServer::with_collections::<String>([]);
    let world = server.world(&Topic::ALL).await;
    let health = world.health();
    let names: BTreeSet<_> = health.iter().map(|cache| cache.name).collect();
    // Seven kinds of records, eight of workloads that were moved to another queue, and the others.
    assert_eq!((health.len(), names.len()), (31, 31), "{names:?}");
    assert!(health.iter().all(|cache| cache.last_heard.is_some()));
}

#[tokio::test]
async fn what_this_process_does_not_watch_is_not_fit_and_is_not_asked_for() {
    let server = ApiServer::with_collections::<String>([]);
    let world = server.world(&[Topic::Pods]).await;
    assert_eq!(world.fit(&[Topic::Records, Topic::Namespaces, Topic::Pods]), Ok(()));
    assert_eq!(world.fit(&[Topic::Pods, Topic::VolumeClaims]), Err(Unfit::Cold("persistentvolumeclaims")));
    assert_eq!(world.health().len(), 9);
}

#[tokio::test]
async fn a_server_without_device_taint_rules_keeps_nobody_waiting() {
    const RULES: &str = "/apis/resource.k8s.io/v1/devicetaintrules";
    let rule = json!({"metadata": {"name": "broken"}, "spec": {"deviceSelector": {"driver": "gpu.nvidia.com"},
        "taint": {"key": "example.com/broken", "effect": "NoSchedule"}}});
    let with = ApiServer::with_collections([(format!("{RULES}/broken"), rule)]);
    let world = with.world(&[Topic::DeviceTaintRules]).await;
    assert_eq!((world.has_device_taint_rules(), world.device_taint_rules().len()), (true, 1));
    let without = ApiServer::with_collections::<String>([]).without(RULES);
    let world = without.world(&[Topic::DeviceTaintRules]).await;
    assert_eq!(world.fit(&[Topic::DeviceTaintRules]), Ok(()));
    assert_eq!((world.has_device_taint_rules(), world.device_taint_rules().len()), (false, 0));
    // What is not asked for is not there either.
    assert!(!without.world(&[]).await.has_device_taint_rules());
}

#[tokio::test]
async fn caches_are_cold_until_everything_was_read_and_old_when_nothing_is_heard() {
    let server = ApiServer::with_collections::<String>([]);
    let world = World::start(server.client(), [Topic::Pods], CancellationToken::new());
    assert_eq!(world.usable(), Err(Unusable::Cold));
    assert!(matches!(world.fit(&[Topic::Pods]), Err(Unfit::Cold("pods"))));
    world.filled(&[Topic::Records, Topic::Namespaces, Topic::Pods]).await;
    assert_eq!(world.usable(), Ok(()));
    tokio::time::pause();
    tokio::time::advance(OLDEST - Duration::from_secs(10)).await;
    assert_eq!(world.usable(), Ok(()));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(matches!(world.usable(), Err(Unusable::Old(age)) if age > OLDEST));
    assert!(matches!(world.fit(&[Topic::Pods]), Err(Unfit::Old(age)) if age > OLDEST));
    assert!(!world.is_fresh(Topic::Pods));
}

#[tokio::test]
async fn classes_are_gathered_once_and_not_for_every_question() {
    let class = json!({"metadata": {"name": "gpu.nvidia.com"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}});
    let server = ApiServer::with_collections([("/apis/resource.k8s.io/v1/deviceclasses/gpu.nvidia.com", class)]);
    let world = server.world(&[Topic::DeviceClasses]).await;
    let classes = world.device_classes();
    assert!(classes.contains_key("gpu.nvidia.com"));
    assert!(Arc::ptr_eq(&classes, &world.device_classes()), "nothing changed, nothing was cloned");
}

#[tokio::test]
async fn the_watches_say_whom_they_spoke_of_once() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u-1"}, "spec": {"containers": []}});
    let server = ApiServer::with_collections([("/api/v1/namespaces/n/pods/p", pod)]);
    let world = server.world(&[Topic::Pods, Topic::ResourceClaims]).await;
    assert_eq!(world.take_passed(), ["u-1".to_owned()].into());
    assert!(world.take_passed().is_empty());
}
