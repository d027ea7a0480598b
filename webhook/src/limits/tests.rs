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
    limits.read(body, now, now + SOON).await
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
    assert_eq!(limits.large_bodies.available_permits(), LARGE_BODIES_BYTES);
    assert_eq!(limits.open.available_permits(), MAX_OPEN_CALLS);
}

#[tokio::test]
async fn class_exhaustion_heavy_calls_wait_for_each_other_and_light_ones_do_not() {
    let limits = Limits::default();
    let soon = || Instant::now() + SOON;
    let heavy = Weight(LIGHT + 1);
    let first = limits.place(heavy, soon()).await.expect("a place");
    assert!(limits.place(heavy, soon()).await.is_none());
    assert!(limits.place(Weight(LIGHT), soon()).await.is_some());
    drop(first);
    assert!(limits.place(heavy, soon()).await.is_some());
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
