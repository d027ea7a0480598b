use cluster::testing::ApiServer;
use policy_engine::daemons::plan_window::MAX_RELEASES;
use serde_json::json;

use super::*;
use crate::cycle::Memory;
use crate::testing::{ledger, ledger_that_is_away, pod, projects, stage};

/// Pods that wait for the queue that never closes.
async fn proposed(count: usize, ledger: store::Ledger, may_act: bool) -> Result<Proposal, Refusal> {
    let gated = |number: usize| {
        pod("detector", &format!("p{number:03}"), |pod| {
            pod["metadata"]["labels"] = json!({"platform-go/queue-name": "default"});
            pod["spec"]["schedulingGates"] = json!([{"name": "platform-go/plan-window"}]);
        })
    };
    let server = ApiServer::with_collections(projects(["detector"]).into_iter().chain((0..count).map(gated)));
    let stage = stage(&server, ledger).await;
    propose(Turn { stage: &stage, memory: &mut Memory::default(), may_act: &move || may_act }).await
}

#[tokio::test]
async fn pods_start_as_far_as_there_is_room() {
    let (ledger, _directory) = ledger().await;
    let small = proposed(3, ledger, true).await.expect("a proposal");
    assert_eq!((small.steps.len(), small.refusals.len()), (3, 0));
}

/// A crowd for which one project has no room must not keep another's Pods waiting.
#[tokio::test]
async fn a_crowd_without_room_keeps_nobody_else() {
    let gated = |namespace: &str, name: &str, cpu: &str| {
        pod(namespace, name, |pod| {
            pod["metadata"]["labels"] = json!({"platform-go/queue-name": "default"});
            pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu.into();
            pod["spec"]["schedulingGates"] = json!([{"name": "platform-go/plan-window"}]);
        })
    };
    let crowd: Vec<_> = (0..MAX_RELEASES).map(|it| gated("detector", &format!("p{it:03}"), "17")).collect();
    let objects = projects(["detector", "zoo"]).into_iter().chain(crowd).chain([gated("zoo", "owl", "1")]);
    let (ledger, _directory) = ledger().await;
    let stage = stage(&ApiServer::with_collections(objects), ledger).await;
    let mut memory = Memory::default();
    let mut steps = Vec::new();
    for _ in 0..3 {
        let turn = Turn { stage: &stage, memory: &mut memory, may_act: &|| true };
        let proposal = propose(turn).await.expect("a proposal");
        steps.push((proposal.steps.len(), proposal.refusals.len(), proposal.cut_short));
    }
    assert_eq!(steps, [(0, MAX_RELEASES, true), (1, 0, false), (0, MAX_RELEASES, true)]);
}

/// Up to two hundred questions, each of which would wait for its deadline, and the same again when they are carried out.
#[tokio::test]
async fn while_the_ledger_is_away_nothing_is_proposed() {
    let refused = proposed(40, ledger_that_is_away().await, true).await;
    assert!(matches!(refused, Err(Refusal::Ledger(_))), "{:?}", refused.err());
}

#[tokio::test]
async fn who_no_longer_leads_asks_no_ledger() {
    let proposed = proposed(40, ledger_that_is_away().await, false).await.expect("nothing was asked");
    assert_eq!(proposed.steps.len(), 0);
}

/// A queue that opens in the year 2099, with a Pod of a ReplicaSet that waits for it.
fn closed(annotations: serde_json::Value) -> ApiServer {
    closed_by(annotations, json!({"queues": ["night"]}))
}

/// The same, by a plan that says this.
fn closed_by(annotations: serde_json::Value, plan: serde_json::Value) -> ApiServer {
    const PLAN: &str = "/apis/sluice.dev/v1alpha1/resourceplans/gold";
    let windows = json!([{"from": "2099-03-02T08:00:00Z", "until": "2099-03-03T08:00:00Z"}]);
    let plan = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "ResourcePlan", "metadata": {"name": "gold", "uid": "gold"}, "spec": plan});
    let queue = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformQueue", "metadata": {"name": "night", "uid": "night"},
        "spec": {"priority": 5, "windows": windows, "timeZone": "UTC"}});
    let owl = pod("detector", "owl", |pod| {
        pod["metadata"]["labels"] = json!({"platform-go/queue-name": "night", "platform-go/dra-gpu-count": "1"});
        pod["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimTemplateName": "t"}]);
        pod["metadata"]["annotations"] = annotations;
        pod["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "owls", "uid": "r", "controller": true}]);
        pod["spec"]["schedulingGates"] = json!([{"name": "platform-go/plan-window"}]);
    });
    let records = [(PLAN.to_owned(), plan), ("/apis/sluice.dev/v1alpha1/platformqueues/night".to_owned(), queue), owl];
    let others = projects(["detector"]).into_iter().filter(|(path, _)| path != PLAN);
    ApiServer::with_collections(others.chain(records))
}

async fn turned(server: &ApiServer) -> Proposal {
    let stage = stage(server, ledger_that_is_away().await).await;
    propose(Turn { stage: &stage, memory: &mut Memory::default(), may_act: &|| true }).await.expect("a proposal")
}

#[tokio::test]
async fn who_waits_is_told_until_when_and_its_workload_how_many_do() {
    let server = closed(json!({}));
    let mut proposal = turned(&server).await;
    let [of_workload] = &proposal.tidings[..] else { panic!("its workload is told") };
    assert_eq!(of_workload.about.to_string(), "ReplicaSet detector/owls");
    assert!(
        of_workload.note.contains("1 Pod waits: queue night is closed until Mon 2099-03-02 08:00 UTC"),
        "{}",
        of_workload.note
    );
    assert_eq!(proposal.steps.len(), 1);
    let step = proposal.steps.remove(0);
    assert_eq!(step.news.expect("it is told").reason, "WaitsForQueue");
    assert_eq!(step.act.await.expect("it is written"), Outcome::Written);
    let [annotated] = &server.calls()[..] else { panic!("one write") };
    let metadata = json!({"uid": "uid-of-owl", "annotations": {"platform-go/starts-at": "2099-03-02T08:00:00Z"}});
    assert_eq!(annotated.body["metadata"], metadata);
}

/// What a person reads in Events is what the rules would allow. The Pod asks 1 GPU.
#[tokio::test]
async fn default_is_offered_only_to_who_could_run_there() {
    let windows = json!([{"from": "2099-03-02T08:00:00Z", "until": "2099-03-03T08:00:00Z"}]);
    let plan = |outside: u32| {
        let outside = json!({"gpu": outside});
        json!({"queues": ["night"], "quota": {"gpu": 4}, "windows": windows, "timeZone": "UTC", "outsideWindowQuota": outside})
    };
    let waits = async |outside| {
        let mut proposal = turned(&closed_by(json!({}), plan(outside))).await;
        proposal.steps.remove(0).news.expect("it is told").note
    };
    let says = "pod detector/owl waits: queue night is closed until Mon 2099-03-02 08:00 UTC, by the windows of plan gold and by its own; it \
                starts then, as far as there is room";
    let moves = "; to run it now, move it to queue default (annotation platform-go/switch-queue)";
    assert_eq!(waits(1).await, format!("{says}{moves}"));
    assert_eq!(waits(0).await, says, "it asks more than default has before the plan opens");
    let unbound = async |outside| {
        let mut plan = plan(outside);
        plan["queues"] = json!([]);
        turned(&closed_by(json!({}), plan)).await.refusals.remove(0).note
    };
    let says = "pod detector/owl waits in vain: plan gold does not bind queue night; ";
    let moves = "move it to queue default (annotation platform-go/switch-queue), or ";
    assert_eq!(unbound(1).await, format!("{says}{moves}ask an admin"));
    assert_eq!(unbound(0).await, format!("{says}ask an admin"));
}

#[tokio::test]
async fn who_says_already_when_it_starts_is_told_nothing() {
    let proposal = turned(&closed(json!({"platform-go/starts-at": "2099-03-02T08:00:00Z"}))).await;
    assert_eq!((proposal.steps.len(), proposal.tidings.len(), proposal.refusals.len()), (0, 0, 0));
    let wrong = turned(&closed(json!({"platform-go/starts-at": "2099-03-02T09:00:00Z"}))).await;
    assert_eq!((wrong.steps.len(), wrong.tidings.len()), (1, 1));
}
