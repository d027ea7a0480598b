use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use policy_engine::policy::Records;
use serde_json::{Value, json};

use super::*;
use crate::testing::ApiServer;

const APPS: &str = "/apis/apps/v1";
const RUN_1: &str = "/apis/apps/v1/namespaces/team/replicasets/run-1";

fn apps() -> Value {
    json!({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
        {"name": "replicasets", "singularName": "", "namespaced": true, "kind": "ReplicaSet", "verbs": ["get"]},
        {"name": "replicasets/scale", "singularName": "", "namespaced": true, "kind": "Scale", "verbs": ["get"]},
        {"name": "controllerrevisions", "singularName": "", "namespaced": true, "kind": "ControllerRevision", "verbs": ["get"]},
    ]})
}

fn run_1(labels: Value) -> Value {
    let meta = json!({"name": "run-1", "namespace": "team", "uid": "u-1", "labels": labels});
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
}

fn reference(kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        name: name.into(),
        uid: uid.into(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn stamped(owners: &Owners, reference: &OwnerReference) -> ControllerOwner {
    let policy = Policy::from(Records::default());
    owners.stamped(&policy, "team", reference, soon()).await.expect("the API server answers")
}

fn by(user: Option<&str>) -> ControllerOwner {
    ControllerOwner::Stamped { kind: "ReplicaSet".into(), name: "run-1".into(), user_id: user.map(UserId::new) }
}

fn gone(name: &str) -> ControllerOwner {
    ControllerOwner::Gone { kind: "ReplicaSet".into(), name: name.into() }
}

#[tokio::test]
async fn a_stamp_is_asked_for_once() {
    let server = ApiServer::new([(APPS, apps()), (RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(server.client());
    for _ in 0..3 {
        assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-1")).await, by(Some("alice")));
    }
    server.assert_asked([APPS, RUN_1]);
}

#[tokio::test]
async fn an_object_from_before_the_platform_has_no_stamp() {
    let server = ApiServer::new([(APPS, apps()), (RUN_1, run_1(json!({"app": "x"})))]);
    assert_eq!(stamped(&Owners::new(server.client()), &reference("ReplicaSet", "run-1", "u-1")).await, by(None));
    server.assert_asked([APPS, RUN_1]);
}

#[tokio::test]
async fn another_uid_or_name_borrows_no_stamp() {
    let server = ApiServer::new([(APPS, apps()), (RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(server.client());
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-1")).await, by(Some("alice")));
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-1", "u-2")).await, gone("run-1"));
    assert_eq!(stamped(&owners, &reference("ReplicaSet", "run-2", "u-1")).await, gone("run-2"));
    server.assert_asked([APPS, RUN_1, RUN_1, "/apis/apps/v1/namespaces/team/replicasets/run-2"]);
    // No such path is asked for.
    let elsewhere = "../../other/replicasets/run-1";
    assert_eq!(stamped(&owners, &reference("ReplicaSet", elsewhere, "u-1")).await, gone(elsewhere));
}

#[tokio::test]
async fn kinds_that_nobody_listed_prove_nothing() {
    let server = ApiServer::new([(APPS, apps())]);
    let owners = Owners::new(server.client());
    let unlisted = |kind: &str, resource: Option<&str>| ControllerOwner::Unlisted {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        resource: resource.map(Into::into),
    };
    let revision = stamped(&owners, &reference("ControllerRevision", "a", "u-1")).await;
    assert_eq!(revision, unlisted("ControllerRevision", Some("controllerrevisions")));
    for _ in 0..3 {
        assert_eq!(stamped(&owners, &reference("Made-up", "a", "u-1")).await, unlisted("Made-up", None));
    }
    let of_no_group = OwnerReference { api_version: "x.y/v1".into(), ..reference("Foo", "a", "u-1") };
    let of_no_group = stamped(&owners, &of_no_group).await;
    assert!(matches!(of_no_group, ControllerOwner::Unlisted { resource: None, .. }), "{of_no_group:?}");
    // A kind that is missing is asked about once a second at most.
    server.assert_asked([APPS, APPS, "/apis/x.y/v1"]);
}

#[tokio::test]
async fn failures_are_errors_and_never_answers() {
    let broken =
        tower::service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>(std::io::Error::other("down")) });
    let owners = Owners::new(Client::new(broken, "default"));
    let policy = Policy::from(Records::default());
    let failed = owners.stamped(&policy, "team", &reference("ReplicaSet", "run-1", "u-1"), soon()).await;
    assert!(matches!(failed, Err(LookupFailed::Api { what, .. }) if what == "ReplicaSet team/run-1"));

    let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, std::io::Error>>());
    let owners = Owners::new(Client::new(silent, "default"));
    let deadline = Instant::now() + Duration::from_millis(20);
    let late = owners.stamped(&policy, "team", &reference("ReplicaSet", "run-1", "u-1"), deadline).await;
    assert!(matches!(late, Err(LookupFailed::Deadline { what }) if what == "ReplicaSet team/run-1"));
}

#[tokio::test]
async fn the_target_of_a_subresource_is_read_anew_each_time() {
    let server = ApiServer::new([(RUN_1, run_1(json!({contract::USER_ID: "alice"})))]);
    let owners = Owners::new(server.client());
    let replica_sets = GroupVersionResource::gvr("apps", "v1", "replicasets");
    for _ in 0..2 {
        let target = owners.target("team", &replica_sets, "run-1", soon()).await.expect("answers").expect("exists");
        assert_eq!((target.uid.as_str(), target.user_id()), ("u-1", Some(UserId::new("alice"))));
    }
    assert_eq!(owners.target("team", &replica_sets, "run-2", soon()).await.expect("answers"), None);
    server.assert_asked([RUN_1, RUN_1, "/apis/apps/v1/namespaces/team/replicasets/run-2"]);
}

mod pods {
    use policy_engine::submission::deputy::Deputy;

    use super::*;

    const DRIVER: &str = "/api/v1/namespaces/team/pods/driver";

    fn driver(labels: Value) -> (&'static str, Value) {
        let meta = json!({"name": "driver", "namespace": "team", "uid": "p-1", "labels": labels});
        (DRIVER, json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}))
    }

    fn of(user: Option<&str>) -> Deputy {
        Deputy::Of { pod: "driver".into(), user_id: user.map(UserId::new) }
    }

    async fn pod(owners: &Owners, name: &str, uid: &str) -> Deputy {
        owners.pod("team", name, uid, soon()).await.expect("the API server answers")
    }

    #[tokio::test]
    async fn a_pods_stamp_is_asked_for_once_also_as_the_owner_of_what_it_makes() {
        let kinds = json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            {"name": "pods", "singularName": "", "namespaced": true, "kind": "Pod", "verbs": ["get"]}]});
        let server = ApiServer::new([("/api/v1", kinds), driver(json!({contract::USER_ID: "alice"}))]);
        let owners = Owners::new(server.client());
        for _ in 0..3 {
            assert_eq!(pod(&owners, "driver", "p-1").await, of(Some("alice")));
        }
        server.assert_asked([DRIVER]);
        let owner = OwnerReference { api_version: "v1".into(), ..reference("Pod", "driver", "p-1") };
        let by =
            ControllerOwner::Stamped { kind: "Pod".into(), name: "driver".into(), user_id: Some(UserId::new("alice")) };
        assert_eq!(stamped(&owners, &owner).await, by);
        server.assert_asked(["/api/v1"]);
    }

    #[tokio::test]
    async fn a_pod_of_another_uid_or_name_attests_nobody() {
        let server = ApiServer::new([driver(json!({contract::USER_ID: "alice"}))]);
        let owners = Owners::new(server.client());
        assert_eq!(pod(&owners, "driver", "p-2").await, Deputy::Gone { pod: "driver".into() });
        assert_eq!(pod(&owners, "gone", "p-1").await, Deputy::Gone { pod: "gone".into() });
        server.assert_asked([DRIVER, "/api/v1/namespaces/team/pods/gone"]);
        // No such path is asked for.
        let elsewhere = "../../other/pods/driver";
        assert_eq!(pod(&owners, elsewhere, "p-1").await, Deputy::Gone { pod: elsewhere.into() });
        let from = owners.pod("../team", "driver", "p-1", soon()).await.expect("an answer");
        assert_eq!(from, Deputy::Gone { pod: "driver".into() });
    }

    #[tokio::test]
    async fn a_pod_from_before_the_platform_names_no_user() {
        let server = ApiServer::new([driver(json!({"app": "x"}))]);
        assert_eq!(pod(&Owners::new(server.client()), "driver", "p-1").await, of(None));
        server.assert_asked([DRIVER]);
    }

    #[tokio::test]
    async fn a_pod_that_cannot_be_asked_for_is_an_error_and_no_answer() {
        let broken =
            tower::service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>(std::io::Error::other("down")) });
        let failed = Owners::new(Client::new(broken, "default")).pod("team", "driver", "p-1", soon()).await;
        assert!(matches!(failed, Err(LookupFailed::Api { what, .. }) if what == "Pod team/driver"));
    }
}

mod autoscalers {
    use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
    use policy_engine::submission::facts::{Autoscaler, Scaled};

    use super::*;

    const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/team/horizontalpodautoscalers";
    const WEB: &str = "/apis/x.y/v1/namespaces/team/proxies/web";

    fn autoscaler(name: &str, (api_version, kind, target): (&str, &str, &str)) -> Value {
        let target = json!({"apiVersion": api_version, "kind": kind, "name": target});
        json!({"metadata": {"name": name, "labels": {contract::USER_ID: "bob"}}, "spec": {"maxReplicas": 1, "scaleTargetRef": target}})
    }

    /// Serves the group x.y in the version v1 alone.
    fn server(autoscalers: Vec<Value>) -> ApiServer {
        let version = json!({"groupVersion": "x.y/v1", "version": "v1"});
        let groups = json!({"groups": [{"name": "x.y", "versions": [version], "preferredVersion": version}]});
        let proxies = json!({"kind": "APIResourceList", "groupVersion": "x.y/v1", "resources": [
            {"name": "proxies", "singularName": "", "namespaced": true, "kind": "Proxy", "verbs": ["get"]},
            {"name": "pros", "singularName": "", "namespaced": true, "kind": "Pro", "verbs": ["get"]},
        ]});
        let web = json!({"metadata": {"name": "web", "labels": {contract::USER_ID: "alice"}}});
        ApiServer::new([
            ("/apis", groups),
            ("/apis/x.y/v1", proxies),
            (WEB, web),
            (AUTOSCALERS, json!({"metadata": {}, "items": autoscalers})),
        ])
    }

    async fn of_proxies(server: &ApiServer) -> Result<Vec<Autoscaler>, LookupFailed> {
        let workload = GroupResource::new("x.y", "proxies");
        Owners::new(server.client()).autoscalers("team", &workload, "web", soon()).await
    }

    #[tokio::test]
    async fn an_autoscaler_is_found_by_kind_and_name_of_what_it_scales() {
        let server = server(vec![
            autoscaler("ours", ("x.y/v1", "Proxy", "web")),
            autoscaler("other-name", ("x.y/v1", "Proxy", "web-2")),
            autoscaler("other-kind", ("x.y/v1", "Pro", "web")),
            autoscaler("other-kind-and-version", ("x.y/v0", "Pro", "web")),
            autoscaler("no-kind", ("x.y/v1", "Nonsense", "web")),
            autoscaler("other-group", ("apps/v1", "Deployment", "web")),
            autoscaler("other-version", ("x.y/v0", "Proxy", "web")),
            autoscaler("no-version", ("x.y/", "Proxy", "web")),
        ]);
        let found: Vec<_> = of_proxies(&server).await.expect("answers").into_iter().map(|it| it.name).collect();
        // Its controller finds the kind in whichever version serves it.
        assert_eq!(found, ["ours", "other-version", "no-version"]);
        // What autoscalers name costs no question.
        server.assert_asked(["/apis", "/apis/x.y/v1", AUTOSCALERS]);
    }

    #[tokio::test]
    async fn the_last_of_many_is_found() {
        let other = |number: usize| autoscaler(&format!("a{number}"), ("x.y/v1", "Proxy", "other"));
        let last = [autoscaler("last", ("x.y/v1", "Proxy", "web"))];
        let server = server((1..2500).map(other).chain(last).collect());
        let found = of_proxies(&server).await.expect("answers");
        assert_eq!(found, [Autoscaler { name: "last".into(), user_id: Some(UserId::new("bob")), replicas: 1..=1 }]);
        server.assert_asked(["/apis", "/apis/x.y/v1"].into_iter().chain([AUTOSCALERS; 125]));
    }

    #[tokio::test]
    async fn what_an_autoscaler_names_has_its_stamp() {
        let server = server(Vec::new());
        let owners = Owners::new(server.client());
        let in_version = |version: &str, name: &str| CrossVersionObjectReference {
            api_version: Some(version.into()),
            kind: "Proxy".into(),
            name: name.into(),
        };
        let named = |name: &str| in_version("x.y/v1", name);
        let found = owners.scaled("team", named("web"), soon()).await.expect("answers");
        let alices = Scaled { kind: "Proxy".into(), name: "web".into(), user_id: Some(UserId::new("alice")) };
        assert_eq!(found, Some(alices));
        assert_eq!(owners.scaled("team", named("to-come"), soon()).await.expect("answers"), None);
        assert_eq!(owners.scaled("team", named("../web"), soon()).await.expect("answers"), None);
        server.assert_asked(["/apis/x.y/v1", WEB, "/apis/x.y/v1/namespaces/team/proxies/to-come"]);
        // Its controller finds the kind in whichever version of the group serves it.
        let found = owners.scaled("team", in_version("x.y/v0", "web"), soon()).await.expect("answers");
        assert_eq!(found.and_then(|it| it.user_id), Some(UserId::new("alice")));
        assert_eq!(owners.scaled("team", in_version("y.z/v1", "web"), soon()).await.expect("answers"), None);
        server.assert_asked(["/apis/x.y/v0", "/apis", "/apis/x.y/v1", WEB, "/apis/y.z/v1", "/apis"]);
    }
}

#[tokio::test]
async fn what_was_moved_is_looked_for_above_a_pods_owner_and_only_where_something_was() {
    let mut set = run_1(json!({}));
    set["metadata"]["ownerReferences"] = json!([reference("Deployment", "run", "u-run")]);
    let server = ApiServer::new([(APPS, apps()), (RUN_1, set)]);
    let (owners, policy) = (Owners::new(server.client()), Policy::from(Records::default()));
    let known = |namespace: &str, uid: &str| {
        let text = |text: &str| text.to_owned();
        let of = crate::world::MovedWorkload {
            api_version: text("apps/v1"),
            kind: text("Deployment"),
            namespace: text(namespace),
            name: text("run"),
            uid: text(uid),
            queue: text("night"),
        };
        crate::world::MovedWorkloads::from([(text(namespace), [(text(uid), of)].into())])
    };
    let set = reference("ReplicaSet", "run-1", "u-1");
    let nearest = async |known: Option<&crate::world::MovedWorkloads>| {
        let moved = owners.moved(&policy, "team", &set, known, soon()).await.expect("the API server answers");
        moved.map(|moved| (moved.kind, moved.queue))
    };
    assert_eq!(nearest(Some(&known("other", "u-run"))).await, None, "in another Namespace");
    assert_eq!(nearest(Some(&known("team", "u-1"))).await.map(|(_, queue)| queue), Some("night".into()));
    server.assert_asked::<&str>([]);
    for _ in 0..2 {
        assert_eq!(nearest(Some(&known("team", "u-run"))).await, Some(("Deployment".into(), "night".into())));
    }
    server.assert_asked([APPS, RUN_1]);
}
