//! How much one call, and all calls together, may take: bodies, memory for what is read of them, places to decide in.
//!
//! Whoever reaches the port can send anything, and can send it slowly. What a call takes is counted before it is taken;
//! where too much is taken already, the call waits within its deadline, and is then refused with *retry*. A call of the
//! usual size waits for none of the large ones: they take some of the places, and never the last.
//!
//! Deletions have places of their own. The API server lets a deletion through that Sluice does not answer, so whoever
//! fills the places of everything else must not open them. And so have questions that people ask: each reads the ledger's
//! database and looks at every Pod, and whoever asks all the time must keep no admission waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::path::Path;

/// An UPDATE carries two objects, and the API server stores none above 3 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// A body of this size is read without asking. Reviews of ordinary Pods have 5 KiB.
pub(crate) const SMALL_BODY_BYTES: usize = 64 << 10;
/// Of all larger bodies together.
const LARGE_BODIES_BYTES: usize = 48 << 20;
/// The same, of deletions.
const LARGE_DELETIONS_BYTES: usize = 16 << 20;
/// Calls with a larger body that are held or wait. What comes beyond is refused at once: fewer than the calls of one
/// connection over HTTP/2, the connections, and the calls that are decided at the same time.
const MAX_LARGE_CALLS: usize = 64;
const MAX_LARGE_DELETIONS: usize = 16;
const MAX_LARGE_REVIEWS: usize = 2;
/// A body that takes longer comes from nobody who means it.
const SLOWEST_BODY: Duration = Duration::from_secs(5);
/// Calls whose body is being read, or that wait for a place. What comes beyond is refused at once.
const MAX_OPEN_CALLS: usize = 1024;
const MAX_OPEN_DELETIONS: usize = 256;
const MAX_OPEN_REVIEWS: usize = 64;
/// Calls that are being decided.
const MAX_CONCURRENT_CALLS: usize = 256;
const MAX_CONCURRENT_DELETIONS: usize = 64;
/// Fewer than the ledger's readers: the daemons read it too.
const MAX_CONCURRENT_REVIEWS: usize = 2;
/// Of what one body becomes when it is read, and all heavy ones together: more is never read.
pub(crate) const MAX_WEIGHT: usize = 192 << 20;
/// A call up to this weight is decided beside the others; a heavier one alone, and away from the threads that answer.
const LIGHT: usize = 512 << 10;
/// Heavy calls of a lane that are read or decided at the same time.
const HEAVY_AT_ONCE: usize = 1;

/// The places that calls take.
#[derive(Debug)]
pub(crate) struct Limits {
    deletions: Lane,
    reviews: Lane,
    others: Lane,
    /// In bytes. It is shared, and first come first served: a heavy deletion waits for one other heavy call at most.
    heavy_weight: Arc<Semaphore>,
}

/// The places of calls that do not wait for those of other lanes.
#[derive(Debug)]
struct Lane {
    open: Arc<Semaphore>,
    large_calls: Arc<Semaphore>,
    /// In bytes.
    large_bodies: Arc<Semaphore>,
    light: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count))
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deletions: Lane {
                open: places(MAX_OPEN_DELETIONS),
                large_calls: places(MAX_LARGE_DELETIONS),
                large_bodies: places(LARGE_DELETIONS_BYTES),
                light: places(MAX_CONCURRENT_DELETIONS),
                heavy: places(HEAVY_AT_ONCE),
            },
            reviews: Lane {
                open: places(MAX_OPEN_REVIEWS),
                large_calls: places(MAX_LARGE_REVIEWS),
                large_bodies: places(MAX_BODY_BYTES),
                light: places(MAX_CONCURRENT_REVIEWS),
                heavy: places(HEAVY_AT_ONCE),
            },
            others: Lane {
                open: places(MAX_OPEN_CALLS),
                large_calls: places(MAX_LARGE_CALLS),
                large_bodies: places(LARGE_BODIES_BYTES),
                light: places(MAX_CONCURRENT_CALLS),
                heavy: places(HEAVY_AT_ONCE),
            },
            heavy_weight: places(MAX_WEIGHT),
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
    pub(crate) async fn read(
        &self,
        path: Path,
        body: Body,
        started: Instant,
        deadline: Instant,
    ) -> Result<(Held, Weight), NoBody> {
        let latest = deadline.min(started + SLOWEST_BODY);
        let held = timeout_at(latest, self.lane(path).collect(body)).await.unwrap_or(Err(NoBody::TooLate))?;
        let weight = Weight::of(&held.bytes);
        if weight.0 > MAX_WEIGHT { Err(NoBody::TooHeavy(weight.0)) } else { Ok((held, weight)) }
    }

    /// A place to decide in. Nobody waits for it longer than for an answer.
    pub(crate) async fn place(&self, path: Path, weight: Weight, deadline: Instant) -> Option<Place> {
        let lane = self.lane(path);
        let place = async {
            if !weight.is_heavy() {
                return take(&lane.light, 1).await.map(|light| Place(vec![light]));
            }
            let alone = take(&lane.heavy, 1).await?;
            Ok(Place(vec![alone, take(&self.heavy_weight, weight.0).await?]))
        };
        timeout_at(deadline, place).await.ok()?.ok()
    }

    fn lane(&self, path: Path) -> &Lane {
        match path {
            Path::Deletes => &self.deletions,
            Path::Reviews => &self.reviews,
            Path::Mutate | Path::Validate | Path::Connect | Path::Binding | Path::Elsewhere | Path::Records => {
                &self.others
            }
        }
    }
}

/// The places in which a call is decided, which are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "they are held")] Vec<OwnedSemaphorePermit>);

impl Lane {
    async fn collect(&self, mut body: Body) -> Result<Held, NoBody> {
        use axum::body::HttpBody as _;
        let announced =
            body.size_hint().exact().map_or(MAX_BODY_BYTES, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if announced > MAX_BODY_BYTES {
            discard(body).await;
            return Err(NoBody::TooLarge);
        }
        let Ok(open) = Arc::clone(&self.open).try_acquire_owned() else { return Err(NoBody::TooLate) };
        let mut places = vec![open];
        let mut bytes = Vec::with_capacity(announced.min(SMALL_BODY_BYTES));
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(NoBody::Broken)?.into_data() else { continue };
            if bytes.len() + data.len() > announced {
                discard(body).await;
                return Err(NoBody::TooLarge);
            }
            if bytes.len() + data.len() > SMALL_BODY_BYTES && places.len() == 1 {
                let Ok(large) = Arc::clone(&self.large_calls).try_acquire_owned() else {
                    drop((places, bytes));
                    discard(body).await;
                    return Err(NoBody::TooLate);
                };
                // While it waits it reads nothing, so the sender may send no more of it than the window of one call.
                places.extend([large, take(&self.large_bodies, announced).await?]);
                bytes.reserve_exact(announced - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes: bytes.into(), _places: places })
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
