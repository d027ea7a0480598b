use cluster::testing::ApiServer;
use policy_engine::ledger::{Account, Amounts, ChargeKey, Limits, ObjectName, Sight};
use policy_engine::policy::ids::ProjectId;
use serde_json::{Value, json};

use super::*;
use crate::cycle::{Next, Past, turn};
use crate::testing::{counts, ledger, ledger_that_is_away, pod, projects, stage};

fn server(runs: bool) -> ApiServer {
    let owl = pod("detector", "owl", |pod| pod["spec"]["nodeName"] = json!("cpu-a"));
    ApiServer::with_collections(projects(["detector"]).into_iter().chain(Some(owl).filter(|_| runs)))
}

/// The sentences of Events, and whom they are about.
fn told(server: &ApiServer) -> Vec<String> {
    let calls = server.calls().into_iter().filter(|call| call.method == "POST");
    calls.filter_map(|call| call.body["note"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn what_runs_is_charged_and_what_is_gone_is_charged_no_more() {
    let (ledger, _directory) = ledger().await;
    let detector = Account::Project(ProjectId::new("detector"));
    let cpu = async || ledger.balance(&detector).await.expect("an answer").total().milli_cpu;
    {
        let server = server(true);
        let stage = stage(&server, ledger.clone()).await;
        let mut past = Past::default();
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        let said = told(&server);
        assert!(said.len() == 1 && said[0].starts_with("runs and was not charged: charged "), "{said:?}");
        assert_eq!(cpu().await, 1000);
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        assert_eq!(told(&server), [""; 0]);
        counts(&stage, "reapers_ledger_steps_total{step=\"adopted\"} 1");
        counts(&stage, "reapers_cycles_total{daemon=\"ledger\",end=\"done\"} 2");
    }
    let server = server(false);
    let stage = stage(&server, ledger.clone()).await;
    turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
    assert_eq!(cpu().await, 0);
    assert_eq!(told(&server), [""; 0], "nobody can describe what is gone");
    counts(&stage, "reapers_ledger_steps_total{step=\"released\"} 1");
    assert_eq!(stage.room.take(), [detector.clone()].into(), "who waits for room is made to try again");
}

/// Whoever makes Pods while Sluice is away takes what nobody gave.
#[tokio::test]
async fn class_held_not_owned_what_takes_an_account_over_its_limit_unadmitted_is_an_alarm_once() {
    const SAID: &str =
        "was not admitted with what it takes, and with it project detector has 17 CPU and may have 16 CPU";
    let with = |name: &str, cpu: &str| {
        pod("detector", name, |pod| {
            pod["spec"]["nodeName"] = json!("cpu-a");
            pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!(cpu);
        })
    };
    let cluster = || projects(["detector"]).into_iter().chain([with("huge", "17")]);
    let alarms = |stage: &Stage, count: usize| {
        counts(stage, &format!("reapers_ledger_alarms_total{{alarm=\"over-limit\"}} {count}"));
    };
    let said = |server: &ApiServer| told(server).iter().filter(|note| note.starts_with(SAID)).count();
    let (ledger, _directory) = ledger().await;
    {
        let server = ApiServer::with_collections(cluster());
        let stage = stage(&server, ledger.clone()).await;
        let mut past = Past::default();
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        assert_eq!(said(&server), 1);
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        alarms(&stage, 1);
    }
    // A process that remembers nothing sees what adds nothing.
    let server = ApiServer::with_collections(cluster().chain([with("owl", "0")]));
    let stage = stage(&server, ledger.clone()).await;
    turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
    counts(&stage, "reapers_ledger_steps_total{step=\"adopted\"} 1");
    alarms(&stage, 0);
}

#[tokio::test]
async fn class_held_not_owned_a_new_ledger_says_which_limits_are_passed() {
    let (ledger, _directory) = ledger().await;
    let huge = pod("detector", "huge", |pod| {
        pod["spec"]["nodeName"] = json!("cpu-a");
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("17");
    });
    let server = ApiServer::with_collections(projects(["detector"]).into_iter().chain([huge]));
    let stage = stage(&server, ledger).await;
    begin(&stage).await.expect("it can be asked");
    counts(&stage, "reapers_ledger_alarms_total{alarm=\"over-limit\"} 1");
}

/// It holds a device; `change` is laid over how.
fn claim(namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> (String, Value) {
    let mut result = json!({"request": "gpu", "driver": "gpu.nvidia.com", "pool": "node-a", "device": "gpu-0"});
    change(&mut result);
    let claim = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "spec": {},
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "1"},
        "status": {"allocation": {"devices": {"results": [result]}}},
    });
    (format!("/apis/resource.k8s.io/v1/namespaces/{namespace}/resourceclaims/{name}"), claim)
}

#[tokio::test]
async fn class_held_not_owned_a_device_that_two_claims_hold_is_an_alarm_once() {
    let (ledger, _directory) = ledger().await;
    let shares = ["a", "b"].map(|id| claim("detector", id, |it| it["shareID"] = json!(id)));
    let watches = ["c", "d"].map(|name| claim("detector", name, |it| it["adminAccess"] = json!(true)));
    let twice = [claim("detector", "train", |_| {}), claim("default", "miner", |_| {})];
    let objects = projects(["detector"]).into_iter().chain(shares).chain(watches).chain(twice);
    let server = ApiServer::with_collections(objects);
    let stage = stage(&server, ledger).await;
    let mut past = Past::default();
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    let said = told(&server);
    for with in ["default/miner", "detector/train"] {
        let note = format!("holds device gpu-0 of gpu.nvidia.com in pool node-a, and so does ResourceClaim {with}; ");
        assert_eq!(said.iter().filter(|it| it.starts_with(&note)).count(), 1, "{note} in {said:?}");
    }
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!(told(&server), [""; 0], "they were told");
    counts(&stage, "reapers_ledger_alarms_total{alarm=\"held-twice\"} 1");
}

/// A ledger that is not compared for days must not be invisible.
#[tokio::test]
async fn a_turn_that_cannot_ask_is_counted_and_tried_again_soon() {
    let server = server(true);
    let stage = stage(&server, ledger_that_is_away().await).await;
    let next = turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
    assert_eq!(next, Next::Retry);
    counts(&stage, "reapers_cycles_total{daemon=\"ledger\",end=\"failed\"} 1");
    counts(&stage, "reapers_cycles_total{daemon=\"ledger\",end=\"done\"} 0");
}

#[tokio::test]
async fn a_new_ledger_holds_what_is_there_before_anybody_leads() {
    let (ledger, _directory) = ledger().await;
    let server = server(true);
    let stage = stage(&server, ledger.clone()).await;
    let news = begin(&stage).await.expect("it can be asked");
    assert_eq!((news.len(), news[0].reason), (1, "QuotaAdopted"));
    assert!(ledger.was_compared().await.expect("an answer"));
    assert_eq!(begin(&stage).await.expect("it can be asked"), []);
    server.assert_asked::<&str>([]);
}

/// A changed quota makes a step of every charge; to look through all charges for each took minutes on the runtime's thread.
#[test]
fn the_words_for_all_charges_take_no_longer_than_their_number_says() {
    const MANY: usize = 100_000;
    let uid = |number: usize| format!("00000000-0000-0000-0000-{number:012}");
    let charge = |number: usize| Charge {
        key: ChargeKey::of(&uid(number)),
        place: ObjectName::pod("detector", &uid(number), &Limits::default()),
        amounts: Amounts::NOTHING,
        payers: Limits::default(),
        bound: false,
        seen: true,
        raised_at: Timestamp::UNIX_EPOCH,
        ticket: Charge::CONFIRMED,
        made_for: None,
        claim: None,
        tags: None,
    };
    let charges: Vec<_> = (0..MANY).map(charge).collect();
    let began = std::time::Instant::now();
    let by_uid = words::by_uid(&charges);
    let gone = |number: usize| Entry::Observe(Sight::PodGone { uid: uid(number), at: Timestamp::UNIX_EPOCH });
    assert_eq!((0..MANY).filter_map(|number| words::of(&gone(number), &by_uid)).count(), MANY);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
