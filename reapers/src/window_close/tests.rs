use cluster::testing::ApiServer;
use serde_json::{Value, json};

use super::*;
use crate::cycle::Memory;
use crate::testing::{ledger, ledger_that_is_away, pod, stage};
use store::{Entry, Find, Ledger};

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

async fn proposed(server: &ApiServer, ledger: &Ledger, memory: &mut Memory) -> Proposal {
    let stage = stage(server, ledger.clone()).await;
    propose(Turn { stage: &stage, memory, may_act: &|| true }).await.expect("a proposal")
}

/// What the journal has of the Pod.
async fn entries(ledger: &Ledger) -> Vec<Entry> {
    ledger.journal().find(&Find::Uid("uid-of-owl".to_owned())).await.expect("the journal")
}

#[tokio::test]
async fn who_was_told_long_ago_is_evicted_by_uid_and_with_its_own_grace() {
    let server = server(json!({"platform-go/window-closes-at": "2020-01-02T00:00:00Z"}));
    let ((ledger, _directory), mut memory) = (ledger().await, Memory::default());
    let mut proposal = proposed(&server, &ledger, &mut memory).await;
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
    let [entry] = &entries(&ledger).await[..] else { panic!("one eviction") };
    assert_eq!((entry.daemon.as_str(), entry.outcome.as_deref()), ("window-close", Some("evicted")));
    let noted = json!({"queue": "night", "reason": "Plan window expired", "closedAt": "2020-01-02T00:00:00Z"});
    assert_eq!((&entry.plan, entry.objects[0].name.as_str()), (&noted, "owl"));
    let again = proposed(&server, &ledger, &mut memory).await;
    assert_eq!(again.steps.len(), 0, "it is not tried again at once");
    assert!(again.again_at.is_some(), "but soon");
}

#[tokio::test]
async fn who_was_not_told_is_told_first() {
    let server = server(json!({}));
    let mut proposal = proposed(&server, &ledger_that_is_away().await, &mut Memory::default()).await;
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

#[tokio::test]
async fn nobody_is_evicted_while_the_journal_does_not_answer() {
    let server = server(json!({"platform-go/window-closes-at": "2020-01-02T00:00:00Z"}));
    let mut proposal = proposed(&server, &ledger_that_is_away().await, &mut Memory::default()).await;
    assert_eq!(proposal.steps.len(), 1);
    let failed = proposal.steps.remove(0).act.await.expect_err("it cannot be noted");
    assert!(matches!(failed, crate::cycle::StepFailed::Ledger(_)), "{failed}");
    server.assert_asked::<String>([]);
}

#[tokio::test]
async fn what_a_process_left_open_is_ended_by_the_next_and_what_goes_on_stays_open() {
    let closed = server(json!({"platform-go/window-closes-at": "2020-01-02T00:00:00Z"}));
    let (ledger, _directory) = ledger().await;
    let mut proposal = proposed(&closed, &ledger, &mut Memory::default()).await;
    let begun = {
        let stage = stage(&closed, ledger.clone()).await;
        let policy = stage.world.policy();
        let view = view::window_close::view(&stage.world, "sluice-system");
        let eviction = plan(&view, &policy, Timestamp::now()).evictions.remove(0);
        ledger.journal().begin(&noted(&eviction, Timestamp::now()).expect("a note")).await.expect("the journal")
    };
    let store::Begun::Yes { id } = begun else { panic!("nothing was open") };
    // A process that begins anew goes on with it.
    let anew = proposed(&closed, &ledger, &mut Memory::default()).await;
    assert_eq!(anew.steps.len(), 1, "the eviction");
    assert_eq!(proposal.steps.remove(0).act.await.expect("it is written"), Outcome::Written);
    drop(closed.calls());
    let [entry] = &entries(&ledger).await[..] else { panic!("one eviction") };
    assert_eq!((&entry.id, entry.outcome.as_deref()), (&id, Some("evicted")));

    // What is announced no longer holds: it stays. And what is gone was not told.
    for (annotations, is_there, outcome) in [(json!({}), true, "stays"), (json!({}), false, "gone")] {
        let server = if is_there { server(annotations) } else { ApiServer::with_collections::<String>([]) };
        let beginning = store::Beginning {
            daemon: NAME,
            subjects: entry.subjects.clone(),
            objects: entry.objects.clone(),
            plan: entry.plan.clone(),
            at: Timestamp::now(),
        };
        ledger.journal().begin(&beginning).await.expect("the journal");
        let mut proposal = proposed(&server, &ledger, &mut Memory::default()).await;
        let step = proposal.steps.pop().expect("it is ended");
        assert!(step.news.is_none(), "nobody is told");
        assert_eq!(step.act.await.expect("it is written"), Outcome::Written);
        let open = ledger.journal().open(NAME).await.expect("the journal");
        assert!(open.is_empty(), "{open:?}");
        let outcomes: Vec<_> = entries(&ledger).await.into_iter().filter_map(|it| it.outcome).collect();
        assert!(outcomes.iter().any(|it| it == outcome), "{outcomes:?}");
        drop(server.calls());
    }
}
