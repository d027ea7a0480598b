//! How much one call, and all calls together, may take: bodies, memory for what is read of them, places to decide in.
//!
//! Whoever reaches the port can send anything, and can send it slowly. What a call takes is counted before it is taken;
//! where too much is taken already, the call waits within its deadline, and is then refused with *retry*. A call of the
//! usual size waits for none of the large ones.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// An UPDATE carries two objects, and the API server stores none above 3 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// A body of this size is read without asking. Reviews of ordinary Pods have 5 KiB.
const SMALL_BODY_BYTES: usize = 64 << 10;
/// Of all larger bodies together.
const LARGE_BODIES_BYTES: usize = 64 << 20;
/// A body that takes longer comes from nobody who means it.
const SLOWEST_BODY: Duration = Duration::from_secs(5);
/// Calls whose body is being read, or that wait for a place.
const MAX_OPEN_CALLS: usize = 1024;
/// Calls that are being decided.
const MAX_CONCURRENT_CALLS: usize = 256;
/// Of what one body becomes when it is read: more is never read.
pub(crate) const MAX_WEIGHT: usize = 192 << 20;
/// A call up to this weight is decided beside the others; a heavier one alone, and away from the threads that answer.
const LIGHT: usize = 512 << 10;
/// Heavy calls that are read or decided at the same time.
const HEAVY_AT_ONCE: usize = 1;

/// The places that calls take.
#[derive(Debug)]
pub(crate) struct Limits {
    open: Arc<Semaphore>,
    large_bodies: Arc<Semaphore>,
    light: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            open: places(MAX_OPEN_CALLS),
            large_bodies: places(LARGE_BODIES_BYTES),
            light: places(MAX_CONCURRENT_CALLS),
            heavy: places(HEAVY_AT_ONCE),
        }
    }
}

/// A body with the places that it takes, which are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _places: Vec<OwnedSemaphorePermit>,
}

/// Why a body was not read. There is no uid to answer under.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoBody {
    /// More than any review has.
    #[error(
        "the body has more than {MAX_BODY_BYTES} bytes, which no review of the API server's has; make the object smaller"
    )]
    TooLarge,
    /// More, when it is read, than there is memory for.
    #[error("the body would take {0} bytes of memory, and {MAX_WEIGHT} are the most; make the object smaller")]
    TooHeavy(usize),
    /// The sender was slow, or others sent more than there is room for.
    #[error("retry: the body was not there in time, or there was no room for it; nothing was decided")]
    TooLate,
    /// The sender stopped.
    #[error("the body ended early")]
    Broken(#[source] axum::Error),
}

impl NoBody {
    /// Every cause.
    pub(crate) const CAUSES: [&str; 4] = ["too-large", "too-heavy", "late-body", "broken-body"];

    /// The cause, as metrics name it.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::TooHeavy(_) => "too-heavy",
            Self::TooLate => "late-body",
            Self::Broken(_) => "broken-body",
        }
    }
}

impl Limits {
    /// Reads a body, and weighs what it becomes.
    pub(crate) async fn read(&self, body: Body, started: Instant, deadline: Instant) -> Result<(Held, Weight), NoBody> {
        let latest = deadline.min(started + SLOWEST_BODY);
        let held = timeout_at(latest, self.collect(body)).await.unwrap_or(Err(NoBody::TooLate))?;
        let weight = Weight::of(&held.bytes);
        if weight.0 > MAX_WEIGHT { Err(NoBody::TooHeavy(weight.0)) } else { Ok((held, weight)) }
    }

    async fn collect(&self, mut body: Body) -> Result<Held, NoBody> {
        use axum::body::HttpBody as _;
        let announced =
            body.size_hint().exact().map_or(MAX_BODY_BYTES, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if announced > MAX_BODY_BYTES {
            discard(body).await;
            return Err(NoBody::TooLarge);
        }
        let mut places = vec![take(&self.open, 1).await?];
        let mut bytes = Vec::with_capacity(announced.min(SMALL_BODY_BYTES));
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(NoBody::Broken)?.into_data() else { continue };
            if bytes.len() + data.len() > announced {
                discard(body).await;
                return Err(NoBody::TooLarge);
            }
            if bytes.len() + data.len() > SMALL_BODY_BYTES && places.len() == 1 {
                places.push(take(&self.large_bodies, announced).await?);
                bytes.reserve_exact(announced - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes: bytes.into(), _places: places })
    }

    /// A place to decide in. Nobody waits for it longer than for an answer.
    pub(crate) async fn place(&self, weight: Weight, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let places = if weight.is_heavy() { &self.heavy } else { &self.light };
        timeout_at(deadline, take(places, 1)).await.ok()?.ok()
    }
}

/// Takes some of what is left off the wire: a connection that is closed with unread bytes is reset, and the answer is lost.
async fn discard(mut body: Body) {
    let mut room = MAX_BODY_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        match room.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => room = left,
            None => return,
        }
    }
}

async fn take(places: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, NoBody> {
    let count = u32::try_from(count).map_err(|_| NoBody::TooLarge)?;
    // Nobody closes them.
    Arc::clone(places).acquire_many_owned(count).await.map_err(|_| NoBody::TooLate)
}

/// An upper bound of the memory that a body takes when it is read as JSON, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(usize);

impl Weight {
    /// Room for a value in a list that doubles as it grows, or for a key and its value in a map.
    const VALUE: usize = 128;
    /// The smallest map that is not empty has a node of eleven keys and values.
    const MAP: usize = 640;

    /// Counts what could begin a value, also where it stands in a text.
    fn of(body: &[u8]) -> Self {
        let maps = count(body, |byte| byte == b'{');
        let values = count(body, |byte| matches!(byte, b',' | b'['));
        Self(body.len() + Self::MAP * maps + Self::VALUE * values)
    }

    /// Whether it is decided away from the others.
    pub(crate) fn is_heavy(self) -> bool {
        self.0 > LIGHT
    }
}

/// A small number holds what is counted in a small chunk, so that many bytes are looked at with one instruction.
fn count(body: &[u8], is_one: impl Fn(u8) -> bool) -> usize {
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(is_one(*byte))).sum::<u8>();
    body.chunks(usize::from(u8::MAX)).map(in_chunk).map(usize::from).sum()
}

#[cfg(test)]
mod tests;
