use std::time::Duration;

use policy_engine::policy::Records;
use serde_json::{Value, json};

use super::*;
use crate::lookup::creation;
use crate::testing::ApiServer;

const GROUP: &str = "/apis/resource.k8s.io/v1";

async fn facts(devices: &Devices, group: &str, resource: &str, name: &str, object: &Value) -> Facts {
    let (submission, policy) = (creation(group, resource, name, object), Policy::from(Records::default()));
    devices.facts(&submission, &policy, soon()).await.expect("an answer")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn request(class: &str) -> Value {
    json!({"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": class}}]}})
}

fn at(rest: &str) -> String {
    format!("{GROUP}/{rest}")
}

#[tokio::test]
async fn a_pod_that_asks_no_device_costs_no_question() {
    let server = ApiServer::new::<String>([]);
    let found = facts(&Devices::asking(server.client()), "", "pods", "web", &json!({"spec": {"containers": []}})).await;
    assert!(found.claims.is_empty());
}

#[tokio::test]
async fn what_a_pod_names_is_asked_for_once_and_so_is_the_class_behind_it() {
    let claim = json!({
        "metadata": {"name": "mine", "uid": "u1", "labels": {"platform-go/user-id": "alice", "platform-go/slot": "a"},
                     "annotations": {"platform-go/share": "project"},
                     "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p1", "controller": true}]},
        "spec": request("gpu.nvidia.com"),
    });
    let server = ApiServer::new([
        (at("deviceclasses"), json!({"metadata": {}, "items": []})),
        (at("namespaces/team/resourceclaims/mine"), claim),
        (
            at("deviceclasses/gpu.nvidia.com"),
            json!({"metadata": {"name": "gpu.nvidia.com"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}),
        ),
    ]);
    let devices = Devices::asking(server.client());
    let pod = json!({"spec": {"resourceClaims": [
        {"name": "a", "resourceClaimName": "mine"}, {"name": "b", "resourceClaimTemplateName": "none"}]}});
    for _ in 0..3 {
        let found = facts(&devices, "", "pods", "web", &pod).await;
        let mine = &found.claims["mine"];
        assert_eq!(
            (mine.uid.as_str(), mine.user_id.as_ref().map(UserId::as_str), mine.shared),
            ("u1", Some("alice"), true)
        );
        assert_eq!((mine.slot.as_deref(), mine.pod_uid.as_deref(), mine.terminating), (Some("a"), Some("p1"), false));
        assert!(found.templates.is_empty() && found.classes.contains_key("gpu.nvidia.com"));
    }
    let expected = [
        "deviceclasses",
        "namespaces/team/resourceclaims/mine",
        "namespaces/team/resourceclaimtemplates/none",
        "deviceclasses/gpu.nvidia.com",
    ];
    server.assert_asked(expected.map(at));
}

#[tokio::test]
async fn names_that_are_no_names_are_not_asked_for_and_too_many_are_not_either() {
    let server = ApiServer::new::<String>([]);
    let devices = Devices::asking(server.client());
    let pod = |names: Vec<String>| {
        let claims: Vec<_> = names.iter().map(|name| json!({"name": "a", "resourceClaimName": name})).collect();
        json!({"spec": {"resourceClaims": claims}})
    };
    for names in [vec!["../../secrets/x".to_owned()], (0..=MOST_NAMED).map(|at| format!("c{at}")).collect()] {
        facts(&devices, "", "pods", "web", &pod(names)).await;
    }
    // Without the group there are no classes.
    server.assert_asked([at("deviceclasses")]);
}

/// Those that it was reserved for before, and the Pod that it was made for, are not asked for.
#[tokio::test]
async fn the_pods_for_which_a_claim_is_being_reserved_are_looked_at() {
    let pod = |name: &str, uid: &str| {
        json!({"metadata": {"name": name, "namespace": "team", "uid": uid, "creationTimestamp": "2026-01-01T00:00:01Z",
               "labels": {"platform-go/user-id": "bob"}}, "spec": {"containers": []}})
    };
    let pods = "/api/v1/namespaces/team/pods";
    let server = ApiServer::with_collections([
        (format!("{pods}/new"), pod("new", "u-new")),
        (format!("{pods}/again"), pod("again", "another")),
    ]);
    let claim = |uids: &[&str]| {
        let pod = |uid: &&str| json!({"resource": "pods", "name": uid.trim_start_matches("u-"), "uid": uid});
        let reserved: Vec<_> = uids.iter().map(pod).collect();
        json!({"metadata": {"name": "train", "creationTimestamp": "2026-01-01T00:00:00Z",
                   "annotations": {"resource.kubernetes.io/pod-claim-name": "gpu"},
                   "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "own", "uid": "u-own", "controller": true}]},
               "spec": request("gpu.nvidia.com"), "status": {"reservedFor": reserved}})
    };
    let (old, now) = (claim(&["u-old"]), claim(&["u-old", "u-own", "u-new", "u-again"]));
    let reserving = |name: &str, is_there: bool| ReservingPod {
        name: name.into(),
        uid: format!("u-{name}"),
        is_there,
        user_id: is_there.then(|| UserId::new("bob")),
        queue: None,
        claim_is_older: is_there,
    };
    let submission = Submission {
        act: policy_engine::Act::Status,
        old: Some(&old),
        ..creation("resource.k8s.io", "resourceclaims", "train", &now)
    };
    let cached = server.world(&[crate::lookup::TOPICS, &[Topic::Pods]].concat()).await;
    for devices in [Devices::start(&cached), Devices::asking(server.client())] {
        let found = devices.reserving(&submission, soon()).await.expect("an answer").reserving;
        assert_eq!(found, [reserving("new", true), reserving("again", false)]);
    }
    let pod = |name: &str| format!("{pods}/{name}");
    server.assert_asked([pod("again"), pod("new"), pod("again"), at("deviceclasses")]);
}

fn claims(count: usize) -> Vec<(String, Value)> {
    let claim = |number: usize| {
        let name = format!("c{number:04}");
        // Every second was made for a Pod.
        let owners: Vec<_> = [json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "p", "controller": true})]
            .into_iter()
            .filter(|_| number % 2 == 1)
            .collect();
        let meta = json!({"name": name, "namespace": "team", "uid": name, "ownerReferences": owners});
        (at(&format!("namespaces/team/resourceclaims/{name}")), json!({"metadata": meta, "spec": {}}))
    };
    (0..count).rev().map(claim).collect()
}

/// Which are looked at is the same in every call, and is said where some are not.
#[tokio::test]
async fn of_the_claims_that_a_slot_could_mean_the_first_by_name_are_looked_at() {
    let slots = json!({"metadata": {"labels": {"a": "{{ gpuClaimName }}"}}, "spec": {"containers": []}});
    for (of_project, more) in [(3, false), (MOST_CANDIDATES, false), (MOST_CANDIDATES + 5, true)] {
        let server = ApiServer::with_collections(claims(of_project * 2));
        let world = server.world(crate::lookup::TOPICS).await;
        let (cached, asking) = (Devices::start(&world), Devices::asking(server.client()));
        for devices in [&cached, &asking] {
            let found = facts(devices, "", "pods", "web", &slots).await;
            let first: Vec<_> = (0..of_project.min(MOST_CANDIDATES)).map(|at| format!("c{:04}", at * 2)).collect();
            assert!(found.claims.keys().eq(&first), "the first {MOST_CANDIDATES} of {of_project}");
            assert_eq!(found.more_claims, more, "{of_project}");
        }
        let asked: Vec<_> = server.calls().into_iter().map(|call| call.path).collect();
        assert!(asked.iter().all(|path| *path == at("deviceclasses") || *path == at("namespaces/team/resourceclaims")));
    }
}

/// A node with so many devices of a product.
fn slice(node: &str, generation: i64, product: &str, count: usize) -> (String, Value) {
    let device = |at: usize| {
        json!({"name": format!("gpu-{at}"), "attributes": {"gpu.nvidia.com/productName": {"string": product}},
               "capacity": {"memory": {"value": "81559Mi"}}})
    };
    let devices: Vec<_> = (0..count).map(device).collect();
    let pool = json!({"name": node, "generation": generation, "resourceSliceCount": 1});
    let name = format!("{node}-{generation}");
    let spec = json!({"driver": "gpu.nvidia.com", "nodeName": node, "pool": pool, "devices": devices});
    (at(&format!("resourceslices/{name}")), json!({"metadata": {"name": name}, "spec": spec}))
}

fn h100() -> policy_engine::policy::model::Model {
    use policy_engine::policy::model::{CORES, Model, Sharing, WHOLE};
    Model {
        name: "h100".into(),
        id: "h100".into(),
        device_class_name: "gpu.nvidia.com".into(),
        product_names: ["H100".to_owned()].into(),
        resource_names: Default::default(),
        profile: None,
        milli_gpu: WHOLE,
        sharing: Sharing::default(),
        compute_capacity: CORES.into(),
    }
}

#[tokio::test]
async fn what_nodes_have_is_known_to_people_from_the_watch_or_from_one_list() {
    let policy = crate::lookup::policy_of_alice(Default::default());
    let pod = json!({"metadata": {"labels": {"platform-go/dra-sharing-mode": "inline"}}, "spec": {"containers": []}});
    let submission = creation("", "pods", "web", &pod);
    let server =
        ApiServer::with_collections([slice("a", 1, "H100", 16), slice("a", 2, "H100", 8), slice("b", 1, "H100", 4)]);
    let watched = server.world(crate::lookup::TOPICS).await;
    let asking = Devices::asking(server.client());
    for devices in [&Devices::start(&watched), &asking, &asking] {
        let found = devices.facts(&submission, &policy, soon()).await.expect("an answer").inventory;
        let there = found.expect("the devices of two nodes");
        assert_eq!((there.most(&[&h100()]), there.largest_memory(&[&h100()])), (8, Some(81559 << 20)));
    }
    server.assert_asked([at("deviceclasses"), at("resourceslices")]);
    let again = Devices::start(&watched).facts(&submission, &policy, soon()).await.expect("an answer").inventory;
    assert!(Arc::ptr_eq(&again.expect("the same"), &watched.inventory().expect("the devices")), "nothing changed");
    let controller = Submission {
        requester: policy_engine::submission::Requester {
            username: "system:serviceaccount:kube-system:replicaset-controller",
            groups: &[],
        },
        ..submission.clone()
    };
    assert_eq!(asking.facts(&controller, &policy, soon()).await.expect("an answer").inventory, None, "nobody reads it");
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn where_nobody_says_what_nodes_have_nothing_is_known_of_it() {
    let policy = crate::lookup::policy_of_alice(Default::default());
    let pod = json!({"metadata": {"labels": {"platform-go/dra-sharing-mode": "inline"}}, "spec": {"containers": []}});
    let submission = creation("", "pods", "web", &pod);
    let server = ApiServer::new([(at("deviceclasses"), json!({"metadata": {}, "items": []}))]);
    let found = Devices::asking(server.client()).facts(&submission, &policy, soon()).await.expect("an answer");
    assert_eq!(found.inventory, None, "the API server serves no slices");
    server.assert_asked([at("deviceclasses"), at("resourceslices")]);
    let unwatched = ApiServer::with_collections([slice("a", 1, "H100", 8)]);
    let world = unwatched.world(&[Topic::DeviceClasses]).await;
    let found = Devices::start(&world).facts(&submission, &policy, soon()).await.expect("an answer");
    assert_eq!(found.inventory, None, "what is not watched is not asked for");
}
