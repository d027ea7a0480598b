//! TLS handshakes: their limits, and what is said of those that led to nothing.
//!
//! A handshake takes milliseconds and one round trip; who needs seconds is no API server. Where too many are going on, whoever has most of
//! them makes room, and of theirs the one that began first: whoever opens connections and says nothing makes room for those who do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::future::BoxFuture;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::Metrics;

/// How long a handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many handshakes may go on at once.
pub const MAX_HANDSHAKES: usize = 128;

/// At most one line is logged in this time, with the number of those that were not.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What a server accepts connections with.
#[derive(Clone)]
pub struct Acceptor {
    inner: RustlsAcceptor,
    places: Arc<Mutex<Places>>,
    quiet: Arc<Mutex<Quiet>>,
    metrics: Metrics,
}

/// The handshakes that are going on, by when they began. Dropping an end of a channel ends its handshake.
#[derive(Default)]
struct Places {
    next: u64,
    taken: BTreeMap<u64, (Option<IpAddr>, oneshot::Sender<()>)>,
}

/// Which of these makes room where all places are taken: the least, by its key, of whichever source has most. Of several that have as
/// many it is the source whose least is the least of all.
pub fn first_of_the_crowd<K: Ord + Copy>(places: impl Iterator<Item = (Option<IpAddr>, K)>) -> Option<K> {
    let mut of_source: HashMap<Option<IpAddr>, (usize, K)> = HashMap::new();
    for (source, key) in places {
        let (count, first) = of_source.entry(source).or_insert((0, key));
        (*count, *first) = (*count + 1, key.min(*first));
    }
    let crowd = of_source.into_values().max_by_key(|(count, first)| (*count, Reverse(*first)))?;
    Some(crowd.1)
}

/// When the last line was logged, and how many were not since.
#[derive(Default)]
struct Quiet {
    last: Option<Instant>,
    unsaid: u64,
}

/// A place among the handshakes, until it is dropped.
struct Place {
    number: u64,
    places: Arc<Mutex<Places>>,
    metrics: Metrics,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places).taken.remove(&self.number);
        self.metrics.handshakes(-1);
    }
}

impl Acceptor {
    /// For a configuration and what is counted.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, metrics: Metrics) -> Self {
        let inner = RustlsAcceptor::new(RustlsConfig::from_config(config)).handshake_timeout(HANDSHAKE_TIMEOUT);
        Self { inner, places: Arc::default(), quiet: Arc::default(), metrics }
    }

    fn enter(&self, source: Option<IpAddr>) -> (Place, oneshot::Receiver<()>) {
        let (hold, ended) = oneshot::channel();
        let mut places = lock(&self.places);
        let number = places.next;
        places.next += 1;
        if places.taken.len() >= MAX_HANDSHAKES {
            let first = first_of_the_crowd(places.taken.iter().map(|(number, (source, _))| (*source, *number)));
            first.and_then(|first| places.taken.remove(&first));
        }
        places.taken.insert(number, (source, hold));
        self.metrics.handshakes(1);
        (Place { number, places: Arc::clone(&self.places), metrics: self.metrics.clone() }, ended)
    }

    fn turned_away(&self, peer: Option<SocketAddr>, error: &io::Error) {
        let (cause, says) = explain(error);
        self.metrics.turned_away(cause);
        let unsaid = {
            let mut quiet = lock(&self.quiet);
            let now = Instant::now();
            if quiet.last.is_some_and(|last| now.duration_since(last) < LOG_INTERVAL) {
                quiet.unsaid += 1;
                return;
            }
            quiet.last = Some(now);
            std::mem::take(&mut quiet.unsaid)
        };
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        match cause {
            // Whoever looks whether the port is open does this.
            CLOSED => tracing::debug!(peer, cause, unsaid, "a TLS handshake failed: {says}"),
            _ => tracing::warn!(peer, cause, unsaid, "a TLS handshake failed: {says}"),
        }
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = <RustlsAcceptor as Accept<TcpStream, S>>::Stream;
    type Service = S;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (this, peer) = (self.clone(), stream.peer_addr().ok());
        let handshake = self.inner.accept(stream, service);
        let (place, ended) = self.enter(peer.map(|peer| peer.ip()));
        Box::pin(async move {
            let shaken = tokio::select! {
                shaken = handshake => shaken,
                _ended = ended => Err(io::Error::new(ErrorKind::ResourceBusy, "too many handshakes")),
            };
            drop(place);
            shaken.inspect_err(|error| this.turned_away(peer, error))
        })
    }
}

const CLOSED: &str = "closed";

/// The cause as it is counted, and as a person is told.
fn explain(error: &io::Error) -> (&'static str, String) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (error.kind(), tls) {
        (ErrorKind::TimedOut, _) => ("timeout", format!("it took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())),
        (ErrorKind::ResourceBusy, _) => {
            ("crowded", format!("more than {MAX_HANDSHAKES} were going on, and this one was the oldest of who had most"))
        }
        (_, Some(rustls::Error::NoCertificatesPresented)) => (
            "no-client-certificate",
            "the caller has no client certificate, which --client-ca asks for; `sluice certs mtls` prints what gives the API \
             server one"
                .to_owned(),
        ),
        // What the check of a name says is wrapped twice.
        (_, Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(why))))) => {
            ("client-certificate", format!("the caller's client certificate is refused: {why}"))
        }
        (_, Some(rustls::Error::InvalidCertificate(why))) => {
            ("client-certificate", format!("the caller's client certificate is refused: {why}"))
        }
        (_, Some(rustls::Error::AlertReceived(alert))) => {
            ("alert", format!("the caller turned away ({alert:?}); does it trust the CA in caBundle?"))
        }
        (_, Some(other)) => ("protocol", other.to_string()),
        (_, None) => (CLOSED, error.to_string()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
