use cluster::testing::ApiServer;
use policy_engine::ledger::{
    Account, Amounts, ChargeKey, ClaimMade, Limits, ObjectName, REQUEST_TIMEOUT, Request, Sight, Tags,
};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::quota::Quota;
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

/// A Pod on a node that takes so much CPU.
fn running(name: &str, cpu: &str) -> (String, Value) {
    pod("detector", name, |pod| {
        pod["spec"]["nodeName"] = json!("cpu-a");
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!(cpu);
    })
}

/// It is charged nothing, long after it was admitted.
fn lowered(account: &Account) -> Sight {
    let payers = [(account.clone(), Quota::default())].into_iter().collect();
    let at = Timestamp::now() + REQUEST_TIMEOUT;
    Sight::Pod { uid: "uid-of-owl".into(), bound: true, amounts: Amounts::NOTHING, payers, at }
}

#[track_caller]
fn alarms(stage: &Stage, alarm: &str, count: usize) {
    counts(stage, &format!("reapers_ledger_alarms_total{{alarm=\"{alarm}\"}} {count}"));
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
    let mut past = Past::default();
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!(cpu().await, 0);
    assert_eq!(told(&server), [""; 0], "nobody can describe what is gone");
    counts(&stage, "reapers_ledger_steps_total{step=\"released\"} 1");
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!(told(&server), [""; 0]);
    assert_eq!(stage.room.take(), [detector.clone()].into(), "who waits for room is made to try again");
}

/// Whoever makes Pods while Sluice is away takes what nobody gave.
#[tokio::test]
async fn class_held_not_owned_what_takes_an_account_over_its_limit_unadmitted_is_an_alarm_once() {
    const SAID: &str =
        "was not admitted with what it takes, and with it project detector has 17 CPU and may have 16 CPU";
    let cluster = || projects(["detector"]).into_iter().chain([running("huge", "17")]);
    let said = |server: &ApiServer| told(server).iter().filter(|note| note.starts_with(SAID)).count();
    let (ledger, _directory) = ledger().await;
    {
        let server = ApiServer::with_collections(cluster());
        let stage = stage(&server, ledger.clone()).await;
        let mut past = Past::default();
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        assert_eq!(said(&server), 1);
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        assert_eq!(said(&server), 0, "it was said");
        alarms(&stage, "over-limit", 1);
    }
    // A process that remembers nothing sees what adds nothing.
    let server = ApiServer::with_collections(cluster().chain([running("owl", "0")]));
    let stage = stage(&server, ledger.clone()).await;
    turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
    assert_eq!(said(&server), 0, "it takes nothing");
    counts(&stage, "reapers_ledger_steps_total{step=\"adopted\"} 1");
    alarms(&stage, "over-limit", 0);
}

/// What was admitted stays, and nobody has done what they should not.
#[tokio::test]
async fn who_is_over_a_limit_since_an_admin_lowered_it_is_told_once_and_is_no_alarm() {
    let (ledger, _directory) = ledger().await;
    let cluster = |cpu: u64| {
        let mut objects = projects(["detector"]);
        let plan = objects.iter_mut().find(|(path, _)| path.ends_with("/gold")).expect("the plan");
        plan.1["spec"]["quota"]["cpu"] = json!(cpu);
        ApiServer::with_collections(objects.into_iter().chain([running("huge", "8"), running("owl", "4")]))
    };
    {
        let server = cluster(16);
        let stage = stage(&server, ledger.clone()).await;
        turn(&DAEMON, &stage, &mut Past::default(), &|| true).await;
        assert_eq!(told(&server).len(), 2, "both are charged");
    }
    let server = cluster(10);
    let stage = stage(&server, ledger.clone()).await;
    let mut past = Past::default();
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    let said = told(&server);
    let says = "project detector has 12 CPU and may have 10 CPU; what runs goes on, and nothing starts that needs more";
    assert!(said.len() == 1 && said[0].starts_with(says), "{said:?}");
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!(told(&server), [""; 0], "it was said");
    alarms(&stage, "over-limit", 0);
}

#[tokio::test]
async fn what_runs_is_charged_by_limits_as_soon_as_an_admin_says_so_and_that_is_no_alarm() {
    let (ledger, _directory) = ledger().await;
    let detector = Account::Project(ProjectId::new("detector"));
    let cpu = async || ledger.balance(&detector).await.expect("an answer").total().milli_cpu;
    let cluster = |charge: &str| {
        let policy = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformPolicy",
            "metadata": {"name": "default", "uid": "policy"}, "spec": {"charge": charge}});
        let (path, mut owl) = running("owl", "1");
        owl["spec"]["containers"][0]["resources"]["limits"] = json!({"cpu": "32"});
        let policy = ("/apis/sluice.dev/v1alpha1/platformpolicies/default".to_owned(), policy);
        ApiServer::with_collections(projects(["detector"]).into_iter().chain([policy, (path, owl)]))
    };
    let mut past = Past::default();
    {
        let server = cluster("Requests");
        let stage = stage(&server, ledger.clone()).await;
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        assert_eq!((told(&server).len(), cpu().await), (1, 1000), "it is charged");
    }
    let server = cluster("Limits");
    let stage = stage(&server, ledger.clone()).await;
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!(cpu().await, 32_000);
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    let says = "project detector has 32 CPU and may have 16 CPU; what runs goes on";
    assert!(told(&server).iter().any(|note| note.starts_with(says)));
    alarms(&stage, "over-limit", 0);
    // Whoever grows something later did not ask.
    ledger.observe(vec![lowered(&detector)]).await.expect("an answer");
    turn(&DAEMON, &stage, &mut past, &|| true).await;
    assert_eq!((told(&server).len(), cpu().await), (1, 32_000));
    alarms(&stage, "over-limit", 1);
}

#[tokio::test]
async fn a_limit_that_is_not_enforced_is_passed_without_a_word() {
    let (ledger, _directory) = ledger().await;
    let mut objects = projects(["detector"]);
    let project = objects.iter_mut().find(|(path, _)| path.ends_with("/projects/detector")).expect("the project");
    project.1["spec"]["ruleModes"] = json!({"quota": "warn"});
    let server = ApiServer::with_collections(objects.into_iter().chain([running("huge", "17")]));
    let stage = stage(&server, ledger).await;
    let mut past = Past::default();
    for _again in 0..2 {
        turn(&DAEMON, &stage, &mut past, &|| true).await;
    }
    let said = told(&server);
    assert!(said.len() == 1 && said[0].starts_with("runs and was not charged"), "{said:?}");
    alarms(&stage, "over-limit", 0);
}

#[tokio::test]
async fn class_held_not_owned_a_claim_that_is_gone_under_its_pod_is_charged_and_an_alarm_once() {
    let (ledger, _directory) = ledger().await;
    let detector = Account::Project(ProjectId::new("detector"));
    let payers: Limits = [(detector.clone(), Quota::default())].into_iter().collect();
    let price = Amounts { milli_gpu: 1000, devices: 1, ..Amounts::NOTHING };
    let (uid, namespace, name) = ("uid-of-train".to_owned(), "detector".to_owned(), "train".to_owned());
    let place = ObjectName::claim(&namespace, &name, &payers, false);
    let seen = Sight::Claim {
        uid: uid.clone(),
        bound: Some(Tags::default()),
        price,
        got: None,
        payers: payers.clone(),
        place,
        at: Timestamp::now(),
    };
    let made = ClaimMade { uid, namespace, name, price, payers, ..ClaimMade::default() };
    ledger.reconcile(vec![Entry::Adopt(Request::ClaimMade(made))]).await.expect("an answer");
    ledger.observe(vec![seen]).await.expect("an answer");
    let owl = pod("detector", "owl", |pod| {
        pod["spec"]["nodeName"] = json!("gpu-a");
        pod["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimName": "train"}]);
    });
    let server = ApiServer::with_collections(projects(["detector"]).into_iter().chain([owl]));
    let stage = stage(&server, ledger.clone()).await;
    let mut past = Past::default();
    let note = "holds the devices of ResourceClaim train, which is gone, ";
    let mut said = Vec::new();
    for _again in 0..4 {
        turn(&DAEMON, &stage, &mut past, &|| true).await;
        said.push(told(&server).iter().filter(|it| it.starts_with(note)).count());
    }
    assert_eq!(said, [0, 1, 0, 0], "when the second comparison says so, and no more");
    alarms(&stage, "held-claim-gone", 1);
    assert_eq!(ledger.balance(&detector).await.expect("an answer").used.milli_gpu, 1000);
}

#[tokio::test]
async fn class_held_not_owned_a_new_ledger_says_which_limits_are_passed() {
    let (ledger, _directory) = ledger().await;
    let server = ApiServer::with_collections(projects(["detector"]).into_iter().chain([running("huge", "17")]));
    let stage = stage(&server, ledger).await;
    begin(&stage).await.expect("it can be asked");
    assert_eq!(told(&server).len(), 1);
    alarms(&stage, "over-limit", 1);
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
    alarms(&stage, "held-twice", 1);
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
