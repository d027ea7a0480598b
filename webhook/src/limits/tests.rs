use std::convert::Infallible;

use axum::body::Bytes;
use serde_json::Value;
use tokio::time::Duration;

use super::*;

/// Long enough for what need not wait, and short for what would wait for ever.
const SOON: Duration = Duration::from_millis(500);

fn announced(bytes: usize) -> Body {
    Body::from(vec![b' '; bytes])
}

/// A body that announces nothing, as with `Transfer-Encoding: chunked`, and never ends.
fn endless() -> Body {
    let chunk = || Ok::<_, Infallible>(Bytes::from_static(&[b' '; 32 << 10]));
    Body::from_stream(futures::stream::repeat_with(chunk))
}

async fn read(limits: &Limits, body: Body) -> Result<(Held, Weight), NoBody> {
    let now = Instant::now();
    limits.read(Path::Mutate, body, now, now + SOON).await
}

#[tokio::test]
async fn class_exhaustion_a_body_is_read_up_to_the_limit_and_not_beyond() {
    let limits = Limits::default();
    let (held, _) = read(&limits, announced(MAX_BODY_BYTES)).await.expect("a body of 8 MiB");
    assert_eq!(held.bytes.len(), MAX_BODY_BYTES);
    assert!(matches!(read(&limits, announced(MAX_BODY_BYTES + 1)).await, Err(NoBody::TooLarge)));
    assert!(matches!(read(&limits, endless()).await, Err(NoBody::TooLarge)));
}

#[tokio::test]
async fn class_exhaustion_large_bodies_together_have_a_limit_and_small_ones_wait_for_none_of_them() {
    let limits = Limits::default();
    let most = LARGE_BODIES_BYTES / MAX_BODY_BYTES;
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(read(&limits, announced(MAX_BODY_BYTES)).await.expect("there is room"));
    }
    assert!(matches!(read(&limits, announced(MAX_BODY_BYTES)).await, Err(NoBody::TooLate)));
    read(&limits, announced(SMALL_BODY_BYTES)).await.expect("a small body needs no room");
    held.pop();
    read(&limits, announced(MAX_BODY_BYTES)).await.expect("there is room again");
}

#[tokio::test]
async fn class_exhaustion_a_slow_body_is_cut_and_gives_its_room_back() {
    let limits = Limits::default();
    let first = futures::stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; SMALL_BODY_BYTES + 1]))]);
    let body = Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()));
    assert!(matches!(read(&limits, body).await, Err(NoBody::TooLate)));
    assert_eq!(limits.others.large_bodies.available_permits(), LARGE_BODIES_BYTES);
    assert_eq!(limits.others.open.available_permits(), MAX_OPEN_CALLS);
}

#[tokio::test]
async fn class_exhaustion_heavy_calls_wait_for_each_other_and_light_ones_do_not() {
    let limits = Limits::default();
    let soon = || Instant::now() + SOON;
    let heavy = Weight(LIGHT + 1);
    let first = limits.place(Path::Mutate, heavy, soon()).await.expect("a place");
    assert!(limits.place(Path::Mutate, heavy, soon()).await.is_none());
    assert!(limits.place(Path::Mutate, Weight(LIGHT), soon()).await.is_some());
    drop(first);
    assert!(limits.place(Path::Mutate, heavy, soon()).await.is_some());
}

#[tokio::test]
async fn class_exhaustion_deletions_have_places_that_nothing_else_takes() {
    let limits = Limits::default();
    let lane = &limits.others;
    let all = [&lane.open, &lane.large_calls, &lane.large_bodies, &lane.light, &lane.heavy];
    let _taken = all.map(|places| {
        let count = u32::try_from(places.available_permits()).expect("a count");
        Arc::clone(places).try_acquire_many_owned(count).expect("all of them")
    });
    assert!(matches!(read(&limits, announced(1)).await, Err(NoBody::TooLate)));
    let soon = || Instant::now() + SOON;
    for bytes in [1, SMALL_BODY_BYTES + 1, MAX_BODY_BYTES] {
        limits.read(Path::Deletes, announced(bytes), Instant::now(), soon()).await.expect("there is room");
    }
    for weight in [Weight(1), Weight(LIGHT + 1), Weight(MAX_WEIGHT)] {
        assert!(limits.place(Path::Mutate, weight, soon()).await.is_none());
        assert!(limits.place(Path::Deletes, weight, soon()).await.is_some());
    }
}

/// Otherwise the large ones could take the last place of one of these.
#[test]
fn class_exhaustion_large_bodies_are_fewer_than_the_places_of_small_ones() {
    let large = MAX_LARGE_CALLS + MAX_LARGE_DELETIONS;
    let streams = usize::try_from(crate::connections::MAX_STREAMS).expect("a count");
    for places in [streams, crate::connections::MAX_CONNECTIONS, MAX_OPEN_CALLS, MAX_CONCURRENT_CALLS] {
        assert!(large < places, "{large} of {places}");
    }
    assert!(MAX_LARGE_DELETIONS < MAX_CONCURRENT_DELETIONS.min(MAX_OPEN_DELETIONS));
}

#[test]
fn class_exhaustion_a_body_weighs_what_it_takes_when_it_is_read() {
    let list = |element: &str, count: usize| format!("[{}{element}]", format!("{element},").repeat(count));
    let map = |count: usize| {
        let entries: Vec<_> = (0..count).map(|index| format!("\"{index:x}\":0")).collect();
        format!("{{{}}}", entries.join(","))
    };
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    for body in
        [list("0", 70_000), list("[0]", 40_000), list("{\"\":0}", 40_000), list("\"a\"", 40_000), map(40_000), deep]
    {
        let (weight, mut read) = (Weight::of(body.as_bytes()), None);
        let took = allocation_counter::measure(|| read = Some(serde_json::from_str::<Value>(&body).expect("JSON")));
        assert!(read.is_some());
        let most = usize::try_from(took.bytes_max).expect("a number");
        assert!(most <= weight.0, "{} …: took {most} bytes, weighs {}", &body[..24.min(body.len())], weight.0);
    }
}
