use std::sync::atomic::{AtomicUsize, Ordering};

use cluster::write::{About, Tone};
use futures::FutureExt;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;

fn step(name: &str, done: &Arc<AtomicUsize>, end: Result<Outcome, ()>) -> Step {
    let news = News {
        tone: Tone::Normal,
        about: About::Namespace(name.into()),
        related: None,
        reason: "Tried",
        note: name.into(),
    };
    let done = done.clone();
    let act = async move {
        done.fetch_add(1, Ordering::Relaxed);
        end.map_err(|()| WriteFailed::Deadline { what: "a namespace".into() }.into())
    };
    Step { news, act: act.boxed() }
}

#[tokio::test]
async fn a_failure_stops_nothing_and_everything_is_counted() {
    let (metrics, done) = (Metrics::default(), Arc::new(AtomicUsize::new(0)));
    let ends = [Err(()), Ok(Outcome::Gone), Ok(Outcome::Overtaken), Ok(Outcome::Written)];
    let steps = ends.into_iter().map(|end| step("x", &done, end)).collect();
    let written = act(DaemonName::Follow, steps, &metrics, || true).await;
    assert_eq!((written.len(), done.load(Ordering::Relaxed)), (1, 4));
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).expect("text takes everything");
    for end in ["failed", "gone", "overtaken", "written"] {
        let line = format!("reapers_actions_total{{daemon=\"follow\",end=\"{end}\"}} 1");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
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

#[tokio::test]
async fn who_no_longer_leads_stops_in_the_middle_of_a_plan() {
    let (metrics, done) = (Metrics::default(), Arc::new(AtomicUsize::new(0)));
    let steps = ["a", "b", "c"].map(|name| step(name, &done, Ok(Outcome::Written)));
    let leads = || done.load(Ordering::Relaxed) < 2;
    let written = act(DaemonName::Follow, steps.into(), &metrics, leads).await;
    let names: Vec<_> = written.iter().map(|news| news.note.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}
