//! Who holds what a new Pod of a Deployment is refused.

use std::time::Duration;

use cluster::world::Topic;
use policy_engine::ledger::Amounts;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::submission::Requester;
use policy_engine::{Act, Submission};
use tokio::time::Instant;

use super::*;
use crate::rollout::held_by_own;

fn owned(kind: &str, name: &str, by: (&str, &str), spec: Value) -> Value {
    let (owner, owner_name) = by;
    let api_version = if kind == "Pod" { "v1" } else { "apps/v1" };
    let owner = json!({"apiVersion": "apps/v1", "kind": owner, "name": owner_name,
        "uid": format!("uid-of-{owner_name}"), "controller": true});
    json!({"apiVersion": api_version, "kind": kind, "spec": spec, "metadata": {
        "name": name, "namespace": "llm-finetune", "uid": format!("uid-of-{name}"),
        "labels": {"platform-go/user-id": "alice"}, "ownerReferences": [owner]}})
}

fn pod(name: &str, set: &str, cpu: &str) -> Value {
    let container = json!({"name": "a", "resources": {"requests": {"cpu": cpu}}});
    owned("Pod", name, ("ReplicaSet", set), json!({"containers": [container]}))
}

async fn told(new: &Value, username: &str) -> (Option<policy_engine::admission::rules::quota::Own>, usize) {
    let (records, mut objects) = organisation();
    let set = |name: &str, deployment: &str| owned("ReplicaSet", name, ("Deployment", deployment), json!({}));
    let mut of_bob = pod("web-old-bbbbb", "web-old", "5");
    of_bob["metadata"]["labels"]["platform-go/user-id"] = "bob".into();
    objects.extend([
        set("web-new", "web"),
        set("web-old", "web"),
        set("web-2-old", "web-2"),
        pod("web-new-aaaaa", "web-new", "1"),
        pod("web-old-aaaaa", "web-old", "3"),
        of_bob,
        pod("web-2-old-ccccc", "web-2-old", "7"),
        // Its name alone says that it is the Deployment's.
        pod("web-old-ddddd", "web-2-old", "9"),
    ]);
    let server = api_server(objects);
    let caches = server.world(&[lookup::TOPICS, &[Topic::Pods]].concat()).await;
    let webhook = Webhook::new(caches, Owners::new(server.client()), Arc::new(Metrics::default()), ledger().await);
    let submission = Submission {
        act: Act::Create,
        resource: GroupResource::new("", "pods"),
        subresource: "",
        kind: "Pod",
        namespace: "llm-finetune",
        name: "",
        requester: Requester { username, groups: &[] },
        object: Some(new),
        old: None,
    };
    let policy = Policy::from(records);
    let own = held_by_own(&webhook, &submission, &policy, Instant::now() + Duration::from_secs(5)).await;
    (own, server.calls().len())
}

#[tokio::test]
async fn what_older_pods_of_the_same_deployment_hold_is_known_by_their_owners() {
    let controller = "system:serviceaccount:kube-system:replicaset-controller";
    let (own, asked) = told(&pod("", "web-new", "2"), controller).await;
    let own = own.expect("one older Pod");
    assert_eq!(own.deployment, "web");
    let three = Amounts { milli_cpu: 3000, ..Amounts::NOTHING };
    assert!(own.held.values().all(|held| *held == three) && own.held.len() >= 2, "{own:?}");
    assert_eq!(asked, 6, "the new set; three Pods that could be its Deployment's, and their two sets");
}

#[tokio::test]
async fn nobody_else_is_asked_about() {
    let controller = "system:serviceaccount:kube-system:replicaset-controller";
    assert_eq!(told(&pod("", "web-2-old", "2"), controller).await, (None, 1), "no other set of web-2 has Pods");
    assert_eq!(told(&pod("", "web-new", "2"), "alice").await, (None, 0), "a person's Pod is no rollout's");
}
