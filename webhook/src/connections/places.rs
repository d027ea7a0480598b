//! The places of connections, and who makes room when all are taken: whoever has asked nothing yet goes first.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certs::first_of_the_crowd;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use super::MAX_CONNECTIONS;

/// What finds no place waits for one. More are closed at once.
const MAX_WAITING: usize = 64;
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of connections. Clones are the same places.
#[derive(Clone)]
pub(crate) struct Places {
    table: Arc<Mutex<Table>>,
    freed: Arc<Notify>,
    waiting: Arc<Semaphore>,
}

/// The connections, by when they came.
#[derive(Default)]
struct Table {
    next: u64,
    taken: BTreeMap<u64, Taken>,
}

struct Taken {
    connection: Connection,
    /// Dropping it ends the connection.
    _hold: oneshot::Sender<()>,
}

/// What is known of a connection. Clones are of the same one.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Known>);

struct Known {
    source: Option<IpAddr>,
    is_proven: AtomicBool,
    calls: AtomicUsize,
    since: Mutex<Instant>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    number: u64,
    places: Places,
    pub(super) connection: Connection,
}

impl Default for Places {
    fn default() -> Self {
        Self { table: Arc::default(), freed: Arc::default(), waiting: Arc::new(Semaphore::new(MAX_WAITING)) }
    }
}

impl Places {
    /// A place for a connection from `source`, and when it is to end because it made room for another; `None` where everybody is
    /// busy for too long.
    pub(super) async fn take(&self, source: Option<IpAddr>) -> Option<(Place, oneshot::Receiver<()>)> {
        if let Some(place) = self.try_take(source) {
            return Some(place);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        let place = async {
            loop {
                let freed = self.freed.notified();
                if let Some(place) = self.try_take(source) {
                    return place;
                }
                freed.await;
            }
        };
        timeout(PATIENCE, place).await.ok()
    }

    fn try_take(&self, source: Option<IpAddr>) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut table = lock(&self.table);
        if table.taken.len() >= MAX_CONNECTIONS {
            let number = table.dispensable()?;
            table.taken.remove(&number);
        }
        let (hold, ended) = oneshot::channel();
        let (since, number) = (Mutex::new(Instant::now()), table.next);
        let known = Known { source, is_proven: AtomicBool::new(false), calls: AtomicUsize::new(0), since };
        let connection = Connection(Arc::new(known));
        table.next += 1;
        table.taken.insert(number, Taken { connection: connection.clone(), _hold: hold });
        Some((Place { number, places: self.clone(), connection }, ended))
    }
}

impl Table {
    /// The connection that can be missed most, and none that is being answered: one that has asked nothing, else any; of them one
    /// of whoever has most; of theirs the one that is silent for longest.
    fn dispensable(&self) -> Option<u64> {
        let idle = || self.taken.iter().filter(|(_, it)| !it.connection.is_busy());
        let since = |(number, it): (&u64, &Taken)| (it.connection.0.source, (*lock(&it.connection.0.since), *number));
        let silent = first_of_the_crowd(idle().filter(|(_, it)| !it.connection.is_proven()).map(since));
        silent.or_else(|| first_of_the_crowd(idle().map(since))).map(|(_, number)| number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.table).taken.remove(&self.number);
        self.places.freed.notify_one();
    }
}

impl Connection {
    /// A call has arrived: until it is dropped, the connection makes no room.
    pub(crate) fn called(&self) -> BusyConnection {
        self.0.calls.fetch_add(1, Ordering::AcqRel);
        BusyConnection(self.clone())
    }

    /// A call was answered as it asked: whoever is there is an API server, as far as can be known.
    pub(crate) fn prove(&self) {
        self.0.is_proven.store(true, Ordering::Release);
    }

    pub(super) fn is_proven(&self) -> bool {
        self.0.is_proven.load(Ordering::Acquire)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.0.calls.load(Ordering::Acquire) > 0
    }
}

/// A connection on which a call is being answered.
pub(crate) struct BusyConnection(Connection);

impl Drop for BusyConnection {
    fn drop(&mut self) {
        let Self(Connection(known)) = self;
        *lock(&known.since) = Instant::now();
        known.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    /// So many places that have asked something.
    async fn proven(places: &Places, count: usize, source: u8) -> Vec<(Place, oneshot::Receiver<()>)> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let place = places.take(from(source)).await.expect("a place");
            place.0.connection.prove();
            taken.push(place);
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn class_exhaustion_who_has_asked_nothing_makes_room() {
        let places = Places::default();
        let mut kept = proven(&places, 20, 1).await;
        let mut silent = Vec::new();
        for _ in 20..MAX_CONNECTIONS {
            silent.push(places.take(from(2)).await.expect("a place"));
        }
        let _one_more = places.take(from(1)).await.expect("a place though all are taken");
        assert!(silent[0].1.try_recv().is_err_and(|it| it == oneshot::error::TryRecvError::Closed), "the oldest ends");
        assert!(silent[1..].iter_mut().all(|it| it.1.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
        assert!(kept.iter_mut().all(|it| it.1.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
    }

    #[tokio::test(start_paused = true)]
    async fn class_exhaustion_a_crowd_that_asked_nothing_makes_room_before_one_that_comes_to_ask() {
        let places = Places::default();
        let mut new = places.take(from(1)).await.expect("a place");
        let mut crowd = Vec::new();
        for _ in 1..MAX_CONNECTIONS + 10 {
            crowd.push(places.take(from(2)).await.expect("a place"));
        }
        assert_eq!(
            new.1.try_recv(),
            Err(oneshot::error::TryRecvError::Empty),
            "the oldest, and the only one of its source"
        );
        assert_eq!(crowd[9].1.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(crowd[10].1.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }

    #[tokio::test(start_paused = true)]
    async fn class_exhaustion_among_those_who_asked_something_whoever_has_most_makes_room() {
        let places = Places::default();
        let mut kept = proven(&places, 20, 1).await;
        let mut many = proven(&places, MAX_CONNECTIONS - 20, 2).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let _busy = many[0].0.connection.called();
        drop(many[1].0.connection.called());
        let _one_more = places.take(from(3)).await.expect("a place");
        assert_eq!(
            many[2].1.try_recv(),
            Err(oneshot::error::TryRecvError::Closed),
            "the one that is silent for longest"
        );
        assert_eq!(many[0].1.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        assert!(kept.iter_mut().all(|it| it.1.try_recv() == Err(oneshot::error::TryRecvError::Empty)));
    }

    #[tokio::test(start_paused = true)]
    async fn where_everybody_is_busy_one_waits_and_then_is_turned_away() {
        let places = Places::default();
        let taken = proven(&places, MAX_CONNECTIONS, 1).await;
        let busy: Vec<_> = taken.iter().map(|it| it.0.connection.called()).collect();
        assert!(places.take(from(2)).await.is_none());
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take(from(2)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop((busy, taken));
        assert!(waiting.await.expect("no panic"));
    }
}
