//! When a watch was last known to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The instant at which something was last heard on a watch: an event, a bookmark, or the answer that opened it.
///
/// The API server sends a bookmark about once a minute where nothing happens.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    born: Instant,
    /// Milliseconds from birth, plus one; zero is never.
    heard: Arc<AtomicU64>,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self { born: Instant::now(), heard: Arc::default() }
    }

    pub(crate) fn beat(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard.store(millis + 1, Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Option<Instant> {
        let millis = self.heard.load(Ordering::Relaxed).checked_sub(1)?;
        self.born.checked_add(Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tells_never_from_just_now() {
        let pulse = Pulse::new();
        assert_eq!(pulse.last(), None);
        pulse.beat();
        assert_eq!(pulse.last(), Some(Instant::now()));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(pulse.last().map(|last| last.elapsed()), Some(Duration::from_secs(90)));
    }
}
