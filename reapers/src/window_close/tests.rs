use cluster::testing::ApiServer;
use serde_json::{Value, json};

use super::*;
use crate::cycle::Memory;
use crate::testing::{ledger_that_is_away, pod, stage};

const PLAN: &str = "/apis/sluice.dev/v1alpha1/resourceplans/gold";

/// A Pod of a queue of a plan whose only window has ended.
fn server(annotations: Value) -> ApiServer {
    let windows = json!([{"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}]);
    let plan = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "ResourcePlan",
        "metadata": {"name": "gold", "uid": "gold"}, "spec": {"queues": ["night"], "windows": windows, "timeZone": "UTC"}});
    let queue = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformQueue",
        "metadata": {"name": "night", "uid": "night"}, "spec": {"priority": 5}});
    let owl = pod("detector", "owl", |pod| {
        pod["metadata"]["labels"] = json!({"platform-go/queue-name": "night"});
        pod["metadata"]["annotations"] = annotations;
        pod["spec"]["terminationGracePeriodSeconds"] = json!(7);
    });
    let records = [(PLAN.to_owned(), plan), ("/apis/sluice.dev/v1alpha1/platformqueues/night".to_owned(), queue), owl];
    let others = crate::testing::projects(["detector"]).into_iter().filter(|(path, _)| path != PLAN);
    ApiServer::with_collections(others.chain(records))
}

async fn proposed(server: &ApiServer, memory: &mut Memory) -> Proposal {
    let stage = stage(server, ledger_that_is_away().await).await;
    propose(Turn { stage: &stage, memory, may_act: &|| true }).await.expect("a proposal")
}

#[tokio::test]
async fn who_was_told_long_ago_is_evicted_by_uid_and_with_its_own_grace() {
    let server = server(json!({"platform-go/window-closes-at": "2020-01-02T00:00:00Z"}));
    let mut memory = Memory::default();
    let mut proposal = proposed(&server, &mut memory).await;
    assert_eq!(proposal.steps.len(), 1);
    let step = proposal.steps.remove(0);
    let news = step.news.expect("it is told");
    assert_eq!(news.reason, "PlanWindowExpired");
    assert!(news.note.starts_with("Plan window expired: evict pod detector/owl"), "{}", news.note);
    assert_eq!(step.act.await.expect("it is written"), Outcome::Written);
    let [annotated, evicted] = &server.calls()[..] else { panic!("two writes") };
    assert_eq!(
        annotated.body["metadata"]["annotations"],
        json!({"platform-go/eviction-reason": "Plan window expired"})
    );
    assert_eq!(evicted.path, "/api/v1/namespaces/detector/pods/owl/eviction");
    assert_eq!(
        (&evicted.body["apiVersion"], &evicted.body["deleteOptions"]),
        (&json!("policy/v1"), &json!({"gracePeriodSeconds": 7, "preconditions": {"uid": "uid-of-owl"}}))
    );
    let again = proposed(&server, &mut memory).await;
    assert_eq!(again.steps.len(), 0, "it is not tried again at once");
    assert!(again.again_at.is_some(), "but soon");
}

#[tokio::test]
async fn who_was_not_told_is_told_first() {
    let server = server(json!({}));
    let mut proposal = proposed(&server, &mut Memory::default()).await;
    assert_eq!(proposal.steps.len(), 1);
    let step = proposal.steps.remove(0);
    assert_eq!(step.news.expect("it is told").reason, "WindowCloses");
    assert_eq!(step.act.await.expect("it is written"), Outcome::Written);
    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    let annotations = &calls[0].body["metadata"]["annotations"];
    assert!(annotations["platform-go/window-closes-at"].is_string(), "{annotations}");
    assert_eq!(annotations["platform-go/eviction-reason"], Value::Null);
}
