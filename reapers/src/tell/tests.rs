use cluster::testing::ApiServer;
use cluster::world::{Topic, Unfit};
use serde_json::json;

use super::*;
use crate::cycle::{Daemon, Next, Past, Proposal, Refusal, turn};
use crate::metrics::{ActionEnd, LedgerAlarm};
use crate::testing::{counts, ledger_that_is_away, stage};

const STATUS: &str = "/apis/sluice.dev/v1alpha1/platformpolicies/default/status";

fn teller(daemons: &[&'static str]) -> Teller {
    Teller { lease: "sluice-reapers-few".to_owned(), holder: "pod-a".to_owned(), daemons: daemons.into() }
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00.5Z".parse().expect("an instant")
}

#[tokio::test]
async fn it_is_told_what_the_metrics_count_and_for_what_is_waited() {
    const UNREAD: Daemon =
        Daemon::new("nudge", &[Topic::Records], |_| Box::pin(async { Err(Refusal::Unfit(Unfit::Policy)) }));
    const DONE: Daemon = Daemon::new("ledger", &[Topic::Records], |_| {
        let attention = vec!["plan nights does not open again; write a window".to_owned()];
        Box::pin(async { Ok(Proposal { attention, ..Proposal::default() }) })
    });
    let server = ApiServer::with_collections::<String>([]);
    let stage = stage(&server, ledger_that_is_away().await).await;
    for _ in 0..2 {
        turn(&UNREAD, &stage, &mut Past::default(), &|| true).await;
    }
    turn(&DONE, &stage, &mut Past::default(), &|| true).await;
    stage.metrics.action("ledger", ActionEnd::Written);
    stage.metrics.action("ledger", ActionEnd::Failed);
    stage.metrics.alarm("ledger", LedgerAlarm::HeldTwice);
    counts(&stage, "reapers_waits{daemon=\"nudge\",on=\"policy\"} 1");
    counts(&stage, "reapers_waits{daemon=\"nudge\",on=\"caches\"} 0");
    teller(&["ledger", "nudge", "counts"]).tell(&stage, now()).await;

    let calls = server.calls();
    assert_eq!((calls.len(), calls[0].method.as_str(), calls[0].path.as_str()), (1, "PATCH", STATUS));
    let told = &calls[0].body["status"];
    assert_eq!(told.as_object().map(|fields| fields.len()), Some(1), "other fields are other writers'");
    let [ledger, nudge, counts] = &told["daemons"].as_array().expect("daemons")[..] else { panic!("three") };
    for daemon in [ledger, nudge, counts] {
        assert_eq!((&daemon["holder"], &daemon["lease"]), (&json!("pod-a"), &json!("sluice-reapers-few")));
        assert_eq!(daemon["observedAt"], "2026-11-23T10:00:00Z");
    }
    assert_eq!((&ledger["lastEnd"], &ledger["cyclesInVain"]), (&json!("Done"), &json!(0)));
    assert_eq!((&ledger["actions"]["written"], &ledger["actions"]["failed"]), (&json!(1), &json!(1)));
    assert_eq!((&ledger["alarms"]["count"], &ledger["alarms"]["last"]), (&json!(1), &json!("held-twice")));
    assert!(ledger["waitsFor"].is_null() && ledger["lastSuccess"].is_string(), "{ledger}");
    assert_eq!((&nudge["lastEnd"], &nudge["cyclesInVain"]), (&json!("Unfit"), &json!(2)));
    assert_eq!(nudge["waitsFor"]["because"], "Policy");
    assert_eq!(ledger["attention"], json!(["plan nights does not open again; write a window"]));
    assert!(nudge["attention"].is_null(), "{nudge}");
    assert!(nudge["lastSuccess"].is_null() && nudge["viewAgeSeconds"].is_i64(), "{nudge}");
    assert!(counts["lastCycle"].is_null(), "it has had none");
}

#[tokio::test]
async fn of_caches_all_are_named_that_are_waited_for_and_a_cycle_that_is_done_waits_for_none() {
    const BLIND: Daemon =
        Daemon::new("follow", &[Topic::Records, Topic::Pods, Topic::Nodes], |_| unreachable!("it sees nothing"));
    const SEES: Daemon = Daemon::new("follow", &[Topic::Records], |_| Box::pin(async { Ok(Proposal::default()) }));
    let server = ApiServer::with_collections::<String>([]);
    let world = server.world(&[]).await;
    let stage = Stage::new(world, "sluice-system", ledger_that_is_away().await);
    let waits = |stage: &Stage| stage.metrics.told(["follow"].into_iter()).remove(0).waits_for;
    assert!(matches!(turn(&BLIND, &stage, &mut Past::default(), &|| true).await, Next::After(_)));
    let said = waits(&stage).expect("it waits");
    assert_eq!(said.says, "not everything was read yet of pods, nodes");
    turn(&SEES, &stage, &mut Past::default(), &|| true).await;
    assert_eq!(waits(&stage), None);
}

/// A server that hangs up is told of again; nobody else's work waits for it.
#[tokio::test]
async fn it_is_told_while_this_replica_leads_and_not_before() {
    let lease = "/apis/coordination.k8s.io/v1/namespaces/sluice-system/leases/sluice-reapers-few";
    let server = ApiServer::with_collections::<String>([]);
    let stage = stage(&server, ledger_that_is_away().await).await;
    let shutdown = CancellationToken::new();
    let (leadership, election) =
        Leadership::seek(&stage.world, "sluice-system", "sluice-reapers-few".into(), "pod-a".into(), shutdown.clone());
    tokio::time::pause();
    let telling = teller(&["follow"]).run(&stage, leadership, &shutdown);
    let watching = async {
        sleep(FIRST + INTERVAL * 2 + Duration::from_secs(1)).await;
        shutdown.cancel();
    };
    tokio::join!(telling, watching);
    drop(election.await);
    let calls = server.calls();
    let told = calls.iter().filter(|call| call.path == STATUS).count();
    assert!(calls.iter().any(|call| call.path == lease), "it takes part in the election");
    assert_eq!(told, 3, "at first, and each thirty seconds");
}
