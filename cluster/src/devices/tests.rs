use std::sync::Mutex;

use http::{Request, Response};
use kube::client::Body;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Records;
use policy_engine::submission::Requester;
use serde_json::{Value, json};

use super::*;

type Asked = Arc<Mutex<Vec<String>>>;

const GROUP: &str = "/apis/resource.k8s.io/v1";

/// Devices behind an API server that knows `objects` by path, and what it was asked.
fn devices(objects: Vec<(String, Value)>) -> (Devices, Asked) {
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
    (Devices::asking(Client::new(service, "default")), asked)
}

fn submission<'a>(group: &str, resource: &str, name: &'a str, object: &'a Value) -> Submission<'a> {
    Submission {
        act: Act::Create,
        resource: GroupResource::new(group, resource),
        subresource: "",
        kind: "",
        namespace: "team",
        name,
        requester: Requester { username: "alice", groups: &[] },
        object: Some(object),
        old: None,
    }
}

async fn facts(devices: &Devices, group: &str, resource: &str, name: &str, object: &Value) -> Facts {
    let (submission, policy) = (submission(group, resource, name, object), Policy::from(Records::default()));
    devices.facts(&submission, &policy, soon()).await.expect("an answer")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn request(class: &str) -> Value {
    json!({"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": class}}]}})
}

#[tokio::test]
async fn a_pod_that_asks_no_device_costs_no_question() {
    let (devices, asked) = devices(Vec::new());
    let found = facts(&devices, "", "pods", "web", &json!({"spec": {"containers": []}})).await;
    assert!(found.claims.is_empty() && asked.lock().expect("no panic holds it").is_empty());
}

#[tokio::test]
async fn what_a_pod_names_is_asked_for_once_and_so_is_the_class_behind_it() {
    let claim = json!({
        "metadata": {"name": "mine", "uid": "u1", "labels": {"platform-go/user-id": "alice", "platform-go/slot": "a"},
                     "annotations": {"platform-go/share": "project"},
                     "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p1", "controller": true}]},
        "spec": request("gpu.nvidia.com"),
    });
    let at = |rest: &str| format!("{GROUP}/{rest}");
    let (devices, asked) = devices(vec![
        (at("deviceclasses"), json!({"metadata": {}, "items": []})),
        (at("namespaces/team/resourceclaims/mine"), claim),
        (
            at("deviceclasses/gpu.nvidia.com"),
            json!({"metadata": {"name": "gpu.nvidia.com"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}),
        ),
    ]);
    let pod = json!({"spec": {"resourceClaims": [
        {"name": "a", "resourceClaimName": "mine"}, {"name": "b", "resourceClaimTemplateName": "none"}]}});
    for _ in 0..3 {
        let found = facts(&devices, "", "pods", "web", &pod).await;
        let mine = &found.claims["mine"];
        assert_eq!((mine.uid.as_str(), mine.user_id.as_deref(), mine.shared), ("u1", Some("alice"), true));
        assert_eq!((mine.slot.as_deref(), mine.pod_uid.as_deref(), mine.terminating), (Some("a"), Some("p1"), false));
        assert!(found.templates.is_empty() && found.classes.contains_key("gpu.nvidia.com"));
    }
    let expected = [
        "deviceclasses",
        "namespaces/team/resourceclaims/mine",
        "namespaces/team/resourceclaimtemplates/none",
        "deviceclasses/gpu.nvidia.com",
    ];
    assert_eq!(*asked.lock().expect("no panic holds it"), expected.map(at));
}

#[tokio::test]
async fn names_that_are_no_names_are_not_asked_for_and_too_many_are_not_either() {
    let (devices, asked) = devices(Vec::new());
    let pod = |names: Vec<String>| {
        let claims: Vec<_> = names.iter().map(|name| json!({"name": "a", "resourceClaimName": name})).collect();
        json!({"spec": {"resourceClaims": claims}})
    };
    for names in [vec!["../../secrets/x".to_owned()], (0..=MOST_NAMED).map(|at| format!("c{at}")).collect()] {
        facts(&devices, "", "pods", "web", &pod(names)).await;
    }
    // Without the group there are no classes.
    assert_eq!(*asked.lock().expect("no panic holds it"), [format!("{GROUP}/deviceclasses")]);
}

#[tokio::test]
async fn a_new_claim_asks_who_waits_for_it() {
    let pod = |name: &str, claim: &str| {
        json!({"metadata": {"name": name, "labels": {"platform-go/user-id": "bob"}},
               "spec": {"containers": [], "resourceClaims": [{"name": "gpu", "resourceClaimName": claim}]}})
    };
    let pods = json!({"metadata": {}, "items": [pod("one", "train"), pod("two", "other")]});
    let (devices, _) = devices(vec![("/api/v1/namespaces/team/pods".into(), pods)]);
    let claim = json!({"spec": request("gpu.nvidia.com")});
    let found = devices.waiting(&submission("resource.k8s.io", "resourceclaims", "train", &claim), soon()).await;
    assert_eq!(found.expect("an answer"), [Waiter { pod: "one".into(), user_id: Some("bob".into()) }]);
}
