use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cluster::testing::ApiServer;
use cluster::world::{Topic, Unfit};
use cluster::write::{self, News, Outcome, Tone, WriteFailed};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::*;
use crate::metrics::Metrics;
use crate::testing::{counts, ledger, ledger_that_is_away, pod, projects, stage};

fn news(name: &str, note: &str) -> News {
    let about = write::About::Namespace(name.into());
    News { tone: Tone::Normal, about, related: None, reason: "Tried", note: note.into() }
}

fn step(name: &str, done: &Arc<AtomicUsize>, end: Result<Outcome, ()>) -> Step {
    let done = done.clone();
    let act = async move {
        done.fetch_add(1, Ordering::Relaxed);
        end.map_err(|()| WriteFailed::Deadline { what: "a namespace".into() }.into())
    };
    Step::told(news(name, name), act.boxed())
}

async fn carried_out(steps: Vec<Step>, metrics: &Metrics, may_act: &MayAct<'_>) -> (Vec<News>, bool) {
    let away = AtomicBool::new(false);
    (act("follow", steps, 1, metrics, may_act, &away).await, away.into_inner())
}

#[tokio::test]
async fn a_failed_write_stops_nothing_and_everything_is_counted() {
    let server = ApiServer::with_collections::<String>([]);
    let stage = stage(&server, ledger_that_is_away().await).await;
    let done = Arc::new(AtomicUsize::new(0));
    let ends = [Err(()), Ok(Outcome::Gone), Ok(Outcome::Overtaken), Ok(Outcome::Written)];
    let steps = ends.into_iter().map(|end| step("x", &done, end)).collect();
    let (written, away) = carried_out(steps, &stage.metrics, &|| true).await;
    assert_eq!((written.len(), done.load(Ordering::Relaxed), away), (1, 4, false));
    for end in ["failed", "gone", "overtaken", "written"] {
        counts(&stage, &format!("reapers_actions_total{{daemon=\"follow\",end=\"{end}\"}} 1"));
    }
}

/// It would wait for its deadline once for each of the others.
#[tokio::test]
async fn a_ledger_that_does_not_answer_stops_the_rest_of_the_plan() {
    let done = Arc::new(AtomicUsize::new(0));
    let away = Step::silent(async { Err(store::Unavailable::Deadline.into()) }.boxed());
    let steps = vec![step("a", &done, Ok(Outcome::Written)), away, step("b", &done, Ok(Outcome::Written))];
    let (written, away) = carried_out(steps, &Metrics::default(), &|| true).await;
    let names: Vec<_> = written.iter().map(|news| news.note.as_str()).collect();
    assert_eq!((names, away), (vec!["a"], true));
}

#[tokio::test]
async fn who_no_longer_leads_stops_in_the_middle_of_a_plan() {
    let done = Arc::new(AtomicUsize::new(0));
    let steps = ["a", "b", "c"].map(|name| step(name, &done, Ok(Outcome::Written)));
    let leads = || done.load(Ordering::Relaxed) < 2;
    let (written, _) = carried_out(steps.into(), &Metrics::default(), &leads).await;
    let names: Vec<_> = written.iter().map(|news| news.note.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_daemon_looks_again_at_its_instant_and_never_later_than_a_tick() {
    let now = Timestamp::UNIX_EPOCH;
    let at = |seconds| Timestamp::from_second(seconds).expect("a time");
    assert_eq!(Next::of(true, Some(at(3)), now), Next::Now);
    assert_eq!(Next::of(false, Some(at(3)), now), Next::After(Duration::from_secs(3)));
    assert_eq!(Next::of(false, Some(at(-3)), now), Next::After(Duration::ZERO));
    assert_eq!(Next::of(false, Some(at(3600)), now), Next::After(TICK));
    assert_eq!(Next::of(false, None, now), Next::After(TICK));
}

/// A daemon is its data: this one counts the Pods of every bound Namespace, says so, and remembers how often it did. Nothing
/// but this constant is needed to run it.
const CENSUS: Daemon = Daemon::new("census", &[Topic::Records, Topic::Namespaces, Topic::Pods], census);

#[derive(Default)]
struct Censuses(usize);

fn census(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, memory, .. } = turn;
        let Censuses(count) = memory.of();
        *count += 1;
        let (pods, count) = (stage.world.pods().len(), *count);
        let say = |namespace: String| news(&namespace, &format!("census {count}: {pods} Pods"));
        Ok(Proposal { refusals: stage.world.bindings().into_keys().map(say).collect(), ..Proposal::default() })
    }
    .boxed()
}

async fn turns(daemon: &Daemon, server: &ApiServer, count: usize) -> (Stage, Vec<String>) {
    let (ledger, _directory) = ledger().await;
    let stage = stage(server, ledger).await;
    let mut past = Past::default();
    for _ in 0..count {
        turn(daemon, &stage, &mut past, &|| true).await;
    }
    let notes = server.calls().into_iter().filter_map(|call| call.body["note"].as_str().map(str::to_owned));
    (stage, notes.collect())
}

#[tokio::test]
async fn a_daemon_needs_nothing_but_its_data() {
    let server =
        ApiServer::with_collections(projects(["detector"]).into_iter().chain([pod("detector", "owl", |_| {})]));
    let (stage, said) = turns(&CENSUS, &server, 1).await;
    assert_eq!(said, ["census 1: 1 Pods"]);
    counts(&stage, "reapers_cycles_total{daemon=\"census\",end=\"done\"} 1");
    counts(&stage, "reapers_spared{daemon=\"census\"} 1");
}

/// The text names amounts, which change with every Pod that ends: up to two hundred Events in every turn.
#[tokio::test]
async fn what_was_told_is_not_told_again_because_its_words_have_changed() {
    let server = ApiServer::with_collections(projects(["detector"]));
    let (_, said) = turns(&CENSUS, &server, 3).await;
    assert_eq!(said, ["census 1: 0 Pods"]);
}

#[tokio::test]
async fn no_daemon_sees_a_view_that_is_not_fit() {
    const BLIND: Daemon =
        Daemon::new("blind", &[Topic::Records, Topic::VolumeClaims], |_| unreachable!("it sees nothing"));
    let server = ApiServer::with_collections::<String>([]);
    let world = server.world(&[Topic::Pods]).await;
    let stage = Stage::new(world, "sluice-system", ledger_that_is_away().await);
    let mut past = Past::default();
    assert_eq!(turn(&BLIND, &stage, &mut past, &|| true).await, Next::After(TICK));
    counts(&stage, "reapers_cycles_total{daemon=\"blind\",end=\"unfit\"} 1");
}

#[tokio::test]
async fn who_observes_plans_and_does_nothing() {
    const EAGER: Daemon = Daemon::new("eager", &[Topic::Records, Topic::Namespaces], |_| {
        let act = async { unreachable!("it only observes") }.boxed();
        let steps = vec![Step::told(news("x", "does it"), act)];
        async { Ok(Proposal { steps, refusals: vec![news("x", "left")], ..Proposal::default() }) }.boxed()
    });
    let server = ApiServer::with_collections::<String>([]);
    let stage = stage(&server, ledger_that_is_away().await).await;
    assert_eq!(look(&EAGER, &stage, &mut Past::default()).await, Next::After(TICK));
    counts(&stage, "reapers_planned{daemon=\"eager\"} 1");
    counts(&stage, "reapers_spared{daemon=\"eager\"} 1");
    counts(&stage, "reapers_cycles_total{daemon=\"eager\",end=\"done\"} 1");
    assert_eq!(server.calls().len(), 0, "no Event, no status");
}

/// Every daemon: one that is left out would be found not to work by nobody.
#[tokio::test]
async fn a_process_is_ready_when_everything_is_filled_that_any_daemon_hears_of() {
    for daemon in crate::DAEMONS {
        for missing in daemon.hears.iter().filter(|topic| !matches!(topic, Topic::Records | Topic::Namespaces)) {
            let server = ApiServer::with_collections::<String>([]);
            let others: Vec<_> = crate::Choice::default().topics().filter(|topic| topic != missing).collect();
            let world = server.world(&others).await;
            let ledger = ledger_that_is_away().await;
            let reapers =
                crate::Reapers::new(world, "sluice-system", ledger, Default::default(), CancellationToken::new());
            assert!(matches!(reapers.ready(), Err(Unfit::Cold(_))), "{} needs {missing:?}", daemon.name);
        }
    }
}
