use cluster::testing::ApiServer;
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
