//! Remembers answers of the API server: some for long, some only for a moment.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

/// How long an answer that may change at any time saves the API server from the same question.
const MOMENT: Duration = Duration::from_secs(1);

/// The same of what changes so rarely that it need not be asked so often.
pub(super) const WHILE: Duration = Duration::from_secs(30);

/// Answers by question. Equal questions that are asked at the same time are asked once.
#[derive(Clone)]
pub(super) struct Memory<K, V>(Cache<K, V>);

impl<K, V> Memory<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Remembers at most `capacity` answers. One of which `lasts` is true is kept until nobody asked for it for `holds`.
    pub(super) fn new(capacity: u64, holds: Duration, lasts: fn(&V) -> bool) -> Self {
        Self::forgetting(capacity, holds, lasts, MOMENT)
    }

    /// The same, where an answer that does not last is kept for so long.
    pub(super) fn forgetting(capacity: u64, holds: Duration, lasts: fn(&V) -> bool, after: Duration) -> Self {
        Self(Cache::builder().max_capacity(capacity).expire_after(Life { holds, lasts, after }).build())
    }

    /// The answer that is remembered, or else what `ask` says. A failure is not remembered.
    pub(super) async fn recall<E: Send + Sync + 'static>(
        &self,
        key: K,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, Arc<E>> {
        self.0.try_get_with(key, ask).await
    }
}

/// How long an answer is remembered.
struct Life<V> {
    holds: Duration,
    lasts: fn(&V) -> bool,
    after: Duration,
}

impl<K, V> Expiry<K, V> for Life<V> {
    fn expire_after_create(&self, _: &K, answer: &V, _: Instant) -> Option<Duration> {
        Some(if (self.lasts)(answer) { self.holds } else { self.after })
    }

    fn expire_after_read(&self, _: &K, answer: &V, _: Instant, left: Option<Duration>, _: Instant) -> Option<Duration> {
        if (self.lasts)(answer) { Some(self.holds) } else { left }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn memory() -> Memory<&'static str, Option<u8>> {
        Memory::new(10, Duration::from_secs(60), Option::is_some)
    }

    #[tokio::test]
    async fn equal_questions_are_asked_once() {
        let (memory, asked) = (memory(), AtomicU32::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, ()>(Some(7))
        };
        let answers = futures::future::join_all((0..50).map(|_| memory.recall("a", ask()))).await;
        assert!(answers.iter().all(|answer| *answer == Ok(Some(7))));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_may_change_is_forgotten_and_what_lasts_is_not() {
        let memory = memory();
        assert_eq!(memory.recall("a", async { Ok::<_, ()>(None) }).await, Ok(None));
        assert_eq!(memory.recall("a", async { Ok::<_, ()>(Some(1)) }).await, Ok(None), "for a moment");
        tokio::time::sleep(MOMENT + Duration::from_millis(50)).await;
        assert_eq!(memory.recall("a", async { Ok::<_, ()>(Some(2)) }).await, Ok(Some(2)), "asked again");
        tokio::time::sleep(MOMENT + Duration::from_millis(50)).await;
        assert_eq!(memory.recall("a", async { Ok::<_, ()>(Some(3)) }).await, Ok(Some(2)), "it lasts");
    }

    #[tokio::test]
    async fn failures_are_not_remembered() {
        let memory = memory();
        assert_eq!(memory.recall("a", async { Err("down") }).await, Err(Arc::new("down")));
        assert_eq!(memory.recall("a", async { Ok::<_, &str>(Some(1)) }).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn one_who_gives_up_leaves_the_others_waiting_for_an_answer() {
        let memory = memory();
        let slow = memory.recall("a", std::future::pending::<Result<_, ()>>());
        let patient = memory.recall("a", async { Ok::<_, ()>(Some(1)) });
        let (gave_up, answer) = tokio::join!(tokio::time::timeout(Duration::from_millis(20), slow), patient);
        assert!(gave_up.is_err(), "its deadline passed");
        assert_eq!(answer, Ok(Some(1)));
    }
}
