//! How many connections there may be, and how long one may be silent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, timeout};

use crate::limits::SMALL_BODY_BYTES;

/// Each takes a file handle, of which a process often has 1024, and some 100 KiB. Handshakes have a limit of their own.
pub(crate) const MAX_CONNECTIONS: usize = 512;
/// What comes beyond waits for a place: a large body that is refused gives its own back in an instant. More are closed at once.
const MAX_WAITING: usize = 64;
const PATIENCE: Duration = Duration::from_secs(2);
/// Clients in Go close an idle connection after 90 s. It must never be us: a call that is on its way would be lost.
const SILENCE: Duration = Duration::from_secs(120);
/// Heads of calls, and of bodies what is read at once.
const READ_BUFFER_BYTES: usize = 64 << 10;
/// Calls at the same time on one connection, over HTTP/2.
pub(crate) const MAX_STREAMS: u32 = 128;
/// What a client may send of one call before it is read, over HTTP/2: a small body as a whole.
const CALL_WINDOW_BYTES: u32 = SMALL_BODY_BYTES as u32;
/// What it may send of all calls. Were it less, large bodies that wait would keep small ones on the same connection from being sent.
const CONNECTION_WINDOW_BYTES: u32 = MAX_STREAMS * CALL_WINDOW_BYTES;

/// Sets the limits of a connection.
pub(crate) fn limit(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE).max_buf_size(READ_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(READ_BUFFER_BYTES as u32);
}

/// The places of connections. Clones are the same places.
#[derive(Clone)]
pub(crate) struct Places {
    taken: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { taken: places(MAX_CONNECTIONS), waiting: places(MAX_WAITING) }
    }
}

impl Places {
    /// The connection with a place.
    pub(crate) async fn guard<S>(self, stream: S) -> io::Result<Guarded<S>> {
        let place = self.take().await;
        let place = place.ok_or_else(|| io::Error::new(io::ErrorKind::ResourceBusy, "too many connections"))?;
        Ok(Guarded { stream, silence: Box::pin(tokio::time::sleep(SILENCE)), _place: place })
    }

    async fn take(self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.taken).try_acquire_owned() {
            return Some(place);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        timeout(PATIENCE, self.taken.acquire_owned()).await.ok()?.ok()
    }
}

/// Keeps TLS connections while there are places.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: certs::Acceptor,
    places: Places,
}

impl Acceptor {
    pub(crate) fn new(tls: certs::Acceptor) -> Self {
        Self { tls, places: Places::default() }
    }
}

type TlsStream = <certs::Acceptor as Accept<TcpStream, ()>>::Stream;

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = Guarded<TlsStream>;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (handshake, places) = (self.tls.accept(stream, service), self.places.clone());
        Box::pin(async move {
            let (stream, service) = handshake.await?;
            Ok((places.guard(stream).await?, service))
        })
    }
}

/// A connection with its place, which ends when nothing was read or written for too long.
pub(crate) struct Guarded<S> {
    stream: S,
    silence: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    fn heard<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            ready!(self.silence.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.silence.as_mut().reset(Instant::now() + SILENCE);
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.heard(cx, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.heard(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
