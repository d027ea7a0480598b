mod in_vain;

use cluster::testing::{ApiServer, Call};
use serde_json::{Value, json};
use store::Ledger;

use super::*;
use crate::cycle::{Past as Turns, turn};
use crate::testing::{ledger, pod, projects, stage};

const NODE: &str = "gpu-x";

fn named(path: &str, kind: &str, api: &str, name: &str, more: Value) -> (String, Value) {
    let mut object =
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "uid": name, "resourceVersion": "1"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    (format!("{path}/{name}"), object)
}

fn queue(name: &str, priority: i32) -> (String, Value) {
    let api = "sluice.dev/v1alpha1";
    named(
        "/apis/sluice.dev/v1alpha1/platformqueues",
        "PlatformQueue",
        api,
        name,
        json!({"spec": {"priority": priority, "preemptible": true}}),
    )
}

/// A Pod of a queue with a claim that Kubernetes made for it; `on` is the device that it has.
fn with_claim(name: &str, queue: &str, on: Option<&str>) -> [(String, Value); 2] {
    let uid = format!("uid-of-{name}");
    let pod = pod("detector", name, |pod| {
        pod["metadata"]["labels"] = json!({"platform-go/queue-name": queue});
        pod["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimTemplateName": "t"}]);
        pod["spec"]["terminationGracePeriodSeconds"] = json!(7);
        pod["status"] = match on {
            Some(_) => json!({"phase": "Running", "startTime": "2026-11-23T11:00:05Z"}),
            None => json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "no", "lastTransitionTime": "2026-11-23T11:00:05Z"}]}),
        };
        if on.is_some() {
            pod["spec"]["nodeName"] = json!(NODE);
        }
    });
    let toleration = json!({"key": "platform-go/hold", "operator": "Equal", "value": uid, "effect": "NoSchedule"});
    let exactly = json!({"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1, "tolerations": [toleration]});
    let mut claim = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"namespace": "detector", "name": name, "uid": format!("claim-{name}"), "resourceVersion": "1",
            "annotations": {"resource.kubernetes.io/pod-claim-name": "gpu"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": true}]},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}},
    });
    if let Some(device) = on {
        let result = json!({"request": "gpu", "driver": "gpu.nvidia.com", "pool": NODE, "device": device});
        claim["status"] = json!({
            "allocation": {"devices": {"results": [result]}},
            "reservedFor": [{"resource": "pods", "name": name, "uid": uid}],
        });
    }
    [pod, (format!("/apis/resource.k8s.io/v1/namespaces/detector/resourceclaims/{name}"), claim)]
}

/// A node whose only device a Pod of `low` has, for which a Pod of `high` waits.
fn server(more: impl IntoIterator<Item = (String, Value)>) -> ApiServer {
    let node = json!({"status": {"allocatable": {"cpu": "8", "memory": "64Gi", "pods": "10"}}});
    let resource = "/apis/resource.k8s.io/v1";
    let api = "resource.k8s.io/v1";
    let device = json!({"name": "gpu-0", "attributes": {"productName": {"string": "X"}}, "capacity": {}});
    let slice = json!({"spec": {"driver": "gpu.nvidia.com", "nodeName": NODE, "devices": [device],
        "pool": {"name": NODE, "generation": 1, "resourceSliceCount": 1}}});
    let class = json!({"spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]}});
    let cluster = [
        named("/api/v1/nodes", "Node", "v1", NODE, node),
        named(&format!("{resource}/resourceslices"), "ResourceSlice", api, "slice", slice),
        named(&format!("{resource}/deviceclasses"), "DeviceClass", api, "gpu.nvidia.com", class),
        queue("low", 10),
        queue("high", 100),
        named(
            "/apis/sluice.dev/v1alpha1/resourceplans",
            "ResourcePlan",
            "sluice.dev/v1alpha1",
            "gold",
            json!({"spec": {"quota": {"cpu": 16, "memory": "64Gi"}, "queues": ["low", "high"]}}),
        ),
    ];
    let work = [with_claim("owl", "low", Some("gpu-0")), with_claim("hawk", "high", None)];
    // Who writes its status is answered with the Pod.
    let [(hawk, pod), _] = &work[1];
    let status = [(format!("{hawk}/status"), pod.clone())];
    ApiServer::with_collections(
        projects(["detector"]).into_iter().chain(cluster).chain(work.into_iter().flatten()).chain(status).chain(more),
    )
}

/// What one turn writes, Events apart.
async fn writes(server: &ApiServer, ledger: Ledger) -> Vec<Call> {
    let stage = stage(server, ledger).await;
    turn(&DAEMON, &stage, &mut Turns::default(), &|| true).await;
    server.calls().into_iter().filter(|call| !call.path.contains("/events")).collect()
}

fn lines(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| format!("{} {}", call.method, call.path)).collect()
}

#[tokio::test]
async fn what_is_planned_is_in_the_journal_and_held_before_anybody_is_evicted() {
    let (ledger, _directory) = ledger().await;
    let server = server([]);
    let calls = writes(&server, ledger.clone()).await;
    let pods = "/api/v1/namespaces/detector/pods";
    let expected = [
        format!("PATCH {pods}/hawk"),
        "POST /apis/resource.k8s.io/v1/devicetaintrules".to_owned(),
        format!("PATCH {pods}/hawk/status"),
        format!("PATCH {pods}/owl"),
        format!("POST {pods}/owl/eviction"),
    ];
    assert_eq!(lines(&calls), expected);
    let open = ledger.journal().open("preemption").await.expect("the journal");
    let [entry] = &open[..] else { panic!("{open:?}") };
    assert_eq!((entry.subjects[0].name.as_str(), entry.objects[0].name.as_str()), ("hawk", "owl"));
    assert_eq!(calls[0].body["metadata"]["annotations"], json!({"platform-go/room-made-in": "high"}));
    let hold = &calls[1].body;
    assert_eq!(hold["metadata"]["labels"]["sluice.dev/preemption"], entry.id);
    assert_eq!(
        hold["spec"]["taint"],
        json!({"key": "platform-go/hold", "value": "uid-of-hawk", "effect": "NoSchedule"})
    );
    assert_eq!(hold["spec"]["deviceSelector"], json!({"driver": "gpu.nvidia.com", "pool": NODE, "device": "gpu-0"}));
    assert_eq!(calls[2].body["status"], json!({"nominatedNodeName": NODE}));
    assert_eq!(
        calls[4].body["deleteOptions"],
        json!({"gracePeriodSeconds": 7, "preconditions": {"uid": "uid-of-owl"}})
    );
}

#[tokio::test]
async fn a_daemon_that_begins_anew_goes_on_and_evicts_nobody_else() {
    let (ledger, _directory) = ledger().await;
    let server = server([]);
    writes(&server, ledger.clone()).await;
    // Nothing that was written is seen yet: the same Pod is evicted again, and nothing is begun anew.
    let calls = writes(&server, ledger.clone()).await;
    let pods = "/api/v1/namespaces/detector/pods";
    let writes: Vec<_> = lines(&calls).into_iter().filter(|line| line.contains(pods)).collect();
    let expected = [format!("PATCH {pods}/hawk"), format!("PATCH {pods}/owl"), format!("POST {pods}/owl/eviction")];
    assert_eq!(writes, expected, "a mark that is not seen is written before anybody is evicted");
    assert_eq!(ledger.journal().open("preemption").await.expect("the journal").len(), 1);
}

#[tokio::test]
async fn a_hold_that_nobody_waits_for_is_taken_away_and_others_stay() {
    let (ledger, _directory) = ledger().await;
    let rule = |name: &str, labels: Value| {
        let spec = json!({"deviceSelector": {"driver": "else.example.com"}, "taint": {"key": "platform-go/hold", "value": "v", "effect": "NoSchedule"}});
        let meta = json!({"name": name, "uid": name, "resourceVersion": "1", "labels": labels});
        let object =
            json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceTaintRule", "metadata": meta, "spec": spec});
        (format!("/apis/resource.k8s.io/v1/devicetaintrules/{name}"), object)
    };
    let ours = json!({"app.kubernetes.io/managed-by": "sluice", "sluice.dev/preemption": "gone"});
    let server = server([rule("left", ours), rule("an-admins", json!({}))]);
    let calls = writes(&server, ledger).await;
    let deleted: Vec<_> = lines(&calls).into_iter().filter(|line| line.starts_with("DELETE")).collect();
    assert_eq!(deleted, ["DELETE /apis/resource.k8s.io/v1/devicetaintrules/left"]);
}

#[tokio::test]
async fn nobody_is_evicted_while_the_journal_does_not_answer() {
    let server = server([]);
    let calls = writes(&server, crate::testing::ledger_that_is_away().await).await;
    assert_eq!(lines(&calls), Vec::<String>::new());
}
