//! Whether what the caches hold may be believed: each is filled, and its watch was heard lately.

use std::time::Duration;

use records::POLICY_NAME;
use tokio::time::Instant;

use super::{Topic, World};
use crate::watch::Watch;

/// A watch that is alive is heard about once a minute. Older than this the caches are nothing to decide on: another API
/// server may have taken writes of which this process never heard.
pub const OLDEST: Duration = Duration::from_secs(150);

/// The process ended before its caches were synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before the caches were synced")]
pub struct Stopped;

/// Why no request may be decided on the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not everything was read yet.
    #[error("the caches are not filled yet")]
    Cold,
    /// The API server was not heard for longer than [`OLDEST`].
    #[error("nothing was heard from the API server for {} s", .0.as_secs())]
    Old(Duration),
}

/// Why no daemon may conclude anything from the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One does not hold everything yet.
    #[error("the cache of {0} is not synced")]
    Cold(&'static str),
    /// Which namespaces are exempt is not known.
    #[error("PlatformPolicy {POLICY_NAME} cannot be read: which namespaces are exempt is not known")]
    Policy,
    /// The API server was not heard for longer than [`OLDEST`].
    #[error("nothing was heard from the API server for {} s", .0.as_secs())]
    Old(Duration),
}

/// How one cache is.
#[derive(Clone, Copy, Debug)]
pub struct CacheHealth {
    /// Plural name of what it holds.
    pub name: &'static str,
    /// How many objects it holds.
    pub size: usize,
    /// When the API server was last heard on its watch; bookmarks come about once a minute.
    pub last_heard: Option<Instant>,
}

impl World {
    /// Whether a request may be decided on records and Namespaces: everything was read, and every watch was heard since.
    ///
    /// # Errors
    /// Why not.
    pub fn usable(&self) -> Result<(), Unusable> {
        self.fit(&Topic::ALWAYS).map_err(|unfit| match unfit {
            Unfit::Cold(_) | Unfit::Policy => Unusable::Cold,
            Unfit::Old(age) => Unusable::Old(age),
        })
    }

    /// Whether the caches of these topics hold everything, and nothing that is old.
    ///
    /// # Errors
    /// Why not. Where the API server has no such kind, they never do, unless a cluster may do without it.
    pub fn fit(&self, topics: &[Topic]) -> Result<(), Unfit> {
        let mut quietest = Duration::ZERO;
        for topic in topics {
            let mut watches = self.watches_of(*topic).peekable();
            if watches.peek().is_none() {
                return Err(Unfit::Cold(topic.name()));
            }
            for watch in watches {
                let heard = watch.last_heard().filter(|_| watch.is_filled()).ok_or(Unfit::Cold(watch.name))?;
                quietest = quietest.max(heard.elapsed());
            }
        }
        if topics.contains(&Topic::Records) && !*self.0.synced.borrow() {
            return Err(Unfit::Cold(Topic::Records.name()));
        }
        if quietest > OLDEST { Err(Unfit::Old(quietest)) } else { Ok(()) }
    }

    /// Which caches of these topics do not hold everything yet.
    pub fn cold(&self, topics: &[Topic]) -> Vec<&'static str> {
        let mut cold = Vec::new();
        for topic in topics {
            let mut watches = self.watches_of(*topic).peekable();
            if watches.peek().is_none() {
                cold.push(topic.name());
            }
            cold.extend(
                watches.filter(|watch| !watch.is_filled() || watch.last_heard().is_none()).map(|watch| watch.name),
            );
        }
        cold
    }

    /// For how long the API server was not heard on the quietest watch of these topics, of those that were heard at all.
    pub fn age(&self, topics: &[Topic]) -> Option<Duration> {
        let watches = topics.iter().flat_map(|topic| self.watches_of(*topic));
        watches.filter_map(Watch::last_heard).map(|heard| heard.elapsed()).max()
    }

    /// Whether what the cache of a topic holds may be believed: its watch was heard lately. What it does not hold yet may
    /// exist all the same.
    pub(crate) fn is_fresh(&self, topic: Topic) -> bool {
        self.watches_of(topic).all(|watch| watch.last_heard().is_some_and(|heard| heard.elapsed() <= OLDEST))
    }

    /// Waits until all records and Namespaces were read once.
    ///
    /// # Errors
    /// Where the process is told to stop before that.
    pub async fn wait_synced(&self) -> Result<(), Stopped> {
        let mut synced = self.0.synced.clone();
        let waited = self.0.shutdown.run_until_cancelled(synced.wait_for(|synced| *synced)).await;
        waited.and_then(Result::ok).map(drop).ok_or(Stopped)
    }

    /// Waits until these topics are [fit](Self::fit).
    #[cfg(any(test, feature = "testing"))]
    pub async fn filled(&self, topics: &[Topic]) {
        while self.fit(topics).is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// The watches of a topic, one for each kind.
    fn watches_of(&self, topic: Topic) -> impl Iterator<Item = &Watch> {
        self.0.watches.iter().filter(move |(of, _)| *of == topic).map(|(_, watch)| watch)
    }

    /// Whether the API server has the kind of a topic that a cluster may do without, as far as is known.
    pub(super) fn has_kind_of(&self, topic: Topic) -> bool {
        self.watches_of(topic).any(|watch| watch.is_filled() && !watch.is_missing())
    }

    /// How each cache of this process is.
    pub fn health(&self) -> Vec<CacheHealth> {
        let watches = self.0.watches.iter();
        let health =
            |(_, it): &(Topic, Watch)| CacheHealth { name: it.name, size: it.size(), last_heard: it.last_heard() };
        watches.map(health).collect()
    }
}
